"""Pose mathematics, the same in training and live: normalisation, mirroring, modalities, unseen joints.

Normalisation makes people comparable and keeps the cached frame tokens exact: it reads this frame and slow
averages of the past, never the future or the window. Each frame is centred on the root, turned so that
the person's slowly averaged heading is +z, and divided by a slowly averaged body size. The root's own slot,
which centring would leave at zero, carries the root's displacement from its own slow average instead, so that
a jump or a step is not lost.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, TypeVar

import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.skeleton import NTU25

_ROOT = NTU25.root
_TRUNK_TOP = NTU25.index("spine_shoulder")


def _two(one: str, other: str) -> slice:
    """Return a slice that selects two joints: a view, where a list of indices would copy in each step of a stream."""
    first, last = sorted((NTU25.index(one), NTU25.index(other)))
    return slice(first, last + 1, last - first)


_LEFT, _RIGHT = _two("left_hip", "left_shoulder"), _two("right_hip", "right_shoulder")
_KNEES, _HIPS = _two("left_knee", "right_knee"), _two("left_hip", "right_hip")
_Joints = TypeVar("_Joints", Tensor, NDArray[np.float32])


def across_body(joints: _Joints) -> _Joints:
    """Compute the axis from the right to the left of a body: the sum of its hips' and its shoulders'.

    joints: (..., 25, 3), of torch or of numpy. Returns (..., 3), not of unit length.
    """
    across: _Joints = (joints[..., _LEFT, :] - joints[..., _RIGHT, :]).sum(-2)
    return across


_Positive = Annotated[float, Meta(ge=1e-3, le=1e4)]


@dataclass(frozen=True, kw_only=True)
class NormaliserConfig:
    """Time constants of the slow averages, in seconds, at a given rate."""

    rate_hz: _Positive = 30.0
    heading_s: _Positive = 1.0
    size_s: _Positive = 2.0
    root_s: _Positive = 0.5


@dataclass(kw_only=True)
class NormaliserState:
    """The slow averages of B rows; `seen` is False where a row has no past."""

    seen: Tensor
    """(B,) bool."""
    slow_m: Tensor
    """(B, 6) float32, metres: the horizontal right-to-left vector of hips and shoulders (x, z), the body's size, the
    root (x, y, z). In one tensor, so that one operation advances all."""

    @classmethod
    def empty(cls, rows: int) -> "NormaliserState":
        """Return a state in which no row has a past."""
        slow_m = torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
        return cls(seen=torch.zeros(rows, dtype=torch.bool), slow_m=slow_m.repeat(rows, 1))


@dataclass(frozen=True, kw_only=True)
class BodyFrame:
    """The transform of a normalised pose back into the camera's axes."""

    root_m: Tensor
    """(..., 3): the root now, camera frame."""
    slow_root_m: Tensor
    """(..., 3): the root's slow average, to which the root's slot is relative."""
    cos: Tensor
    """(...): cosine of the turn about y."""
    sin: Tensor
    size_m: Tensor
    """(...): metres of one normalised unit."""

    def map(self, change: Callable[[Tensor], Tensor]) -> "BodyFrame":
        """Apply the same change, such as an index, to every field."""
        return BodyFrame(**{field.name: change(getattr(self, field.name)) for field in fields(self)})


