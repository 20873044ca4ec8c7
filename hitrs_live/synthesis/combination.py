"""Put the arms of one recording on the legs of another, both of one body."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.plausibility import beyond_support_m, inside_body_m
from hitrs_live.synthesis.recorded_body import (
    ARMS,
    HIPS,
    TRUNK,
    RecordedBody,
    heading,
    orthonormal,
    trunk_axes,
    turn_left,
    with_limb_lengths,
)

Floats = NDArray[np.float32]

_UPPER_TRUNK: Final = [joint for joint in TRUNK if joint not in HIPS and joint != NTU25.root]
_WAIST: Final = NTU25.index("spine_middle")
_SUPPORT_MARGIN_M: Final = 0.06
"""How far the centre of mass may be outside the feet: joints are not the edges of shoes."""
_INSIDE_MARGIN_M: Final = 0.03
_BAD_SHARE: Final = 0.1
"""Share of the frames that may fail a check, since recordings have errors."""


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How much of the upper recording's orientation is kept, from 0 to 1."""

    trunk: float
    """0: the trunk turns and leans with the legs' recording; 1: as in the arms' recording, in its own heading."""
    arms_upright: float
    """0: arms keep their angle to the trunk; 1: to the vertical, so that hanging arms hang when the trunk leans."""


def combine(legs_m: Floats, arms_m: Floats, shares: Shares, body: RecordedBody) -> Floats:
    """Put the arms, head and part of the trunk of one recording on the legs of another.

    Both are (T, 25, 3) and of the proportions of `body`. The trunk bends at the waist. Returns (T, 25, 3).
    """
    facing = turn_left(heading(legs_m) - heading(arms_m))
    arms_axes = trunk_axes(arms_m)
    axes = _between(trunk_axes(legs_m), facing @ arms_axes, shares.trunk)
    combined: Floats = legs_m.astype(np.float32)
    local = (arms_m[:, _UPPER_TRUNK] - arms_m[:, HIPS].mean(1, keepdims=True)) @ arms_axes
    combined[:, _UPPER_TRUNK] = local @ axes.transpose(0, 2, 1) + legs_m[:, HIPS].mean(1, keepdims=True)
    combined[:, _WAIST] = (combined[:, _WAIST] + legs_m[:, _WAIST]) / 2
    by_trunk = axes @ arms_axes.transpose(0, 2, 1)
    turn = _between(by_trunk, facing, shares.arms_upright)
    for joint in ARMS:
        parent = NTU25.parents[joint]
        bone = arms_m[:, joint] - arms_m[:, parent]
        combined[:, joint] = combined[:, parent] + (turn @ bone[..., None])[..., 0]
    return with_limb_lengths(combined, body)


def freeze(joints_m: Floats, part: str, body: RecordedBody) -> Floats:
    """Keep the arms or the legs as in the first frame while the rest moves on. joints_m: (T, 25, 3)."""
    first = np.repeat(joints_m[:1], len(joints_m), axis=0)
    if part == "arms":
        return combine(joints_m, first, Shares(trunk=0.0, arms_upright=0.0), body)
    return combine(first, joints_m, Shares(trunk=1.0, arms_upright=0.0), body)


def fault_of(joints_m: Floats, legs_m: Floats, arms_m: Floats) -> str | None:
    """Name what is not plausible about a combination: "balance" or "collision"; None where it is plausible.

    What the recordings themselves show is allowed: a person who sits on a chair is not above the feet, and hands may
    rest on the hips. joints_m, legs_m, arms_m: (T, 25, 3).
    """
    outside, allowed = beyond_support_m(joints_m), beyond_support_m(legs_m)
    checked = np.isfinite(outside)
    allowed = np.maximum(np.nan_to_num(allowed, nan=0.0), 0.0).astype(np.float32) + np.float32(_SUPPORT_MARGIN_M)
    if checked.any() and (outside[checked] > allowed[checked]).mean() > _BAD_SHARE:
        return "balance"
    if (inside_body_m(joints_m) > inside_body_m(arms_m) + _INSIDE_MARGIN_M).mean() > _BAD_SHARE:
        return "collision"
    return None


def _between(one: Floats, other: Floats, share: float) -> Floats:
    """Blend rotations (T, 3, 3): 0 is the first, 1 the other."""
    mixed = (1 - share) * one + share * other
    return orthonormal(mixed[..., 0], mixed[..., 1])
