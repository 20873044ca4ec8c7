"""Limits of the mean of a count, exact."""

import math

import pytest

from hitrs_live.poisson import poisson_interval, poisson_upper_limit


def test_the_bound_of_no_alarm_is_three_and_of_some_it_is_poissons() -> None:
    assert poisson_upper_limit(0) == pytest.approx(-math.log(0.05))
    for count in (1, 4, 30):
        mean = poisson_upper_limit(count)
        at_most = sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(count + 1))
        assert at_most == pytest.approx(0.05, abs=1e-6)


def test_the_interval_of_a_count_is_garwoods() -> None:
    # From the table of Garwood (Biometrika 1936), 95 %.
    for count, low, high in ((0, 0.0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (20, 12.217, 30.888)):
        assert poisson_interval(count) == pytest.approx((low, high), abs=2e-3)
