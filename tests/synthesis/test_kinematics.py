"""The kinematic body: exact bones, standing feet, balance, and the meaning of each angle."""

import numpy as np
import pytest

from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.anthropometry import BodyProportions, draw_body
from hitrs_live.synthesis.channels import CHANNELS, INDEX, limit, mirrored, standing
from hitrs_live.synthesis.kinematics import centre_of_mass, solve_pose
from hitrs_live.synthesis.rotations import calm_pole, solve_two_bones
from hitrs_live.synthesis.smoothing import drift, smooth, through_keys

J = {name: number for number, name in enumerate(NTU25.joints)}


@pytest.fixture
def body() -> BodyProportions:
    return draw_body(np.random.default_rng(4))


def _held(body: BodyProportions, **values: float) -> np.ndarray:
    """Solve a pose that is held for a second, and return its last frame."""
    channels = standing(30)
    for name, value in values.items():
        channels[:, INDEX[name.replace("__", ".")]] = value
    return solve_pose(channels, body)[-1]


def _angle_deg(first: np.ndarray, second: np.ndarray) -> float:
    cos = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    return float(np.degrees(np.arccos(np.clip(cos, -1, 1))))


def test_bones_keep_their_length_in_any_motion(body: BodyProportions) -> None:
    channels = limit(standing(90) + 0.4 * drift(np.random.default_rng(0), 90, len(CHANNELS), 0.4) * 30)
    joints = solve_pose(channels, body)
    pairs = [(J[f"{side}_{far}"], NTU25.parents[J[f"{side}_{far}"]]) for side in ("left", "right")
             for far in ("elbow", "wrist", "knee", "ankle", "foot")]  # fmt: skip
    lengths = np.stack([np.linalg.norm(joints[:, far] - joints[:, near], axis=1) for far, near in pairs])
    assert np.ptp(lengths, axis=1).max() < 1e-5


def test_left_and_right_bones_are_equal(body: BodyProportions) -> None:
    pose = _held(body)
    for near, far in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle")):
        left, right = (
            np.linalg.norm(pose[J[f"{side}_{far}"]] - pose[J[f"{side}_{near}"]]) for side in ("left", "right")
        )
        assert left == pytest.approx(right, abs=1e-5)


def test_the_mirrored_channels_give_the_mirrored_pose(body: BodyProportions) -> None:
    channels = limit(standing(60) + 8 * drift(np.random.default_rng(2), 60, len(CHANNELS), 0.5))
    pose, mirror = solve_pose(channels, body), solve_pose(mirrored(channels), body)
    expected = pose[:, list(NTU25.mirror)] * np.array([-1, 1, 1], np.float32)
    np.testing.assert_allclose(mirror, expected, atol=2e-4)


def test_a_squatting_body_keeps_its_feet_and_its_balance(body: BodyProportions) -> None:
    channels = standing(120)
    down = (1 - np.cos(np.linspace(0, 2 * np.pi, 120))) / 2
    channels[:, INDEX["height"]] -= 0.5 * down
    channels[:, INDEX["pelvis.pitch"]] = 30 * down
    joints = solve_pose(channels, body)
    for side in ("left", "right"):
        assert np.ptp(joints[:, J[f"{side}_ankle"]], axis=0).max() < 1e-3
    feet = joints[:, [J["left_ankle"], J["right_ankle"], J["left_foot"], J["right_foot"]]]
    over = centre_of_mass(joints)[:, 2]
    assert (over > feet[..., 2].min(1) - 0.02).all()
    assert (over < feet[..., 2].max(1) + 0.02).all()
    assert joints[60, J["spine_base"], 1] < 0.65 * joints[0, J["spine_base"], 1]


def test_standing_on_one_leg_moves_the_centre_of_mass_over_that_foot(body: BodyProportions) -> None:
    pose = _held(body, left__leg__free=1, left__hip__flexion=80, left__knee=90)
    middle = (0.6 * pose[J["right_ankle"]] + 0.4 * pose[J["right_foot"]])[0]
    assert centre_of_mass(pose[None])[0, 0] == pytest.approx(middle, abs=0.02)


