from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hitrs_live.pose import lifting
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.lifting import MAX_DEPTH_M, MIN_DEPTH_M, locate
from hitrs_live.skeleton import MEDIAPIPE33, MEDIAPIPE33_JOINTS, NTU25

LENS = Intrinsics.from_field_of_view(60, width=640, height=480)
SURE = np.ones((1, 33))
lift = partial(lifting.lift, layout=MEDIAPIPE33)


def standing_body() -> NDArray[np.float64]:
    """A standing person who faces the camera: x right, y down, z away, metres about the hips."""
    heights = {"eye": -0.62, "ear": -0.6, "shoulder": -0.5, "elbow": -0.2, "wrist": 0.05, "hip": 0.0, "knee": 0.4,
               "ankle": 0.8, "heel": 0.85, "index": 0.1, "pinky": 0.1, "thumb": 0.1, "mouth": -0.55}  # fmt: skip
    points = np.zeros((33, 3))
    for row, name in enumerate(MEDIAPIPE33_JOINTS):
        points[row, 1] = next((y for part, y in heights.items() if part in name), -0.6)
        points[row, 0] = (0.2 if "left" in name else -0.2 if "right" in name else 0.0) * (1 + row % 3 / 5)
        points[row, 2] = -0.1 if name in ("nose", "left_foot_index", "right_foot_index") else 0.02 * (row % 4)
    return points


def seen_at(body: NDArray[np.float64], place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Project a placed body: (33, 2) fractions of the picture."""
    placed = body + place
    pixels = placed[:, :2] / placed[:, 2:] * LENS.fx + (LENS.cx, LENS.cy)
    return pixels / (LENS.width, LENS.height)


@settings(deadline=None)
@given(st.floats(-1, 1), st.floats(-0.5, 0.5), st.floats(1.2, 8))
def test_a_body_is_placed_where_it_was_projected_from(x: float, y: float, z: float) -> None:
    place = np.array([x, y, z])
    located = locate(standing_body()[None], LENS.rays(seen_at(standing_body(), place))[None], SURE)
    np.testing.assert_allclose(located[0], place, atol=1e-6)


def test_one_badly_placed_landmark_hardly_moves_the_body() -> None:
    place = np.array([0.1, 0.0, 3.0])
    image = seen_at(standing_body(), place)
    image[15] += 0.4
    located = locate(standing_body()[None], LENS.rays(image)[None], SURE)
    assert np.abs(located[0] - place).max() < 0.1


def test_axes_are_left_up_and_away_and_a_left_hand_has_the_smaller_x() -> None:
    image = seen_at(standing_body(), np.array([0.0, 0.0, 3.0]))
    joints = lift(standing_body()[None], image[None], SURE, SURE, LENS)[0][0]
    name = NTU25.index
    assert joints[name("left_hand"), 0] < joints[name("right_hand"), 0]
    assert joints[name("left_shoulder"), 0] < joints[name("right_shoulder"), 0]
    assert joints[name("head"), 1] > joints[name("spine_base"), 1] > joints[name("left_ankle"), 1]
    assert joints[name("left_foot"), 2] < joints[name("left_ankle"), 2]
    assert joints[0, 2] == pytest.approx(3.0, abs=0.05)


def test_a_person_at_the_left_of_the_picture_has_positive_x() -> None:
    image = seen_at(standing_body(), np.array([-1.0, 0.0, 3.0]))
    joints = lift(standing_body()[None], image[None], SURE, SURE, LENS)[0][0]
    assert joints[0, 0] == pytest.approx(1.0, abs=0.1)


def test_people_are_lifted_independently_of_each_other() -> None:
    places = np.array([[0.5, 0.1, 2.0], [-0.7, 0.0, 4.0]])
    images = np.stack([seen_at(standing_body(), place) for place in places])
    both = lift(np.stack([standing_body()] * 2), images, SURE.repeat(2, 0), SURE.repeat(2, 0), LENS)[0]
    for one, image in zip(both, images, strict=True):
        np.testing.assert_allclose(one, lift(standing_body()[None], image[None], SURE, SURE, LENS)[0][0], atol=1e-6)


def test_confidence_is_that_of_the_landmarks_a_joint_is_made_of() -> None:
    visibility = SURE.copy()
    visibility[0, MEDIAPIPE33_JOINTS.index("left_hip")] = 0
    image = seen_at(standing_body(), np.array([0.0, 0.0, 3.0]))
    confidence = lift(standing_body()[None], image[None], visibility, SURE * 0.5, LENS)[1][0]
    assert confidence[NTU25.index("left_hip")] == 0
    assert confidence[NTU25.index("spine_base")] == pytest.approx(0.25)
    assert confidence[NTU25.index("right_hip")] == pytest.approx(0.5)


def test_half_a_body_out_of_the_picture_still_gets_a_plausible_place() -> None:
    image = seen_at(standing_body(), np.array([0.0, 0.4, 1.2]))
    visibility = np.where((image > 1).any(axis=1), 0.05, 1.0)[None]
    # What lies outside is a guess: here it is guessed at the lower edge.
    image = np.minimum(image, 1.02)
    joints = lift(standing_body()[None], image[None], visibility, SURE, LENS)[0][0]
    assert joints[0, 2] == pytest.approx(1.2, abs=0.25)


@pytest.mark.parametrize("image", [np.full((33, 2), 0.5), np.tile([[0.1, 3.0]], (33, 1))])
@pytest.mark.parametrize("certainty", [0.0, 1.0])
def test_degenerate_landmarks_give_finite_joints_within_reach(image: NDArray[np.float64], certainty: float) -> None:
    joints, confidence = lift(standing_body()[None], image[None], SURE * certainty, SURE, LENS)
    assert np.isfinite(joints).all()
    assert MIN_DEPTH_M - 1.5 <= joints[0, 0, 2] <= MAX_DEPTH_M + 1.5
    np.testing.assert_allclose(confidence, certainty)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_landmarks_give_finite_joints(seed: int) -> None:
    rng = np.random.default_rng(seed)
    joints, confidence = lift(
        rng.normal(size=(2, 33, 3)), rng.normal(size=(2, 33, 2)), rng.random((2, 33)), rng.random((2, 33)), LENS
    )
    assert np.isfinite(joints).all()
    assert ((confidence >= 0) & (confidence <= 1)).all()


def test_no_landmarks_give_no_joints() -> None:
    joints, confidence = lift(np.empty((0, 33, 3)), np.empty((0, 33, 2)), np.empty((0, 33)), np.empty((0, 33)), LENS)
    assert joints.shape == (0, 25, 3)
    assert confidence.shape == (0, 25)
