import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitrs_live.tracking.assignment import assign


@settings(deadline=None)
@given(st.integers(0, 4), st.integers(0, 4), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_the_pairing_is_as_large_and_as_cheap_as_trying_every_one_finds(
    rows: int, columns: int, seed: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    cost, allowed = rng.normal(size=(rows, columns)), rng.random((rows, columns)) < share
    pairs = assign(cost, allowed)
    assert all(allowed[pair] for pair in pairs)
    assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
    possible = [(r, c) for r in range(rows) for c in range(columns) if allowed[r, c]]
    rivals = [
        chosen
        for count in range(min(rows, columns) + 1)
        for chosen in itertools.combinations(possible, count)
        if len({r for r, _ in chosen}) == len({c for _, c in chosen}) == count
    ]
    most = max(len(chosen) for chosen in rivals)
    best = min(sum(cost[pair] for pair in chosen) for chosen in rivals if len(chosen) == most)
    assert len(pairs) == most
    assert sum(cost[pair] for pair in pairs) == pytest.approx(best)


def test_matrices_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        assign(np.zeros((2, 3)), np.ones((3, 2), bool))
