"""Render dressed bodies and things with OpenGL without a window: on a GPU, or on the CPU with Mesa."""

import importlib
import os
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import RenderUnavailable
from hitrs_live.virtual_camera import shaders
from hitrs_live.virtual_camera.camera import Camera
from hitrs_live.virtual_camera.lighting import Lighting
from hitrs_live.virtual_camera.mesh import Mesh, vertex_normals
from hitrs_live.virtual_camera.people.appearance import Appearance

Floats = NDArray[np.float32]
_NEAR_M, _FAR_M = 0.1, 60.0
_SHADOW_SIZE = 512
# A standing person with raised arms stays within this distance of the middle of the body.
_REACH_M = 1.45


@dataclass(frozen=True, kw_only=True)
class RenderedPerson:
    """Give one person of one picture."""

    appearance: Appearance
    bones: Floats
    """(B, 3, 4), one frame of `PosedBody.bones`."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Hold what the camera sees."""

    colour: NDArray[np.uint8]
    """(H, W, 3), RGB."""
    person: NDArray[np.uint8]
    """(H, W), 1 for the first of the people, 2 for the second, ..., 0 for everything else."""
    raw_depth: Floats
    """(H, W), OpenGL's depth from 0 to 1; `depth_m` is what it means."""

    @cached_property
    def depth_m(self) -> Floats:
        """(H, W), along the optical axis to the nearest surface; 60 m where there is none."""
        return depth_in_metres(self.raw_depth)


def depth_in_metres(raw_depth: Floats) -> Floats:
    """Turn OpenGL's depth from 0 to 1 into metres along the optical axis."""
    clip_depth = 2 * raw_depth - 1
    result: Floats = 2 * _FAR_M * _NEAR_M / (_FAR_M + _NEAR_M - clip_depth * (_FAR_M - _NEAR_M))
    return result


class Renderer:
    """Own an OpenGL context and what was uploaded to it. Use it in the thread that made it."""

    def __init__(self, width: int, height: int) -> None:
        """Open a context for pictures of width x height. Raises RenderUnavailable where moderngl or EGL is missing."""
        self._context = _open_context()
        self._programs = _Programs(self._context)
        self._uploads: weakref.WeakKeyDictionary[object, _Upload] = weakref.WeakKeyDictionary()
        self._bones = self._context.buffer(reserve=3 * 16 * shaders.MAX_BONES)
        self._shadow = _shadow_target(self._context)
        self._white = self._context.texture((1, 1), 3, b"\xff\xff\xff")
        self._size = (width, height)
        self._target = _picture_target(self._context, self._size)

    def close(self) -> None:
        """Give up the context."""
        self._context.release()

    def draw(
        self,
        people: Sequence[RenderedPerson],
        things: Sequence[Mesh],
        camera: Camera,
        lighting: Lighting | None = None,
    ) -> Picture:
        """Draw one picture. Raises ValueError where the camera's picture has another size than the renderer's."""
        if (camera.width, camera.height) != self._size:
            raise ValueError(f"got a camera of {camera.width}x{camera.height}, expected {self._size} as the renderer")
        lighting = lighting or Lighting()
        uploaded = [(self._upload(one.appearance), _rows(one.bones)) for one in people]
        to_light, width_m = _light_matrix(people, lighting)
        self._draw_shadow(uploaded, things, to_light)
        self._set_light(camera, lighting, to_light, width_m)
        # Upside down, so that OpenGL's first row, the lowest, is the picture's first row, the highest.
        clip = np.diag([1.0, -1.0, 1.0, 1.0]) @ camera.clip_matrix(_NEAR_M, _FAR_M)
        self._target.use()
        self._context.clear(*(float(c) for c in lighting.background), 0.0, depth=1.0)
        self._draw_things(things, clip)
        self._draw_people(people, uploaded, clip)
        return self._read()

    def _draw_shadow(self, people: Sequence[Any], things: Sequence[Mesh], to_light: Floats) -> None:
        self._shadow.use()
        self._shadow.clear(depth=1.0)
        self._programs.person_shadow["clip"].write(_columns(to_light))
        for upload, rows in people:
            self._bones.write(rows)
            self._bones.bind_to_uniform_block(0)
            upload.shadow.render()
        self._programs.thing_shadow["clip"].write(_columns(to_light))
        for thing in things:
            self._upload(thing).shadow.render()

    def _set_light(self, camera: Camera, lighting: Lighting, to_light: Floats, width_m: float) -> None:
        directions, colours = np.zeros((3, 3), np.float32), np.zeros((3, 3), np.float32)
        for k, light in enumerate(lighting.lights):
            directions[k] = light.direction / np.linalg.norm(light.direction)
            colours[k] = light.colour
        for program in (self._programs.person, self._programs.thing):
            program["light_direction"].write(directions.tobytes())
            program["light_colour"].write(colours.tobytes())
            program["sky"].write(np.asarray(lighting.sky, np.float32).tobytes())
            program["ground"].write(np.asarray(lighting.ground, np.float32).tobytes())
            program["eye"].write(camera.eye_m.astype(np.float32).tobytes())
            program["to_light"].write(_columns(to_light))
            program["softness"].value = lighting.shadow_softness * (0.4 / _SHADOW_SIZE + 0.012 / width_m)
            program["shadow"].value = 1
        self._shadow.depth_attachment.use(1)

    def _draw_things(self, things: Sequence[Mesh], clip: NDArray[np.float64]) -> None:
        program = self._programs.thing
        program["clip"].write(_columns(clip))
        program["surface"].value = 0
        for thing in things:
            upload = self._upload(thing)
            program["textured"].value = upload.texture is not None
            program["gloss"].value = thing.gloss
            (upload.texture or self._white).use(0)
            upload.array.render()

    def _draw_people(self, people: Sequence[RenderedPerson], uploaded: Sequence[Any], clip: Any) -> None:
        program = self._programs.person
        program["clip"].write(_columns(clip))
        for number, (one, (upload, rows)) in enumerate(zip(people, uploaded, strict=True), start=1):
            self._bones.write(rows)
            self._bones.bind_to_uniform_block(0)
            program["person"].value = number / 255
            program["first_colour"].write(one.appearance.first_colours.tobytes())
            program["second_colour"].write(one.appearance.second_colours.tobytes())
            program["pattern"].write(one.appearance.patterns.tobytes())
            upload.array.render()

    def _read(self) -> Picture:
        width, height = self._size
        pixels = np.frombuffer(self._target.read(components=4, alignment=1), np.uint8).reshape(height, width, 4)
        raw = np.frombuffer(self._target.read(attachment=-1, components=1, dtype="f4", alignment=1), np.float32)
        person = np.asarray(cv2.extractChannel(pixels, 3), np.uint8)
        colour = _softened(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB), np.uint8), person)
        return Picture(colour=colour, person=person, raw_depth=raw.reshape(height, width))

    def _upload(self, thing: Appearance | Mesh) -> "_Upload":
        if thing not in self._uploads:
            upload = _upload_person if isinstance(thing, Appearance) else _upload_thing
            self._uploads[thing] = upload(self._context, self._programs, thing)  # type: ignore[arg-type]
        return self._uploads[thing]


