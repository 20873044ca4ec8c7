"""Simulated falls: labels, plausibility, and what is said where none can be simulated."""

import sys

import numpy as np
import pytest

from hitrs_live.data.labelled_motion import LabelledMotion
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.falls.simulator import DEFAULT_CLASSES, FallSimulator, simulate_fall
from hitrs_live.synthesis.falls.starts import fit_start
from hitrs_live.synthesis.falls.synthetic_starts import sitting_start, standing_start, start_joints, walking_start

pytest.importorskip("mujoco", reason="falls are simulated with the extra `physics`, which is not installed")

pytestmark = pytest.mark.slow
HEAD, BASE = NTU25.index("head"), NTU25.index("spine_base")
LIE = DEFAULT_CLASSES["lie"]


@pytest.fixture(scope="module")
def standing() -> np.ndarray:
    return start_joints(standing_start(np.random.default_rng(1)))


@pytest.fixture(scope="module")
def walking() -> np.ndarray:
    return start_joints(walking_start(np.random.default_rng(1)))


@pytest.fixture(scope="module")
def push(standing: np.ndarray) -> LabelledMotion:
    return simulate_fall(standing, np.random.default_rng(0), cause="push")


@pytest.fixture(scope="module")
def stumble(walking: np.ndarray) -> LabelledMotion:
    return simulate_fall(walking, np.random.default_rng(0), cause="trip", recover=True)


def test_a_pushed_person_stands_falls_and_lies(push: LabelledMotion):
    order = [int(push.labels[0]), *push.labels[1:][np.diff(push.labels) != 0].tolist()]

    assert order[0] == 0
    assert order[1] in (1, 2, 3)
    assert order[2:] == [LIE]
    assert push.joints_m[0, HEAD, 1] > 1.4
    assert push.joints_m[-1, HEAD, 1] < 0.5


def test_the_onset_comes_before_the_ground_by_the_time_of_a_fall(push: LabelledMotion):
    onset, ground = np.flatnonzero(push.onset_mask)

    assert 0.4 <= (ground - onset) / 30 <= 1.5
    assert push.labels[ground] == LIE


def test_the_phase_runs_from_zero_at_the_onset_to_one_before_the_ground(push: LabelledMotion):
    falling = np.isin(push.labels, (1, 2, 3))

    assert push.phase[falling][[0, -1]].tolist() == [0, 1]
    assert (np.diff(push.phase[falling]) > 0).all()
    assert np.isnan(push.phase[push.labels == 0]).all()


def test_bones_keep_their_length_through_a_fall(push: LabelledMotion):
    parents = np.array(NTU25.parents)
    lengths = np.linalg.norm(push.joints_m - push.joints_m[:, parents], axis=-1)

    # float32 joints; head and neck tips hang on a joint of their own body, so every bone is rigid or spans one pivot.
    assert np.ptp(lengths, axis=0).max() < 1e-5


def test_no_joint_sinks_into_the_floor(push: LabelledMotion):
    assert np.isfinite(push.joints_m).all()
    assert push.joints_m[..., 1].min() > -0.05


def test_the_same_seed_gives_the_same_fall(standing: np.ndarray, push: LabelledMotion):
    again = simulate_fall(standing, np.random.default_rng(0), cause="push")

    np.testing.assert_array_equal(again.joints_m, push.joints_m)
    np.testing.assert_array_equal(again.labels, push.labels)


def test_the_take_over_is_continuous(push: LabelledMotion):
    speeds = np.linalg.norm(np.diff(push.joints_m, axis=0), axis=-1).max(1) * 30
    onset = int(np.flatnonzero(push.onset_mask)[0])

    assert speeds[: onset - 8].max() < 1.0


def test_a_recovered_stumble_is_background_and_a_near_miss(stumble: LabelledMotion):
    assert (stumble.labels == 0).all()
    assert not stumble.onset_mask.any()
    assert set(stumble.near_miss.tolist()) == {0, DEFAULT_CLASSES["fall_forward"]}


def test_who_recovers_stands_in_the_end(stumble: LabelledMotion):
    assert stumble.joints_m[-1, HEAD, 1] > 0.9 * stumble.joints_m[0, HEAD, 1]
    assert stumble.joints_m[-1, [NTU25.index("left_ankle"), NTU25.index("right_ankle")], 1].max() < 0.2


def test_a_tripped_walker_does_not_fall_backward(walking: np.ndarray):
    motion = simulate_fall(walking, np.random.default_rng(2), cause="trip")

    assert DEFAULT_CLASSES["fall_backward"] not in motion.labels


