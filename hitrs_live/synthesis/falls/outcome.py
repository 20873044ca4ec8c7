"""Find onset, landing and direction of a simulated fall, reject what is no plausible fall, and label the rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from hitrs_live.data.array_format import BACKGROUND
from hitrs_live.data.labelled_motion import RATE_HZ, LabelledMotion
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.falls.body_shape import Floats, from_physics, pelvis_axes
from hitrs_live.synthesis.falls.causes import FallPlan
from hitrs_live.synthesis.falls.rollout import Rollout

FALLS: Final = ("fall_forward", "fall_backward", "fall_side")
LIE: Final = "lie"
STUMBLE: Final = "stumble"
_DROP_SHARE: Final = 0.1
"""Of the pelvis's height: lower than this for good, and the person falls, wherever the balance lies."""
_DURATION_S: Final = (0.4, 1.5)
_SEATED_DURATION_S: Final = (0.25, 1.6)
_HEAD_SPEED_M_S: Final = (1.5, 6.0)
_FASTEST_JOINT_M_S: Final = 14.0
_BELOW_FLOOR_M: Final = -0.05
_PELVIS_SHARE: Final = 0.24
"""Of the body's height: a pelvis above it at landing means a fall on the head, which arms prevent."""
_LYING_SHARE: Final = 0.28
"""Of the body's height: trunk and head of a person who lies are below it; of one who sits on the floor, not."""


@dataclass(frozen=True, kw_only=True)
class FallFacts:
    """What came of one fall. Frames count from the event."""

    kind: str
    """One of FALLS."""
    onset_frame: int
    landed_frame: int
    duration_s: float
    head_speed_m_s: float
    pelvis_speed_m_s: float


def fall_facts(rollout: Rollout) -> FallFacts | None:
    """Find onset, landing and direction; None where the person did not come down."""
    if rollout.landed_frame is None or rollout.landed_frame >= len(rollout.qpos):
        return None
    landed = rollout.landed_frame
    onset = _onset(rollout, landed)
    return FallFacts(
        kind=_kind(rollout.joints_m, onset, landed),
        onset_frame=onset,
        landed_frame=landed,
        duration_s=(landed - onset) / RATE_HZ,
        head_speed_m_s=rollout.head_speed_m_s,
        pelvis_speed_m_s=rollout.pelvis_speed_m_s,
    )


def _onset(rollout: Rollout, landed: int) -> int:
    """Return the first frame from which until landing the balance is lost or the pelvis has sunk."""
    height = rollout.qpos[: landed + 1, 2]
    falling = (rollout.margin_m[: landed + 1] < 0) | (height < (1 - _DROP_SHARE) * height[0])
    kept = np.flatnonzero(~falling)
    return min(int(kept[-1]) + 1, landed - 1) if len(kept) else 0


def _kind(joints_m: Floats, onset: int, landed: int) -> str:
    """Name the direction in which the trunk falls, by the heading at the onset.

    The direction is that from the ankles to the middle of pelvis and head at landing: within 45 degrees of ahead or of
    back, else to the side.
    """
    at = NTU25.index
    end = joints_m[landed]
    trunk = (end[at("spine_base")] + end[at("head")]) / 2
    feet = (end[at("left_ankle")] + end[at("right_ankle")]) / 2
    return direction_kind(joints_m[onset], (trunk - feet)[:2])


def direction_kind(pose_m: Floats, toward: Floats) -> str:
    """Name the fall of a person towards a direction. pose_m: (25, 3), z up; toward: (2,), in the floor."""
    across = pelvis_axes(pose_m)[:2, 1]
    forward, sideways = float(toward @ (across[1], -across[0])), float(toward @ across)
    if abs(sideways) > abs(forward):
        return "fall_side"
    return "fall_forward" if forward > 0 else "fall_backward"


