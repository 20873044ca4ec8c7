"""Rendered views as the temporal lifter's inputs, beside what it should make of them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.config import CameraConfig, PoseConfig
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.landmarks import poses_of
from hitrs_live.skeleton import MEDIAPIPE33, NTU25
from hitrs_live.temporal_lifting.bones import BONES_OF, JOINTS_OF
from hitrs_live.temporal_lifting.joint_lifter import joint_sights
from hitrs_live.temporal_lifting.lifting import LifterInputs, view_turns
from hitrs_live.tracking.depth_smoothing import DepthFilter
from hitrs_live.virtual_camera.views.rendered_view import RenderedView

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
LEAST_FRAMES: Final = 8
_IMAGE: Final = slice(0, 2)
_LEAST_M: Final = 1e-3
_SHOULDERS: Final = (NTU25.index("left_shoulder"), NTU25.index("right_shoulder"))
_HIPS: Final = (NTU25.index("left_hip"), NTU25.index("right_hip"))
_IN_TRUNK: Final = {"shoulder": (0.0, 0.05, 0.0), "hip": (-0.028, -0.005, 0.04)}
"""Where landmarks lie beside the joints of rendered bodies, in lengths of the trunk to the (left) side, up and forward.
Fitted to landmarks and true joints of 293 rendered views: shoulders 26 mm up, hips 15 mm inwards and 21 mm forward."""
_ALONG_BONE: Final = {
    ("shoulder", "elbow"): -0.036, ("wrist", "hand"): -0.115, ("wrist", "hand_tip"): -0.14, ("wrist", "thumb"): -0.095,
    ("hip", "knee"): -0.027, ("knee", "ankle"): -0.042,
}  # fmt: skip
"""Likewise along a bone: elbows 19 mm, hands 60, finger tips 73, thumbs 49, knees 14 and ankles 22 mm nearer."""


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
    visible: Tensor | None
    """(T, 25) bool; None where it is not known."""
    true_m: Floats
    """(T, 25, 3), the true joints as rendered, axes of messages.py."""

    def __len__(self) -> int:
        return len(self.joints_m)


@dataclass(frozen=True, kw_only=True)
class SeenFrames:
    """What the pose network saw of one person in T frames, and the truth."""

    points: Doubles
    """(T, 33, 7), landmarks."""
    rays: Doubles
    """(T, 33, 2), where their sight lines truly meet the plane one metre ahead, x right, y down."""
    true_m: Doubles
    """(T, 25, 3), axes of messages.py."""
    visible: NDArray[np.bool_]
    """(T, 25)."""
    times_s: Doubles
    """(T,)."""


def make_sequence(view: RenderedView, *, true_lens: bool = False) -> LifterSequence | None:
    """Lift a view's landmarks as the live path does, up to the tracker's smoothing of the distance.

    true_lens: whether the live path knows the lens; otherwise it assumes that of the default settings. Returns None
    where the person was seen in too few frames.
    """
    seen = seen_frames(view, np.flatnonzero(view.person >= 0))
    assumed_deg = true_field_deg(view) if true_lens else CameraConfig().field_of_view_deg
    return lift_sequence(view, seen, assumed_deg) if len(seen.times_s) >= LEAST_FRAMES else None


def seen_frames(view: RenderedView, frames: NDArray[np.int64]) -> SeenFrames:
    """Return frames (T,) of a view in which the person was seen."""
    points = view.landmarks[view.person[frames]].astype(np.float64)
    return SeenFrames(
        points=points,
        rays=(points[..., _IMAGE] - 0.5) * (view.width / view.focal_px, view.height / view.focal_px),
        true_m=view.truth_m[frames].astype(np.float64),
        visible=view.visible[frames],
        times_s=frames / view.rate_hz,
    )


def true_field_deg(view: RenderedView) -> float:
    """Return the horizontal field of view of a view's camera, degrees."""
    return float(np.degrees(2 * np.arctan(view.width / 2 / view.focal_px)))


def lift_sequence(view: RenderedView, seen: SeenFrames, assumed_deg: float) -> LifterSequence:
    """Lift what was seen with the lens that the live path assumes, and put the truth beside it."""
    lens = Intrinsics.from_field_of_view(assumed_deg, width=view.width, height=view.height)
    points, ratio = seen.points.copy(), view.focal_px / lens.fx
    points[..., _IMAGE] = 0.5 + seen.rays * ratio * (lens.fx / view.width, lens.fy / view.height)
    inputs = lifted_inputs(points.astype(np.float32), lens, seen.times_s)
    joints, root = lifter_targets(seen.true_m, ratio, inputs)
    return LifterSequence(
        subject=view.person_name, view=view.view, inputs=inputs, joints_m=joints, root=root,
        visible=torch.from_numpy(seen.visible), true_m=seen.true_m.astype(np.float32),
    )  # fmt: skip


