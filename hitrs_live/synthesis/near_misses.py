"""Turn recordings of actions into near misses: half repetitions, shallow ones, a limb that does not take part."""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.interpolation import interpolate
from hitrs_live.synthesis.class_parts import GAITS, Part, part_of
from hitrs_live.synthesis.combination import freeze
from hitrs_live.synthesis.recorded_body import FEET, HIPS, SHOULDERS, TRUNK, RecordedBody, on_feet, with_limb_lengths

Floats = NDArray[np.float32]
Kind = Literal["half", "shallow", "frozen", "reversed"]

DEPTH: Final = (0.25, 0.55)
"""Share of the full change of pose that a half or shallow repetition reaches."""
_RETURNS: Final = 0.35
"""A repetition whose last pose differs from its first by no more than this share of its depth returns to its start."""
_HOLD_FRAMES: Final = 20
_LEAST_TURN: Final = 8
_FIRST_REPETITION: Final = 60
"""Frames of a bout of several repetitions in which the first reaches its depth."""


def has_near_miss(name: str) -> bool:
    """Tell whether a class has near misses. A gait has none: a short step is still a step."""
    return part_of(name) is not None and name not in GAITS


def kinds_of(name: str, joints_m: Floats) -> tuple[Kind, ...]:
    """List the near misses that a repetition of a class has. joints_m: (T, 25, 3).

    Played backwards, only a movement that does not return to where it
    began is another action; a squat played backwards is a squat.
    """
    if not has_near_miss(name):
        return ()
    depth = pose_change(joints_m)
    one_way = depth[-3:].mean() > _RETURNS * depth.max()
    frozen: tuple[Kind, ...] = () if part_of(name) == "trunk" else ("frozen",)
    return ("half", "shallow", *frozen, *(("reversed",) if one_way and len(joints_m) < _FIRST_REPETITION * 3 else ()))


def make_near_miss(joints_m: Floats, kind: Kind, part: Part, body: RecordedBody, rng: np.random.Generator) -> Floats:
    """Turn a repetition into a near miss. joints_m: (T, 25, 3), of the proportions of `body`. Returns (T', 25, 3)."""
    if kind == "half":
        return half_repetition(joints_m, rng)
    if kind == "shallow":
        return shallow_repetition(joints_m, float(rng.uniform(*DEPTH)), body)
    if kind == "reversed":
        return joints_m[::-1].copy()
    limb = ("arms", "legs")[rng.integers(2)] if part == "whole" else part
    return freeze(joints_m, limb, body)


def half_repetition(joints_m: Floats, rng: np.random.Generator) -> Floats:
    """Play a repetition to about half its depth and back the same way. joints_m: (T, 25, 3).

    A pause of up to two thirds of a second may follow at the turning point. The speed is about the recording's.
    """
    change = pose_change(joints_m[:_FIRST_REPETITION] if len(joints_m) > 3 * _FIRST_REPETITION else joints_m)
    wanted = rng.uniform(*DEPTH) * change.max()
    after = max(int(np.argmax(change >= wanted)), 1)
    turn = after - 1 + (wanted - change[after - 1]) / max(float(change[after] - change[after - 1]), 1e-6)
    frames = 2 * max(round(turn), _LEAST_TURN)
    there = turn * (1 - np.cos(np.linspace(0, np.pi, frames // 2 + 1))) / 2
    pause = np.full(int(rng.integers(0, _HOLD_FRAMES)), float(turn))
    return interpolate(joints_m, np.concatenate([there, pause, there[::-1]]))


def shallow_repetition(joints_m: Floats, depth: float, body: RecordedBody) -> Floats:
    """Scale how far every pose differs from the first. joints_m: (T, 25, 3); depth: share of the change at its peak.

    Bones are turned by a share of the way, chosen so that the joints move by the share asked for: hips sink with the
    square of the knees' angle.
    """
    change = pose_change(joints_m)
    two = joints_m[[0, int(change.argmax())]]
    shares = np.linspace(0.2, 0.95, 16)
    reached = np.array([pose_change(_part_way(two, float(share), body))[1] for share in shares])
    return _part_way(joints_m, float(shares[np.abs(reached - depth * change.max()).argmin()]), body)


def _part_way(joints_m: Floats, share: float, body: RecordedBody) -> Floats:
    """Turn every bone by a share of the way from the first pose. joints_m: (T, 25, 3)."""
    root = joints_m[:, HIPS].mean(1, keepdims=True)
    posed = joints_m - root
    mixed = posed[:1] + np.float32(share) * (posed - posed[:1])
    mixed[:, TRUNK] *= (_trunk_m(posed) / _trunk_m(mixed))[:, None, None]
    feet = joints_m[:, FEET]
    wanted = feet[:1] + np.float32(share) * (feet - feet[:1])
    return on_feet(with_limb_lengths((mixed + root).astype(np.float32), body), wanted)


def _trunk_m(posed: Floats) -> Floats:
    """Measure the trunk of poses whose hips' middle is at 0. posed: (T, 25, 3). Returns (T,)."""
    length: Floats = np.maximum(np.linalg.norm(posed[:, SHOULDERS].mean(1), axis=-1), 0.05)
    return length


def pose_change(joints_m: Floats) -> Floats:
    """Measure how far each pose is from the first, horizontal motion removed. joints_m: (T, 25, 3). Returns (T,), m."""
    centred = joints_m - joints_m[:, :1] * np.array([1, 0, 1], np.float32)
    change: Floats = np.sqrt(((centred - centred[:1]) ** 2).sum(-1).mean(-1))
    return change
