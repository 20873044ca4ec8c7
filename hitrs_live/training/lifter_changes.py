"""Random changes of rendered views for the temporal lifter's training: of the camera, exact, and of what it saw."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import CameraConfig
from hitrs_live.skeleton import MEDIAPIPE33, NTU25
from hitrs_live.virtual_camera.lifter_sequences import (
    LEAST_FRAMES,
    Doubles,
    LifterSequence,
    SeenFrames,
    lift_sequence,
    seen_frames,
    true_field_deg,
)
from hitrs_live.virtual_camera.views.rendered_view import RenderedView

_WORLD: Final = slice(2, 5)
_SLOW_FRAMES: Final = 8
_FEWEST_HZ: Final = 20.0
"""Views of a lower frame rate are not slowed down."""


def _mirrored_points() -> list[int]:
    swapped = {"left": "right", "right": "left"}
    names = ("_".join(swapped.get(word, word) for word in point.split("_")) for point in MEDIAPIPE33.points)
    return [MEDIAPIPE33.index(name) for name in names]


_MIRROR: Final = _mirrored_points()


@dataclass(frozen=True, kw_only=True)
class Changes:
    """How far sequences are changed at random in training."""

    mirror_share: float = 0.5
    roll_deg: float = 8.0
    """Standard deviation of a turn of the camera about its axis."""
    pan_deg: float = 4.0
    """Standard deviation of a turn of the camera to the side, and up or down."""
    default_lens_share: float = 0.4
    """How often the lens is assumed that the default settings have."""
    true_lens_share: float = 0.3
    lens: float = 0.15
    """Standard deviation of the logarithm of a wrong focal length."""
    image_noise: float = 0.012
    """Of landmarks in the picture, in heights of the body."""
    world_noise_m: float = 0.015
    world_turn_deg: float = 5.0
    """Standard deviation of a turn of all world landmarks, constant over the sequence, about a random axis."""
    world_size: float = 0.05
    depth_stretch: float = 0.1
    """Standard deviation of the logarithm of a stretch of the world landmarks' depth."""
    dropped_share: float = 0.1
    """Largest share of frames left out."""
    slower_share: float = 0.3
    """How often only each second or third frame is kept."""


def changed_sequence(view: RenderedView, changes: Changes, rng: np.random.Generator) -> LifterSequence | None:
    """Change a view at random and lift it; None where the person is left in too few frames."""
    frames = np.flatnonzero(view.person >= 0)
    frames = frames[kept_frames(len(frames), view.rate_hz, changes, rng)]
    if len(frames) < LEAST_FRAMES:
        return None
    seen = seen_frames(view, frames)
    if rng.random() < changes.mirror_share:
        seen = _mirrored(seen)
    seen = _seen_otherwise(_turned(seen, changes, rng), changes, rng)
    return lift_sequence(view, seen, _draw_field_deg(view, changes, rng))


def kept_frames(frames: int, rate_hz: float, changes: Changes, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose the frames that are kept: (T,) bool."""
    kept = rng.random(frames) >= rng.uniform(0, changes.dropped_share)
    if rng.random() < changes.slower_share and rate_hz >= _FEWEST_HZ:
        kept &= np.arange(frames) % int(rng.integers(2, 4)) == 0
    return kept


def slow_noise(rng: np.random.Generator, shape: tuple[int, ...]) -> Doubles:
    """Draw noise of unit variance, about a third constant, a third slow, a third white. shape: (T, ...)."""
    constant, white = rng.normal(size=shape[1:]), rng.normal(size=shape)
    knots = rng.normal(size=(shape[0] // _SLOW_FRAMES + 2, *shape[1:]))
    place = np.arange(shape[0]) / _SLOW_FRAMES
    low = place.astype(int)
    share = (place - low).reshape(-1, *[1] * (len(shape) - 1))
    slow = knots[low] * (1 - share) + knots[low + 1] * share
    return np.asarray((constant + 1.2 * slow + white) / 3**0.5)


def _mirrored(seen: SeenFrames) -> SeenFrames:
    points, rays, joints = seen.points[:, _MIRROR].copy(), seen.rays[:, _MIRROR].copy(), list(NTU25.mirror)
    points[..., _WORLD.start] *= -1
    rays[..., 0] *= -1
    return SeenFrames(
        points=points, rays=rays, true_m=seen.true_m[:, joints] * (-1, 1, 1), visible=seen.visible[:, joints],
        times_s=seen.times_s,
    )  # fmt: skip


def _turned(seen: SeenFrames, changes: Changes, rng: np.random.Generator) -> SeenFrames:
    """Turn the camera about its centre. World landmarks are in the axes of the person's crop: a pan leaves them."""
    roll = _turn((0, 0, 1), rng.normal(0, changes.roll_deg))
    pan = _turn((0, 1, 0), rng.normal(0, changes.pan_deg)) @ _turn((1, 0, 0), rng.normal(0, changes.pan_deg))
    ahead = np.concatenate((seen.rays, np.ones_like(seen.rays[..., :1])), axis=-1) @ (pan @ roll).T
    # Of landmarks x is right and y down, of true joints x is left and y up.
    flip = np.diag((-1.0, -1.0, 1.0))
    points = seen.points.copy()
    points[..., _WORLD] = points[..., _WORLD] @ roll.T
    return replace(
        seen, points=points, rays=ahead[..., :2] / np.maximum(ahead[..., 2:], 0.1),
        true_m=seen.true_m @ (flip @ pan @ roll @ flip).T,
    )  # fmt: skip


def _seen_otherwise(seen: SeenFrames, changes: Changes, rng: np.random.Generator) -> SeenFrames:
    """Change what the pose network saw."""
    points = seen.points.copy()
    axis = rng.normal(size=3) * (1, 0.5, 0.5)
    world = points[..., _WORLD] @ _turn(axis / np.linalg.norm(axis), rng.normal(0, changes.world_turn_deg)).T
    world = world * np.exp(rng.normal(0, changes.world_size))
    world[..., 2] *= np.exp(rng.normal(0, changes.depth_stretch))
    points[..., _WORLD] = world + slow_noise(rng, world.shape) * changes.world_noise_m * rng.uniform(0, 2) * (1, 1, 2)
    height = np.median(np.ptp(seen.rays[..., 1], axis=1))
    doubtful = 1 + 2 * (1 - points[..., 5:6] * points[..., 6:7])
    noise = slow_noise(rng, seen.rays.shape) * changes.image_noise * height * rng.uniform(0, 1.5)
    return replace(seen, points=points, rays=seen.rays + noise * doubtful)


def _draw_field_deg(view: RenderedView, changes: Changes, rng: np.random.Generator) -> float:
    """Draw the field of view that the live path assumes, degrees: the default, the true one, or a wrong one."""
    drawn = rng.random()
    if drawn < changes.default_lens_share:
        return CameraConfig().field_of_view_deg
    true_deg = true_field_deg(view)
    if drawn < changes.default_lens_share + changes.true_lens_share:
        return true_deg
    focal = np.exp(rng.normal(0, changes.lens)) / np.tan(np.radians(true_deg) / 2)
    return float(np.clip(np.degrees(2 * np.arctan(1 / focal)), 20, 120))


def _turn(axis: Sequence[float] | Doubles, degrees: float) -> Doubles:
    """Return the matrix that turns about an axis of unit length."""
    x, y, z = (float(part) for part in axis)
    cross = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0)))
    angle = np.radians(degrees)
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
