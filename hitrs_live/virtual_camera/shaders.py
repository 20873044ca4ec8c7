"""The programs that run on the GPU, or on the CPU with Mesa: skinning, garments, patterns, light and shadow."""

MAX_BONES = 64
LAYERS = 8

# Linear blend skinning; the same for the picture and for the shadow.
_SKINNING = f"""
layout(std140) uniform Bones {{ vec4 rows[{3 * MAX_BONES}]; }};
in vec3 rest; in vec4 weights; in vec4 bones;
void blend(out vec4 x, out vec4 y, out vec4 z) {{
    ivec4 at = ivec4(bones + 0.5) * 3;
    x = rows[at.x] * weights.x + rows[at.y] * weights.y + rows[at.z] * weights.z + rows[at.w] * weights.w;
    y = rows[at.x + 1] * weights.x + rows[at.y + 1] * weights.y + rows[at.z + 1] * weights.z
      + rows[at.w + 1] * weights.w;
    z = rows[at.x + 2] * weights.x + rows[at.y + 2] * weights.y + rows[at.z + 2] * weights.z
      + rows[at.w + 2] * weights.w;
}}
"""

_LIGHT = """
uniform vec3 light_direction[3]; uniform vec3 light_colour[3]; uniform int lights;
uniform vec3 sky; uniform vec3 ground; uniform vec3 eye; uniform sampler2DShadow shadow; uniform mat4 to_light;
uniform float softness;
float lit_share(vec3 point, vec3 normal) {
    vec4 at = to_light * vec4(point + normal * 0.012, 1);
    vec3 p = at.xyz * 0.5 + 0.5;
    if (any(lessThan(p, vec3(0))) || any(greaterThan(p, vec3(1)))) return 1.0;
    float z = p.z - 0.002, s = softness;
    float sum = texture(shadow, vec3(p.xy + vec2(-0.9, -0.4) * s, z)) + texture(shadow, vec3(p.xy + vec2(0.4, -0.9) * s, z))
              + texture(shadow, vec3(p.xy + vec2(0.9, 0.4) * s, z)) + texture(shadow, vec3(p.xy + vec2(-0.4, 0.9) * s, z));
    return sum * 0.25;
}
vec3 shaded(vec3 colour, vec3 point, vec3 normal, float gloss, float open) {
    vec3 sum = mix(ground, sky, normal.y * 0.5 + 0.5) * open;
    float shadowed = lit_share(point, normal);
    vec3 seen = normalize(eye - point);
    vec3 shine = vec3(0);
    for (int k = 0; k < lights; ++k) {
        float share = k == 0 ? shadowed : open;
        float facing = max(dot(normal, light_direction[k]), 0.0);
        sum += light_colour[k] * facing * share;
        if (gloss > 0.0) {
            float half_facing = max(dot(normal, normalize(light_direction[k] + seen)), 0.0);
            float p2 = half_facing * half_facing, p8 = p2 * p2 * p2 * p2;
            shine += light_colour[k] * share * gloss * p8 * p8;
        }
    }
    return colour * sum + shine * 0.5;
}
vec3 to_srgb(vec3 colour) { return sqrt(clamp(colour, 0.0, 1.0)); }
vec3 to_linear(vec3 colour) { return colour * colour; }
"""

PERSON_VERTEX = f"""#version 330
{_SKINNING}
uniform mat4 clip;
in vec3 normal; in vec4 skin; in vec4 cover_a; in vec4 cover_b;
out vec3 point; out vec3 facing; out vec3 place; out vec4 tone; out vec4 inside_a; out vec4 inside_b;
void main() {{
    vec4 x, y, z; blend(x, y, z);
    vec4 from = vec4(rest, 1);
    point = vec3(dot(x, from), dot(y, from), dot(z, from));
    facing = vec3(dot(x.xyz, normal), dot(y.xyz, normal), dot(z.xyz, normal));
    place = rest; tone = skin; inside_a = cover_a; inside_b = cover_b;
    gl_Position = clip * vec4(point, 1);
}}
"""

