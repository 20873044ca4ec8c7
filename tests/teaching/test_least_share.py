"""The least share that few repetitions leave possible."""

import math

import pytest

from hitrs_live.teaching.least_share import least_share


@pytest.mark.parametrize(("found", "of"), [(1, 3), (4, 5), (5, 5), (9, 10), (200, 300)])
def test_a_share_at_the_limit_would_give_as_much_as_was_found_in_one_of_twenty_cases(found: int, of: int) -> None:
    least = least_share(found, of)
    # Wilson (1927): the limit from which what was found is 1.645 standard deviations away.
    assert (found / of - least) / math.sqrt(least * (1 - least) / of) == pytest.approx(1.644854, rel=1e-5)


def test_nothing_found_or_nothing_measured_leaves_any_share_possible() -> None:
    assert least_share(0, 5) == pytest.approx(0.0, abs=1e-12)
    assert least_share(0, 0) == 0.0
