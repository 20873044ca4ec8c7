"""Examples cut out of recordings: by intervals, from one person, or refused in one line with the way out."""

from pathlib import Path

import numpy as np
import pytest
from taught_joints import standing

from hitrs_live.cli import main
from hitrs_live.errors import DataError
from hitrs_live.teaching.add_examples import cut_examples, parse_intervals, read_intervals
from hitrs_live.teaching.examples import read_examples
from hitrs_live.teaching.recorded_people import RecordedPerson, read_people


def _person(name: str = "1", frames: int = 300, start_s: float = 0.0) -> RecordedPerson:
    joints_m = standing(frames, np.random.default_rng(1))
    return RecordedPerson(
        name=name, joints_m=joints_m, confidence=np.ones(joints_m.shape[:2], np.float32), start_s=start_s
    )


def test_intervals_are_read_from_the_command_line_and_from_csv(tmp_path: Path) -> None:
    assert parse_intervals("3.2-5.1,7-8.6") == [(3.2, 5.1), (7.0, 8.6)]
    (tmp_path / "a.csv").write_text("start_s,end_s\n3.2,5.1\n\n7,8.6,comment\n")
    assert read_intervals(tmp_path / "a.csv") == [(3.2, 5.1), (7.0, 8.6)]


@pytest.mark.parametrize("text", ["", "3", "5-3", "a-b", "1-2,", "-1-2", "nan-4"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected START-END"):
        parse_intervals(text)


def test_a_line_of_a_csv_file_that_is_no_interval_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2\n4,3\n")
    with pytest.raises(DataError, match="line 2"):
        read_intervals(tmp_path / "a.csv")


def test_an_example_has_the_joints_around_its_interval() -> None:
    (example,) = cut_examples([_person(start_s=1.0)], [(5.0, 6.5)], action="wave", origin="a", person="anna")
    assert (example.start, example.end, len(example.joints_m)) == (90, 135, 225)
    assert example.person == "anna"


def test_an_interval_with_nobody_or_with_two_people_is_refused_with_the_way_out() -> None:
    with pytest.raises(DataError, match="no one is seen throughout 9 to 12 s"):
        cut_examples([_person()], [(9.0, 12.0)], action="wave", origin="a")
    people = [_person("1"), _person("2")]
    with pytest.raises(DataError, match="--track one of 1, 2"):
        cut_examples(people, [(2.0, 3.0)], action="wave", origin="a")
    assert len(cut_examples(people, [(2.0, 3.0)], action="wave", origin="a", track="2")) == 1


def test_an_interval_that_is_too_short_is_refused() -> None:
    with pytest.raises(DataError, match=r"give one of 0\.2 s or more"):
        cut_examples([_person()], [(2.0, 2.1)], action="wave", origin="a")


def test_a_recording_gives_the_people_that_the_live_path_tracks(demo_recording: Path) -> None:
    (person,) = read_people(demo_recording)
    assert person.start_s == pytest.approx(0, abs=0.1)
    assert len(person.joints_m) > 200


def test_examples_are_added_and_listed_by_commands(
    demo_recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "actions")
    arguments = ["teach", "add", "wave", "--from", str(demo_recording), "--intervals", "1-2.5,3-4.4"]
    assert main([*arguments, "--folder", folder, "--person", "anna"]) == 0
    assert len(read_examples(Path(folder), "wave")) == 2
    assert main(["teach", "list", "--folder", folder]) == 0
    assert "wave: gesture, 2 examples of anna, 1.4 s each" in capsys.readouterr().out


def test_a_file_that_is_no_recording_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mcap").write_bytes(b"nothing")
    assert main(["teach", "add", "wave", "--from", str(tmp_path / "a.mcap"), "--intervals", "1-2"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("hitrs-live: ")
    assert error.count("\n") == 1
