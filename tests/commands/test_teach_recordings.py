"""`hitrs-live teach record`, `quiet`, `wrong` and `missed` on recordings: what a user sees, and what is saved."""

import re
from pathlib import Path

import numpy as np
import pytest
from shown_joints import FIRST_NS, raises, write_recording
from taught_joints import raised_arm

from hitrs_live.cli import main
from hitrs_live.data.labelled_motion import background_motion, write_motions
from hitrs_live.messages import ActionEvent
from hitrs_live.teaching.examples import read_corrections, read_examples, read_quiet, save_example

STARTS = (100, 210, 320, 430, 540)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody raises the right arm five times. The action is reported once, as event 0."""
    event = ActionEvent(
        source_id="room", capture_time_ns=FIRST_NS + round(5e9), state="end", label="raise", score=0.9, track_id=1,
        onset_time_ns=FIRST_NS + round(100 / 30 * 1e9), end_time_ns=FIRST_NS + round(145 / 30 * 1e9),
        detection_delay_s=0.5, window_start_ns=0, window_end_ns=0,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("recordings") / "raise.mcap"
    return write_recording(path, raises(STARTS, frames=680), events=[event])


def run(*arguments: object) -> int:
    return main(["teach", *map(str, arguments)])


def test_record_saves_every_repetition_of_a_recording(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("record", "raise", "--from", recording, "--folder", tmp_path, "--person", "anna") == 0
    examples = read_examples(tmp_path, "raise")
    assert len(examples) == 5
    assert {(one.person, one.origin) for one in examples} == {("anna", "raise.mcap")}
    lengths = [one.end - one.start for one in examples]
    assert all(30 <= length <= 75 for length in lengths)
    shown = capsys.readouterr().out
    assert len(re.findall(r"^\d: [\d.]+ s, [\d.]+ s long, \d+ % like the others$", shown, re.MULTILINE)) == 5
    assert "5 examples saved" in shown


def test_record_reads_labelled_joints_sequence_by_sequence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    motions = [
        background_motion(raises(STARTS, frames=680), name="first", subject="a"),
        background_motion(raises((), frames=300), name="second", subject="b"),
    ]
    write_motions(tmp_path / "clips.npz", motions, ("background",), {})
    assert run("record", "raise", "--from", tmp_path / "clips.npz", "--folder", tmp_path / "actions") == 0
    assert len(read_examples(tmp_path / "actions", "raise")) == 5
    assert "left out: clips.npz, second: " in capsys.readouterr().out


def test_quiet_saves_the_joints_of_recordings(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("quiet", "--from", recording, "--folder", tmp_path, "--person", "ben") == 0
    assert "0.4 minutes of people" in capsys.readouterr().out
    (saved,) = read_quiet(tmp_path)
    assert len(saved.joints_m) == pytest.approx(680, abs=2)
    assert (saved.person, saved.origin) == ("ben", "raise.mcap")


def test_wrong_makes_a_correction_of_a_reported_action(recording: Path, tmp_path: Path) -> None:
    save_example(tmp_path, raised_arm(np.random.default_rng(0)))
    assert run("wrong", 0, "--from", recording, "--folder", tmp_path) == 0
    (correction,) = read_corrections(tmp_path, "raise")
    assert (correction.start, correction.end) == (pytest.approx(90, abs=2), pytest.approx(135, abs=2))
    assert len(read_examples(tmp_path, "raise")) == 1


def test_missed_finds_the_movement_around_a_time(recording: Path, tmp_path: Path) -> None:
    assert run("missed", "raise", "--at", 11.3, "--from", recording, "--folder", tmp_path) == 0
    (example,) = read_examples(tmp_path, "raise")
    assert 30 <= example.end - example.start <= 75


def test_missed_takes_an_interval_as_it_is(recording: Path, tmp_path: Path) -> None:
    assert run("missed", "raise", "--at", "10.5-12", "--from", recording, "--folder", tmp_path) == 0
    (example,) = read_examples(tmp_path, "raise")
    assert example.end - example.start == 45