@pytest.mark.parametrize(
    ("values", "limb", "direction"),
    [
        ({"left__arm__elevation": 90, "left__arm__plane": 0}, ("left_shoulder", "left_elbow"), (1, 0, 0)),
        ({"right__arm__elevation": 90, "right__arm__plane": 0}, ("right_shoulder", "right_elbow"), (-1, 0, 0)),
        ({"left__arm__elevation": 90, "left__arm__plane": 90}, ("left_shoulder", "left_elbow"), (0, 0, 1)),
        ({"left__arm__elevation": 180}, ("left_shoulder", "left_elbow"), (0, 1, 0)),
        ({"pelvis__pitch": 90}, ("spine_base", "spine_shoulder"), (0, 0, 1)),
        ({"pelvis__roll": 90}, ("spine_base", "spine_shoulder"), (1, 0, 0)),
        ({"left__leg__free": 1, "left__hip__flexion": 90, "left__knee": 0}, ("left_hip", "left_knee"), (0, 0, 1)),
        ({"left__leg__free": 1, "left__hip__abduction": 60}, ("left_hip", "left_knee"), (0.87, -0.5, 0)),
    ],
)  # fmt: skip
def test_an_angle_moves_its_limb_where_its_name_says(
    body: BodyProportions, values: dict[str, float], limb: tuple[str, str], direction: tuple[float, ...]
) -> None:
    pose = _held(body, **values)
    assert _angle_deg(pose[J[limb[1]]] - pose[J[limb[0]]], np.array(direction)) < 3


@pytest.mark.parametrize("bend_deg", [20, 60, 120])
def test_the_elbow_bends_by_its_angle(body: BodyProportions, bend_deg: float) -> None:
    pose = _held(body, left__elbow=bend_deg, left__arm__elevation=60)
    upper, fore = pose[J["left_elbow"]] - pose[J["left_shoulder"]], pose[J["left_wrist"]] - pose[J["left_elbow"]]
    assert _angle_deg(upper, fore) == pytest.approx(bend_deg, abs=0.5)


def test_outward_rotation_of_a_raised_arm_lifts_the_forearm(body: BodyProportions) -> None:
    values = {"left__arm__elevation": 90.0, "left__arm__plane": 0.0, "left__elbow": 90.0}
    low, high = (_held(body, **values, left__arm__rotation=turn) for turn in (0.0, 90.0))
    assert _angle_deg(low[J["left_wrist"]] - low[J["left_elbow"]], np.array((0, 0, 1))) < 2
    assert _angle_deg(high[J["left_wrist"]] - high[J["left_elbow"]], np.array((0, 1, 0))) < 2


def test_a_held_hand_is_where_it_is_held(body: BodyProportions) -> None:
    pose = _held(body, left__pin__head=1, left__pin__head__y=-0.17, left__pin__head__z=0.24)
    target = pose[J["head"]] + body.arm_m * np.array((0, -0.17, 0.24))
    assert np.linalg.norm(pose[J["left_wrist"]] - target) < 0.01


@pytest.mark.parametrize("pitch_deg", [-90, 90])
def test_no_joint_of_a_lying_body_is_below_the_floor(body: BodyProportions, pitch_deg: float) -> None:
    pose = _held(body, pelvis__pitch=pitch_deg, height=0.1, balance=0, left__foot__z=-np.sign(pitch_deg))
    assert pose[:, 1].min() >= 0