def test_the_class_is_the_direction_by_the_heading_of_the_body(standing: np.ndarray):
    turned = standing @ np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], np.float32)
    start = fit_start(turned)
    motion = FallSimulator([start], vary_bodies=False).fall(
        np.random.default_rng(4), cause="limp", name="x", subject="x"
    )
    head = motion.joints_m[np.flatnonzero(motion.onset_mask), HEAD]
    feet = motion.joints_m[np.flatnonzero(motion.onset_mask), NTU25.index("left_ankle")]
    onset = motion.joints_m[int(np.flatnonzero(motion.onset_mask)[0])]
    across = onset[NTU25.index("left_hip")] - onset[NTU25.index("right_hip")]
    ahead = np.cross(across, (0, 1, 0))
    forward = float((head[1] - feet[1]) @ ahead / np.linalg.norm(ahead))
    sideways = float((head[1] - feet[1]) @ across / np.linalg.norm(across))

    expected = 3 if abs(sideways) > abs(forward) else 1 if forward > 0 else 2
    assert expected in motion.labels


def test_who_sits_falls_off_the_chair_and_the_name_says_so():
    start = sitting_start(np.random.default_rng(3))
    motion = FallSimulator([start]).fall(np.random.default_rng(3), cause="chair_pulled", name="7", subject="x")

    assert "_chair_chair_pulled_7" in motion.name
    assert motion.labels[-1] == LIE


def test_one_class_of_falls_and_none_for_lying_are_enough(standing: np.ndarray):
    motion = simulate_fall(standing, np.random.default_rng(0), cause="push", classes={"fall": 9})

    assert set(motion.labels.tolist()) == {0, 9}


def test_many_falls_are_counted_with_their_rejections():
    rng = np.random.default_rng(5)
    simulator = FallSimulator([standing_start(rng), walking_start(rng)])
    motions = list(simulator.falls(3, rng, near_miss_share=0.25))

    assert len({motion.name for motion in motions}) == 3
    assert simulator.accepted == 3
    assert simulator.simulated_s > 3
    assert all(count > 0 for count in simulator.rejected.values())


def test_bodies_of_many_falls_differ_in_height():
    rng = np.random.default_rng(6)
    heights = [motion.joints_m[0, HEAD, 1] for motion in FallSimulator([standing_start(rng)]).falls(2, rng)]

    assert np.ptp(heights) > 0.05


def test_classes_without_a_fall_are_refused():
    with pytest.raises(ConfigError, match="no fall_forward"):
        FallSimulator([standing_start(np.random.default_rng(0))], classes={"lie": 4})


def test_a_start_that_is_no_body_is_refused_with_what_was_found():
    with pytest.raises(DataError, match=r"a body of 0\.00 m"):
        simulate_fall(np.zeros((30, 25, 3)), np.random.default_rng(0))


def test_a_short_start_is_refused(standing: np.ndarray):
    with pytest.raises(DataError, match="5 frames, expected at least 12"):
        simulate_fall(standing[:5], np.random.default_rng(0))


def test_joints_that_are_not_finite_are_refused(standing: np.ndarray):
    broken = standing.copy()
    broken[3, 4] = np.nan

    with pytest.raises(DataError, match="3 coordinates are not finite"):
        simulate_fall(broken, np.random.default_rng(0))


def test_a_wrong_shape_is_the_callers_mistake(standing: np.ndarray):
    with pytest.raises(ValueError, match=r"expected \(T, 25, 3\)"):
        simulate_fall(standing[:, :17], np.random.default_rng(0))


def test_a_trip_needs_a_person_who_walks(standing: np.ndarray):
    with pytest.raises(DataError, match="for a fall by 'trip'"):
        simulate_fall(standing, np.random.default_rng(0), cause="trip")


def test_a_person_who_lies_is_no_start(push: LabelledMotion):
    lying = push.joints_m[push.labels == LIE][-20:]

    with pytest.raises(DataError, match="no frame of 20 has a person who stands"):
        simulate_fall(lying, np.random.default_rng(0))


def test_without_mujoco_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, standing: np.ndarray):
    monkeypatch.setitem(sys.modules, "mujoco", None)

    with pytest.raises(ConfigError, match=r"pip install 'hitrs-live\[physics\]'") as raised:
        simulate_fall(standing, np.random.default_rng(0))
    assert "\n" not in str(raised.value)
