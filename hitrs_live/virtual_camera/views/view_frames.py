"""The pictures that the camera of a setup takes: people, their shadows, the place, and what the camera adds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.virtual_camera.camera import Camera
from hitrs_live.virtual_camera.lighting import Light, Lighting
from hitrs_live.virtual_camera.mesh import Mesh
from hitrs_live.virtual_camera.pictures.picture_effects import PictureEffects
from hitrs_live.virtual_camera.pictures.picture_motion import Motion
from hitrs_live.virtual_camera.pictures.renderer import Picture, RenderedPerson, Renderer
from hitrs_live.virtual_camera.pictures.visibility import inside_picture, visible_joints
from hitrs_live.virtual_camera.places.backdrop import Backdrop, paint
from hitrs_live.virtual_camera.places.scene import SceneLight
from hitrs_live.virtual_camera.views.view_setup import ViewSetup

Floats = NDArray[np.float32]

_SHADOW_REACH_M: Final = 2.5
"""The farthest along the floor that a shadow reaches."""
_SHADOW_MARGIN_M: Final = 0.3


@dataclass(frozen=True, kw_only=True)
class ViewFrame:
    """One picture and its truth."""

    picture: NDArray[np.uint8]
    """(height, width, 3), red-green-blue."""
    inside: NDArray[np.bool_]
    visible: NDArray[np.bool_]
    """(25,) both, of the first person."""


def view_frames(setup: ViewSetup, renderer: Renderer) -> Iterator[ViewFrame]:
    """Yield the pictures that the camera takes. renderer: of the size of the setup's camera."""
    camera = setup.placement.camera
    backdrop = paint(setup.scene, camera)
    lighting = lighting_of(setup.scene.light)
    sees_floor = bool(backdrop.floor_mask.any())
    plain = _plain_level(setup, renderer, lighting) if sees_floor else 0
    effects = PictureEffects(setup.effects, np.random.default_rng(setup.seed))
    projected = [camera.project(person.joints_m.astype(float)) for person in setup.people]
    velocities = [np.gradient(pixels, axis=0) * setup.placement.rate_hz if len(setup) > 1 else 0 * pixels
                  for pixels, _ in projected]  # fmt: skip
    for index in range(len(setup)):
        floor = [_floor_below(person.joints_m[index], lighting) for person in setup.people] if sees_floor else []
        people = [RenderedPerson(appearance=person.appearance, bones=person.bones[index]) for person in setup.people]
        drawn = renderer.draw(people, floor, camera, lighting)
        drawn = behind_furniture(drawn, backdrop)
        picture = composite(backdrop, drawn, plain, setup.scene.light.shadow)
        motion = Motion(
            pixels=np.concatenate([pixels[index] for pixels, _ in projected]).astype(np.float32),
            velocity_px_s=np.concatenate([one[index] for one in velocities]).astype(np.float32),
            height_px=max(float(np.ptp(pixels[index, :, 1])) for pixels, _ in projected),
        )
        picture = effects.apply(picture, motion)
        if setup.size != (camera.width, camera.height):
            picture = cv2.resize(picture, setup.size, interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
        joints = setup.people[0].joints_m[index]
        yield ViewFrame(
            picture=picture, inside=inside_picture(camera, joints),
            visible=visible_joints(drawn, camera, joints, person=1, height_m=setup.people[0].height_m),
        )  # fmt: skip


def behind_furniture(drawn: Picture, backdrop: Backdrop) -> Picture:
    """Leave out the parts of people that are behind what stands in the scene."""
    return replace(drawn, person=np.where(drawn.depth_m < backdrop.depth_m, drawn.person, 0))


def composite(backdrop: Backdrop, drawn: Picture, plain: int, shadow: float) -> NDArray[np.uint8]:
    """Put people into a scene, with their shadow on the floor.

    plain: green of the white floor in the light, against which `drawn` shows the shadow; 0 for no floor in the picture.
    shadow: how dark it is.
    Returns the picture (height, width, 3).
    """
    body = drawn.person > 0
    picture = backdrop.picture
    if plain:
        floor = backdrop.floor_mask & ~body
        picture = _with_shadow(picture, drawn, plain, floor, shadow)
    rows, columns = np.flatnonzero(body.any(axis=1)), np.flatnonzero(body.any(axis=0))
    if not len(rows):
        return picture.copy()
    height, width = body.shape
    part = np.s_[
        max(0, rows[0] - 3) : min(height, rows[-1] + 4), max(0, columns[0] - 3) : min(width, columns[-1] + 4)
    ]  # fmt: skip
    picture = picture.copy()
    mask = body[part].astype(np.float32)
    # The edges of a body cover their pixels in part.
    share = cv2.GaussianBlur(mask, (3, 3), 0.6)[..., None]
    colour = cv2.GaussianBlur(drawn.colour[part] * mask[..., None], (3, 3), 0.6)
    picture[part] = (picture[part] * (1 - share) + colour + 0.5).astype(np.uint8)
    return picture


def _with_shadow(
    picture: NDArray[np.uint8], drawn: Picture, plain: int, floor: NDArray[np.bool_], dark: float
) -> NDArray[np.uint8]:
    green = drawn.colour[..., 1]
    # Where the drawn part of the floor ends, there is no shadow either.
    shaded = floor & (green < plain) & (drawn.raw_depth < 1)
    rows, columns = np.flatnonzero(shaded.any(axis=1)), np.flatnonzero(shaded.any(axis=0))
    if not len(rows):
        return picture
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    bright = np.where(shaded[part], green[part] / np.float32(plain), np.float32(1))
    # The full shadow takes as much light as the scene's own shadows do.
    share = (1 - bright) / max(1 - float(bright.min()), 0.02) * np.float32(0.25 + 0.75 * dark)
    share = np.where(floor[part], cv2.GaussianBlur(share, (0, 0), 1.5), 0)
    result = picture.copy()
    result[part] = (result[part] * (1 - np.clip(share, 0, 0.9))[..., None]).astype(np.uint8)
    return result


def lighting_of(light: SceneLight) -> Lighting:
    """Return the light that people in a scene are lit by, so that they look as bright as what is around them."""
    colour = np.array(light.colour)
    # The scene's brightness is that of the picture; the renderer's is linear.
    shade = (light.ambient + 0.35 * light.strength) ** 2
    full = (light.ambient + light.strength) ** 2
    key = np.array(light.direction)
    return Lighting(
        lights=(
            Light(direction=key, colour=max(full - shade, 0.1) * colour),
            Light(direction=key * (-1, 0.6, -1) + (0, 0.2, 0), colour=0.12 * colour),
        ),
        sky=shade * colour,
        ground=0.6 * shade * colour,
    )


def _plain_level(setup: ViewSetup, renderer: Renderer, lighting: Lighting) -> int:
    """Return the green of a white floor that nothing shades."""
    above = Camera.looking_at(
        np.array((0.0, 3.0, 0.0)), np.zeros(3), width=setup.placement.camera.width,
        height=setup.placement.camera.height, fov_deg=60,
    )  # fmt: skip
    drawn = renderer.draw((), [_floor_below(np.zeros((25, 3), np.float32), lighting)], above, lighting)
    return int(drawn.colour[..., 1][drawn.raw_depth < 1].max())


def _floor_below(joints_m: Floats, lighting: Lighting) -> Mesh:
    """Return the part of the floor that may be in a person's shadow. joints_m: (25, 3)."""
    light = lighting.lights[0].direction
    along = -light[[0, 2]] / max(float(light[1]), 0.1)
    # From below the feet to where the shadow of the highest joint falls.
    length = min(_SHADOW_REACH_M / max(float(np.linalg.norm(along)), 1e-6), float(joints_m[:, 1].max()) + 0.15)
    ends = np.concatenate((joints_m[:, [0, 2]], joints_m[:, [0, 2]] + along * length))
    low, high = ends.min(axis=0) - _SHADOW_MARGIN_M, ends.max(axis=0) + _SHADOW_MARGIN_M
    corners = np.array([(x, 0, z) for x in (low[0], high[0]) for z in (low[1], high[1])], np.float32)
    return Mesh(
        vertices_m=corners,
        faces=np.array(((0, 1, 3), (0, 3, 2)), np.int32),
        colours=np.ones((4, 3), np.float32),
        normals=np.tile(np.array((0, 1, 0), np.float32), (4, 1)),
    )
