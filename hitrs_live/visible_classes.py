"""Which classes can be seen though a part of the body cannot: the legs behind a desk, an arm behind the body."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

WITHOUT_LEGS: Final = frozenset(
    {
        "punch_left", "punch_right", "hook_left", "hook_right", "uppercut_left", "uppercut_right", "back_fist",
        "elbow_strike", "shoulder_abduction", "shoulder_extension", "shoulder_rotation", "shoulder_scaption",
        "shoulder_press", "front_raise", "biceps_curl", "arm_circle", "twist", "side_bend", "wave", "raise_hand",
        "point", "clap", "cross_arms", "bow", "put_on_shelf", "push", "pull", "drink", "phone_to_ear", "read_phone",
        "type", "wipe", "throw", "catch",
    }
)  # fmt: skip
"""Classes that can be seen without the legs."""
WITHOUT_AN_ARM: Final = frozenset(
    {
        "squat", "lunge", "side_lunge", "sit_to_stand", "stand_to_sit", "hurdle_step", "leg_raise", "leg_raise_side",
        "leg_raise_back", "knee_raise", "calf_raise", "kneel", "walk", "run", "march", "step", "side_step", "turn",
        "high_knees", "jump", "front_kick_left", "front_kick_right", "side_kick_left", "side_kick_right",
        "roundhouse_kick_left", "roundhouse_kick_right", "bow", "hip_hinge", "lie", "lie_down", "get_up",
        "fall_forward", "fall_backward", "fall_side",
    }
)  # fmt: skip
"""Classes that can be seen without one of the arms."""


def needs_legs(labels: Sequence[str]) -> NDArray[np.bool_]:
    """Return, for each class by name, whether it is detected on people alone whose legs are seen. Returns (K,).

    Actions of the arms do without. A class of another name is taken to need the whole body, and so is one of the trunk
    alone: who leans forward at a desk does not bow.
    """
    return np.array([name not in WITHOUT_LEGS - WITHOUT_AN_ARM for name in labels])