def lifted_inputs(landmarks: Floats, lens: Intrinsics, times_s: Doubles) -> LifterInputs:
    """Lift one person's landmarks (T, 33, 7) and smooth their distance as the tracker does. Returns inputs, B = 1."""
    poses = poses_of(landmarks, MEDIAPIPE33, lens, min_joint_confidence=PoseConfig().min_joint_confidence)
    smoothing = DepthFilter()
    joints = [smoothing.step(pose, round(time * 1e9)) for pose, time in zip(poses, times_s, strict=True)]
    keypoints = np.stack([pose.keypoints for pose in poses if pose.keypoints is not None])
    rays, certainty = joint_sights(keypoints, lens.lens)
    step_s = np.diff(times_s, prepend=times_s[:1])
    parts = (np.stack(joints), rays, certainty, step_s)
    return LifterInputs(*(torch.from_numpy(np.ascontiguousarray(part, np.float32))[None] for part in parts))


def as_landmarks_lie(joints_m: Floats) -> Floats:
    """Move joints of rendered bodies to where MediaPipe's landmarks of them lie, and compute the trunk's from those.

    MediaPipe's shoulders are higher than a body's joints, its hands nearer to the wrist, and so on. joints_m:
    (..., 25, 3), about any origin. Returns the same shape.
    """
    frame, size = _trunk_frames(joints_m)
    moved = joints_m.copy()
    for name, offset in _IN_TRUNK.items():
        for side, sign in (("left", 1), ("right", -1)):
            along = np.array(offset, np.float32) * (sign, 1, 1)
            moved[..., NTU25.index(f"{side}_{name}"), :] += size * (frame @ along)
    for (start, end), share in _ALONG_BONE.items():
        for side in ("left", "right"):
            one, other = NTU25.index(f"{side}_{start}"), NTU25.index(f"{side}_{end}")
            bone = joints_m[..., other, :] - joints_m[..., one, :]
            length = np.maximum(np.linalg.norm(bone, axis=-1, keepdims=True), _LEAST_M)
            moved[..., other, :] += np.maximum(size * share, -length) * bone / length
    moved[..., NTU25.root, :] = (moved[..., _HIPS[0], :] + moved[..., _HIPS[1], :]) / 2
    placed: Floats = (JOINTS_OF @ (BONES_OF @ moved) + moved[..., NTU25.root : NTU25.root + 1, :]).astype(np.float32)
    return placed


def _trunk_frames(joints_m: Floats) -> tuple[Floats, Floats]:
    """Return the axes of trunks, (..., 3, 3), columns to the left, up and forward, and their size, (..., 1) metres."""
    shoulders, hips = (joints_m[..., list(pair), :] for pair in (_SHOULDERS, _HIPS))
    trunk = shoulders.mean(axis=-2) - hips.mean(axis=-2)
    length = np.maximum(np.linalg.norm(trunk, axis=-1, keepdims=True), _LEAST_M)
    up = trunk / length
    left = (shoulders[..., 0, :] - shoulders[..., 1, :]) + (hips[..., 0, :] - hips[..., 1, :])
    left = left - np.sum(left * up, axis=-1, keepdims=True) * up
    left = left / np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), _LEAST_M)
    return np.stack((left, up, np.cross(left, up)), axis=-1), length


def lifter_targets(true_m: Doubles, ratio: float, inputs: LifterInputs) -> tuple[Tensor, Tensor]:
    """Return the true joints about the root in the person's own view, (T, 25, 3), and the true root, (T, 3).

    true_m: (T, 25, 3), axes of messages.py; ratio: the camera's focal length over the one that is assumed.
    """
    joints = torch.from_numpy(as_landmarks_lie(true_m.astype(np.float32)))
    root = joints[:, NTU25.root]
    body = (joints - root[:, None]) @ view_turns(torch, root).mT
    # A longer lens than assumed shows the person nearer than they are.
    placed = root * torch.tensor((1.0, 1.0, 1 / ratio))
    ahead = (view_turns(torch, inputs.joints_m[0, :, NTU25.root]) @ placed[..., None])[..., 0]
    return body, torch.cat((ahead[:, :2] / ahead[:, 2:], placed.norm(dim=-1, keepdim=True).log()), dim=-1)
