"""Recordings that cannot teach an action: one line that says what was found, what was expected and what to do."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from shown_joints import LEGS, raises, write_recording

from hitrs_live.cli import main
from hitrs_live.skeleton import NTU25

STARTS = (100, 210, 320, 430, 540)
ARMS = [NTU25.index(f"{side}_{part}") for side in ("left", "right") for part in ("elbow", "wrist", "hand")]


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run `teach` and return its one line of error."""
    assert main(["teach", *map(str, arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def write_beside(path: Path) -> Path:
    """Record two people beside each other."""
    return write_recording(path, raises(STARTS, frames=680), raises((), frames=680) + np.float32((1.2, 0, 0)))


UNUSABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "3 frames a second": (lambda path: write_recording(path, raises(STARTS, frames=680), every=10), "add light"),
    "two people": (write_beside, "step aside"),
    "arms not seen": (lambda path: write_recording(path, raises(STARTS, frames=680), unseen=ARMS), "step back"),
    "arms and legs not seen": (
        lambda path: write_recording(path, raises(STARTS, frames=680), unseen=[*ARMS, *LEGS]),
        "elbows not seen in most",
    ),
    "too short": (lambda path: write_recording(path, raises((), frames=40)), "record again"),
    "nothing moves": (lambda path: write_recording(path, np.repeat(raises((), frames=1), 300, axis=0)), "larger"),
    "no person": (lambda path: write_recording(path, *[]), "so that the camera sees you"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_an_unusable_recording_is_refused_with_the_way_out_and_saves_nothing(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write, way_out = UNUSABLE[kind]
    recording = write(tmp_path / "room.mcap")
    folder = tmp_path / "actions"
    assert way_out in refused(capsys, "record", "raise", "--from", recording, "--folder", folder)
    assert not folder.exists()
    assert recording.exists()


@pytest.mark.parametrize(
    ("arguments", "way_out"),
    [
        (("record", "raise", "--from", "absent.mcap"), "no such file"),
        (("record", "raise", "--camera", "987"), "camera"),
        (("quiet", "--from", "absent.mcap"), "no such file"),
        (("missed", "raise", "--at", "3", "--from", "absent.mcap"), "no such file"),
        (("wrong", "3", "--from", "absent.mcap"), "No such file"),
    ],
)
def test_a_source_that_is_not_there_is_one_line(
    arguments: tuple[str, ...], way_out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = tuple(str(tmp_path / one) if one.endswith(".mcap") else one for one in arguments)
    assert way_out in refused(capsys, *arguments, "--folder", tmp_path / "actions")
    assert not (tmp_path / "actions").exists()


def test_an_event_that_is_not_in_the_recording_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = write_recording(tmp_path / "room.mcap", raises((60,), frames=200))
    line = refused(capsys, "wrong", 3, "--from", recording, "--folder", tmp_path / "actions")
    assert "no event 3; it has no numbered action events" in line


def test_a_time_at_which_no_one_is_seen_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = write_recording(tmp_path / "room.mcap", raises((60,), frames=200))
    line = refused(capsys, "missed", "raise", "--at", 100, "--from", recording, "--folder", tmp_path / "actions")
    assert "0 people at 100 s, expected one; give another time" in line


@pytest.mark.parametrize("time", ["x", "-3", "5-3", "nan", "1-2-3"])
def test_a_time_that_is_none_is_refused_by_the_parser(
    time: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["teach", "missed", "raise", f"--at={time}", "--from", str(tmp_path / "room.mcap")])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
