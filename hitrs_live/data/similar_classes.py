"""Classes that one movement can show at once, and classes that are one under two names.

A detector of independent classes learns of each frame which actions are not done. Of classes that look alike for a
while that cannot be said: who bends the knees may be squatting or sitting down.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

SAME: Final[Mapping[str, str]] = {"lateral_raise": "shoulder_abduction"}
"""Classes that differ in nothing but how far a limb goes, by the name that is kept."""
_SIDES: Final = ("left", "right")
_ALIKE: Final = (
    ("squat", "sit_to_stand", "stand_to_sit"),
    ("sit_to_stand", "get_up"),
    ("stand_to_sit", "lie_down"),
    ("lie", "lie_down"),
    ("punch_{side}", "hook_{side}", "uppercut_{side}"),
    ("front_kick_{side}", "roundhouse_kick_{side}"),
    ("side_kick_{side}", "roundhouse_kick_{side}"),
    ("knee_raise", "march", "high_knees", "hurdle_step"),
    ("run", "high_knees"),
    ("walk", "march", "step", "turn", "side_step", "carry", "push", "pull"),
    ("bow", "hip_hinge", "toe_touch", "pick_up"),
    ("raise_hand", "wave", "point"),
    ("raise_hand", "shoulder_abduction", "shoulder_scaption", "front_raise"),
    ("shoulder_abduction", "jumping_jack"),
    ("wipe", "wave"),
    ("drink", "phone_to_ear"),
    ("crawl", "mountain_climber"),
    ("push_up", "plank", "mountain_climber", "burpee"),
    ("burpee", "jump"),
    ("burpee", "squat"),
    ("lunge", "kneel", "step"),
    ("lunge", "side_lunge"),
    ("leg_raise_side", "leg_raise"),
)  # fmt: skip
"""Groups of classes of which one movement may show several; `{side}` stands for either."""


def similar_mask(labels: Sequence[str]) -> NDArray[np.bool_]:
    """Return which classes may be done at once, (K, K), symmetrical, False on the diagonal.

    labels: the classes; those of the groups that are not among them do not matter.
    """
    mask = np.zeros((len(labels), len(labels)), np.bool_)
    for one, other in _pairs():
        if one in labels and other in labels:
            first, second = labels.index(one), labels.index(other)
            mask[first, second] = mask[second, first] = True
    return mask


def named_alike(name: str) -> str:
    """Return the name that a class is kept under."""
    return SAME.get(name, name)


def _pairs() -> Iterable[tuple[str, str]]:
    for group in _ALIKE:
        sides = _SIDES if any("{side}" in name for name in group) else ("",)
        for side in sides:
            yield from combinations([name.format(side=side) for name in group], 2)
