"""Bodies that the pose network finds in furniture are left out; people are not."""

from dataclasses import replace

import numpy as np
import pytest

from hitrs_live.messages import People
from hitrs_live.skeleton import NTU25
from hitrs_live.tracking.person_check import PersonCheck, body_sizes_m

SIZE_M = 1.15


def people(frame: int, sizes_m: list[float], *, shift: float = 0.0, tracks: list[int] | None = None) -> People:
    """Upright bodies of these sizes at 30 Hz, each point of the picture moved by a share of its height."""
    rows = len(sizes_m)
    joints = np.zeros((rows, 25, 3), np.float32)
    for row, size_m in enumerate(sizes_m):
        joints[row, NTU25.index("spine_shoulder"), 1] = 0.4 * size_m
        for side in ("left", "right"):
            joints[row, NTU25.index(f"{side}_knee"), 1] = -0.3 * size_m
            joints[row, NTU25.index(f"{side}_ankle"), 1] = -0.6 * size_m
    keypoints = np.tile(np.linspace(0.2, 0.8, 33)[:, None], (rows, 1, 3)).astype(np.float32)
    keypoints[:, 0, 0] += shift * 0.6
    return People(
        capture_time_ns=round(frame / 30 * 1e9), track_ids=np.array(tracks or list(range(rows))),
        present=np.ones(rows, bool), joints_m=joints, confidence=np.ones((rows, 25), np.float32), keypoints=keypoints,
        keypoint_layout="mediapipe33",
    )  # fmt: skip


def accepted(check: PersonCheck, frames: int, size_m: float, *, noise_m: float = 0.0, first: int = 0) -> np.ndarray:
    """Which of the frames of one body are accepted. It moves an arm to and fro."""
    rng = np.random.default_rng(0)
    return np.array([
        check.step(
            people(index, [size_m + rng.normal(0, noise_m)], shift=0.3 * np.sin(index / 40))
        ).present[0]
        for index in range(first, first + frames)
    ])  # fmt: skip


def test_the_size_is_the_trunk_and_the_longer_leg() -> None:
    assert body_sizes_m(people(0, [1.2]).joints_m)[0] == pytest.approx(1.2)


def test_a_person_is_accepted_from_the_first_frame_on() -> None:
    check = PersonCheck(1)
    assert accepted(check, 300, SIZE_M, noise_m=0.04).all()
    assert check.rejected == 0


@pytest.mark.parametrize(("size_m", "noise_m"), [(0.75, 0.05), (1.1, 0.25)])
def test_a_small_or_changing_body_is_left_out_and_counted(size_m: float, noise_m: float) -> None:
    check = PersonCheck(1)
    found = accepted(check, 300, size_m, noise_m=noise_m)
    assert found[5:].mean() < 0.05
    assert check.rejected == np.count_nonzero(~found)


def test_who_has_been_a_person_for_a_while_stays_one() -> None:
    check = PersonCheck(1)
    assert accepted(check, 60, SIZE_M).all()
    # Bent over at the picture's edge, with guessed legs.
    assert accepted(check, 60, 1.1, noise_m=0.25, first=60).all()


def test_who_sits_at_a_desk_is_a_person_whatever_the_guessed_legs_are_like() -> None:
    check, legs = PersonCheck(1), [NTU25.index(f"{side}_ankle") for side in ("left", "right")]
    for index in range(100):
        one = people(index, [0.8], shift=0.3 * np.sin(index / 40))
        one.confidence[:, legs] = 0.1
        assert check.step(one).present[0]


def test_a_new_track_is_checked_anew() -> None:
    check = PersonCheck(1)
    assert accepted(check, 60, SIZE_M).all()
    found = [check.step(people(60 + index, [0.75], tracks=[7])).present[0] for index in range(10)]
    assert not any(found)


def test_a_body_that_never_moves_is_left_out_after_a_minute_and_accepted_when_it_moves() -> None:
    check = PersonCheck(1)
    rng = np.random.default_rng(1)
    still = [
        check.step(people(index, [SIZE_M], shift=float(rng.normal(0, 0.02)))).present[0] for index in range(30 * 70)
    ]  # fmt: skip
    assert all(still[: 30 * 60])
    assert not any(still[30 * 62 :])
    moving = [check.step(people(30 * 70 + index, [SIZE_M], shift=index / 100)).present[0] for index in range(60)]
    assert moving[-1]
    assert accepted(check, 30 * 90, SIZE_M, first=30 * 73).all(), "once it has moved it may stand still"


def test_rows_are_independent() -> None:
    check = PersonCheck(2)
    for index in range(50):
        both = check.step(people(index, [SIZE_M, 0.7], shift=0.3 * np.sin(index / 10)))
        np.testing.assert_array_equal(both.present, (True, False))


def test_bodies_without_a_picture_are_left_as_they_are() -> None:
    check = PersonCheck(1)
    joints_alone = replace(people(0, [0.6]), keypoints=None)
    for _ in range(20):
        assert check.step(joints_alone) is joints_alone


def test_one_picture_that_is_wrong_of_a_person_leaves_them_out_of_no_other() -> None:
    check = PersonCheck(1)
    sizes = [SIZE_M, SIZE_M, 0.77] + [SIZE_M] * 20
    found = [check.step(people(index, [size])).present[0] for index, size in enumerate(sizes)]
    assert found == [True] * len(sizes)
    check = PersonCheck(1)
    first_wrong = [check.step(people(index, [size])).present[0] for index, size in enumerate([0.77] + [SIZE_M] * 20)]
    assert first_wrong == [False] + [True] * 20


def test_who_walks_in_is_not_measured_while_the_edge_cuts_them() -> None:
    check = PersonCheck(1)
    for index in range(60):
        one = people(index, [0.6 + 0.01 * index], shift=0.3 * np.sin(index / 40))
        assert one.keypoints is not None
        one.keypoints[:, :, 1] += 0.4 if index < 55 else 0.0
        assert check.step(one).present[0]
