"""Parts of simulated falls: the humanoid's body, the fit of a pose, starts, base of support."""

from pathlib import Path

import numpy as np
import pytest

from hitrs_live.data.array_format import data_folder
from hitrs_live.data.shipped_classes import LEFT_OUT_SUBJECTS
from hitrs_live.errors import DataError
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.falls.body_shape import from_physics, measure_shape, standard_shape, to_physics, vary_shape
from hitrs_live.synthesis.falls.humanoid import Humanoid
from hitrs_live.synthesis.falls.physics import diverged, without_warnings
from hitrs_live.synthesis.falls.pose_fit import PoseFitter
from hitrs_live.synthesis.falls.recorded_starts import recorded_starts
from hitrs_live.synthesis.falls.starts import choose_moment
from hitrs_live.synthesis.falls.support import Support
from hitrs_live.synthesis.falls.synthetic_starts import sitting_start, standing_start, start_joints, walking_start

mujoco = pytest.importorskip("mujoco", reason="falls are simulated with the extra `physics`, which is not installed")


@pytest.fixture(scope="module")
def humanoid() -> Humanoid:
    return Humanoid.build(standard_shape(height_m=1.8, bmi=25))


def test_the_humanoid_has_the_mass_of_its_shape(humanoid: Humanoid):
    masses = [humanoid.model.body_mass[humanoid.model.geom_bodyid[geom]] for geom in humanoid.body_geoms]

    # Each body once: two of them have two capsules.
    bodies = {int(humanoid.model.geom_bodyid[geom]) for geom in humanoid.body_geoms}
    assert len(masses) == len(humanoid.body_geoms)
    assert sum(humanoid.model.body_mass[body] for body in bodies) == pytest.approx(25 * 1.8**2, rel=0.001)


def test_every_muscle_has_the_place_of_its_hinge(humanoid: Humanoid):
    hinges = [humanoid.model.joint(number).name for number in range(1, humanoid.model.njnt)]
    muscles = [humanoid.model.actuator(number).name for number in range(humanoid.model.nu)]

    assert muscles == hinges == list(humanoid.hinges)


def test_axes_go_to_physics_and_back():
    points = np.arange(12.0).reshape(4, 3)

    np.testing.assert_array_equal(from_physics(to_physics(points)), points)
    np.testing.assert_array_equal(to_physics(np.array([1.0, 2.0, 3.0])), [3, 1, 2])


def test_a_body_is_measured_as_it_was_built():
    shape = standard_shape(height_m=1.6)
    joints = start_joints(standing_start(np.random.default_rng(0), shape=shape))
    measured, seen = measure_shape(joints)

    assert measured.lengths_m == pytest.approx(shape.lengths_m, abs=1e-3)
    # The bend of the spine counts as a turn of the pelvis.
    assert measured.hip_m == pytest.approx(shape.hip_m, abs=0.012)
    assert seen.all()


def test_a_hand_that_a_sensor_lacks_gets_a_typical_length():
    joints = start_joints(standing_start(np.random.default_rng(0)))
    for side in ("left", "right"):
        joints[:, NTU25.index(f"{side}_hand")] = joints[:, NTU25.index(f"{side}_wrist")]
    measured, seen = measure_shape(joints)

    assert measured.lengths_m["hand"] > 0.05
    assert {NTU25.joints[number] for number in np.flatnonzero(~seen)} >= {"left_hand", "right_hand"}


def test_the_fit_finds_the_pose_that_joints_came_from():
    joints = start_joints(standing_start(np.random.default_rng(2)))[:12]
    shape, seen = measure_shape(joints)
    qpos, error = PoseFitter(Humanoid.build(shape)).fit(joints, seen)

    assert error.max() < 0.01
    assert qpos.shape == (12, 40)


def test_drawn_bodies_range_from_children_to_tall_adults():
    rng = np.random.default_rng(0)
    drawn = [vary_shape(standard_shape(), rng) for _ in range(200)]
    heights = [shape.height_m for shape in drawn]

    assert min(heights) < 1.25
    assert max(heights) > 1.85
    child, adult = ([shape for shape in drawn if one(shape.height_m)] for one in (lambda h: h < 1.2, lambda h: h > 1.7))
    assert np.mean([c.lengths_m["head"] / c.height_m for c in child]) > np.mean(
        [a.lengths_m["head"] / a.height_m for a in adult]
    )


@pytest.mark.parametrize(
    ("make", "posture"), [(standing_start, "standing"), (sitting_start, "seated"), (walking_start, "moving")]
)
def test_a_start_shows_what_its_name_says(make, posture: str):
    start = make(np.random.default_rng(0))
    joints = to_physics(start_joints(start))
    moment = choose_moment(joints, start.error_m, np.random.default_rng(0), height_m=start.shape.height_m, cause=None)

    assert moment.posture == posture


@pytest.mark.slow
def test_feet_of_a_walker_stay_where_they_carry():
    joints = start_joints(walking_start(np.random.default_rng(4)))
    for side in ("left", "right"):
        foot = joints[:, NTU25.index(f"{side}_ankle")]
        carrying = foot[:, 1] < 0.085
        both = carrying[1:] & carrying[:-1]
        # Solved to a centimetre; a foot that leaves the ground at the end of a stance moves a little.
        assert np.median(np.linalg.norm(np.diff(foot[:, [0, 2]], axis=0)[both], axis=1)) < 0.01


def test_a_standing_body_has_its_balance_over_its_soles_and_a_leaning_one_has_not(humanoid: Humanoid):
    support, fitter = Support(humanoid), PoseFitter(humanoid)
    pose = np.zeros((1, humanoid.model.nq))
    pose[0, 3] = 1
    data = mujoco.MjData(humanoid.model)
    margins = []
    for lean_rad in (0.0, 0.4):
        leaning = pose.copy()
        leaning[0, 3:7] = (np.cos(lean_rad / 2), 0, np.sin(lean_rad / 2), 0)
        data.qpos[:] = fitter.stand_on_floor(leaning, keep_flight=False)[0]
        mujoco.mj_forward(humanoid.model, data)
        margins.append(support.margin_m(data))

    assert margins[0] > 0.02
    assert margins[1] < -0.1


def test_a_simulation_that_diverges_is_noticed_and_leaves_no_log(
    humanoid: Humanoid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    data = mujoco.MjData(humanoid.model)
    data.qvel[3] = 1e12
    with without_warnings():
        for _ in range(3):
            mujoco.mj_step(humanoid.model, data)

    assert diverged(data)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_recordings_is_named(tmp_path: Path):
    with pytest.raises(DataError, match="none of cmu_bvh_01_14"):
        recorded_starts(tmp_path, 3, np.random.default_rng(0))


@pytest.mark.slow
def test_starts_are_cut_from_recordings_that_may_be_trained_on():
    folder = data_folder() / "ship"
    if not (folder / "cmu_mocap6.npz").exists():
        pytest.skip("the data folder has no ship/cmu_mocap6.npz; set HITRS_DATA")
    starts = recorded_starts(folder, 7, np.random.default_rng(0))

    assert 5 <= len(starts) <= 7
    assert all(np.median(start.error_m) < 0.06 for start in starts)
    assert LEFT_OUT_SUBJECTS["precog16"] == {"p9", "p10", "p11", "p12"}
