"""Clips of real people are read as they were written, and what is unlike the format is refused by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hitrs_live.data.formats.real_clips import read_real_clips
from hitrs_live.errors import DataError


def write_clip(folder: Path, name: str = "hall", **changed: Any) -> None:
    """Write two frames with one person and one with two."""
    arrays: dict[str, Any] = {
        "landmarks": np.full((4, 33, 7), 0.5, np.float16), "frame": np.array([0, 1, 2, 2], np.int32), "frames": 3,
        "fps": 30.0, "width": 640, "height": 480,
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    np.savez(folder / f"{name}.npz", **{key: value for key, value in (arrays | changed).items() if value is not None})


def write_labels(folder: Path, name: str = "hall", **changed: Any) -> None:
    labels = {"intervals": [[0.01, 0.05, "squat"]], "near": ["jump"], "other": False, "view": "side"} | changed
    folder.mkdir(exist_ok=True)
    (folder / "labels.json").write_text(json.dumps({name: labels}))


def test_a_clip_has_its_landmarks_and_what_happens_in_it(tmp_path: Path) -> None:
    write_clip(tmp_path)
    write_labels(tmp_path)
    (clip,) = read_real_clips(tmp_path)
    assert (clip.name, clip.view, clip.near, clip.other) == ("hall", "side", {"jump"}, False)
    assert clip.landmarks.shape == (4, 33, 7)
    assert [(a.label, a.start_s, a.end_s) for a in clip.actions] == [("squat", 0.01, 0.05)]
    assert clip.labelled_s == pytest.approx(0.1)


def test_a_label_of_sitting_down_or_standing_up_is_either(tmp_path: Path) -> None:
    write_clip(tmp_path)
    write_labels(tmp_path, intervals=[[0.0, 0.02, "sit_to_stand"], [0.03, 0.05, "squat"]])
    (clip,) = read_real_clips(tmp_path)
    assert [action.classes for action in clip.actions] == [{"sit_to_stand", "stand_to_sit"}, {"squat"}]


def test_what_is_done_in_a_clip_without_an_interval_counts_neither_as_right_nor_as_false(tmp_path: Path) -> None:
    write_clip(tmp_path, name="be_pup")
    write_labels(tmp_path, name="be_pup", intervals=[], near=["jump"])
    assert read_real_clips(tmp_path)[0].near == {"jump", "push_up", "plank"}


def test_a_clip_of_which_the_beginning_is_labelled_counts_only_that(tmp_path: Path) -> None:
    write_clip(tmp_path)
    write_labels(tmp_path, labelled_until_s=0.06)
    assert read_real_clips(tmp_path)[0].labelled_s == 0.06


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"landmarks": np.zeros((4, 25, 7))}, r"expected \(N, 33, 7\)"),
        ({"landmarks": np.zeros((3, 33, 7))}, r"expected \(N, 33, 7\)"),
        ({"landmarks": np.full((4, 33, 7), np.nan)}, "not finite"),
        ({"landmarks": None}, "not a clip of landmarks"),
        ({"landmarks": np.array(["x"])}, "not a clip of landmarks"),
        ({"frame": np.array([0, 2, 1, 1])}, "out of order"),
        ({"frame": np.array([0, 1, 2, 3])}, "outside 0 to 2"),
        ({"frame": np.array([-1, 1, 2, 2])}, "outside 0 to 2"),
        ({"fps": 0.0}, "positive"),
        ({"fps": np.nan}, "positive"),
        ({"width": 0}, "positive"),
        ({"frames": 10**9}, "positive"),
    ],
)
def test_a_damaged_clip_is_refused_by_name(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    write_clip(tmp_path, **changed)
    write_labels(tmp_path)
    with pytest.raises(DataError, match=r"hall\.npz.*" + words):
        read_real_clips(tmp_path)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"view": "above"}, "not understood"),
        ({"intervals": [[2.0, 1.0, "squat"]]}, "expected an end after the start"),
        ({"intervals": [[-1.0, 1.0, "squat"]]}, "not understood"),
        ({"extra": 1}, "not understood"),
        ({"name": "../hall"}, "name of a file beside it"),
        ({"name": "attic"}, r"attic\.npz: not a clip"),
    ],
)
def test_damaged_labels_are_refused(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    write_clip(tmp_path)
    write_labels(tmp_path, **changed)
    with pytest.raises(DataError, match=words):
        read_real_clips(tmp_path)


def test_a_folder_without_labels_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="set HITRS_DATA or --data"):
        read_real_clips(tmp_path)
    (tmp_path / "labels.json").write_text("{}")
    with pytest.raises(DataError, match="names no clip"):
        read_real_clips(tmp_path)
