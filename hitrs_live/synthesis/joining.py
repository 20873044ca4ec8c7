"""Join labelled motions of one body into a stream, with transitions in which nothing is done."""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND
from hitrs_live.data.labelled_motion import LabelledMotion, background_motion, concatenate
from hitrs_live.synthesis.recorded_body import (
    ANKLES,
    FEET,
    HIPS,
    SHOULDERS,
    TRUNK,
    RecordedBody,
    heading,
    on_feet,
    turn_left,
    with_limb_lengths,
)

Floats = NDArray[np.float32]

_TURN_RAD: Final = 0.15
"""Standard deviation of the turn between two motions."""
_JOINT_M_PER_FRAME: Final = 0.05
"""Mean speed of the fastest joint in a transition, 1.5 m/s."""
_TRANSITION_FRAMES: Final = (6, 45)


def label_motion(
    joints_m: Floats, label: int, *, subject: str, name: str, repetition: int = 1, near_miss: int = BACKGROUND
) -> LabelledMotion:
    """Label all frames as one repetition of a class, or as background that may nearly be one. joints_m: (T, 25, 3)."""
    if label == BACKGROUND:
        return background_motion(joints_m, name=name, subject=subject, near_miss=near_miss)
    frames = len(joints_m)
    return LabelledMotion(
        name=name,
        subject=subject,
        joints_m=joints_m.astype(np.float32),
        labels=np.full(frames, label, np.int64),
        phase=np.linspace(0, 1, frames, dtype=np.float32),
        repetition=np.full(frames, repetition, np.int64),
        onset_mask=np.arange(frames) == 0,
        near_miss=np.full(frames, BACKGROUND, np.int64),
    )


def join(first: LabelledMotion, second: LabelledMotion, body: RecordedBody, rng: np.random.Generator) -> LabelledMotion:
    """Continue a motion by another where its feet are and about where it faces; in between is a short transition."""
    following = _continue_from(first.joints_m, second.joints_m, rng)
    between = _transition(first.joints_m[-1], following[0], body)
    blend = background_motion(between, name=first.name, subject=first.subject)
    return concatenate((first, blend, replace(second, joints_m=following)))


def _continue_from(before_m: Floats, after_m: Floats, rng: np.random.Generator) -> Floats:
    """Turn and move a motion so that it goes on where another ends. Heights stay."""
    turn = heading(before_m)[-1] - heading(after_m)[0] + rng.normal(0, _TURN_RAD)
    feet = after_m[0, ANKLES].mean(0) * np.array([1, 0, 1], np.float32)
    turned = (after_m - feet) @ turn_left(np.array([turn]))[0].T
    place = before_m[-1, ANKLES].mean(0) * np.array([1, 0, 1], np.float32)
    moved: Floats = (turned + place).astype(np.float32)
    return moved


def _transition(last: Floats, first: Floats, body: RecordedBody) -> Floats:
    """Move from one pose, (25, 3), to another in the time that the farthest joint needs. Returns (T, 25, 3)."""
    distance = float(np.linalg.norm(first - last, axis=-1).max())
    frames = int(np.clip(distance / _JOINT_M_PER_FRAME, *_TRANSITION_FRAMES))
    ease = np.linspace(0, 1, frames + 2, dtype=np.float32)[1:-1, None, None]
    ease = ease * ease * (3 - 2 * ease)
    mixed = last * (1 - ease) + first * ease
    root = mixed[:, HIPS].mean(1, keepdims=True)
    posed = mixed - root
    # A mean of two directions is shorter than both.
    lengths = [float(np.linalg.norm(p[SHOULDERS].mean(0) - p[HIPS].mean(0))) for p in (last, first)]
    wanted = lengths[0] * (1 - ease[:, 0, 0]) + lengths[1] * ease[:, 0, 0]
    posed[:, TRUNK] *= (wanted / np.maximum(np.linalg.norm(posed[:, SHOULDERS].mean(1), axis=-1), 0.05))[:, None, None]
    return on_feet(with_limb_lengths((posed + root).astype(np.float32), body), mixed[:, FEET])