PERSON_FRAGMENT = f"""#version 330
{_LIGHT}
uniform float person;
uniform vec3 first_colour[{LAYERS}]; uniform vec3 second_colour[{LAYERS}];
uniform vec4 pattern[{LAYERS}]; // kind, size in metres, gloss, wrinkles
in vec3 point; in vec3 facing; in vec3 place; in vec4 tone; in vec4 inside_a; in vec4 inside_b;
out vec4 result;
float noise(vec3 p) {{
    return sin(p.x * 31.0 + 3.0 * sin(p.y * 17.0)) * sin(p.y * 23.0 + 2.0 * sin(p.x * 19.0 + p.z * 29.0));
}}
vec3 dyed(int k) {{
    vec4 kind = pattern[k];
    vec3 p = place / kind.y;
    float share = 0.0;
    if (kind.x < 0.5) share = 0.0;
    else if (kind.x < 1.5) share = step(0.5, fract(p.y));
    else if (kind.x < 2.5) share = step(0.75, fract(p.x));
    else if (kind.x < 3.5) share = 0.5 * (step(0.5, fract(p.x)) + step(0.5, fract(p.y)));
    else if (kind.x < 4.5) {{ vec2 d = fract(p.xy) - 0.5; share = step(dot(d, d), 0.06); }}
    else if (kind.x < 5.5) share = step(0.0, noise(place * 0.6 / kind.y));
    else share = step(length((place.xy - vec2(0, kind.y)) * vec2(1, 1.2)), 0.075) * step(0.0, place.z);
    return mix(first_colour[k], second_colour[k], share);
}}
void main() {{
    int top = -1;
    for (int k = 0; k < 4; ++k) if (inside_a[k] > 0.0) top = k;
    for (int k = 0; k < 4; ++k) if (inside_b[k] > 0.0) top = k + 4;
    vec3 normal = normalize(facing);
    if (!gl_FrontFacing) normal = -normal;
    vec3 colour = tone.rgb;
    float gloss = 0.18;
    if (top >= 0) {{
        colour = dyed(top);
        gloss = pattern[top].z;
        float fold = noise(place * vec3(0.55, 0.4, 0.55)) * pattern[top].w;
        normal = normalize(normal + vec3(fold, 0.6 * fold, -fold) * 0.5);
    }}
    result = vec4(to_srgb(shaded(to_linear(colour), point, normal, gloss, tone.a)), person);
}}
"""

THING_VERTEX = """#version 330
uniform mat4 clip;
in vec3 at; in vec3 normal; in vec3 colour; in vec2 uv;
out vec3 point; out vec3 facing; out vec3 tint; out vec2 where;
void main() { point = at; facing = normal; tint = colour; where = uv; gl_Position = clip * vec4(at, 1); }
"""

THING_FRAGMENT = f"""#version 330
{_LIGHT}
uniform sampler2D surface; uniform bool textured; uniform float gloss;
in vec3 point; in vec3 facing; in vec3 tint; in vec2 where;
out vec4 result;
void main() {{
    vec3 normal = normalize(facing);
    if (dot(normal, eye - point) < 0.0) normal = -normal;
    vec3 colour = textured ? tint * texture(surface, where).rgb : tint;
    result = vec4(to_srgb(shaded(to_linear(colour), point, normal, gloss, 1.0)), 0);
}}
"""

PERSON_SHADOW_VERTEX = f"""#version 330
{_SKINNING}
uniform mat4 clip;
void main() {{
    vec4 x, y, z; blend(x, y, z);
    vec4 from = vec4(rest, 1);
    gl_Position = clip * vec4(dot(x, from), dot(y, from), dot(z, from), 1);
}}
"""

THING_SHADOW_VERTEX = """#version 330
uniform mat4 clip;
in vec3 at;
void main() { gl_Position = clip * vec4(at, 1); }
"""

SHADOW_FRAGMENT = """#version 330
void main() {}
"""