class _Programs:
    """Compile the programs."""

    def __init__(self, context: Any) -> None:
        def program(vertex: str, fragment: str) -> Any:
            return context.program(vertex_shader=vertex, fragment_shader=fragment)

        self.person = program(shaders.PERSON_VERTEX, shaders.PERSON_FRAGMENT)
        self.thing = program(shaders.THING_VERTEX, shaders.THING_FRAGMENT)
        self.person_shadow = program(shaders.PERSON_SHADOW_VERTEX, shaders.SHADOW_FRAGMENT)
        self.thing_shadow = program(shaders.THING_SHADOW_VERTEX, shaders.SHADOW_FRAGMENT)
        for one in (self.person, self.person_shadow):
            one["Bones"].binding = 0


@dataclass(frozen=True, kw_only=True)
class _Upload:
    """Hold what was uploaded of a person or thing."""

    array: Any
    shadow: Any
    texture: Any = None
    buffers: tuple[Any, ...] = ()

    def __del__(self) -> None:
        for one in (self.array, self.shadow, self.texture, *self.buffers):
            if one is not None:
                one.release()


def _open_context() -> Any:
    # One thread: as many renderers as cores run side by side.
    os.environ.setdefault("LP_NUM_THREADS", "1")
    try:
        moderngl: Any = importlib.import_module("moderngl")
    except ImportError as error:
        raise RenderUnavailable(
            "the package moderngl is not installed; install it with: pip install 'hitrs-live[render]'"
        ) from error
    try:
        context = moderngl.create_standalone_context(backend="egl")
    except Exception as error:  # moderngl and glcontext raise plain Exceptions.
        raise RenderUnavailable(
            f"OpenGL without a window (EGL) cannot be opened: {error}; on Debian and Ubuntu install it with: "
            "apt install libegl1 libegl-mesa0 libgl1-mesa-dri"
        ) from error
    context.enable(moderngl.DEPTH_TEST)
    # Pictures are drawn upside down, which turns every triangle round.
    context.front_face = "cw"
    return context


def _shadow_target(context: Any) -> Any:
    depth = context.depth_texture((_SHADOW_SIZE, _SHADOW_SIZE))
    depth.compare_func = "<="
    depth.repeat_x = depth.repeat_y = False
    return context.framebuffer(depth_attachment=depth)


