"""A posed body does what the joints say, looks the same for the same seed, and does not shake."""

import numpy as np
import pytest
from standing_person import standing

from hitrs_live.skeleton import NTU25
from hitrs_live.virtual_camera.people.body import Body

_LIMBS = [
    (f"{side}_{start}", f"{side}_{end}")
    for side in ("left", "right")
    for start, end in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
]


def _angles_deg(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angles between the limbs' directions of two poses (T, 25, 3), degrees (T, 8)."""
    starts, ends = zip(*[(NTU25.index(a), NTU25.index(b)) for a, b in _LIMBS], strict=True)
    directions = [pose[:, list(ends)] - pose[:, list(starts)] for pose in (first, second)]
    directions = [one / np.linalg.norm(one, axis=-1, keepdims=True) for one in directions]
    return np.degrees(np.arccos(np.clip((directions[0] * directions[1]).sum(-1), -1, 1)))


def _random_poses(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Standing people whose limbs point anywhere a little forward."""
    poses = standing(frames)
    for start, end in _LIMBS:
        direction = rng.normal((0, -0.3, 0.8), size=(frames, 3))
        direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
        poses[:, NTU25.index(end)] = poses[:, NTU25.index(start)] + 0.3 * direction
    return poses


def test_limbs_point_where_the_joints_point(body: Body) -> None:
    poses = _random_poses(np.random.default_rng(0), 60)

    posed = body.pose(poses, smoothing_frames=0)

    # Upper arm and thigh have two bones each, which share the twist and do not lie quite in line.
    assert _angles_deg(posed.joints_m, poses).max() < 2.5
    assert np.median(_angles_deg(posed.joints_m, poses)) < 0.5


def test_bones_are_as_long_as_the_streams_bones_after_fitting(body: Body) -> None:
    stream = standing(3)

    own = body.fitted_to(stream).pose(stream).joints_m

    for name in ("elbow", "wrist", "knee", "ankle"):
        joint = NTU25.index(f"left_{name}")
        assert np.abs(own[1, joint] - stream[1, joint]).max() < 0.05, name


def test_the_mesh_follows_the_bones(body: Body) -> None:
    raised = standing(1, left_elbow=(0.2, 1.7, 0.0), left_wrist=(0.2, 1.95, 0.0), left_hand=(0.2, 2.03, 0.0))

    low, high = (body.vertices(body.pose(pose)) for pose in (standing(1), raised))

    assert high[0, :, 1].max() > low[0, :, 1].max() + 0.15
    assert np.isfinite(high).all()


def test_the_same_seed_gives_the_same_body() -> None:
    def vertices() -> np.ndarray:
        return Body.draw(np.random.default_rng(7)).rest.vertices_m

    pytest.importorskip("moderngl", reason="needs the extra `render`")
    np.testing.assert_array_equal(vertices(), vertices())


def test_bodies_are_as_tall_as_asked(body: Body) -> None:
    heights = [Body.draw(np.random.default_rng(4), height_m=height).height_m for height in (1.2, 1.6, 1.95)]

    np.testing.assert_allclose(heights, (1.2, 1.6, 1.95), atol=0.02)


def test_a_straight_noisy_arm_does_not_turn_about_itself(body: Body) -> None:
    rng = np.random.default_rng(1)
    down = standing(
        60, left_elbow=(0.19, 1.13, 0.0), left_wrist=(0.2, 0.86, 0.0), left_hand=(0.2, 0.78, 0.0)
    ) + rng.normal(0, 0.008, (60, 25, 3))

    bones = body.pose(down.astype(np.float32)).bones
    arm = bones[:, body.bone_names.index("upperarm02.L"), :, :3]

    turns = arm[1:] @ arm[:-1].swapaxes(-1, -2)
    angles_deg = np.degrees(np.arccos(np.clip((np.trace(turns, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert np.percentile(angles_deg, 95) < 6


def test_a_bent_elbow_turns_the_upper_arm_so_that_the_hinge_fits(body: Body) -> None:
    bent = standing(9, left_wrist=(0.42, 1.13, 0.1), left_hand=(0.5, 1.13, 0.12))
    ahead = standing(9, left_wrist=(0.22, 1.13, 0.24), left_hand=(0.22, 1.13, 0.32))

    arm = body.bone_names.index("upperarm02.L")
    outward, forward = (body.pose(pose).bones[4, arm, :, :3] for pose in (bent, ahead))
    turn = outward @ forward.T

    angle_deg = np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
    assert angle_deg == pytest.approx(np.degrees(np.arctan2(0.2, 0.1)), abs=15)


def test_soles_lie_on_the_floor_where_the_ankles_are_low(body: Body) -> None:
    posed = body.pose(standing(5))
    foot = posed.bones[2, body.bone_names.index("foot.L"), :, :3]

    tilt_deg = np.degrees(np.arccos(np.clip((foot @ [0, 1, 0])[1], -1, 1)))
    assert tilt_deg < 2


def test_a_gap_in_the_joints_is_filled(body: Body) -> None:
    whole = standing(5)
    gappy = whole.copy()
    gappy[2, NTU25.index("left_wrist")] = np.nan

    np.testing.assert_allclose(body.pose(gappy).joints_m, body.pose(whole).joints_m, atol=1e-5)


def test_a_joint_that_is_never_there_is_an_error(body: Body) -> None:
    poses = standing(2)
    poses[:, NTU25.index("head")] = np.nan

    with pytest.raises(ValueError, match="head is not finite in any frame"):
        body.pose(poses)


def test_a_foot_that_lies_on_its_side_is_not_put_on_its_sole(body: Body) -> None:
    upright = standing(5)
    # The whole person laid on the left side, on the floor.
    lying = np.stack((upright[..., 1], -upright[..., 0] + 0.2, upright[..., 2]), axis=-1)

    foot = body.pose(lying).bones[2, body.bone_names.index("foot.L"), :, :3]

    assert abs((foot @ [0, 1, 0])[1]) < 0.5
