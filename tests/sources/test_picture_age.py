"""The age of pictures on arrival follows from the stream's own times, whatever its clock, once that is sure."""

from collections.abc import Iterable

import numpy as np
import pytest

from hitrs_live.sources.camera.picture_age import PictureAge

FAR_NS = 10**18
"""Clocks need not agree."""


def ages_s(pictures: Iterable[tuple[float, float]], age: PictureAge | None = None) -> list[float]:
    """Return the age of each picture. pictures: the stream's time and the time of arrival, seconds."""
    age = age or PictureAge()
    return [age.observe(FAR_NS + round(sent * 1e9), round(arrived * 1e9)) / 1e9 for sent, arrived in pictures]


def regular(seconds: float, rate: float = 1.0) -> list[tuple[float, float]]:
    """Pictures 20 times a second of a camera whose clock runs at a rate, over a network with some jitter."""
    random = np.random.default_rng(0)
    return [(index / 20 * rate, index / 20 + random.exponential(0.01)) for index in range(round(seconds * 20))]


@pytest.mark.parametrize("rate", [1.0, 0.995, 1.005])
def test_a_camera_that_delivers_in_time_is_never_late_for_a_day(rate: float) -> None:
    random = np.random.default_rng(1)
    minute = [(second * rate, second + random.exponential(0.01)) for second in np.arange(0, 86_400, 0.5)]
    assert max(ages_s(minute)) < 0.2


def test_pictures_that_wait_longer_and_longer_are_as_old_as_they_waited() -> None:
    begun = regular(20.0)
    # From then on nine tenths of the pictures of each second arrive in it.
    slow = [(20 + index / 20, 20 + index / 18) for index in range(200)]
    ages = ages_s([*begun, *slow])
    assert max(ages[: len(begun)]) < 0.1
    waited = np.array([arrived - sent for sent, arrived in slow])
    np.testing.assert_allclose(ages[len(begun) :], waited, atol=0.2)
    assert ages[-1] > 0.9


def test_after_a_stall_old_pictures_are_old_and_the_newest_one_is_not() -> None:
    begun = regular(20.0)
    # Five seconds of pictures come at once, then all is as before.
    late = [(20 + index / 20, 25.0) for index in range(100)]
    after = [(sent + 25, arrived + 25) for sent, arrived in regular(5.0)]
    ages = ages_s([*begun, *late, *after])
    assert ages[len(begun)] == pytest.approx(5.0, abs=0.1)
    assert max(ages[len(begun) + len(late) :]) < 0.1


@pytest.mark.parametrize("rate", [0.5, 0.97, 1.03, 1000.0, 0.0])
def test_times_that_do_not_run_as_a_clock_make_no_picture_old(rate: float) -> None:
    assert max(ages_s(regular(60.0, rate))) == 0.0


def test_a_clock_that_is_set_makes_no_picture_old() -> None:
    begun = regular(20.0)
    for step in (-3600.0, -0.7, 3600.0):
        after = [(sent + 20 + step, arrived + 20) for sent, arrived in regular(20.0)]
        assert max(ages_s([*begun, *after])) < 0.1


def test_a_stream_without_times_has_no_age() -> None:
    age = PictureAge()
    assert {age.observe(None, index * 10**8) for index in range(1000)} == {0}


def test_nothing_is_said_before_ten_seconds_have_shown_the_clock() -> None:
    pictures = [*regular(9.0), (9.0, 15.0)]
    assert max(ages_s(pictures)) == 0.0
