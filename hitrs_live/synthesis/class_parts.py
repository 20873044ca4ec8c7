"""List the parts of the body that define each class, and label a body whose legs and arms come from two recordings."""

from collections.abc import Mapping
from typing import Final, Literal

Part = Literal["legs", "arms", "trunk", "whole"]

BACKGROUND_NAME: Final = "background"
PARTS: Final[Mapping[str, Part]] = {
    "punch_right": "arms",
    "punch_left": "arms",
    "front_kick_right": "legs",
    "front_kick_left": "legs",
    "side_kick_right": "legs",
    "side_kick_left": "legs",
    "back_fist": "arms",
    "elbow_strike": "arms",
    "squat": "legs",
    "hurdle_step": "legs",
    "lunge": "legs",
    "side_lunge": "legs",
    "sit_to_stand": "legs",
    "leg_raise": "legs",
    "shoulder_abduction": "arms",
    "shoulder_extension": "arms",
    "shoulder_rotation": "arms",
    "shoulder_scaption": "arms",
    "walk": "legs",
    "run": "legs",
    "jump": "legs",
    "jumping_jack": "whole",
    "knee_raise": "legs",
    "arm_circle": "arms",
    "twist": "trunk",
    "toe_touch": "whole",
}
"""What the other parts do is free. A class that is not listed is taken to need the whole body."""

GAITS: Final = frozenset({"walk", "run"})
"""Classes that go on below an action of the arms."""


def part_of(name: str) -> Part | None:
    """Return the part that defines a class; None for background."""
    return None if name == BACKGROUND_NAME else PARTS.get(name, "whole")


def combined_class(legs: str, arms: str) -> str | None:
    """Name what a body does that has the legs and trunk of one class and the arms of another.

    An action of the arms prevails over walking, running and background: a punch while walking is a punch. None where
    both would be done at once (a punch in a squat), which no single label describes.
    """
    defining = part_of(legs)
    if defining == "whole":
        return BACKGROUND_NAME
    if part_of(arms) == "arms":
        return arms if defining is None or legs in GAITS else None
    return legs


def nearly(legs: str, arms: str) -> str:
    """Name the class that a combination is a near miss of, where `combined_class` gives background.

    Legs of a jumping jack under arms that hang are nearly a jumping jack; so are its arms over legs that stand.
    """
    if part_of(legs) == "whole":
        return legs
    return arms if part_of(arms) in ("legs", "trunk", "whole") and legs == BACKGROUND_NAME else BACKGROUND_NAME
