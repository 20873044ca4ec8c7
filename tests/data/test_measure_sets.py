"""Measure-only data sets become streams in front of a camera, with known and unknown actions as intervals."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hitrs_live.data.array_format import IGNORE, LabelledSequence, load_archive
from hitrs_live.data.formats.real_clips import View
from hitrs_live.data.measure_sets import available_sets, labelled_stream, read_measure_set
from hitrs_live.data.reality_classes import MEASURE_SETS, UNLABELLED_ACTION, VIDEO_LABELS
from hitrs_live.data.shipped_classes import LABELS
from hitrs_live.errors import DataError
from hitrs_live.sources.demo.source import DemoSource

STANDING = DemoSource("max").joints_m[0][:1].astype(np.float32)


def clip(frames: int, rest: int) -> np.ndarray:
    """A person who stands, raises a hand by half a metre, and stands again. Returns (frames, 25, 3)."""
    joints = np.repeat(STANDING, frames, axis=0)
    joints[rest : frames - rest, 7, 1] += 0.5
    return joints


def write_set(folder: Path, name: str, clips: list[tuple[str, str, np.ndarray, Any]], **meta: Any) -> None:
    """Write clips (recording, subject, joints, labels of all frames or of each)."""
    (folder / "measure").mkdir(exist_ok=True)
    lengths = [len(joints) for _, _, joints, _ in clips]
    np.savez(
        folder / "measure" / f"{name}.npz",
        x=np.concatenate([joints for _, _, joints, _ in clips]).astype(np.float16),
        y=np.concatenate([np.broadcast_to(y, n) for n, (*_, y) in zip(lengths, clips, strict=True)]).astype(np.int16),
        length=np.array(lengths), subject=[subject for _, subject, _, _ in clips], seq=[seq for seq, *_ in clips],
        meta=json.dumps(meta),
    )  # fmt: skip


def test_clips_of_one_person_are_joined_with_standing_between_them(tmp_path: Path) -> None:
    labels = {"1": "jump", "2": "throw_a_ball", "3": "punch"}
    clips = [("b_02", "b", clip(60, 15), 2), ("a_01", "a", clip(60, 15), 1), ("b_03", "b", clip(60, 15), 3)]
    write_set(tmp_path, "kindergator", clips, labels=labels)
    first, second = read_measure_set(tmp_path, "kindergator")
    assert (first.name, second.name) == ("a", "b")
    # A lead of 30 frames, then a blended transition of 15, 30 of standing and 60 of the clip, for each.
    assert len(second.sequence.joints_m) == 30 + 2 * (15 + 30 + 60)
    assert second.labelled_s == pytest.approx(8.0)
    assert second.recorded_s == pytest.approx(4.0), "what was put in is no time in which false alarms are counted"
    throw, punch = second.actions
    # The action lasts only while the person moves: 15 frames after the clip's first, 30 frames long.
    assert (throw.start_s, throw.end_s) == pytest.approx(((30 + 45 + 15) / 30, (30 + 45 + 45) / 30))
    assert punch.start_s == pytest.approx((30 + 45 + 60 + 45 + 15) / 30)
    assert (throw.classes, punch.classes) == ({"throw"}, {"punch_left", "punch_right"})
    assert np.isfinite(second.sequence.joints_m).all()


def test_a_clip_of_its_own_begins_and_ends_with_standing(tmp_path: Path) -> None:
    write_set(tmp_path, "gtu_action3d", [("1_movement1", "unknown", clip(60, 15), 4)], labels={"4": "walking"})
    (stream,) = read_measure_set(tmp_path, "gtu_action3d")
    assert len(stream.sequence.joints_m) == 30 + 60 + 15
    (squat,) = stream.actions
    assert (squat.label, squat.start_s, squat.end_s) == ("squat", pytest.approx(1.0), pytest.approx(3.0))


def test_streams_at_twice_the_rate_lose_every_second_frame_and_keep_their_background(tmp_path: Path) -> None:
    labels = np.repeat([0, 6, 0, 1], 60)
    write_set(
        tmp_path, "utkinect_streams", [("s01_e01", "s01", clip(240, 0), labels)], labels={"1": "walk", "6": "throw"}
    )
    (stream,) = read_measure_set(tmp_path, "utkinect_streams")
    assert len(stream.sequence.joints_m) == 120
    assert [action.label for action in stream.actions] == [UNLABELLED_ACTION, "throw", UNLABELLED_ACTION, "walk"]
    # People walk to the next place without being labelled so.
    assert stream.actions[0].near == {"walk"}
    assert stream.actions[1].start_s == pytest.approx(1.0)


def test_what_is_not_known_is_left_out_and_one_recording_may_differ_from_its_name(tmp_path: Path) -> None:
    clips = [("14_06", "cmu14", clip(90, 0), 0), ("14_27", "cmu14", clip(60, 0), 8), ("14_30", "cmu14", clip(60, 0), 8)]
    write_set(tmp_path, "cmu_amc_14", clips, labels={"0": "unlabelled", "8": "sit"})
    mixed, rises, sits = read_measure_set(tmp_path, "cmu_amc_14")
    assert (mixed.actions, mixed.left_out, mixed.recorded_s) == ((), ((0.0, 3.0),), 0.0)
    assert [action.label for action in rises.actions] == ["sit_to_stand"]
    assert (sits.actions[0].label, sits.actions[0].near) == ("sit", {"sit_to_stand"})


def test_a_rate_that_is_no_multiple_is_refused(tmp_path: Path) -> None:
    write_set(tmp_path, "cmu_amc_14", [("14_02", "cmu14", clip(60, 0), 1)], labels={"1": "boxing"}, rate_hz=45)
    with pytest.raises(DataError, match=r"cmu_amc_14\.npz: 45 frames a second, expected a multiple of 30"):
        read_measure_set(tmp_path, "cmu_amc_14")


def test_frames_with_classes_become_intervals_and_unknown_ones_are_left_out() -> None:
    labels = np.array([0] * 30 + [2] * 15 + [IGNORE] * 15 + [1] * 30)
    sequence = LabelledSequence(
        name="rendered", subject="p9", joints_m=clip(90, 0), labels=labels, valid_mask=np.ones(25, bool)
    )
    stream = labelled_stream(sequence, ("background", "squat", "jump"))
    assert [(a.label, a.start_s, a.end_s) for a in stream.actions] == [("jump", 1.0, 1.5), ("squat", 2.0, 3.0)]
    assert stream.left_out == ((1.5, 2.0),)
    assert stream.recorded_s == pytest.approx(2.5)


def test_no_class_of_the_maps_is_misspelt() -> None:
    for about in MEASURE_SETS.values():
        for meaning in [*about.classes.values(), *about.recordings.values()]:
            assert set(meaning.near) <= set(LABELS)
            assert not set(meaning.near) & set(meaning.right)
            # The label of either side is a class without its side.
            assert all(one.startswith(meaning.label) for one in meaning.right)
    for labels in VIDEO_LABELS.values():
        assert labels.near <= set(LABELS)
        assert {action.label for action in labels.actions} <= set(LABELS)
        assert labels.view in View.__args__  # type: ignore[attr-defined]


def test_every_name_of_the_data_folder_is_mapped(data: Path) -> None:
    sets = available_sets(data)
    if not sets:
        pytest.skip(f"needs the measure-only data sets, looked for in {data / 'measure'}")
    for name in sets:
        names = set(load_archive(data / "measure" / f"{name}.npz").label_names.values())
        assert names - set(MEASURE_SETS[name].classes) <= {"unlabelled"}
        assert set(MEASURE_SETS[name].classes) <= names
