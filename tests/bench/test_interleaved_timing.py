"""Functions are timed in turns, each by its own clock, and the first turn does not count."""

from collections.abc import Callable, Iterator
from functools import partial

import torch

from hitrs_live.bench.interleaved_timing import in_turns, timed


def stepping_clock(step_ms: float) -> Callable[[], int]:
    """Make a clock that advances by a fixed step at every reading."""
    readings = (round(number * step_ms * 1e6) for number in range(100))
    return partial(next, readings)


def test_a_function_is_timed_by_its_own_clock_and_without_gradients() -> None:
    modes = []
    run = timed(lambda: modes.append(torch.is_inference_mode_enabled()), stepping_clock(2.5))
    assert [run(), run()] == [2.5, 2.5]
    assert modes == [True, True]
    assert not torch.is_inference_mode_enabled()


def test_everything_runs_once_as_a_warm_up_and_then_in_turns() -> None:
    ran: list[str] = []

    def slower(name: str, took_ms: Iterator[float]) -> float:
        ran.append(name)
        return next(took_ms)

    timings = {name: partial(slower, name, iter(took)) for name, took in (("a", [90, 1, 2]), ("b", [70, 3, 4]))}
    assert in_turns(timings, turns=2) == {"a": [1, 2], "b": [3, 4]}
    assert ran == ["a", "b"] * 3
