"""The pictures that the camera of a stage takes: people, their shadows, the place, and what the camera adds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.virtual_camera.backdrop import Backdrop, paint
from hitrs_live.virtual_camera.lighting import Light, Lighting
from hitrs_live.virtual_camera.mesh import Mesh
from hitrs_live.virtual_camera.picture_effects import PictureEffects
from hitrs_live.virtual_camera.picture_motion import Motion
from hitrs_live.virtual_camera.renderer import Picture, RenderedPerson, Renderer
from hitrs_live.virtual_camera.scene import SceneLight
from hitrs_live.virtual_camera.stage import Actor, Stage, floor_path
from hitrs_live.virtual_camera.visibility import inside_picture, visible_joints

_SHADOW_REACH_M: Final = 2.5
"""Shadows farther than this from a person's path are not drawn."""


@dataclass(frozen=True, kw_only=True)
class StageFrame:
    """One picture and its truth."""

    picture: NDArray[np.uint8]
    """(height, width, 3), red-green-blue."""
    inside: NDArray[np.bool_]
    visible: NDArray[np.bool_]
    """(25,) both, of the first actor."""


def stage_frames(stage: Stage, renderer: Renderer) -> Iterator[StageFrame]:
    """Yield the pictures that the camera takes. renderer: of the size of the stage's camera."""
    camera = stage.placement.camera
    backdrop = paint(stage.scene, camera)
    lighting = lighting_of(stage.scene.light)
    floor = [_floor_around(stage.actors)] if backdrop.floor_mask.any() else []
    plain = renderer.draw((), floor, camera, lighting).colour if floor else None
    effects = PictureEffects(stage.effects, np.random.default_rng(stage.seed))
    projected = [camera.project(actor.joints_m.astype(float)) for actor in stage.actors]
    velocities = [np.gradient(pixels, axis=0) * stage.placement.rate_hz if len(stage) > 1 else 0 * pixels
                  for pixels, _ in projected]  # fmt: skip
    for index in range(len(stage)):
        people = [RenderedPerson(appearance=actor.appearance, bones=actor.bones[index]) for actor in stage.actors]
        drawn = renderer.draw(people, floor, camera, lighting)
        drawn = behind_furniture(drawn, backdrop)
        picture = composite(backdrop, drawn, plain, stage.scene.light.shadow)
        motion = Motion(
            pixels=np.concatenate([pixels[index] for pixels, _ in projected]).astype(np.float32),
            velocity_px_s=np.concatenate([one[index] for one in velocities]).astype(np.float32),
            height_px=max(float(np.ptp(pixels[index, :, 1])) for pixels, _ in projected),
        )
        picture = effects.apply(picture, motion)
        if stage.size != (camera.width, camera.height):
            picture = cv2.resize(picture, stage.size, interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
        joints = stage.actors[0].joints_m[index]
        yield StageFrame(
            picture=picture, inside=inside_picture(camera, joints),
            visible=visible_joints(drawn, camera, joints, person=1, height_m=stage.actors[0].height_m),
        )  # fmt: skip


def behind_furniture(drawn: Picture, backdrop: Backdrop) -> Picture:
    """Leave out the parts of people that are behind what stands in the scene."""
    return replace(drawn, person=np.where(drawn.depth_m < backdrop.depth_m, drawn.person, 0))


def composite(backdrop: Backdrop, drawn: Picture, plain: NDArray[np.uint8] | None, shadow: float) -> NDArray[np.uint8]:
    """Put people into a scene, with their shadow on the floor.

    plain: the white floor drawn without people, against which `drawn` shows the shadow. shadow: how dark it is.
    Returns the picture (height, width, 3).
    """
    body = drawn.person > 0
    picture = backdrop.picture
    if plain is not None:
        floor = backdrop.floor_mask & ~body
        picture = _with_shadow(picture, drawn.colour, plain, floor, shadow)
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
    picture: NDArray[np.uint8],
    drawn: NDArray[np.uint8],
    plain: NDArray[np.uint8],
    floor: NDArray[np.bool_],
    dark: float,
) -> NDArray[np.uint8]:
    changed = floor & (drawn[..., 1] < plain[..., 1])
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not len(rows):
        return picture
    part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    bright = drawn[part][..., 1].astype(np.float32) / np.maximum(plain[part][..., 1], 1)
    bright[~changed[part]] = 1
    low = max(float(bright.min()), 0.05)
    # The full shadow takes as much light as the scene's own shadows do.
    share = cv2.GaussianBlur((1 - bright) / max(1 - low, 0.02) * (0.25 + 0.75 * dark), (0, 0), 1.5)
    share = np.where(floor[part], share, 0)
    shaded = picture.copy()
    shaded[part] = (shaded[part] * (1 - np.clip(share, 0, 0.9))[..., None]).astype(np.uint8)
    return shaded


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


def _floor_around(actors: Sequence[Actor]) -> Mesh:
    """Return the part of the floor that may be in people's shadow."""
    path = np.concatenate([floor_path(actor) for actor in actors])
    low, high = path.min(axis=0) - _SHADOW_REACH_M, path.max(axis=0) + _SHADOW_REACH_M
    corners = np.array([(x, 0, z) for x in (low[0], high[0]) for z in (low[1], high[1])], np.float32)
    return Mesh(
        vertices_m=corners, faces=np.array(((0, 1, 3), (0, 3, 2)), np.int32), colours=np.ones((4, 3), np.float32),
        normals=np.tile(np.array((0, 1, 0), np.float32), (4, 1)),
    )  # fmt: skip