def _picture_target(context: Any, size: tuple[int, int]) -> Any:
    return context.framebuffer([context.renderbuffer(size, 4)], context.depth_renderbuffer(size))


def _upload_person(context: Any, programs: _Programs, one: Appearance) -> _Upload:
    attributes = (
        one.vertices_m, one.bone_weights, one.bone_indices, one.normals, one.skin, one.cover,
    )  # fmt: skip
    data = context.buffer(np.concatenate(attributes, axis=1, dtype=np.float32, casting="unsafe").tobytes())
    faces = context.buffer(one.faces.astype(np.int32).tobytes())
    names = ("rest", "weights", "bones", "normal", "skin", "cover_a", "cover_b")
    array = context.vertex_array(programs.person, [(data, "3f 4f 4f 3f 4f 4f 4f", *names)], faces)
    shadow = context.vertex_array(programs.person_shadow, [(data, "3f 4f 4f 60x", *names[:3])], faces)
    return _Upload(array=array, shadow=shadow, buffers=(data, faces))


def _upload_thing(context: Any, programs: _Programs, thing: Mesh) -> _Upload:
    faces, chosen = thing.faces, np.arange(len(thing.vertices_m), dtype=np.int32)
    if thing.normals is None:
        # Flat faces share no corner, so that each has a direction of its own.
        chosen = thing.faces.ravel()
        faces = np.arange(len(chosen), dtype=np.int32).reshape(-1, 3)
    vertices = thing.vertices_m[chosen]
    normals = vertex_normals(vertices, faces) if thing.normals is None else thing.normals
    uv = np.zeros((len(thing.vertices_m), 2), np.float32) if thing.uv is None else thing.uv
    rows = np.concatenate((vertices, normals, thing.colours[chosen], uv[chosen]), axis=1).astype(np.float32)
    data, indices = context.buffer(rows.tobytes()), context.buffer(faces.astype(np.int32).tobytes())
    texture = None
    if thing.texture is not None:
        height, width = thing.texture.shape[:2]
        texture = context.texture((width, height), 3, np.ascontiguousarray(thing.texture).tobytes(), alignment=1)
        texture.build_mipmaps()
    array = context.vertex_array(programs.thing, [(data, "3f 3f 3f 2f", "at", "normal", "colour", "uv")], indices)
    shadow = context.vertex_array(programs.thing_shadow, [(data, "3f 32x", "at")], indices)
    return _Upload(array=array, shadow=shadow, texture=texture, buffers=(data, indices))


def _softened(colour: NDArray[np.uint8], person: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Smooth the outlines of people, as a lens does; several samples a pixel would take twice as long."""
    left, top, width, height = cv2.boundingRect(person)
    around = np.s_[max(top - 2, 0) : top + height + 2, max(left - 2, 0) : left + width + 2]
    if width and height:
        outline = cv2.morphologyEx(person[around], cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        colour[around][outline] = cv2.GaussianBlur(colour[around], (3, 3), 0.8)[outline]
    return colour


def _rows(bones: Floats) -> bytes:
    """Lay out bones (B, 3, 4) for the shader, filled up to its fixed size."""
    if len(bones) > shaders.MAX_BONES:
        raise ValueError(f"got {len(bones)} bones, expected at most {shaders.MAX_BONES}")
    rows = np.zeros((shaders.MAX_BONES, 3, 4), np.float32)
    rows[: len(bones)] = bones
    return rows.tobytes()


def _columns(matrix: NDArray[np.floating]) -> bytes:
    return matrix.T.astype(np.float32).tobytes()


def _light_matrix(people: Sequence[RenderedPerson], lighting: Lighting) -> tuple[Floats, float]:
    """Look along the first light at all people. Returns the (4, 4) matrix and the width that it covers, metres."""
    forward = -np.asarray(lighting.lights[0].direction, float)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 1.0, 0.0] if abs(forward[1]) < 0.99 else [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack((right, np.cross(forward, right), forward))
    middles = [one.bones[0, :, :3] @ one.appearance.vertices_m.mean(0) + one.bones[0, :, 3] for one in people]
    local = np.array(middles or [np.zeros(3)]) @ rotation.T
    centre = (local.min(0) + local.max(0)) / 2
    reach = float(np.ptp(local[:, :2], axis=0).max() / 2 + _REACH_M)
    depth = float(np.ptp(local[:, 2]) / 2 + 4.0)
    matrix = np.eye(4)
    scale = np.array([1 / reach, 1 / reach, 1 / depth])
    matrix[:3, :3] = scale[:, None] * rotation
    matrix[:3, 3] = -scale * centre
    return matrix.astype(np.float32), 2 * reach
