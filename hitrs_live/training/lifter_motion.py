"""Motion without pictures as the temporal lifter's inputs and targets: true joints through the model of joint errors.

Rendered views are few and short; recorded motion is plenty. Its joints are those of a random body posed by it, and a
camera is drawn. The sight lines are those of the true joints with errors of the size that rendered views show; the
error model gives the depth that the pose stage would have lifted on them, and the confidence. Across the line of sight
its errors are several times those of rendered views (100 against 25 mm), so they are used for doubtful joints alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.config import PoseConfig
from hitrs_live.messages import Pose
from hitrs_live.skeleton import NTU25
from hitrs_live.temporal_lifting.lifting import LifterInputs
from hitrs_live.tracking.depth_smoothing import DepthFilter
from hitrs_live.training.lifter_changes import Changes, kept_frames, slow_noise
from hitrs_live.virtual_camera.joint_errors.model import (
    JointErrorModel,
    focal_ratio,
    in_camera_axes,
    kept_near,
    on_floor,
)
from hitrs_live.virtual_camera.lifter_sequences import LEAST_FRAMES, LifterSequence, lifter_targets
from hitrs_live.virtual_camera.people.body import Body
from hitrs_live.virtual_camera.pictures.camera_placement import draw_placement
from hitrs_live.virtual_camera.source_streams import choose_sequences, draw_piece, find_files, load_stream

Floats = NDArray[np.float32]
_RATE_HZ: Final = 30.0
_SIGHT_NOISE_M: Final = 0.022
"""Error of a seen joint's landmark, at the person; measured on rendered views (median 15 to 25 mm)."""
_LIFTED_NOISE_M: Final = 0.015
"""How far a lifted joint is beside its sight line; measured likewise."""
_SURE, _DOUBTFUL, _DOUBTFUL_SHARE = 0.8, 0.3, 0.6
"""Below a confidence of _SURE landmarks have a part of the error model's errors, at _DOUBTFUL the largest."""
_SEEN_FROM = np.full(4, 0.5, np.float32)


@dataclass(frozen=True, kw_only=True)
class SeenMotion:
    """A piece of motion as a camera would have seen it. T frames in which the person was found."""

    subject: str
    view: str
    true_m: Floats
    """(T, 25, 3), metres, axes of messages.py."""
    live_m: Floats
    """(T, 25, 3), lifted with the lens that the live path assumes."""
    confidence: Floats
    """(T, 25)."""
    times_s: NDArray[np.float64]
    """(T,)."""
    ratio: float
    """The camera's focal length over the one that the live path assumes."""


def see_motion(
    paths: Sequence[Path], model: JointErrorModel, *, pieces: int, seconds: float, seed: int,
    leave_out: frozenset[str] = frozenset(), report: Callable[[str], None] = print,
) -> list[SeenMotion]:  # fmt: skip
    """Draw pieces of the training people's recordings and see each through a camera.

    paths: files in the array format or folders of them. model: of the errors of joints as lifted from single pictures.
    leave_out: "file:subject" of people to leave out. Raises DataError where a file is damaged.
    """
    rng = np.random.default_rng(seed)
    choices = [(file, number) for file in find_files(paths) for number in choose_sequences(file, split="train")]
    streams = [
        stream
        for file, number in choices
        if f"{(stream := load_stream(file, number)).source}:{stream.subject}" not in leave_out
    ]
    # A long stream is drawn more often, but a set of few long ones does not outweigh all others.
    weights = np.array([min(stream.duration_s, 20.0) for stream in streams])
    seen: list[SeenMotion] = []
    for place in rng.choice(len(streams), size=pieces, p=weights / weights.sum()).tolist():
        piece = draw_piece(streams[place], seconds, rng)
        one = _see(piece.joints_m, f"{piece.source}:{piece.subject}", model, rng)
        if one is not None:
            seen.append(one)
        if len(seen) % 200 == 0 and one is not None:
            report(f"{len(seen)} of {pieces} pieces of motion seen")
    return seen


