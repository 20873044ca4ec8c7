"""The reader of recordings: one sequence per tracked person, at one rate, with annotated labels."""

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from demo_recording import record_demo

from hitrs_live.errors import DataError
from hitrs_live.prepare.recordings import plan_recordings, read_labels
from hitrs_live.sources.demo.source import DemoSource

HEADING = "recording,track,start_s,end_s,label\n"


@pytest.mark.slow
def test_every_tracked_person_is_a_sequence_without_a_label(tmp_path: Path) -> None:
    plan = plan_recordings(record_demo(tmp_path / "hall.mcap", people=2), name="example", rate_hz=30.0)
    reading = plan.read(plan.files[0])
    assert [one.sample.name for one in reading.recorded] == ["hall/track-1", "hall/track-2"]
    assert (plan.index.labels, plan.index.background) == ((), None)
    shown = DemoSource("max", people=2).joints_m
    for one, figure in zip(reading.recorded, shown, strict=True):
        assert set(one.labels.tolist()) == {-1}
        assert len(one.joints) > 80, "all but the frames before a new track is confirmed"
        # The tracker smooths the distance; the movement around the root stays.
        got = one.joints - one.joints[:, :1]
        expected = (figure - figure[:, :1])[90 - len(got) : 90]
        assert np.linalg.norm(got - expected, axis=-1).mean() < 0.03


@pytest.mark.parametrize(("every", "rate_hz"), [(2, 30.0), (1, 15.0)])
def test_recordings_are_resampled_to_the_requested_rate(tmp_path: Path, every: int, rate_hz: float) -> None:
    plan = plan_recordings(record_demo(tmp_path / "a.mcap", every=every), name="example", rate_hz=rate_hz)
    (one,) = plan.read(plan.files[0]).recorded
    assert plan.index.rate_hz == rate_hz
    assert 2.6 < len(one.joints) / rate_hz < 3.0


def test_a_person_absent_for_long_starts_another_sequence(tmp_path: Path) -> None:
    path = record_demo(tmp_path / "a.mcap", frames=120, hidden=range(50, 70))
    plan = plan_recordings(path, name="example", rate_hz=30.0)
    names = [one.sample.name for one in plan.read(path).recorded]
    assert names == ["a/track-1", "a/track-1#2"]


def test_labels_are_applied_by_time_and_the_rest_is_background(tmp_path: Path) -> None:
    record_demo(tmp_path / "hall.mcap")
    record_demo(tmp_path / "yard.mcap")
    labels = tmp_path / "labels.csv"
    labels.write_text(HEADING + "hall.mcap,,1.0,2.0,wave\nhall,track-9,0,3,sit\n")
    plan = plan_recordings(tmp_path, name="example", rate_hz=30.0, labels=labels)
    assert (plan.index.labels, plan.index.background) == (("background", "sit", "wave"), 0)
    hall, yard = (plan.read(path).recorded[0] for path in plan.files)
    assert set(yard.labels.tolist()) == {-1}
    assert set(hall.labels.tolist()) == {0, 2}
    assert (hall.labels == 2).sum() == 30
    late = 90 - len(hall.labels)
    assert np.flatnonzero(hall.labels == 2)[0] + late == 30


@pytest.mark.parametrize("track", ["1", "track-1"])
def test_a_track_is_named_as_in_messages_or_as_in_the_data_set(tmp_path: Path, track: str) -> None:
    path = record_demo(tmp_path / "hall.mcap")
    (tmp_path / "labels.csv").write_text(HEADING + f"hall,{track},1.0,2.0,wave\n")
    plan = plan_recordings(path, name="example", rate_hz=30.0, labels=tmp_path / "labels.csv")
    assert (plan.read(path).recorded[0].labels == 1).sum() == 30


def test_a_label_of_a_track_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    path = record_demo(tmp_path / "hall.mcap")
    (tmp_path / "labels.csv").write_text(HEADING + "hall,7,1.0,2.0,wave\n")
    plan = plan_recordings(path, name="example", rate_hz=30.0, labels=tmp_path / "labels.csv")
    assert "of track-7; the recording has track-1" in plan.read(path).findings.notes["hall.mcap"]


def test_nested_labels_of_a_recording_add_no_action_and_lose_none(tmp_path: Path) -> None:
    record_demo(tmp_path / "hall.mcap")
    lines = ["hall,,0.5,2.5,dance", "hall,,1.5,2.0,wave", "hall,,50,60,sit", "attic,,0,1,sit"]
    found = []
    for order in (lines, lines[::-1]):
        labels = tmp_path / "labels.csv"
        labels.write_text(HEADING + "\n".join(order) + "\n")
        plan = plan_recordings(tmp_path / "hall.mcap", name="example", rate_hz=30.0, labels=labels)
        reading = plan.read(plan.files[0])
        names = [plan.index.labels[label] if label >= 0 else "" for label in reading.recorded[0].labels]
        found.append([name for name, _ in groupby(names)])
        assert "1 labels overlapped by others" in reading.findings.notes["hall.mcap"]
        assert "1 labels without a frame, the first is sit 50 to 60 s" in reading.findings.notes["hall.mcap"]
        assert plan.left_out == {"--labels attic": "no recording of that name"}
    assert found[0] == found[1] == ["background", "dance", "wave", "", "background"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "columns"),
        ("a,b\n", "expected recording,track,start_s,end_s,label"),
        (HEADING, "no line after its heading"),
        (HEADING + "hall,,two,3,wave\n", "line 2: could not convert"),
        (HEADING + "hall,,1,2,wave\nhall,,3,2,wave\n", "line 3: got"),
        (HEADING + "hall,,1,nan,wave\n", "line 2: got"),
        (HEADING + "hall,,1,2,\n", "line 2: got"),
        (HEADING + "hall,1\n", "line 2: "),
        (HEADING + "hall,,1,2,wave,more\n", "line 2: "),
    ],
)
def test_damaged_labels_are_an_error_that_names_the_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=r"--labels .*labels\.csv") as caught:
        read_labels(tmp_path / "labels.csv")
    assert words in str(caught.value)


def test_labels_of_no_recording_and_paths_without_one_are_errors(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(HEADING + "attic,,1,2,wave\n")
    with pytest.raises(DataError, match="no recording in it"):
        plan_recordings(tmp_path, name="example", rate_hz=30.0)
    record_demo(tmp_path / "hall.mcap", frames=5)
    with pytest.raises(DataError, match="names attic, none of which"):
        plan_recordings(tmp_path, name="example", rate_hz=30.0, labels=tmp_path / "labels.csv")


def test_a_damaged_recording_is_a_data_error_and_a_cut_one_is_read_to_its_end(tmp_path: Path) -> None:
    path = record_demo(tmp_path / "hall.mcap", frames=300)
    plan = plan_recordings(path, name="example", rate_hz=30.0)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    reading = plan.read(path)
    assert reading.findings.notes == {"hall.mcap": "cut short; read to its last whole message"}
    path.write_bytes(content[:200] + b"\xff" * 50 + content[250:])
    with pytest.raises(DataError, match=r"hall\.mcap"):
        plan.read(path)
