"""Bouts are cut into their repetitions, and synthetic motions at their labels."""

from pathlib import Path

import numpy as np
import pytest
from posed_bodies import labelled, posed, swings

from hitrs_live.data.labelled_motion import write_motions
from hitrs_live.data.shipped_classes import LEFT_OUT_SUBJECTS
from hitrs_live.errors import DataError
from hitrs_live.evaluation.synthesis.repetitions import read_real, read_synthetic, synthetic_repetitions
from hitrs_live.evaluation.synthesis.segmentation import cycles_of, dominant_angle, find_cycles


def squats(count: int, frames: int = 60, rest: int = 20) -> np.ndarray:
    depth = swings(count, frames, rest)
    return posed(len(depth), squat_deg=110 * depth, lean_deg=25 * depth)


def test_squats_are_found_one_by_one_with_rests_left_out() -> None:
    cycles = find_cycles(squats(4))
    assert [cycle.peak for cycle in cycles] == pytest.approx([50, 130, 210, 290], abs=2)
    # A cosine has risen by an eighth of its height after a tenth of its length.
    assert [cycle.first for cycle in cycles] == pytest.approx([26, 106, 186, 266], abs=4)
    assert [cycle.last - cycle.first + 1 for cycle in cycles] == pytest.approx([47] * 4, abs=8)


def test_repetitions_without_rest_are_told_apart() -> None:
    assert len(find_cycles(squats(5, frames=40, rest=1))) == 5


def test_a_repetition_that_the_recording_cuts_off_is_left_out() -> None:
    joints = squats(3)
    assert len(find_cycles(joints[45:])) == 2
    assert len(find_cycles(joints[:-50])) == 2


def test_a_person_who_stands_repeats_nothing() -> None:
    assert find_cycles(posed(100, squat_deg=3 * np.sin(np.arange(100)))) == []


def test_the_angle_that_swings_furthest_dominates() -> None:
    course = swings(3, 50)
    assert dominant_angle(squats(3))[0] in ("knee_flexion", "hip_flexion", "hip_drop")
    name, found = dominant_angle(posed(len(course), side_deg=100 * course, lean_deg=10 * course))
    assert name == "shoulder_elevation"
    # A share of a large swing of 120 degrees; smoothing lowers the peak a little.
    assert found.max() == pytest.approx(100 / 120, abs=0.04)


def test_small_movements_between_repetitions_are_none() -> None:
    course = swings(2, 60)
    course[75:90] += 0.2 * np.sin(np.linspace(0, np.pi, 15))
    assert [cycle.peak for cycle in cycles_of(course, least_rise=0.4)] == pytest.approx([50, 130], abs=2)


def test_synthetic_repetitions_are_cut_at_their_labels_and_other_classes_are_left_out() -> None:
    classes = ("background", "squat", "recite", "walk")
    joints = squats(4)
    motion = labelled(joints, [(20, 80, 1), (80, 160, 1), (160, 200, 2), (200, 340, 3)])
    found = synthetic_repetitions([motion], classes)
    assert [(one.label, len(one)) for one in found] == [("squat", 60), ("squat", 80), *[("walk", 45)] * 3]
    np.testing.assert_array_equal(found[1].joints_m, motion.joints_m[80:160])


def test_a_folder_without_motion_or_without_shared_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no \.npz file; expected the folder that"):
        read_synthetic(tmp_path)
    write_motions(tmp_path / "a.npz", [labelled(squats(1), [(20, 80, 1)])], ("background", "recite"), {})
    with pytest.raises(DataError, match="no repetition of a class that real data has"):
        read_synthetic(tmp_path)


@pytest.mark.slow
def test_real_repetitions_are_those_of_training_people(data: Path) -> None:
    found = read_real(data)
    assert [one.name for one in found if one.subject in LEFT_OUT_SUBJECTS[one.source]] == []
    seconds = {label: [len(one) / 30 for one in found if one.label == label] for label in ("squat", "lunge", "twist")}
    for durations in seconds.values():
        assert 0.8 < np.median(durations) < 3
    assert len({one.label for one in found}) > 25