def turn_about_y(points: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn points about the vertical axis.

    points: (..., P, 3); cos, sin: (...). Positive angles turn +z toward +x.
    """
    x, y, z = points.unbind(-1)
    cos, sin = cos.unsqueeze(-1), sin.unsqueeze(-1)
    return torch.stack((cos * x + sin * z, y, cos * z - sin * x), dim=-1)


def body_size_m(joints_m: Tensor) -> Tensor:
    """Measure a body: trunk length plus mean thigh length. joints_m: (..., 25, 3) -> (...)."""
    trunk: Tensor = (joints_m[..., _TRUNK_TOP, :] - joints_m[..., _ROOT, :]).norm(dim=-1)
    thighs: Tensor = (joints_m[..., _KNEES, :] - joints_m[..., _HIPS, :]).norm(dim=-1).mean(-1)
    return trunk + thighs


def normalise_step(
    joints_m: Tensor, state: NormaliserState, active: Tensor, config: NormaliserConfig
) -> tuple[Tensor, BodyFrame]:
    """Normalise one frame of B rows and advance the slow averages of the active ones in place.

    joints_m: (B, 25, 3) float32, metres, y up; active: (B,) bool. The numbers of inactive rows are
    undefined. Returns the normalised joints (B, 25, 3) and the frame that undoes them.
    """
    across = across_body(joints_m)[:, ::2]
    size = body_size_m(joints_m).clamp(0.2, 3.0).unsqueeze(1)
    root = joints_m[:, _ROOT]
    first = (active & ~state.seen).unsqueeze(1)
    step = torch.cat((across, size, root), dim=1) - state.slow_m
    step *= torch.where(first, 1.0, torch.tensor(_gains(config)))
    # Not multiplied by zero: an inactive row may have any values, NaN included.
    state.slow_m += step.masked_fill_(~active.unsqueeze(1), 0.0)
    state.seen |= active

    slow_m = state.slow_m.clone()
    frame = _body_frame(root, slow_m[:, :2], slow_m[:, 2], slow_m[:, 3:])
    return to_body_frame(joints_m, frame), frame


@cache
def _gains(config: NormaliserConfig) -> tuple[float, ...]:
    """Compute the gain per frame of each of the six averages."""
    frames = torch.tensor((config.heading_s, config.size_s, config.root_s), dtype=torch.float64) * config.rate_hz
    heading, size, root = (1.0 - torch.exp((-1.0 / frames).float())).tolist()
    return heading, heading, size, root, root, root


def normalise_sequence(joints_m: Tensor, config: NormaliserConfig) -> tuple[Tensor, BodyFrame]:
    """Normalise whole sequences as a stream would: `normalise_step` over all frames at once.

    joints_m: (B, T, 25, 3) -> (B, T, 25, 3), and the body frames with fields (B, T, ...).
    """
    root = joints_m[..., _ROOT, :]
    across = across_body(joints_m)[..., ::2]
    size = body_size_m(joints_m).clamp(0.2, 3.0).unsqueeze(-1)
    slow_across = _slow_average(across, config.heading_s * config.rate_hz)
    slow_size = _slow_average(size, config.size_s * config.rate_hz).squeeze(-1)
    frame = _body_frame(root, slow_across, slow_size, _slow_average(root, config.root_s * config.rate_hz))
    return to_body_frame(joints_m, frame), frame


def _slow_average(values: Tensor, frames: float) -> Tensor:
    """Average exponentially over the past, starting at the first value. values: (B, T, C) -> the same.

    The recursion a += gain * (v - a), written out as one triangular matrix over time.
    """
    count = values.shape[1]
    gain = 1.0 - math.exp(-1.0 / frames)
    age = torch.arange(count)[:, None] - torch.arange(count)
    weights = torch.where(age >= 0, gain * (1.0 - gain) ** age.clamp_min(0), torch.zeros(()))
    weights[:, 0] = (1.0 - gain) ** torch.arange(count)
    return weights.to(values) @ values


def _body_frame(root_m: Tensor, across: Tensor, size_m: Tensor, slow_root_m: Tensor) -> BodyFrame:
    """Return the frame whose +z is the slow heading. root_m, slow_root_m: (..., 3); across: (..., 2); size_m: (...)."""
    # The heading is left x up; turning the averaged left vector onto +x brings the heading onto +z.
    left_x, left_z = across.unbind(-1)
    length = torch.sqrt(left_x * left_x + left_z * left_z).clamp_min(1e-6)
    return BodyFrame(root_m=root_m, slow_root_m=slow_root_m, cos=left_x / length, sin=left_z / length, size_m=size_m)


def denormalise(joints: Tensor, frame: BodyFrame) -> Tensor:
    """Transform normalised poses back into the camera's axes.

    joints: (..., *, 25, 3) where (...) are the dimensions of the frame's cos and * any more: all those poses
    are relative to the same body frame. Returns metres, the same shape.
    """
    frame = _spread(frame, joints)
    metres = turn_about_y(joints * frame.size_m[..., None, None], frame.cos, -frame.sin)
    root = metres[..., _ROOT, :] + frame.slow_root_m
    metres = metres + root.unsqueeze(-2)
    metres[..., _ROOT, :] = root
    return metres


def to_body_frame(joints_m: Tensor, frame: BodyFrame) -> Tensor:
    """Express poses of other instants in a body frame: the inverse of `denormalise`, shapes alike."""
    frame = _spread(frame, joints_m)
    root = joints_m[..., _ROOT, :]
    centred = joints_m - root.unsqueeze(-2)
    centred[..., _ROOT, :] = root - frame.slow_root_m
    return turn_about_y(centred, frame.cos, frame.sin) / frame.size_m[..., None, None]


def _spread(frame: BodyFrame, joints: Tensor) -> BodyFrame:
    """Add singleton dimensions to a frame's fields, so that they broadcast over the poses that share it."""
    batch = frame.cos.dim()
    if joints.dim() == batch + 2:
        return frame
    extra = (1,) * (joints.dim() - batch - 2)
    return frame.map(lambda field: field.reshape(field.shape[:batch] + extra + field.shape[batch:]))


def mirror(joints: Tensor) -> Tensor:
    """Swap left and right: x changes sign, and each joint takes its mirror's place. joints: (..., 25, 3)."""
    flipped = joints[..., list(NTU25.mirror), :].clone()
    flipped[..., 0] = -flipped[..., 0]
    return flipped


def average_sides(logits: Tensor, of_mirrored: Tensor, mirrored: Tensor) -> Tensor:
    """Average the logits of people and of their mirror images.

    logits, of_mirrored: (..., K); mirrored: (K,), the class that each becomes in a mirror, negative for one whose
    counterpart is not a class; its logit is that of its own side alone. Returns (..., K).
    """
    other = of_mirrored[..., mirrored.clamp_min(0)]
    return torch.where(mirrored >= 0, (logits + other) / 2, logits)


MODALITIES = ("joint", "bone", "motion")
"""The inputs that a model may have of a normalised sequence; an ensemble of all three is more accurate than any."""


def to_modality(joints: Tensor, modality: str, config: NormaliserConfig) -> Tensor:
    """Express a normalised sequence as joints, as bones or as motion. joints: (T, 25, 3) -> (T, 25, 3).

    A bone runs from a joint's parent to it. Motion is the mean speed over the last two frames, which is the
    distance of a clip's frames, in body sizes a second; a sequence is taken to begin at rest. The root's slot
    keeps its own meaning, and its motion. Raises ValueError for any other modality.
    """
    if modality == "joint":
        return joints
    if modality == "bone":
        bones = joints.clone()
        # The root's slot is a displacement, not a position: children of the root are relative to zero.
        relative = [joint for joint in NTU25.outward if NTU25.parents[joint] != _ROOT]
        bones[:, relative] -= joints[:, [NTU25.parents[joint] for joint in relative]]
        return bones
    if modality == "motion":
        earlier = joints[(torch.arange(len(joints)) - _MOTION_FRAMES).clamp_min(0)]
        return (joints - earlier) * (config.rate_hz / _MOTION_FRAMES)
    raise ValueError(f"got modality {modality!r}, expected one of {', '.join(MODALITIES)}")


_MOTION_FRAMES = 2


def fill_unseen(joints_m: Tensor, seen_mask: Tensor) -> Tensor:
    """Set each joint that was not seen to the position of its nearest seen ancestor.

    joints_m: (..., 25, 3); seen_mask: (..., 25) bool, True = seen. Returns (..., 25, 3). The training sets fill joints
    that their sensor does not have in the same way, so the model was trained on it.
    """
    filled = joints_m.clone()
    for joint in NTU25.outward:
        parent = filled[..., NTU25.parents[joint], :]
        filled[..., joint, :] = torch.where(seen_mask[..., joint, None], filled[..., joint, :], parent)
    return filled
