"""Repetitions of an unknown action are found by themselves, and nothing else."""

from itertools import pairwise

import numpy as np
import pytest
from shown_joints import confident, raises
from taught_joints import lift, standing

from hitrs_live.teaching.find_repetitions import find_repetitions, overlap

STARTS = (60, 180, 290, 400, 520)


def found_in(joints_m: np.ndarray, *, expected: int | None = None) -> list[tuple[int, int]]:
    return [(one.start, one.end) for one in find_repetitions(joints_m, confident(joints_m), expected=expected)]


def assert_are(found: list[tuple[int, int]], starts: tuple[int, ...], length: int, least: float = 0.6) -> None:
    assert len(found) == len(starts)
    for one, start in zip(found, starts, strict=True):
        assert overlap(one, (start, start + length)) >= least


@pytest.mark.parametrize("length", [30, 45, 90])
def test_repetitions_with_pauses_are_found_with_their_edges_whatever_their_tempo(length: int) -> None:
    assert_are(found_in(raises(STARTS, length=length, frames=660)), STARTS, length)


def test_repetitions_back_to_back_are_found_one_by_one() -> None:
    starts = tuple(range(60, 60 + 6 * 50, 50))
    assert_are(found_in(raises(starts, length=50, frames=420)), starts, 50)


def test_a_pose_that_is_held_belongs_to_its_repetition() -> None:
    joints_m = standing(900, np.random.default_rng(0))
    starts = (60, 260, 460, 660)
    raised = raises((0,), length=60, frames=60)[30] - standing(1, np.random.default_rng(1))[0]
    ramp = np.concatenate((np.linspace(0, 1, 20), np.ones(80), np.linspace(1, 0, 20)))
    for start in starts:
        joints_m[start : start + 120] += (ramp[:, None, None] * raised).astype(np.float32)
    assert_are(found_in(joints_m), starts, 120)


def test_another_movement_among_the_repetitions_is_left_out() -> None:
    joints_m = raises((200, 320, 430, 540), frames=760)
    lift(joints_m, "left", 40, 140, forward=True)
    lift(joints_m, "left", 660, 690, forward=True)
    assert_are(found_in(joints_m), (200, 320, 430, 540), 45)


def test_walking_up_to_the_camera_is_left_out() -> None:
    joints_m = raises((200, 320, 430, 540), frames=660)
    joints_m[:120] += np.linspace((0, 0, 3), (0, 0, 0), 120)[:, None].astype(np.float32)
    assert_are(found_in(joints_m), (200, 320, 430, 540), 45)


def test_repetitions_are_the_same_of_a_turned_larger_person_elsewhere() -> None:
    joints_m = raises(STARTS, frames=660)
    turn = np.array(((0.8, 0, 0.6), (0, 1, 0), (-0.6, 0, 0.8)), np.float32)
    moved = (1.2 * (joints_m - joints_m[:1, :1]) @ turn.T + (0.5, 1, 4)).astype(np.float32)
    assert_are(found_in(moved), STARTS, 45)


def test_those_like_each_other_have_a_likeness_near_1() -> None:
    joints_m = raises(STARTS, frames=660)
    assert all(one.likeness > 0.7 for one in find_repetitions(joints_m, confident(joints_m)))


@pytest.mark.parametrize("starts", [(), (200,)])
def test_standing_and_a_single_movement_are_no_repetitions(starts: tuple[int, ...]) -> None:
    assert not any(
        one.likeness > 0.7 for one in find_repetitions(raises(starts, frames=600), np.ones((600, 25), np.float32))
    )


@pytest.mark.parametrize("frames", [0, 1, 10, 30])
def test_a_recording_of_few_frames_has_no_repetitions(frames: int) -> None:
    joints_m = standing(frames, np.random.default_rng(0)) if frames else np.zeros((0, 25, 3), np.float32)
    assert not found_in(joints_m)


def test_spans_never_overlap_and_lie_within_the_recording() -> None:
    rng = np.random.default_rng(3)
    for seed in range(5):
        joints_m = raises(sorted(rng.integers(0, 550, 8).tolist()), frames=600, seed=seed)
        found = found_in(joints_m, expected=5)
        assert all(0 <= start < end <= 600 for start, end in found)
        # Two frames of a track, which edges may share.
        assert all(one[1] <= other[0] + 4 for one, other in pairwise(found))
