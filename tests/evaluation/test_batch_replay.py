"""Files run many at a time get the same predictions as each alone; broken and unlabelled files are reported."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE_S
from replay_files import bench, make_detector, play, run, write_file

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.cli import main
from hitrs_live.config import Config
from hitrs_live.evaluation.batch_replay import FileScores, Replay, TrackedFile
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.prepare.ntu_classes import ACTIONS
from hitrs_live.sources.ntu_format import write_skeleton

pytestmark = pytest.mark.slow

LABELS = ("background", *ACTIONS[:6])


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_detector(tmp_path_factory.mktemp("detector") / "made.safetensors", LABELS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight files of like and unlike lengths, two of them of two people, one too short for any prediction."""
    place = tmp_path / "ntu"
    (place / "deeper").mkdir(parents=True)
    for number, frames in enumerate((40, 75, 22, 9, 60, 33, 51, 47), start=1):
        under = place / "deeper" if number == 5 else place
        write_file(
            under / f"S001C001P001R001A00{min(number, 6)}.skeleton" if number <= 6
            else under / f"S001C001P002R001A00{number - 4}.skeleton",
            number, frames, people=2 if number in (2, 6) else 1,
        )  # fmt: skip
    return place


@pytest.mark.parametrize("rows", [1, 3, 16])
def test_a_file_among_many_gets_the_predictions_that_it_gets_alone(folder: Path, detector: Path, rows: int) -> None:
    files = sorted(folder.rglob("*.skeleton"))
    together = run(detector, files, rows)
    assert [one.path for one in together] == files
    predictions = 0
    for file, one in zip(files, together, strict=True):
        (alone,) = run(detector, [file], 2)
        assert (one.people, one.predictions, one.detected) == (alone.people, alone.predictions, alone.detected)
        np.testing.assert_allclose(one.logits_sum, alone.logits_sum, atol=1e-4)
        predictions += one.predictions
    assert predictions > 30


def test_a_file_of_two_people_takes_two_rows_and_is_scored_by_both(folder: Path, detector: Path) -> None:
    file = folder / "S001C001P001R001A002.skeleton"
    tracked = play(file)
    assert len(tracked.people) == 2
    (both,) = run(detector, [file], 4)
    halves = [run_people(detector, replace(tracked, people=(person,))) for person in tracked.people]
    np.testing.assert_allclose(both.logits_sum, sum(half.logits_sum for half in halves), atol=1e-4)
    assert both.predictions == sum(half.predictions for half in halves) == 2 * halves[0].predictions


def run_people(detector: Path, file: TrackedFile) -> FileScores:
    checkpoint = load_checkpoint(detector)
    (scores,) = Replay(checkpoint, Config(), TorchEngine(checkpoint.model), rows=1).run([file])
    return scores


