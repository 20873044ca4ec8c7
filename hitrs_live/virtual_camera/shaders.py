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
uniform vec3 light_direction[3]; uniform vec3 light_colour[3];
uniform vec3 sky; uniform vec3 ground; uniform vec3 eye; uniform sampler2DShadow shadow; uniform mat4 to_light;
uniform float softness;
float lit_share(vec3 point, vec3 normal) {
    vec3 p = (to_light * vec4(point + normal * 0.012, 1)).xyz * 0.5 + 0.5;
    float z = p.z - 0.002;
    vec2 s = vec2(softness, 0.45 * softness);
    float sum = texture(shadow, vec3(p.xy + vec2(-s.x, -s.y), z)) + texture(shadow, vec3(p.xy + vec2(s.x, s.y), z));
#ifdef SMOOTH_SHADOW
    sum += texture(shadow, vec3(p.xy + vec2(s.y, -s.x), z)) + texture(shadow, vec3(p.xy + vec2(-s.y, s.x), z));
    sum *= 0.5;
#endif
    // Outside the shadow's picture all is lit.
    vec3 beyond = abs(p - 0.5);
    return max(beyond.x, max(beyond.y, beyond.z)) > 0.5 ? 1.0 : 0.5 * sum;
}
vec3 shaded(vec3 colour, vec3 point, vec3 normal, float gloss, float open) {
    vec3 sum = mix(ground, sky, normal.y * 0.5 + 0.5) * open;
    float shadowed = lit_share(point, normal);
    sum += light_colour[0] * max(dot(normal, light_direction[0]), 0.0) * shadowed;
    sum += light_colour[1] * max(dot(normal, light_direction[1]), 0.0) * open;
    sum += light_colour[2] * max(dot(normal, light_direction[2]), 0.0) * open;
    // Only the first light shines back, as one Blinn-Phong lobe of exponent 16.
    float shine = max(dot(normal, normalize(light_direction[0] + normalize(eye - point))), 0.0);
    shine *= shine; shine *= shine; shine *= shine; shine *= shine;
    return colour * sum + light_colour[0] * (0.5 * gloss * shine * shadowed);
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
uniform vec4 pattern[{LAYERS}]; // kind, size in metres, gloss, unused
in vec3 point; in vec3 facing; in vec3 place; in vec4 tone; in vec4 inside_a; in vec4 inside_b;
out vec4 result;
vec3 dyed(int k) {{
    vec4 kind = pattern[k];
    vec3 p = place / kind.y;
    vec2 cell = fract(p.xy), from_middle = cell - 0.5;
    float share = 0.0;
    if (kind.x < 0.5) share = 0.0;
    else if (kind.x < 1.5) share = step(0.5, cell.y);
    else if (kind.x < 2.5) share = step(0.75, cell.x);
    else if (kind.x < 3.5) share = 0.5 * (step(0.5, cell.x) + step(0.5, cell.y));
    else if (kind.x < 4.5) share = step(dot(from_middle, from_middle), 0.06);
    else if (kind.x < 5.5) share = step(0.25, abs(fract(0.37 * p.x + abs(fract(0.61 * p.y + 0.3 * p.z) - 0.5)) - 0.5));
    else if (kind.x < 6.5) {{
        vec2 from_chest = place.xy - vec2(0, kind.y);
        share = step(dot(from_chest, from_chest), 0.0056) * step(0.0, place.z);
    }}
    else if (kind.x < 7.5) share = step(abs(place.x), kind.y) * step(0.0, place.z);
    else share = step(place.y, kind.y);
    return mix(first_colour[k], second_colour[k], share);
}}
void main() {{
    int top = -1;
    if (inside_a.x > 0.0) top = 0;
    if (inside_a.y > 0.0) top = 1;
    if (inside_a.z > 0.0) top = 2;
    if (inside_a.w > 0.0) top = 3;
    if (inside_b.x > 0.0) top = 4;
    if (inside_b.y > 0.0) top = 5;
    if (inside_b.z > 0.0) top = 6;
    if (inside_b.w > 0.0) top = 7;
    vec3 normal = normalize(facing);
    if (!gl_FrontFacing) normal = -normal;
    vec3 colour = top < 0 ? tone.rgb : dyed(max(top, 0));
    float gloss = top < 0 ? 0.18 : pattern[max(top, 0)].z;
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
#define SMOOTH_SHADOW
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
