"""Lift feet that move, and move the body's place with its feet."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.synthesis.channels import INDEX, SIDES
from hitrs_live.synthesis.smoothing import smooth

Floats = NDArray[np.floating]

FOOT_Z: Final = [INDEX[f"{side}.foot.z"] for side in SIDES]
ADVANCING: Final = tuple(f"{side}.{name}" for side in SIDES for name in ("foot.z", "pin.floor.z"))
"""Channels that advance with the body's place."""
_MOVES = 0.05
"""Speed from which a foot is lifted, in lengths of the leg per second."""
_STEP_LIFT, _STEP_LENGTH = 0.075, 0.12
"""Height of a step's foot, reached by steps of about that length, in lengths of the leg."""
_SHORTEST_STEP = 0.012
"""What moves less may slide, in lengths of the leg."""
_OWN_LIFT = 0.015
"""A foot that is lifted higher than this has a height of its own."""
_OWN_CLEARANCE = 0.03
"""Height of such a foot while it begins and ends to move."""
_EARLY = 0.55
"""Power of the sine of a foot's height: small ones lift the foot before it moves."""


def world_feet(channels: Floats, leg_m: float, side: str) -> Floats:
    """Return where a foot stands in the room. channels: (T, C). Returns (T, 2): x and z in lengths of the leg."""
    sign = 1.0 if side == "left" else -1.0
    turn = np.radians(channels[:, INDEX["root.heading"]])
    x, z = sign * channels[:, INDEX[f"{side}.foot.x"]], channels[:, INDEX[f"{side}.foot.z"]]
    return np.stack(
        (
            channels[:, INDEX["root.x"]] / leg_m + x * np.cos(turn) + z * np.sin(turn),
            channels[:, INDEX["root.z"]] / leg_m - x * np.sin(turn) + z * np.cos(turn),
        ),
        axis=1,
    )


def lift_moving_feet(channels: Floats, leg_m: float) -> None:
    """Lift feet that move over the floor, in place: a standing foot does not slide. channels: (T, C).

    The foot leaves the floor before it moves, and comes down after. One that the motion lifts keeps its height.
    """
    for side in SIDES:
        place = world_feet(channels, leg_m, side)
        speed = np.linalg.norm(np.gradient(place, axis=0), axis=1) * RATE_HZ
        moves = (speed > _MOVES) & (channels[:, INDEX[f"{side}.leg.free"]] < 0.5)
        column = INDEX[f"{side}.foot.y"]
        lifts = np.zeros(len(channels), np.float32)
        for began, ended in _intervals(moves):
            length = np.linalg.norm(np.diff(place[began:ended], axis=0), axis=1).sum()
            own = channels[began:ended, column].max()
            if length < _SHORTEST_STEP:
                continue
            height = min(own, _OWN_CLEARANCE) if own > _OWN_LIFT else _STEP_LIFT * np.tanh(length / _STEP_LENGTH)
            share = (np.arange(ended - began) + 0.5) / (ended - began)
            lifts[began:ended] = height * np.sin(np.pi * share) ** _EARLY
        channels[:, column] = np.maximum(channels[:, column], smooth(lifts[:, None], 0.02)[:, 0])


def _intervals(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return where a mask is True, a frame more at both ends; gaps of three frames are closed."""
    change = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0]))))
    found: list[tuple[int, int]] = []
    for began, ended in zip(change[::2] - 1, change[1::2] + 1, strict=True):
        began, ended = max(int(began), 0), min(int(ended), len(mask))
        if found and began - found[-1][1] <= 1:
            found[-1] = (found[-1][0], ended)
        else:
            found.append((began, ended))
    return found


def move_place(channels: Floats, leg_m: float) -> None:
    """Move the body's place with its feet where they advance or go aside, in place. channels: (T, C)."""
    for root, pelvis, feet, hands, signs in (
        ("root.z", "pelvis.z", "foot.z", "pin.floor.z", (1, 1)),
        ("root.x", "pelvis.x", "foot.x", "pin.floor.x", (1, -1)),
    ):
        left, right = (sign * channels[:, INDEX[f"{side}.{feet}"]] for side, sign in zip(SIDES, signs, strict=True))
        mean = (left + right) / 2
        advance = mean - mean[0]
        if abs(advance[-1]) < 0.05:
            continue
        carried = smooth(advance[:, None], 0.3)[:, 0]
        channels[:, INDEX[root]] += carried * leg_m
        channels[:, INDEX[pelvis]] -= carried
        for side, sign in zip(SIDES, signs, strict=True):
            for name in (feet, hands):
                channels[:, INDEX[f"{side}.{name}"]] -= sign * carried


def turn_place(channels: Floats, degrees: float) -> None:
    """Turn the whole path of a body about the origin, in place. channels: (T, C); positive to the left."""
    x, z, turn = channels[:, INDEX["root.x"]].copy(), channels[:, INDEX["root.z"]].copy(), np.radians(degrees)
    channels[:, INDEX["root.x"]] = x * np.cos(turn) + z * np.sin(turn)
    channels[:, INDEX["root.z"]] = z * np.cos(turn) - x * np.sin(turn)
    channels[:, INDEX["root.heading"]] += degrees