def test_the_report_counts_what_ran_and_how_long_it_took(
    folder: Path, detector: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = bench(capsys, folder, detector, "--rows", "4")
    assert (report["files"], report["people"], report["passed_over"]) == (8, 10, {})
    assert report["frames"] == 40 + 75 + 22 + 9 + 60 + 33 + 51 + 47
    assert report["judgements"] == sum(one["judgements"] for one in report["answers"].values())
    assert report["files_per_s"] == pytest.approx(8 / report["wall_s"], rel=0.02)
    assert report["times_real_time"] == pytest.approx(report["frames"] / 30 / report["wall_s"], rel=0.02)
    took = report["step_ms"]
    assert 0 < took["p50"] <= took["p90"] <= took["p99"] <= took["max"]
    assert sum(each["steps"] for each in report["histogram"]) == took["steps"]
    assert report["histogram"][0]["steps"]
    assert report["histogram"][-1]["steps"]
    assert all(a["to_ms"] == b["from_ms"] for a, b in zip(report["histogram"], report["histogram"][1:], strict=False))
    printed = capsys.readouterr().out
    assert "8 files, 337 frames, 10 people" in printed
    assert "times real time" in printed
    assert "█" in printed


def test_accuracy_is_of_the_files_whose_names_contain_a_known_action(
    folder: Path, detector: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_file(folder / "kitchen.skeleton", 1, 40)
    write_file(folder / "S001C001P001R001A050.skeleton", 1, 40)
    report = bench(capsys, folder, detector)
    answers = report["answers"]
    known = {path: one for path, one in answers.items() if one["action"] in LABELS}
    right = sum(one["answer"] == one["action"] for one in known.values())
    assert len(known) == 8
    assert report["accuracy"]["top1"] == pytest.approx(right / 8)
    assert report["accuracy"]["files"] == 8
    assert report["accuracy"]["of_other_actions"] == 2
    # Nine frames are no clip: the file has no prediction and counts as wrong.
    assert report["accuracy"]["without_an_answer"] == 1
    short = answers[str(folder / "S001C001P001R001A004.skeleton")]
    assert (short["answer"], short["judgements"]) == (None, 0)
    assert answers[str(folder / "kitchen.skeleton")]["action"] is None
    assert answers[str(folder / "kitchen.skeleton")]["answer"] in LABELS[1:]
    assert "of 8 files by the mean logit of all predictions" in capsys.readouterr().out


def test_names_without_an_action_are_run_and_no_accuracy_is_given(
    tmp_path: Path, detector: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ntu").mkdir()
    write_file(tmp_path / "ntu" / "hall.skeleton", 1, 40)
    report = bench(capsys, tmp_path / "ntu", detector)
    assert report["accuracy"] is None
    assert "no accuracy: no file's name contains its action" in capsys.readouterr().out


def test_a_detector_of_other_actions_is_not_compared_with_names(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = make_detector(tmp_path / "other.safetensors", ("background", "drink water", "squat"))
    report = bench(capsys, folder, other)
    assert report["accuracy"] is None
    assert "no accuracy: made knows other actions than those of NTU RGB+D, such as squat" in capsys.readouterr().out


def test_a_broken_file_is_named_and_skipped(folder: Path, detector: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = folder / "S001C001P009R001A001.skeleton"
    broken.write_text("12\n1\nnot a body\n")
    report = bench(capsys, folder, detector)
    assert list(report["passed_over"]) == [str(broken)]
    assert report["files"] == 8
    captured = capsys.readouterr()
    assert f"skipped: {broken}, line 3" in captured.err
    assert "8 files, 1 skipped" in captured.out


def test_a_file_without_people_is_run_and_has_no_prediction(
    tmp_path: Path, detector: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ntu").mkdir()
    write_skeleton(tmp_path / "ntu" / "S001C001P001R001A001.skeleton", [()] * 20)
    report = bench(capsys, tmp_path / "ntu", detector)
    assert (report["files"], report["people"], report["histogram"]) == (1, 0, [])
    assert report["accuracy"]["top1"] == 0.0


@pytest.mark.parametrize(
    ("content", "flags", "wrong"),
    [
        (None, (), "no .skeleton file in it; give a folder"),
        ("nonsense", (), "none of 1 files can be read; the first: "),
        ("", ("--rows", "0"), "--rows: got 0, expected at least 1"),
        ("", ("--precision", "fp8"), "fp8"),
        ("", ("--checkpoint", "nowhere.safetensors"), "nowhere.safetensors: cannot be read"),
    ],
)
def test_what_cannot_be_run_is_one_line_and_leaves_no_report(
    tmp_path: Path, detector: Path, capsys: pytest.CaptureFixture[str], content: str | None, flags: tuple[str, ...],
    wrong: str,
) -> None:  # fmt: skip
    place, report = tmp_path / "ntu", tmp_path / "report.json"
    place.mkdir()
    if content is not None:
        (place / "a.skeleton").write_text(content)
    chosen = () if "--checkpoint" in flags else ("--checkpoint", str(detector))
    assert main(["replay", "--bench", str(place), "--engine", "torch", "--json", str(report), *chosen, *flags]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("skipped: ")]
    assert len(lines) == 1
    assert wrong in lines[0]
    assert not report.exists()


def test_without_bench_it_points_to_the_live_replay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"hitrs-live live --replay {tmp_path}" in line


@pytest.mark.slow
def test_ctrl_c_ends_it_without_a_traceback_or_a_report(tmp_path: Path, detector: Path) -> None:
    for number in range(1, 60):
        write_file(tmp_path / f"S001C001P001R{number:03}A001.skeleton", 1, 300)
    (tmp_path / "S001C001P001R000A001.skeleton").write_text("broken")
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "hitrs_live.cli", "replay", "--bench", str(tmp_path), "--engine", "torch"]
    running = subprocess.Popen(
        [*command, "--checkpoint", str(detector), "--json", str(report)], stderr=subprocess.PIPE, text=True,
        stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert running.stderr is not None
    # The broken one comes first in the order of names: once it is named, files are being run.
    assert "skipped" in running.stderr.readline()
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130
    assert errors == ""
    assert not report.exists()


def test_real_files_get_alone_the_predictions_that_they_get_together(data: Path, detector: Path) -> None:
    files = sorted((data / "ntu").glob("*.skeleton"))
    together = run(detector, files, 5)
    for file, one in zip(files, together, strict=True):
        (alone,) = run(detector, [file], 1)
        assert (one.people, one.predictions, one.detected) == (alone.people, alone.predictions, alone.detected)
        assert one.people == 1
        assert one.predictions > 5
        np.testing.assert_allclose(one.logits_sum, alone.logits_sum, atol=1e-4)
