"""The benchmark of the published CMU protocol: how it combines the reports of several seeds."""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
from cmu_miniature import write_cmu_miniature

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "studies" / "motion_protocol.py"
PUBLISHED = {"walking": {"model": "made", "mm": [10.0] * 6}, "soccer": {"model": "made", "mm": [20.0] * 6}}


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


def report(walking: list[float], soccer: list[float]) -> dict[str, Any]:
    mm = {"walking": walking, "soccer": soccer}
    still = {"walking": [40.0] * 6, "soccer": [50.0] * 6}
    return {
        "columns_ms": [80, 160, 320, 400, 560, 1000],
        "frames": [2, 4, 8, 10, 14, 25],
        "windows": {"walking": 1, "soccer": 1},
        "per_action": mm,
        "per_action_all_joints": mm,
        "zero_velocity": still,
        "zero_velocity_all_joints": still,
        "published_all_joints": PUBLISHED,
    }


def test_mean_and_spread_over_seeds_are_those_counted_by_hand(script: dict[str, Any]) -> None:
    seeds = [report([value] * 6, [20.0] * 6) for value in (8.0, 9.0, 10.0)]
    figures = script["compare"](seeds, report([7.5] * 6, [18.0] * 6))
    walking = figures["all_joints"]["walking"]
    assert walking["mean"] == [9.0] * 6
    assert walking["spread"] == [1.0] * 6
    assert walking["seeds"] == [[8.0] * 6, [9.0] * 6, [10.0] * 6]
    assert walking["together"] == [7.5] * 6
    assert walking["zero_velocity"] == [40.0] * 6


def test_an_action_is_better_only_where_every_column_to_400_ms_is(script: dict[str, Any]) -> None:
    late = [9.9, 9.9, 9.9, 9.9, 30.0, 30.0]
    once_worse = [10.0, 10.0, 10.0, 20.9, 1.0, 1.0]
    figures = script["compare"]([report(late, once_worse)], report([11.0] * 6, [10.0] * 6))
    compared = script["compare_row"](figures, "mean")
    assert compared["better_at_every_column"] == ["walking"]
    assert compared["better_on_average"] == ["walking", "soccer"]
    assert compared["within_5_percent_at_every_column"] == ["walking", "soccer"]
    assert compared["of_published_to_400_ms"]["walking"] == [0.99] * 4
    together = script["compare_row"](figures, "together")
    assert together["within_5_percent_at_every_column"] == ["soccer"]


def test_training_files_that_are_not_there_are_counted_by_action(script: dict[str, Any]) -> None:
    counted = script["missing"]({"walking": 5, "directing_traffic": 2}, ["walking", "washwindow"])
    assert counted == {"directing_traffic": 3, "washwindow": 5}


@pytest.mark.slow
def test_the_script_trains_measures_and_writes_and_does_nothing_twice(
    script: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out = tmp_path / "data", tmp_path / "out.json"
    (data / "measure").mkdir(parents=True)
    write_cmu_miniature(data / "measure" / "cmu_motion.npz")
    flags = ["--work", str(tmp_path / "work"), "--seeds", "1", "--steps", "1", "--json", str(out)]
    monkeypatch.setenv("HITRS_DATA", str(data))
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *flags])
    for _ in range(2):
        script["main"]()
    figures = json.loads(out.read_text())
    assert set(figures["all_joints"]) == {"walking", "jumping"}
    assert figures["all_joints"]["walking"]["seeds"] == [figures["all_joints"]["walking"]["together"]]
    assert len(figures["commands"]) == 3
    assert str(data) not in " ".join(figures["commands"])
    assert (tmp_path / "work" / "log.txt").read_text().count("wrote ") == 1
