"""Rendered views as the temporal lifter's inputs and targets, with random changes that keep the geometry exact."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.config import CameraConfig, PoseConfig
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.landmarks import poses_of
from hitrs_live.skeleton import MEDIAPIPE33, NTU25, KeypointLayout
from hitrs_live.temporal_lifting.bones import BONES_OF, JOINTS_OF
from hitrs_live.temporal_lifting.network import LifterInputs, view_turns
from hitrs_live.tracking.depth_smoothing import DepthFilter
from hitrs_live.virtual_camera.views.rendered_view import RenderedView

Floats = NDArray[np.float32]
LEAST_FRAMES: Final = 8
_IMAGE, _WORLD, _VISIBILITY, _PRESENCE = slice(0, 2), slice(2, 5), 5, 6
_HIPS: Final = (MEDIAPIPE33.index("left_hip"), MEDIAPIPE33.index("right_hip"))


def _mirrored_points(layout: KeypointLayout) -> list[int]:
    swapped = {"left": "right", "right": "left"}
    names = ("_".join(swapped.get(word, word) for word in point.split("_")) for point in layout.points)
    return [layout.index(name) for name in names]


_MIRROR: Final = _mirrored_points(MEDIAPIPE33)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """How far sequences are changed at random in training; all zero for none."""

    mirror_share: float = 0.5
    roll_deg: float = 8.0
    """Standard deviation of a turn of the camera about its axis."""
    pan_deg: float = 4.0
    """Standard deviation of a turn of the camera to the side, and up or down."""
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


@dataclass(frozen=True, kw_only=True)
class LifterSequence:
    """T frames in which one person was seen."""

    subject: str
    view: str
    inputs: LifterInputs
    """With B = 1."""
    joints_m: Tensor
    """(T, 25, 3), the true joints about the root, in the person's own view."""
    root: Tensor
    """(T, 3), the true root as `LifterOutputs.root` has it, for the lens that the live path assumes."""
    visible: Tensor
    """(T, 25) bool."""
    frames: NDArray[np.int64]
    """(T,), their numbers in the view."""
    true_m: Floats
    """(T, 25, 3), the true joints as rendered, axes of messages.py."""

    def __len__(self) -> int:
        return len(self.joints_m)


def make_sequence(
    view: RenderedView, changes: Changes | None = None, rng: np.random.Generator | None = None, *,
    true_lens: bool = False,
) -> LifterSequence | None:  # fmt: skip
    """Lift a view's landmarks as the live path does, up to the tracker's smoothing of the distance.

    changes: with a rng, what is changed at random. true_lens: whether the live path knows the lens; otherwise it
    assumes that of the default settings. Returns None where the person was seen in too few frames.
    """
    frames = np.flatnonzero(view.person >= 0)
    random = changes is not None and rng is not None
    if random:
        frames = _kept_frames(frames, view.rate_hz, changes, rng)
    if len(frames) < LEAST_FRAMES:
        return None
    points = view.landmarks[view.person[frames]].astype(np.float64)
    true = view.truth_m[frames].astype(np.float64)
    rays = (points[..., _IMAGE] - 0.5) * (view.width / view.focal_px, view.height / view.focal_px)
    visible = view.visible[frames]
    assumed_deg = CameraConfig().field_of_view_deg
    if true_lens:
        assumed_deg = np.degrees(2 * np.arctan(view.width / 2 / view.focal_px))
    if random:
        if rng.random() < changes.mirror_share:
            points, true, rays, visible = _mirror(points, true, rays, visible)
        points, true, rays = _change(points, true, rays, changes, rng)
        assumed_deg = _draw_lens(view, changes, rng)
    lens = Intrinsics.from_field_of_view(float(assumed_deg), width=view.width, height=view.height)
    ratio = view.focal_px / lens.fx
    points[..., _IMAGE] = 0.5 + rays * ratio * (lens.fx / view.width, lens.fy / view.height)
    inputs = lifted_inputs(points.astype(np.float32), lens, frames / view.rate_hz)
    joints, root = _targets(true, ratio, inputs)
    return LifterSequence(
        subject=f"{view.source}:{view.subject}", view=view.view, inputs=inputs, joints_m=joints, root=root,
        visible=torch.from_numpy(visible), frames=frames, true_m=true.astype(np.float32),
    )  # fmt: skip


def lifted_inputs(landmarks: Floats, lens: Intrinsics, times_s: NDArray[np.float64]) -> LifterInputs:
    """Lift one person's landmarks (T, 33, 7) and smooth their distance as the tracker does. Returns inputs, B = 1."""
    poses = poses_of(landmarks, MEDIAPIPE33, lens, min_joint_confidence=PoseConfig().min_joint_confidence)
    smoothing = DepthFilter()
    joints = [smoothing.step(pose, round(time * 1e9)) for pose, time in zip(poses, times_s, strict=True)]
    keypoints = np.stack([pose.keypoints for pose in poses if pose.keypoints is not None])
    rays = -lens.rays(keypoints[..., :2]).astype(np.float32)
    step_s = np.diff(times_s, prepend=times_s[:1]).astype(np.float32)
    tensors = (np.stack(joints), rays, keypoints[..., 2], step_s)
    return LifterInputs(*(torch.from_numpy(np.ascontiguousarray(part))[None] for part in tensors))


