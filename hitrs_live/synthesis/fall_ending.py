"""Let a synthetic stream end in a simulated fall, or in a stumble that is recovered."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ, LabelledMotion, concatenate
from hitrs_live.errors import DataError
from hitrs_live.synthesis.smoothing import ease

Floats = NDArray[np.floating]

START_FRAMES: Final = 75
"""Frames of the stream that the simulation is given: the event happens among them."""
_TRIES: Final = 3
_BLEND_FRAMES: Final = RATE_HZ // 2
_STUMBLE_SHARE: Final = 0.25


def end_with_fall(motion: LabelledMotion, numbers: Mapping[str, int], rng: np.random.Generator) -> LabelledMotion:
    """Replace the end of a motion by a fall that takes over from it.

    numbers: of the classes fall_forward, fall_backward, fall_side, stumble and lie; those that are missing become
    background.
    Returns the motion unchanged where no plausible fall starts there. Raises ConfigError where MuJoCo is missing.
    """
    # MuJoCo is an optional dependency.
    from hitrs_live.synthesis.falls.outcome import FALLS, STUMBLE
    from hitrs_live.synthesis.falls.simulator import simulate_fall

    classes = {name: numbers.get(name, 0) for name in (*FALLS, STUMBLE, "lie")}
    start = motion.joints_m[-START_FRAMES:]
    for _ in range(_TRIES):
        recover = rng.random() < _STUMBLE_SHARE
        try:
            fall = simulate_fall(start, rng, recover=recover, classes=classes, name="", subject=motion.subject)
        except DataError:
            continue
        return _joined(motion, fall)
    return motion


def _joined(motion: LabelledMotion, fall: LabelledMotion) -> LabelledMotion:
    """Cut the motion where the fall takes over, and blend the two bodies, which differ by centimetres."""
    start = motion.joints_m[-START_FRAMES:]
    first = int(np.argmin(np.abs(start - fall.joints_m[0]).mean((1, 2))))
    cut = len(motion) - START_FRAMES + first
    blend = min(_BLEND_FRAMES, START_FRAMES - first, len(fall))
    joints = fall.joints_m.copy()
    share = ease(blend)[:, None, None].astype(np.float32)
    joints[:blend] = start[first : first + blend] * (1 - share) + joints[:blend] * share
    return concatenate((motion.at(slice(cut)), replace(fall, joints_m=joints)))