def why_rejected(rollout: Rollout, facts: FallFacts | None, plan: FallPlan, *, height_m: float) -> str | None:
    """Return why a simulation is no plausible fall, or None for a good one."""
    if not rollout.stable or not np.isfinite(rollout.joints_m).all():
        return "diverged"
    speed = np.linalg.norm(np.diff(rollout.joints_m, axis=0), axis=-1).max() * RATE_HZ
    if speed > _FASTEST_JOINT_M_S:
        return "too fast"
    if rollout.joints_m[..., 2].min() < _BELOW_FLOOR_M:
        return "below the floor"
    if facts is None:
        return "did not fall"
    low, high = _SEATED_DURATION_S if plan.posture == "seated" else _DURATION_S
    if not low <= facts.duration_s <= high:
        return "too quick" if facts.duration_s < low else "too slow"
    slowest = _HEAD_SPEED_M_S[0] * np.sqrt(height_m / 1.7) * (0.6 if plan.posture == "seated" else 1.0)
    if not slowest <= facts.head_speed_m_s <= _HEAD_SPEED_M_S[1]:
        return "head too slow" if facts.head_speed_m_s < slowest else "head too fast"
    at = NTU25.index
    if rollout.joints_m[facts.landed_frame, at("spine_base"), 2] > _PELVIS_SHARE * height_m:
        return "head first"
    if rollout.joints_m[-1, [at("spine_base"), at("spine_middle"), at("head")], 2].max() > _LYING_SHARE * height_m:
        return "not lying"
    return None


def label_fall(
    before_m: Floats, rollout: Rollout, facts: FallFacts, classes: Mapping[str, int], *, name: str, subject: str
) -> LabelledMotion:
    """Join what came before with the fall. before_m: (T, 25, 3), z up, up to the frame before the event."""
    joints = from_physics(np.concatenate([before_m, rollout.joints_m])).astype(np.float32)
    onset, landed = len(before_m) + facts.onset_frame, len(before_m) + facts.landed_frame
    fall = classes.get(facts.kind, classes.get("fall", BACKGROUND))
    lie = classes.get(LIE, BACKGROUND)
    labels = np.full(len(joints), BACKGROUND, np.int64)
    labels[onset:landed], labels[landed:] = fall, lie
    phase = np.full(len(joints), np.nan, np.float32)
    repetition = np.zeros(len(joints), np.int64)
    onsets = np.zeros(len(joints), bool)
    for start, end, number in ((onset, landed, fall), (landed, len(joints), lie)):
        if number != BACKGROUND and end > start:
            phase[start:end] = np.linspace(0, 1, end - start)
            repetition[start:end], onsets[start] = 1, True
    return LabelledMotion(
        name=name, subject=subject, joints_m=joints, labels=labels, phase=phase, repetition=repetition,
        onset_mask=onsets, near_miss=np.full(len(joints), BACKGROUND, np.int64),
    )  # fmt: skip


def label_stumble(
    before_m: Floats, rollout: Rollout, kind: str, classes: Mapping[str, int], *, name: str, subject: str
) -> LabelledMotion:
    """Join what came before with a recovered stumble, from the event on.

    It is an action where `stumble` is among the classes, else background and a near miss of a fall.
    """
    joints = from_physics(np.concatenate([before_m, rollout.joints_m])).astype(np.float32)
    number, event = classes.get(STUMBLE, BACKGROUND), len(before_m)
    labels, near, repetition = (np.full(len(joints), BACKGROUND, np.int64) for _ in range(3))
    phase = np.full(len(joints), np.nan, np.float32)
    onsets = np.zeros(len(joints), bool)
    if number == BACKGROUND:
        near[event:] = classes.get(kind, classes.get("fall", BACKGROUND))
    else:
        labels[event:], repetition[event:], onsets[event] = number, 1, True
        phase[event:] = np.linspace(0, 1, len(joints) - event)
    return LabelledMotion(
        name=name, subject=subject, joints_m=joints, labels=labels, phase=phase, repetition=repetition,
        onset_mask=onsets, near_miss=near,
    )  # fmt: skip