def with_live_trunk(joints_m: Floats) -> Floats:
    """Give the trunk's joints, the neck and the head the places that the live path computes from hips, shoulders and
    ears: joints_m (..., 25, 3) about any origin -> the same shape."""
    root = joints_m[..., NTU25.root : NTU25.root + 1, :]
    placed: Floats = JOINTS_OF @ (BONES_OF @ joints_m) + root
    return placed


def _targets(true: NDArray[np.float64], ratio: float, inputs: LifterInputs) -> tuple[Tensor, Tensor]:
    joints = torch.from_numpy(with_live_trunk(true.astype(np.float32)))
    root = joints[:, NTU25.root]
    body = (joints - root[:, None]) @ view_turns(root).mT
    # A longer lens than assumed shows the person nearer than they are.
    placed = root * torch.tensor((1.0, 1.0, 1 / ratio))
    ahead = (view_turns(inputs.joints_m[0, :, NTU25.root]) @ placed[..., None])[..., 0]
    return body, torch.cat((ahead[:, :2] / ahead[:, 2:], placed.norm(dim=-1, keepdim=True).log()), dim=-1)


def _kept_frames(
    frames: NDArray[np.int64], rate_hz: float, changes: Changes, rng: np.random.Generator
) -> NDArray[np.int64]:
    if rng.random() < changes.slower_share and rate_hz >= 20:
        frames = frames[:: int(rng.integers(2, 4))]
    kept = rng.random(len(frames)) >= rng.uniform(0, changes.dropped_share)
    return frames[kept]


def _mirror(points, true, rays, visible):  # type: ignore[no-untyped-def]
    points, true, rays = points[:, _MIRROR].copy(), true[:, list(NTU25.mirror)].copy(), rays[:, _MIRROR].copy()
    points[..., _WORLD.start] *= -1
    true[..., 0] *= -1
    rays[..., 0] *= -1
    return points, true, rays, visible[:, list(NTU25.mirror)]


def _change(
    points: NDArray[np.float64], true: NDArray[np.float64], rays: NDArray[np.float64], changes: Changes,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Turn the camera, and change what the network saw of the person."""
    roll = _turn((0, 0, 1), rng.normal(0, changes.roll_deg))
    pan = _turn((0, 1, 0), rng.normal(0, changes.pan_deg)) @ _turn((1, 0, 0), rng.normal(0, changes.pan_deg))
    ahead = np.concatenate((rays, np.ones_like(rays[..., :1])), axis=-1) @ (pan @ roll).T
    rays = ahead[..., :2] / np.maximum(ahead[..., 2:], 0.1)
    # Here x is right, y down; of true joints x is left, y up.
    flip = np.diag((-1.0, -1.0, 1.0))
    true = true @ (flip @ pan @ roll @ flip).T
    world = points[..., _WORLD] @ roll.T
    axis = rng.normal(size=3) * (1, 0.5, 0.5)
    world = world @ _turn(axis / np.linalg.norm(axis), rng.normal(0, changes.world_turn_deg)).T
    world = world * np.exp(rng.normal(0, changes.world_size))
    world[..., 2] *= np.exp(rng.normal(0, changes.depth_stretch))
    world = world + _slow_noise(rng, world.shape) * changes.world_noise_m * rng.uniform(0, 2) * (1, 1, 2)
    height = np.median(np.ptp(rays[..., 1], axis=1))
    doubtful = 1 + 2 * (1 - points[..., _VISIBILITY, None] * points[..., _PRESENCE, None])
    rays = rays + _slow_noise(rng, rays.shape) * changes.image_noise * height * rng.uniform(0, 1.5) * doubtful
    points = points.copy()
    points[..., _WORLD] = world
    return points, true, rays


def _slow_noise(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw noise of unit variance: a third constant, a third slow, a third white. shape: (T, ...)."""
    constant, white = rng.normal(size=shape[1:]), rng.normal(size=shape)
    knots = rng.normal(size=(shape[0] // 8 + 2, *shape[1:]))
    place = np.arange(shape[0]) / 8
    low = place.astype(int)
    share = (place - low).reshape(-1, *[1] * (len(shape) - 1))
    slow = knots[low] * (1 - share) + knots[low + 1] * share
    return (constant + 1.2 * slow + white) / 3**0.5


def _draw_lens(view: RenderedView, changes: Changes, rng: np.random.Generator) -> float:
    """Draw the field of view that the live path assumes, degrees: the default, the true one, or a wrong one."""
    true_deg = float(np.degrees(2 * np.arctan(view.width / 2 / view.focal_px)))
    if rng.random() < 0.4:
        return CameraConfig().field_of_view_deg
    if rng.random() < 0.5:
        return true_deg
    focal = np.exp(rng.normal(0, changes.lens)) / np.tan(np.radians(true_deg) / 2)
    return float(np.clip(np.degrees(2 * np.arctan(1 / focal)), 20, 120))


def _turn(axis: Sequence[float] | NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    """Return the matrix that turns about an axis of unit length."""
    x, y, z = axis
    cross = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0)))
    angle = np.radians(degrees)
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
