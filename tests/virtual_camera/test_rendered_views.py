"""Views are kept with their truth, become live joints again, and are read by the other tools."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from view_files import make_landmarks, make_view, write_archive

from hitrs_live.config import Config
from hitrs_live.data.array_format import load_archive
from hitrs_live.data.formats.real_clips import read_real_clips
from hitrs_live.errors import DataError
from hitrs_live.virtual_camera.views.rendered_sets import write_array_sets, write_clip_labels
from hitrs_live.virtual_camera.views.rendered_view import (
    find_person,
    lifted_joints,
    read_view,
    tracked_joints,
    true_fractions,
    write_view,
)


def test_a_view_is_read_as_it_was_written(tmp_path: Path) -> None:
    view = make_view(lost=(3,))
    write_view(tmp_path / "set.a.v0.npz", view)

    read = read_view(tmp_path / "set.a.v0.npz")

    np.testing.assert_array_equal(read.truth_m, view.truth_m)
    # Landmarks are kept in half precision, as those of real clips.
    np.testing.assert_allclose(read.landmarks, view.landmarks, atol=2e-3)
    np.testing.assert_array_equal(read.person, view.person)
    assert (read.name, read.subject, read.view, read.rate_hz) == ("set.a.v0", "p1", "front", 30.0)
    assert read.label_names == {0: "background", 1: "wave"}


def test_a_damaged_view_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 torn")

    with pytest.raises(DataError, match=r"torn\.npz: no rendered view .* run the same command again"):
        read_view(tmp_path / "torn.npz")


def test_perfect_landmarks_are_lifted_onto_the_truth() -> None:
    view = make_view()

    live = lifted_joints(view, Config())

    # The lens is the one that the live path assumes, and the person stands on the optical axis.
    assert np.linalg.norm(live.joints_m - view.truth_m, axis=-1).mean() < 0.03
    assert not live.lost_mask.any()


def test_frames_in_which_the_person_is_lost_are_interpolated() -> None:
    live = lifted_joints(make_view(lost=(10, 11, 12)), Config())

    whole = lifted_joints(make_view(), Config())
    assert live.lost_mask[10:13].all()
    assert (live.confidence[10:13] == 0).all()
    np.testing.assert_allclose(live.joints_m, whole.joints_m, atol=0.01)


@pytest.mark.parametrize("rate_hz", [15.0, 30.0])
def test_tracked_joints_are_at_30_hz_whatever_the_cameras_rate(rate_hz: float) -> None:
    view = make_view(frames=round(rate_hz), rate_hz=rate_hz)

    live = tracked_joints(view, Config())

    assert len(live.joints_m) == len(view.grid_labels["labels"]) == round((len(view) - 1) / rate_hz * 30) + 1
    # A newcomer is tracked from the second or third frame on.
    assert not live.lost_mask[3:].any()
    assert np.isfinite(live.joints_m).all()


def test_of_two_people_the_one_at_the_true_joints_is_taken() -> None:
    view = make_view(frames=1)
    away = view.landmarks + np.float32((0.3, 0, 0, 0, 0, 0, 0))
    true = true_fractions(view)[0]

    assert find_person(np.concatenate((away, view.landmarks)), true, 4 / 3) == 1
    assert find_person(away, true, 4 / 3) == -1
    assert find_person(view.landmarks[:0], true, 4 / 3) == -1


def test_a_person_seen_with_left_and_right_swapped_is_still_found() -> None:
    view = make_view(frames=1)
    mirrored = view.truth_m * (-1, 1, 1)

    assert find_person(make_landmarks(mirrored.astype(np.float32)), true_fractions(view)[0], 4 / 3) == 0


def test_rendered_sets_are_read_as_array_files_of_their_sources_name(tmp_path: Path) -> None:
    source = write_archive(tmp_path / "set.npz")
    for number in range(2):
        name = f"set.a.v{number}"
        write_view(tmp_path / "views" / f"{name}.npz", make_view(name=name))
    hardly = replace(make_view(name="set.a.v2"), landmarks=make_view().landmarks[:0], frame=np.empty(0, np.int64))
    write_view(tmp_path / "views" / "set.a.v2.npz", replace(hardly, person=np.full(30, -1)))

    written = write_array_sets(tmp_path / "views", tmp_path / "arrays", {"set": source}, Config())

    archive = load_archive(tmp_path / "arrays" / "set.npz")
    assert archive.names == ("a_v0", "a_v1")
    assert archive.lengths.tolist() == [30, 30]
    assert archive.labels.tolist() == [0] * 15 + [1] * 15 + [0] * 15 + [1] * 15
    assert archive.label_names == {0: "background", 1: "wave"}
    assert archive.meta["licence"] == "none"
    assert written[0].left_out == ("set.a.v2",)


def test_rendered_views_are_read_as_clips_with_intervals(tmp_path: Path) -> None:
    write_view(tmp_path / "set.a.v0.npz", make_view())
    write_clip_labels(tmp_path)

    (clip,) = read_real_clips(tmp_path)

    assert clip.frames == 30
    assert clip.view == "front"
    assert [(one.label, one.start_s, one.end_s) for one in clip.actions] == [("wave", 0.5, 1.0)]
    assert not clip.other
