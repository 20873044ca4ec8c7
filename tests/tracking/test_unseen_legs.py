"""Legs that are not seen stand below their hips; what the rest of the body does stays."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from hitrs_live.messages import People
from hitrs_live.skeleton import MEDIAPIPE33, NTU25
from hitrs_live.synthesis.anthropometry import draw_body
from hitrs_live.synthesis.channels import standing
from hitrs_live.synthesis.kinematics import solve_pose
from hitrs_live.tracking.unseen_legs import LEGS, UnseenLegs, let_stand, standing_legs

BODY_M = solve_pose(standing(1), draw_body(np.random.default_rng(0)))[0].astype(np.float32)
OTHERS = [joint for joint in range(25) if joint not in LEGS]
OF_LEGS = [number for number, name in enumerate(NTU25.joints) if name.endswith(("knee", "ankle"))]
ROWS = 2


def people(
    seconds: float, confidence: float, *, joints_m: np.ndarray = BODY_M, track_id: int = 3, ankle_y: float | None = None
) -> People:
    """One person in the first of two rows; confidence: of knees and ankles; ankle_y: place in the picture."""
    certain = np.ones((ROWS, 25), np.float32)
    certain[0, OF_LEGS] = confidence
    keypoints = None
    if ankle_y is not None:
        keypoints = np.full((ROWS, len(MEDIAPIPE33), 3), 0.5, np.float32)
        keypoints[0, [MEDIAPIPE33.points.index(f"{side}_ankle") for side in ("left", "right")], 1] = ankle_y
    return People(
        capture_time_ns=round(seconds * 1e9), track_ids=np.array([track_id, -1]), present=np.array([True, False]),
        joints_m=np.stack((joints_m, np.full((25, 3), np.nan, np.float32))), confidence=certain, keypoints=keypoints,
        keypoint_layout="mediapipe33" if keypoints is not None else None,
    )  # fmt: skip


def seen(frames: Iterator[People] | list[People]) -> list[float]:
    legs = UnseenLegs(ROWS)
    return [float(legs.observe(frame)[0]) for frame in frames]


def test_standing_legs_are_those_of_a_body_that_stands() -> None:
    assert np.linalg.norm(standing_legs(BODY_M) - BODY_M[list(LEGS)], axis=-1).max() < 0.2


@pytest.mark.parametrize("turn_deg", [0, 90, 180, 250])
def test_feet_point_where_the_body_faces(turn_deg: float) -> None:
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = np.array(((cos, 0, sin), (0, 1, 0), (-sin, 0, cos)), np.float32)
    turned = standing_legs(BODY_M @ turn.T)
    np.testing.assert_allclose(turned, standing_legs(BODY_M) @ turn.T, atol=1e-4)


def test_legs_that_were_never_seen_stand_from_the_first_frame_on() -> None:
    frame = people(0.0, 0.1)
    changed = let_stand(frame, UnseenLegs(ROWS).observe(frame))
    np.testing.assert_allclose(changed.joints_m[0, list(LEGS)], standing_legs(BODY_M), atol=1e-6)
    np.testing.assert_array_equal(changed.joints_m[0, OTHERS], frame.joints_m[0, OTHERS])
    assert not changed.confidence[0, list(LEGS)].any()
    assert (changed.confidence[0, OTHERS] == 1).all()


def test_legs_that_are_seen_stay_and_the_given_people_are_not_changed() -> None:
    frame = people(0.0, 0.9)
    assert let_stand(frame, UnseenLegs(ROWS).observe(frame)) is frame
    unseen = people(0.0, 0.1)
    let_stand(unseen, UnseenLegs(ROWS).observe(unseen))
    np.testing.assert_array_equal(unseen.joints_m[0], BODY_M)


def test_a_moment_in_which_the_legs_are_not_seen_changes_nothing() -> None:
    assert min(seen([people(n / 30, 0.1 if 30 <= n < 34 else 1.0) for n in range(60)])) == 1.0


def test_legs_are_lost_within_a_second_and_trusted_again_more_slowly() -> None:
    lost = seen([people(n / 30, 1.0 if n < 30 else 0.0) for n in range(60)])
    assert lost[29] == 1.0
    assert lost[-1] == 0.0
    regained = seen([people(n / 30, 0.0 if n < 30 else 1.0) for n in range(120)])
    assert regained[30 + 8] == 0.0
    assert regained[-1] == 1.0
    assert all(0 <= later - earlier < 0.2 for earlier, later in itertools.pairwise(regained))


def test_the_rate_of_the_camera_does_not_matter() -> None:
    slow = seen([people(n / 10, 1.0 if n < 10 else 0.0) for n in range(16)])
    fast = seen([people(n / 60, 1.0 if n < 60 else 0.0) for n in range(96)])
    assert slow[-1] == pytest.approx(fast[5 * 18], abs=0.25)


def test_ankles_below_the_picture_count_as_not_seen_however_sure_the_network_is() -> None:
    assert seen([people(0.0, 0.6, ankle_y=0.9)]) == [1.0]
    assert seen([people(0.0, 0.6, ankle_y=1.1)])[0] == pytest.approx(0.0, abs=1e-6)


def test_another_person_in_the_row_has_a_beginning_of_their_own() -> None:
    assert seen([people(0.0, 0.0), people(1 / 30, 1.0, track_id=4)])[-1] == 1.0


def test_one_leg_that_hides_the_other_is_enough() -> None:
    frame = people(0.0, 0.9)
    frame.confidence[0, [number for number in OF_LEGS if NTU25.joints[number].startswith("left")]] = 0.0
    assert UnseenLegs(ROWS).observe(frame)[0] == 1.0


def test_legs_of_a_body_that_lies_do_not_stand() -> None:
    lying_m = BODY_M[:, [1, 0, 2]] * np.array((1, -1, 1), np.float32)
    frame = people(0.0, 0.0, joints_m=lying_m)
    np.testing.assert_array_equal(let_stand(frame, UnseenLegs(ROWS).observe(frame)).joints_m[0], lying_m)


def test_rows_without_a_person_stay_empty() -> None:
    frame = people(0.0, 0.0)
    changed = let_stand(frame, UnseenLegs(ROWS).observe(frame))
    assert np.isnan(changed.joints_m[1]).all()
    assert (changed.confidence[1] == 1).all()
