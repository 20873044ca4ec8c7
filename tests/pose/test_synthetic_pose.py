"""The drawn figure is detected where it was drawn, and nowhere else."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hitrs_live.messages import Frame, Pose
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.synthetic import SyntheticPoseEstimator, body_m, draw_person
from hitrs_live.skeleton import COCO17, NTU25

LENS = Intrinsics.from_field_of_view(60, width=640, height=480)
TO_CAMERA_AXES = (-1.0, -1.0, 1.0)
"""From x right, y down, z away to x left, y up, z away."""


def grey() -> NDArray[np.uint8]:
    return np.full((480, 640, 3), 127, np.uint8)


def find(picture: NDArray[np.uint8]) -> tuple[Pose, ...]:
    estimator = SyntheticPoseEstimator(LENS)
    estimator.open()
    people = estimator.step(Frame(index=0, capture_time_ns=0, received_ns=0, image=picture))
    assert people is not None
    return people.poses


@pytest.mark.parametrize("time_s", [0.0, 0.7, 2.0])
@pytest.mark.parametrize("hips_m", [(0.0, 0.1, 3.0), (0.3, 0.0, 4.0)])
def test_joints_are_where_the_figure_was_drawn(time_s: float, hips_m: tuple[float, float, float]) -> None:
    picture = grey()
    draw_person(picture, time_s, LENS, hips_m=hips_m)
    (pose,) = find(picture)
    drawn = (COCO17.weights @ (body_m(time_s) + hips_m)) * TO_CAMERA_AXES
    off = np.abs(pose.joints_m - drawn)
    # Markers lie on whole pixels, of 5 and 7 mm here, and the trunk of 92 or 69 pixels may be one too long or short.
    assert off[:, :2].max() < 0.03
    # That is up to 1.5 % of the distance; 2 degrees of tilt beside the picture's middle move the end of an arm too.
    assert off[:, 2].max() < 0.1


def test_the_left_arm_rises_and_falls() -> None:
    wrist = COCO17.index("left_wrist")
    heights = [-body_m(time_s)[wrist, 1] for time_s in (0.0, 2.0, 4.0)]
    assert heights[1] > heights[0] + 0.5
    assert heights[2] == pytest.approx(heights[0])


def test_a_marker_that_is_hidden_is_a_joint_not_seen_and_hardly_moves_the_others() -> None:
    picture = grey()
    draw_person(picture, 0.0, LENS)
    (whole,) = find(picture)
    assert whole.keypoints is not None
    column, row = (whole.keypoints[COCO17.index("right_knee"), :2] * (640, 480)).astype(int)
    picture[row - 8 : row + 9, column - 8 : column + 9] = 127
    (partly,) = find(picture)
    knee = NTU25.index("right_knee")
    assert partly.confidence[knee] == 0
    others = np.arange(25) != knee
    np.testing.assert_array_equal(partly.confidence[others], whole.confidence[others])
    np.testing.assert_allclose(partly.joints_m[others], whole.joints_m[others], atol=0.05)


def test_a_figure_without_a_trunk_is_no_person() -> None:
    picture = grey()
    draw_person(picture, 0.0, LENS)
    picture[240:280] = 127
    assert find(picture) == ()


def test_coloured_noise_is_no_person() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    assert find(noise) == ()


def test_a_picture_of_another_size_than_the_lens_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="got a picture of 64 x 48, expected 640 x 480"):
        draw_person(np.zeros((48, 64, 3), np.uint8), 0.0, LENS)
