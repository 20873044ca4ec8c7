"""Leave out people of every data set, to measure on."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

_Item = TypeVar("_Item")


def split_people(
    views: Sequence[_Item], share: float, seed: int, *, person_of: Callable[[_Item], str]
) -> tuple[Sequence[_Item], Sequence[_Item]]:
    """Leave out a share of the people of every data set, at least one where a set has several.

    person_of: the person of a view, as "source:subject".
    """
    rng = np.random.default_rng(seed)
    left_out: set[str] = set()
    everyone = sorted({person_of(view) for view in views})
    for source in sorted({name.split(":")[0] for name in everyone}):
        people = [name for name in everyone if name.split(":")[0] == source]
        if len(people) > 1 and share > 0:
            left_out |= set(rng.permutation(people)[: max(1, round(share * len(people)))].tolist())
    return (
        [view for view in views if person_of(view) not in left_out],
        [view for view in views if person_of(view) in left_out],
    )
