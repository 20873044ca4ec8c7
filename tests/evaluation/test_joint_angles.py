"""Joint angles are those of poses built by hand, from any direction and at any size."""

import numpy as np
import pytest
import torch
from posed_bodies import LEG, TRUNK, posed, swings

from hitrs_live.evaluation.metrics.joint_angles import ANGLES, column, joint_angles, peak_speed, smooth
from hitrs_live.transforms import mirror, turn_about_y


def angle(joints: np.ndarray, name: str) -> float:
    return float(joint_angles(joints)[0, column(name)])


def test_a_standing_body_has_no_flexion_and_its_hips_are_a_leg_above_its_ankles() -> None:
    standing = posed()
    angles = dict(zip(ANGLES, joint_angles(standing)[0], strict=True))
    assert angles["hip_height"] == pytest.approx(1.0, abs=1e-5)
    assert angles["wrist_height_left"] == pytest.approx(-0.55 / TRUNK, abs=1e-5)
    assert angles["feet_apart"] == pytest.approx(0.2 / LEG, abs=1e-5)
    assert np.isnan(angles["shoulder_plane_left_deg"])
    zero = [name for name in ANGLES if name.endswith("_deg") and "plane" not in name]
    assert [name for name in zero if abs(angles[name]) > 0.1] == []


@pytest.mark.parametrize(
    ("pose", "expected"),
    [
        ({"squat_deg": 90}, {"knee_flexion_left_deg": 90, "knee_flexion_right_deg": 90, "hip_flexion_left_deg": 45}),
        ({"squat_deg": 120}, {"hip_height": np.cos(np.radians(60))}),
        ({"elbow_deg": 70, "side_deg": 90}, {"elbow_flexion_left_deg": 70, "elbow_flexion_right_deg": 0}),
        ({"side_deg": 60}, {"shoulder_elevation_left_deg": 60, "shoulder_plane_left_deg": 0}),
        ({"forward_deg": 120}, {"shoulder_elevation_left_deg": 120, "shoulder_plane_left_deg": 90}),
        ({"forward_deg": -40}, {"shoulder_elevation_left_deg": 40, "shoulder_plane_left_deg": -90}),
        ({"lean_deg": 30}, {"trunk_lean_forward_deg": 30, "trunk_lean_side_deg": 0, "hip_flexion_left_deg": 30}),
        ({"thigh_deg": 80}, {"hip_flexion_left_deg": 80, "hip_flexion_right_deg": 0, "hip_abduction_left_deg": 0}),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_angles_are_those_of_the_pose(pose: dict[str, float], expected: dict[str, float]) -> None:
    joints = posed(**pose)
    assert {name: angle(joints, name) for name in expected} == pytest.approx(expected, abs=0.1)


def test_angles_do_not_depend_on_the_direction_and_size_of_a_body() -> None:
    joints = posed(squat_deg=70, side_deg=50, lean_deg=20, thigh_deg=30)
    turned = turn_about_y(torch.from_numpy(joints), torch.tensor([-0.6]), torch.tensor([0.8])).numpy()
    np.testing.assert_allclose(joint_angles(turned * 1.3 + 2.0), joint_angles(joints), atol=2e-3)


def test_a_mirrored_body_has_the_angles_of_the_other_side() -> None:
    joints = posed(side_deg=50, forward_deg=30, elbow_deg=40)
    mirrored = mirror(torch.from_numpy(joints)).numpy()
    for name in (name for name in ANGLES if "_left" in name):
        assert angle(mirrored, name.replace("left", "right")) == pytest.approx(angle(joints, name), nan_ok=True)


def test_turning_is_a_heading_rate_in_degrees_per_second_positive_to_the_left() -> None:
    radians = torch.linspace(0, np.pi, 61)
    turned = turn_about_y(torch.from_numpy(posed(61)), radians.cos(), radians.sin()).numpy()
    np.testing.assert_allclose(joint_angles(turned)[5:-5, column("heading_rate_deg_s")], 90, atol=0.1)


def test_heights_of_ankles_are_above_the_lowest_of_the_sequence() -> None:
    hop = posed(30)
    hop[10:20, :, 1] += 0.3
    heights = joint_angles(hop)[:, column("ankle_height_left")]
    assert (heights[0], heights[15]) == pytest.approx((0.0, 0.3 / LEG), abs=1e-5)


def test_peak_speed_is_that_of_the_faster_side_relative_to_the_hips() -> None:
    assert peak_speed(posed(30), "wrist") == pytest.approx(0.0)
    raised = posed(61, side_deg=np.linspace(0, 90, 61))
    # A quarter of a circle of 0.55 m in two seconds.
    assert peak_speed(raised, "wrist") == pytest.approx(0.55 * np.pi / 4 / TRUNK, rel=0.02)
    carried = raised + np.linspace(0, 5, 61)[:, None, None] * np.array([0, 0, 1])
    assert peak_speed(carried, "wrist") == pytest.approx(peak_speed(raised, "wrist"), rel=1e-3)
    assert peak_speed(raised, "ankle") == pytest.approx(0.0, abs=1e-6)
    assert peak_speed(raised[:2], "wrist") == 0.0


def test_smoothing_is_a_centred_mean_that_keeps_a_constant() -> None:
    np.testing.assert_allclose(smooth(np.full((7, 2), 3.0), 5), 3.0)
    np.testing.assert_allclose(smooth(np.arange(7.0), 3)[1:-1], np.arange(1.0, 6.0))
    assert len(swings(2, 10, rest=3)) == 29
