"""Classes that may occur in a source of training motion although it does not label them.

Recordings of exercises do not say whether a person scratched the head in between, so that teaches nothing of waving.
But no one did a push-up in them unseen: of such classes every frame is a negative, and real people are the best ones.
"""

from collections.abc import Mapping
from typing import Final

_STRIKES: Final = frozenset(
    f"{name}_{side}" for name in ("punch", "hook", "uppercut") for side in ("left", "right")
) | {"back_fist", "elbow_strike"}  # fmt: skip
_ARMS: Final = _STRIKES | {
    "clap", "wave", "raise_hand", "point", "cross_arms", "put_on_shelf", "carry", "push", "pull", "drink",
    "phone_to_ear", "read_phone", "type", "wipe", "sweep", "throw", "catch", "front_raise", "shoulder_press",
    "biceps_curl", "shoulder_abduction", "shoulder_extension", "shoulder_rotation", "shoulder_scaption", "arm_circle",
}  # fmt: skip
_STEPS: Final = frozenset({"walk", "step", "turn", "side_step", "march"})
_LEANS: Final = frozenset({"bow", "hip_hinge", "pick_up", "side_bend", "twist", "toe_touch"})
_STANDING: Final = _ARMS | _STEPS
"""What people do who stand in front of a camera and wait for their turn."""
_GYMNASTICS: Final = frozenset(
    {
        "push_up", "plank", "mountain_climber", "burpee", "sit_up", "glute_bridge", "crawl", "jumping_jack",
        "biceps_curl", "shoulder_press",
    }
)  # fmt: skip
"""What neither dancers nor boxers nor actors do."""

_NEVER: Final[Mapping[str, frozenset[str]]] = dict.fromkeys(
    ("cmu_bvh_01_14", "cmu_amc_01_03", "cmu_amc_more", "cmu_bvh_more", "composed"), _GYMNASTICS
)
"""By source: the classes that do not occur in it unless it labels them. Everything else may."""
_ONLY: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(("precog16", "ui_prmd_kinect", "mars_kinect", "cmu_signals", "labanotation_gestures"), _STANDING),
    "cmu_mocap6": _STANDING | _LEANS,
    "gestures": _STANDING,
    "recombined": _STANDING | _LEANS | {"kneel", "stand_to_sit", "leg_raise_side", "leg_raise_back", "high_knees"},
    "near_misses": _STANDING | _LEANS | {"kneel", "stand_to_sit", "leg_raise_side", "leg_raise_back", "calf_raise"},
}
"""By source: the classes that may occur in it without a label. No other does."""


NEVER_UNLABELLED: Final = frozenset({"fall_forward", "fall_backward", "fall_side"})
"""Classes that occur in no background of any recording: no one fell."""


def may_occur_unlabelled(source: str, name: str) -> bool:
    """Say whether a class may occur in a source without its label. Of an unknown source, all classes may."""
    if source in _ONLY:
        return name in _ONLY[source]
    return name not in _NEVER.get(source, frozenset())