def _see(joints_m: Floats, subject: str, model: JointErrorModel, rng: np.random.Generator) -> SeenMotion | None:
    """Pose a random body, draw a camera and apply the error model. joints_m: (T, 25, 3) at 30 Hz, y up."""
    if len(joints_m) < 2 * LEAST_FRAMES:
        return None
    body = Body.drawn_for(joints_m, rng)
    posed = on_floor(kept_near(body.pose(joints_m).joints_m))
    view = draw_placement(rng, posed.astype(np.float64))
    at = np.arange(0, len(posed) - 1 + 1e-6, _RATE_HZ / view.rate_hz)
    low = np.minimum(at.astype(int), len(posed) - 2)
    share = (at - low)[:, None, None].astype(np.float32)
    true_m = in_camera_axes(posed, view.camera)
    true_m = true_m[low] * (1 - share) + true_m[low + 1] * share
    ratio = focal_ratio(view.camera)
    live = model.apply_in_camera(
        true_m[None], rng, focal_ratio=np.array([ratio]), rate_hz=np.array([view.rate_hz])
    )[0]  # fmt: skip
    kept = ~live.lost_mask
    if kept.sum() < LEAST_FRAMES:
        return None
    return SeenMotion(
        subject=subject, view=view.view, true_m=true_m[kept], live_m=live.joints_m[kept],
        confidence=live.confidence[kept], times_s=np.flatnonzero(kept) / view.rate_hz, ratio=ratio,
    )  # fmt: skip


def motion_sequence(seen: SeenMotion, changes: Changes, rng: np.random.Generator) -> LifterSequence | None:
    """Make a sequence with random errors of the sight lines. Its joints' visibility is not known."""
    kept = kept_frames(len(seen.true_m), _RATE_HZ, changes, rng)
    if kept.sum() < LEAST_FRAMES:
        return None
    true, live = seen.true_m[kept].astype(np.float64), seen.live_m[kept].astype(np.float64)
    confidence = seen.confidence[kept]
    if rng.random() < changes.mirror_share:
        order = list(NTU25.mirror)
        true, live, confidence = true[:, order] * (-1, 1, 1), live[:, order] * (-1, 1, 1), confidence[:, order]
    placed = true * (1, 1, 1 / seen.ratio)
    rays, lifted = (at[..., :2] / np.maximum(at[..., 2:], 0.2) for at in (placed, live))
    distance = np.linalg.norm(placed[:, :1], axis=-1, keepdims=True)
    doubt = _DOUBTFUL_SHARE * np.clip((_SURE - confidence) / (_SURE - _DOUBTFUL), 0, 1)[..., None]
    noise = slow_noise(rng, rays.shape) * np.exp(rng.normal(0, 0.4, (1, rays.shape[1], 1))) * rng.uniform(0.5, 1.3)
    rays = rays + doubt * (lifted - rays) + _SIGHT_NOISE_M / distance * noise
    beside = _LIFTED_NOISE_M / distance * slow_noise(rng, rays.shape)
    live = np.concatenate(((rays + beside) * live[..., 2:], live[..., 2:]), axis=-1)
    least = PoseConfig().min_joint_confidence
    certainty = np.where(confidence > 0, confidence, least * rng.random(confidence.shape))
    times_s = seen.times_s[kept]
    inputs = _smoothed(live.astype(np.float32), confidence, rays, certainty, times_s)
    joints, root = lifter_targets(true, seen.ratio, inputs)
    return LifterSequence(
        subject=seen.subject, view=seen.view, inputs=inputs, joints_m=joints, root=root,
        visible=None, true_m=true.astype(np.float32),
    )  # fmt: skip


def _smoothed(
    live_m: Floats, confidence: Floats, rays: NDArray[np.float64], certainty: NDArray[np.floating],
    times_s: NDArray[np.float64],
) -> LifterInputs:  # fmt: skip
    smoothing = DepthFilter()
    joints = [
        smoothing.step(Pose(joints_m=one, confidence=sure, box=_SEEN_FROM), round(time * 1e9))
        for one, sure, time in zip(live_m, confidence, times_s, strict=True)
    ]
    step_s = np.diff(times_s, prepend=times_s[:1])
    parts = (np.stack(joints), rays, certainty, step_s)
    return LifterInputs(*(torch.from_numpy(np.ascontiguousarray(part, np.float32))[None] for part in parts))