def test_a_hand_goes_from_the_back_to_the_front_around_the_trunk(body: BodyProportions) -> None:
    channels = standing(60)
    way = np.linspace(0, 1, 60)
    channels[:, INDEX["left.pin.pelvis"]] = 1
    for axis, behind, ahead in (("x", -0.15, -0.2), ("y", 0.25, 0.4), ("z", -0.32, 0.32)):
        channels[:, INDEX[f"left.pin.pelvis.{axis}"]] = behind + way * (ahead - behind)
    pose = solve_pose(channels, body)
    middle = (pose[:, J["spine_base"]] + pose[:, J["spine_shoulder"]]) / 2
    level = np.linalg.norm((pose[:, J["left_wrist"]] - middle)[:, [0, 2]], axis=1)
    assert level.min() > 0.6 * 0.2 * body.trunk_m
    assert pose[:, J["left_wrist"], 0].max() > middle[0, 0] + 0.3 * body.shoulder_width_m
    assert np.linalg.norm(np.diff(pose[:, J["left_wrist"]], axis=0), axis=1).max() < 0.08


def test_crossed_forearms_do_not_pass_through_each_other(body: BodyProportions) -> None:
    values = {f"{side}__pin__chest": 1.0 for side in ("left", "right")}
    for side, ahead in (("left", 0.3), ("right", 0.27)):
        values |= {f"{side}__pin__chest__x": -0.55, f"{side}__pin__chest__y": -0.4, f"{side}__pin__chest__z": ahead}
    pose = _held(body, **values)
    lines = [pose[J[f"{side}_elbow"]] + np.linspace(0, 0.9, 50)[:, None]
             * (pose[J[f"{side}_wrist"]] - pose[J[f"{side}_elbow"]]) for side in ("left", "right")]  # fmt: skip
    assert np.linalg.norm(lines[0][:, None] - lines[1][None], axis=-1).min() > 0.03


def test_an_elbow_that_changes_its_side_swings_there() -> None:
    line = np.tile(np.array((0, -1, 0), np.float32), (60, 1))
    pole = np.tile(np.array((0, 0.2, 1), np.float32), (60, 1))
    pole[30:, 2] = -1
    pole[:, 0] = 0.1
    calm = calm_pole(pole, line, 0.1)
    steps = np.degrees(np.arccos(np.clip((calm[1:] * calm[:-1]).sum(1), -1, 1)))
    assert steps.max() < 30
    assert abs((calm * line).sum(1)).max() < 1e-5
    assert calm[0, 2] > 0.9
    assert calm[-1, 2] < -0.9


def test_two_bones_reach_as_far_as_they_are_long() -> None:
    start, far = np.zeros((1, 3), np.float32), np.array([[0, 0, 5]], np.float32)
    middle, end = solve_two_bones(start, far, np.array([[0, 1, 0]], np.float32), 0.3, 0.2)
    assert np.linalg.norm(end) == pytest.approx(0.5, abs=0.01)
    assert np.linalg.norm(middle) == pytest.approx(0.3, abs=1e-5)
    assert np.linalg.norm(end - middle) == pytest.approx(0.2, abs=1e-5)


def test_interpolated_keys_are_met_and_never_exceeded() -> None:
    times, keys = np.array([0, 0.4, 1.0, 1.1]), np.array([[0.0], [2.0], [2.0], [-1.0]])
    curve = through_keys(times, keys, np.linspace(0, 1.1, 200))
    np.testing.assert_allclose(through_keys(times, keys, times), keys, atol=1e-6)
    assert curve.min() >= -1
    assert curve.max() <= 2


def test_smoothing_keeps_a_constant_and_the_mean() -> None:
    assert smooth(np.full((40, 2), 3.0), 0.1) == pytest.approx(3.0)
    assert smooth(np.eye(61)[:, [30]], 0.1).sum() == pytest.approx(1.0, abs=1e-5)


def test_drawn_bodies_range_from_children_to_tall_adults() -> None:
    rng = np.random.default_rng(0)
    heights = np.array([draw_body(rng).height_m for _ in range(400)])
    assert heights.min() < 1.35
    assert heights.max() > 1.85
    assert 0.05 < (heights < 1.45).mean() < 0.25
