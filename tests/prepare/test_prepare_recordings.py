"""Recordings become sequences a person, at one rate, with the labels that somebody wrote down."""

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
def test_every_person_followed_is_a_sequence_without_a_label(tmp_path: Path) -> None:
    plan = plan_recordings(record_demo(tmp_path / "hall.mcap", people=2), name="made", rate_hz=30.0)
    reading = plan.read(plan.files[0])
    assert [one.sample.name for one in reading.recorded] == ["hall/track-1", "hall/track-2"]
    assert (plan.index.labels, plan.index.background) == ((), None)
    shown = DemoSource("max", people=2).joints_m
    for one, figure in zip(reading.recorded, shown, strict=True):
        assert set(one.labels.tolist()) == {-1}
        assert len(one.joints) > 80, "but for the frames in which a newcomer is not yet believed"
        # The tracker steadies the distance; what the figure does around its root stays.
        got = one.joints - one.joints[:, :1]
        expected = (figure - figure[:, :1])[90 - len(got) : 90]
        assert np.linalg.norm(got - expected, axis=-1).mean() < 0.03


@pytest.mark.parametrize(("every", "rate_hz"), [(2, 30.0), (1, 15.0)])
def test_recordings_are_brought_to_the_rate_asked_for(tmp_path: Path, every: int, rate_hz: float) -> None:
    plan = plan_recordings(record_demo(tmp_path / "a.mcap", every=every), name="made", rate_hz=rate_hz)
    (one,) = plan.read(plan.files[0]).recorded
    assert plan.index.rate_hz == rate_hz
    assert 2.6 < len(one.joints) / rate_hz < 3.0


def test_a_person_out_of_sight_for_long_begins_another_sequence(tmp_path: Path) -> None:
    path = record_demo(tmp_path / "a.mcap", frames=120, hidden=range(50, 70))
    plan = plan_recordings(path, name="made", rate_hz=30.0)
    names = [one.sample.name for one in plan.read(path).recorded]
    assert names == ["a/track-1", "a/track-1#2"]


def test_labels_are_read_by_time_and_the_rest_is_background(tmp_path: Path) -> None:
    record_demo(tmp_path / "hall.mcap")
    record_demo(tmp_path / "yard.mcap")
    labels = tmp_path / "labels.csv"
    labels.write_text(HEADING + "hall.mcap,,1.0,2.0,wave\nhall,track-9,0,3,sit\n")
    plan = plan_recordings(tmp_path, name="made", rate_hz=30.0, labels=labels)
    assert (plan.index.labels, plan.index.background) == (("background", "sit", "wave"), 0)
    hall, yard = (plan.read(path).recorded[0] for path in plan.files)
    assert set(yard.labels.tolist()) == {-1}
    assert set(hall.labels.tolist()) == {0, 2}
    assert (hall.labels == 2).sum() == 30
    late = 90 - len(hall.labels)
    assert np.flatnonzero(hall.labels == 2)[0] + late == 30


def test_nested_labels_of_a_recording_make_no_new_actions_and_none_vanishes(tmp_path: Path) -> None:
    record_demo(tmp_path / "hall.mcap")
    lines = ["hall,,0.5,2.5,dance", "hall,,1.5,2.0,wave", "hall,,50,60,sit", "attic,,0,1,sit"]
    found = []
    for order in (lines, lines[::-1]):
        labels = tmp_path / "labels.csv"
        labels.write_text(HEADING + "\n".join(order) + "\n")
        plan = plan_recordings(tmp_path / "hall.mcap", name="made", rate_hz=30.0, labels=labels)
        reading = plan.read(plan.files[0])
        names = [plan.index.labels[label] if label >= 0 else "" for label in reading.recorded[0].labels]
        found.append([name for name, _ in groupby(names)])
        assert "1 labels overlapped by others" in reading.findings.notes["hall.mcap"]
        assert (
            "1 labels in which nobody was followed, the first is sit 50 to 60 s" in reading.findings.notes["hall.mcap"]
        )
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
def test_broken_labels_are_named_by_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=r"--labels .*labels\.csv") as caught:
        read_labels(tmp_path / "labels.csv")
    assert words in str(caught.value)


def test_labels_that_speak_of_no_recording_and_paths_without_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(HEADING + "attic,,1,2,wave\n")
    with pytest.raises(DataError, match="no recording in it"):
        plan_recordings(tmp_path, name="made", rate_hz=30.0)
    record_demo(tmp_path / "hall.mcap", frames=5)
    with pytest.raises(DataError, match="speaks of attic, none of which"):
        plan_recordings(tmp_path, name="made", rate_hz=30.0, labels=tmp_path / "labels.csv")


def test_a_damaged_recording_is_a_data_error_and_a_cut_one_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = record_demo(tmp_path / "hall.mcap", frames=300)
    plan = plan_recordings(path, name="made", rate_hz=30.0)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    reading = plan.read(path)
    assert reading.findings.notes == {"hall.mcap": "cut short; read as far as it goes"}
    path.write_bytes(content[:200] + b"\xff" * 50 + content[250:])
    with pytest.raises(DataError, match=r"hall\.mcap"):
        plan.read(path)
