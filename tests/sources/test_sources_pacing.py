"""Files are handed over at their own times, or as fast as they are taken."""

import threading
import time

import pytest
from patience import PATIENCE_S, ManualClock

from hitrs_live.sources.naming import name_source
from hitrs_live.sources.pacing import Pacer


def test_unpaced_times_are_the_files_own_and_nothing_is_waited_for() -> None:
    pacer = Pacer("max", time.monotonic_ns)
    pacer.start()
    assert pacer.capture_time_ns(5) == 5
    assert pacer.wait(10**15, 0.0)


def test_paced_times_lie_on_the_clock_and_are_waited_for() -> None:
    pacer = Pacer("real", time.monotonic_ns)
    begun_ns = time.monotonic_ns()
    pacer.start()
    assert pacer.wait(30_000_000, PATIENCE_S)
    assert time.monotonic_ns() >= pacer.capture_time_ns(30_000_000) >= begun_ns + 30_000_000


def test_an_item_is_not_due_before_its_time() -> None:
    clock = ManualClock(5)
    pacer = Pacer("real", clock)
    pacer.start()
    assert not pacer.wait(30_000_000, 0.001)
    clock.now_ns += 30_000_000 - 1
    assert not pacer.wait(30_000_000, 0.001)
    clock.now_ns += 1
    assert pacer.wait(30_000_000, 0.0)


def test_a_wait_ends_when_it_is_cancelled() -> None:
    pacer = Pacer("real", time.monotonic_ns)
    pacer.start()
    threading.Timer(0.05, pacer.cancel).start()
    assert not pacer.wait(3600 * 10**9, 3600.0)


def test_an_unknown_speed_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="real, max"):
        Pacer("fast", time.monotonic_ns)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "origin", "name"),
    [
        ("", "my film (2)", "my-film-2"),
        ("", "../..", "source"),
        ("", "x" * 90, "x" * 48),
        ("front_door-1", "whatever", "front_door-1"),
    ],
)
def test_a_source_gets_the_name_that_was_given_or_one_made_from_its_origin(given: str, origin: str, name: str) -> None:
    assert name_source(given, origin) == name
