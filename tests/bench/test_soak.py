"""The soak draws the same faults from the same seed, fits a drift with its error, and reports every broken promise."""

import re
import sys
from itertools import chain, islice
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from hitrs_live.files.picture_size import why_not_decodable

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak"


@pytest.fixture(autouse=True)
def _scripts_are_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the scripts where Python looks, as they are for `python benchmarks/soak/soak.py`."""
    monkeypatch.syspath_prepend(str(SOAK))
    monkeypatch.syspath_prepend(str(SOAK.parents[1] / "tests" / "faults"))


def _module(name: str) -> ModuleType:
    __import__(name)
    return sys.modules[name]


def test_the_same_seed_draws_the_same_faults_and_each_comes_before_one_comes_again() -> None:
    drawn, faults = _module("schedule").drawn, _module("faults").FAULTS
    first, again, other = (list(islice(drawn(faults, seed, 60.0), 2 * len(faults))) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    for part in (first[: len(faults)], first[len(faults) :]):
        assert {fault.name for _, fault in part} == {fault.name for fault in faults}
    assert all(30 <= pause_s <= 90 for pause_s, _ in first)


def test_a_drift_is_the_slope_of_the_medians_with_its_standard_error() -> None:
    drift = _module("measures").drift
    times_s = np.arange(0, 3600, 5.0)
    # 2 % of the mean an hour; a sample far off in each window changes no median.
    memory_mb = 100 * (1 + 0.02 * (times_s / 3600 - 0.5))
    memory_mb[::6] += 1000
    exact = drift(times_s, memory_mb, 30.0)
    assert exact.percent_per_hour == pytest.approx(2.0, abs=0.05)
    assert exact.standard_error < 0.05
    noisy = drift(times_s, 100 + np.random.default_rng(0).normal(0, 5, len(times_s)), 30.0)
    assert abs(noisy.percent_per_hour) < 3 * noisy.standard_error
    assert drift([0.0, 40.0], [100.0, 200.0], 30.0).standard_error == np.inf


def test_every_broken_promise_is_a_line_of_the_report() -> None:
    report = _module("report")
    injected = report.Injected(
        name="a fault", at_s=5.0, lasted_s=1.0, recovered_s=None, seen=("camera",), wanted=("peers",)
    )
    kept = report.Injected(name="another", at_s=9.0, lasted_s=1.0, recovered_s=1.0, seen=("peers",), wanted=("peers",))
    outcome = report.Outcome(seed=0, minutes=1.0, sources={}, injected=[injected, kept])
    outcome.events, outcome.exit_code = {"received": 9, "lost": 2, "repeated": 0, "out_of_order": 1, "gaps": 0}, 70
    assert report.report(outcome)["broken"] == [
        "it ended with code 70 after SIGTERM, expected 0",
        "the reliable subscriber has 2 lost, expected 0",
        "the reliable subscriber has 1 out of order, expected 0",
        "a fault at 5 s: not recovered within 60 s",
        "a fault at 5 s: none of peers was counted",
    ]


def test_a_hostile_picture_is_what_the_pipeline_refuses() -> None:
    cameras = _module("cameras")
    picture = next(cameras.jpegs(None))
    assert why_not_decodable(picture) is None
    assert "claims 30000 x 30000 pixels" in (why_not_decodable(cameras.spoilt(picture, cameras.Pictures.HUGE)) or "")


def test_every_reader_has_tests_with_random_input() -> None:
    for test in chain.from_iterable(_module("fuzz").READERS.values()):
        file, _, name = test.partition("::")
        text = (SOAK.parents[1] / file).read_text(encoding="utf-8")
        assert re.search(rf"^@given\((?:(?!\ndef ).)*\ndef {name}\(", text, re.MULTILINE | re.DOTALL), test
