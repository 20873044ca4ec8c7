"""NTU RGB+D: names, splits, bodies, and what is broken, in made files and in real ones."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntu_miniature import FAULTS_EVERY, GAP, GAP_FRAMES, NEW_ID, NOISE, write_ntu_miniature

from hitrs_live.errors import DataError
from hitrs_live.prepare.ntu import plan_ntu, read_ntu
from hitrs_live.prepare.ntu_classes import ACTIONS
from hitrs_live.prepare.ntu_file_names import (
    SPLITS_60,
    SPLITS_120,
    TRAINING_SUBJECTS_60,
    TRAINING_SUBJECTS_120,
    parse_name,
    read_missing,
)
from hitrs_live.sources.ntu_format import parse_skeleton, write_skeleton


def test_the_classes_and_the_training_people_are_as_many_as_published() -> None:
    assert len(ACTIONS) == len(set(ACTIONS)) == 120
    assert (ACTIONS[0], ACTIONS[42], ACTIONS[59], ACTIONS[79]) == (
        "drink water", "falling", "walking apart from each other", "squat down",
    )  # fmt: skip
    assert (len(TRAINING_SUBJECTS_60), len(TRAINING_SUBJECTS_120)) == (20, 53)


@pytest.mark.parametrize(
    ("stem", "tests", "left_out"),
    [
        ("S001C001P001R001A001", {"xview60", "xset120"}, set()),
        ("S002C002P003R002A060", {"xsub60", "xsub120"}, set()),
        ("S018C003P045R001A061", set(), {"xsub60", "xview60"}),
        ("S019C001P106R002A120", {"xsub120", "xset120"}, {"xsub60", "xview60"}),
    ],
)
def test_splits_are_those_of_the_papers(stem: str, tests: set[str], left_out: set[str]) -> None:
    name = parse_name(stem)
    assert name is not None
    assert set(name.test_of(SPLITS_120)) == tests
    assert set(name.left_out_of(SPLITS_120)) == left_out


@given(st.text(max_size=30) | st.from_regex(r"S\d{3}C\d{3}P\d{3}R\d{3}A\d{3}", fullmatch=True))
def test_a_name_is_read_or_refused_whatever_it_is(stem: str) -> None:
    name = parse_name(stem)
    assert name is None or (1 <= name.action <= 120 and stem == (
        f"S{name.setup:03}C{name.camera:03}P{name.subject:03}R{name.repetition:03}A{name.action:03}"
    ))  # fmt: skip


def test_a_list_of_missing_skeletons_is_read_past_its_heading(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(
        "302 of the captured samples have missing skeletons.\n\nS001C002P005R002A008\nS001C002P006R001A008.skeleton \n"
    )
    assert read_missing(tmp_path / "list.txt") == {"S001C002P005R002A008", "S001C002P006R001A008"}
    (tmp_path / "other.txt").write_text("nothing of the kind")
    with pytest.raises(DataError, match=r"--missing .*other\.txt: no line is a name"):
        read_missing(tmp_path / "other.txt")


@pytest.mark.slow
def test_the_made_faults_are_seen_through(tmp_path: Path) -> None:
    paths = write_ntu_miniature(tmp_path, subjects=(1, 3), actions=(1, 4, 50), frames=32)
    readings = [read_ntu(path, splits=SPLITS_60) for path in paths]
    seen = set()
    for number, (path, reading) in enumerate(zip(paths, readings, strict=True)):
        (one,) = reading.recorded
        counts = reading.findings.counts
        people = 2 if path.stem.endswith("A050") else 1
        assert len(one.sample.bodies) == people
        assert {body.first_frame for body in one.sample.bodies} == {0}
        assert {body.frames for body in one.sample.bodies} == {counts["frames"]}, "gaps and new ids cut nobody short"
        assert set(one.labels.tolist()) == {int(path.stem[-3:]) - 1}
        fault = number % FAULTS_EVERY
        seen.add(fault)
        assert counts["frames filled"] == {GAP: GAP_FRAMES, NEW_ID: 1}.get(fault, 0)
        assert counts["tracks joined by motion"] == (fault == NEW_ID)
        assert counts["tracks dropped as furniture"] == (fault == NOISE)
    assert seen == set(range(FAULTS_EVERY))


def test_joints_are_those_of_the_file(tmp_path: Path) -> None:
    path = write_ntu_miniature(tmp_path, subjects=(1,), actions=(1, 2, 3, 4), cameras=(1,))[3]
    (one,) = read_ntu(path, splits=SPLITS_60).recorded
    np.testing.assert_array_equal(one.joints, [frame[0].joints_m for frame in parse_skeleton(path).frames])
    assert (one.sample.subject, one.sample.camera, one.sample.setup) == ("P001", "C001", "S001")


def test_a_file_in_which_nobody_is_tracked_is_left_out_by_name(tmp_path: Path) -> None:
    path = tmp_path / "S001C001P001R001A001.skeleton"
    write_skeleton(path, [[], [], []])
    reading = read_ntu(path, splits=SPLITS_60)
    assert reading.recorded == ()
    assert reading.findings.left_out == {path.name: "no body is tracked in it"}


def test_files_are_found_to_any_depth_in_the_order_of_their_names_and_missing_ones_left_out(tmp_path: Path) -> None:
    paths = write_ntu_miniature(tmp_path / "made", subjects=(1, 2), actions=(3,), cameras=(1,), frames=16)
    (tmp_path / "data" / "later").mkdir(parents=True)
    shutil.move(paths[0], tmp_path / "data" / "later")
    shutil.move(paths[1], tmp_path / "data")
    (tmp_path / "data" / "notes.skeleton").write_text("")
    plan = plan_ntu(tmp_path / "data", name="made")
    assert [path.stem for path in plan.files] == [path.stem for path in paths]
    assert (len(plan.index.labels), plan.index.splits) == (60, SPLITS_60)
    assert list(plan.left_out) == ["notes.skeleton"]
    (tmp_path / "missing.txt").write_text(paths[1].stem)
    plan = plan_ntu(tmp_path / "data", name="made", missing=tmp_path / "missing.txt")
    assert [path.stem for path in plan.files] == [paths[0].stem]
    assert plan.left_out[paths[1].name] == "on the list of missing skeletons"


def test_a_folder_with_a_later_action_has_the_classes_and_splits_of_120(tmp_path: Path) -> None:
    write_ntu_miniature(tmp_path, subjects=(1,), actions=(1, 61), cameras=(1,), frames=16)
    plan = plan_ntu(tmp_path, name="made")
    assert (len(plan.index.labels), plan.index.splits) == (120, SPLITS_120)


def test_the_same_sample_twice_and_a_folder_of_nothing_are_refused(tmp_path: Path) -> None:
    (path,) = write_ntu_miniature(tmp_path, subjects=(1,), actions=(1,), cameras=(1,), frames=16)
    (tmp_path / "copy").mkdir()
    shutil.copy(path, tmp_path / "copy")
    with pytest.raises(DataError, match="the same sample twice"):
        plan_ntu(tmp_path, name="made")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no \.skeleton file in it"):
        plan_ntu(tmp_path / "empty", name="made")


def test_the_same_arguments_write_the_same_miniature_and_actions_differ(tmp_path: Path) -> None:
    first, second = (
        write_ntu_miniature(tmp_path / name, subjects=(1,), actions=(1, 2), cameras=(2,), frames=24) for name in "ab"
    )
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    spans = [np.ptp(read_ntu(path, splits=()).recorded[0].joints, axis=0).max(axis=1) for path in first]
    assert np.abs(spans[0] - spans[1]).max() > 0.3, "metres: another joint does the moving"


def test_the_real_files_give_one_whole_body_each(data: Path) -> None:
    plan = plan_ntu(data / "ntu", name="real")
    assert len(plan.files) == 5
    for path in plan.files:
        (one,) = plan.read(path).recorded
        frames = parse_skeleton(path).frames
        assert [body.frames for body in one.sample.bodies] == [len(frames)]
        np.testing.assert_array_equal(one.joints, [frame[0].joints_m for frame in frames])
