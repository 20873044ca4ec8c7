"""Classes that one movement can show at once, and classes that are one under two names.

A detector of independent classes learns of each frame which actions are not done. Of classes that look alike for a
while that cannot be said: who bends the knees may be squatting or sitting down. Who rises again was squatting.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

SAME: Final[Mapping[str, str]] = {"lateral_raise": "shoulder_abduction"}
"""Classes that differ in nothing but how far a limb goes, by the name that is kept."""
_SIDES: Final = ("left", "right")
_ALIKE_AT_FIRST: Final = (
    ("squat", "stand_to_sit"),
    ("stand_to_sit", "lie_down"),
    ("punch_{side}", "hook_{side}", "uppercut_{side}"),
    ("front_kick_{side}", "roundhouse_kick_{side}"),
    ("side_kick_{side}", "roundhouse_kick_{side}"),
    ("bow", "toe_touch"),
    ("drink", "phone_to_ear"),
    ("shoulder_abduction", "jumping_jack"),
    ("burpee", "squat"),
    ("lunge", "side_lunge"),
    ("lunge", "step"),
)  # fmt: skip
"""Groups of classes that differ in how the movement goes on; `{side}` stands for either."""
_ALIKE: Final = (
    ("sit_to_stand", "get_up"),
    ("lie", "lie_down"),
    ("knee_raise", "march", "high_knees", "hurdle_step"),
    ("run", "high_knees"),
    ("walk", "march", "step", "turn", "side_step", "carry", "push", "pull"),
    ("bow", "hip_hinge", "pick_up"),
    ("hip_hinge", "toe_touch", "pick_up"),
    ("raise_hand", "wave", "point"),
    ("raise_hand", "shoulder_abduction", "shoulder_scaption", "front_raise"),
    ("wipe", "wave"),
    ("crawl", "mountain_climber"),
    ("push_up", "plank", "mountain_climber", "burpee"),
    ("burpee", "jump"),
    ("lunge", "kneel"),
    ("kneel", "step"),
    ("leg_raise_side", "leg_raise"),
)  # fmt: skip
"""Groups of classes of which one movement may show several from its beginning to its end."""


@dataclass(frozen=True, kw_only=True)
class SimilarClasses:
    """Which of K classes one movement may show, (K, K) each, symmetrical, False on the diagonal."""

    at_first: NDArray[np.bool_]
    still: NDArray[np.bool_]
    """Once the movement has gone on for so long that only those are left that it may show to its end."""

    @classmethod
    def among(cls, labels: Sequence[str]) -> "SimilarClasses":
        """Find the pairs among some classes; those of the groups that are not among them do not matter."""
        return cls(at_first=_mask(labels, (*_ALIKE_AT_FIRST, *_ALIKE)), still=_mask(labels, _ALIKE))


def named_alike(name: str) -> str:
    """Return the name that a class is kept under."""
    return SAME.get(name, name)


def _mask(labels: Sequence[str], groups: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
    mask = np.zeros((len(labels), len(labels)), np.bool_)
    for one, other in _pairs(groups):
        if one in labels and other in labels:
            first, second = labels.index(one), labels.index(other)
            mask[first, second] = mask[second, first] = True
    return mask


def _pairs(groups: Sequence[Sequence[str]]) -> Iterable[tuple[str, str]]:
    for group in groups:
        sides = _SIDES if any("{side}" in name for name in group) else ("",)
        for side in sides:
            yield from combinations([name.format(side=side) for name in group], 2)
