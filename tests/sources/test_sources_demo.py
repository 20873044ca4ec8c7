"""The demo figure has a person's body and performs its script."""

import numpy as np
import pytest
from patience import ManualClock

from hitrs_live.messages import PoseFrame, SourceChange
from hitrs_live.skeleton import NTU25
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.demo.figure import CHANNELS, compute_joints
from hitrs_live.sources.demo.motion import glide, neutral, pose
from hitrs_live.sources.demo.source import FLOOR_M, DemoSource

RATE_HZ = 30.0


def joint(joints_m: np.ndarray, name: str) -> np.ndarray:
    return joints_m[..., NTU25.index(name), :]


def angle_deg(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


@pytest.fixture(scope="module")
def show() -> DemoSource:
    return DemoSource("max", people=2, loop=False)


@pytest.fixture(scope="module")
def figure(show: DemoSource) -> np.ndarray:
    """(T, 25, 3): the first figure, once through."""
    return show.joints_m[0].astype(np.float64)


def during(show: DemoSource, figure: np.ndarray, label: str) -> np.ndarray:
    span = next(span for span in show.script if span.label == label)
    return figure[round(span.start_time_s * RATE_HZ) : round(span.end_time_s * RATE_HZ)]


def test_the_script_has_every_action_in_order_and_pauses_between(show: DemoSource) -> None:
    labels = [span.label for span in show.script]
    assert list(dict.fromkeys(labels)) == [
        "squat", "jumping_jack", "walk", "arm_circle", "side_lunge", "leg_raise", "shoulder_abduction",
        "front_kick_right", "punch_right", "punch_left", "toe_touch", "twist",
    ]  # fmt: skip
    for before, after in zip(show.script, show.script[1:], strict=False):
        assert before.start_time_s < before.end_time_s < after.start_time_s
    assert show.script[-1].end_time_s < show.duration_s


def test_each_figure_begins_with_another_action(show: DemoSource) -> None:
    four = DemoSource("max", people=4, loop=False)
    assert len({script[0].label for script in four.scripts}) == 4
    assert sorted({span.label for span in show.scripts[0]}) == sorted({span.label for span in show.scripts[1]})


def test_bones_keep_their_length(show: DemoSource) -> None:
    bones = show.joints_m[:, :, list(NTU25.outward)] - show.joints_m[:, :, [NTU25.parents[j] for j in NTU25.outward]]
    lengths = np.linalg.norm(bones.astype(np.float64), axis=-1)
    # float32 metres at a few metres from the camera.
    assert np.ptp(lengths, axis=1).max() < 5e-6
    assert lengths.min() > 0.02


def test_the_figure_faces_the_camera_with_its_left_hand_at_smaller_x(figure: np.ndarray) -> None:
    standing = figure[:30].mean(0)
    assert joint(standing, "left_hand")[0] < joint(standing, "right_hand")[0] - 0.3
    assert joint(standing, "left_foot")[2] < joint(standing, "left_ankle")[2]
    assert joint(standing, "spine_base")[2] == pytest.approx(3.0, abs=0.05)


def test_the_lower_foot_stays_on_the_floor_but_for_jumps(show: DemoSource, figure: np.ndarray) -> None:
    feet = [NTU25.index(f"{side}_{name}") for side in ("left", "right") for name in ("ankle", "foot")]
    lowest = figure[:, feet, 1].min(1) - FLOOR_M
    assert lowest.min() > -0.01
    jumping = np.zeros(len(figure), bool)
    jump = next(span for span in show.script if span.label == "jumping_jack")
    jumping[round(jump.start_time_s * RATE_HZ) : round(jump.end_time_s * RATE_HZ)] = True
    # The foot joint of a flat foot is 23 mm above its sole.
    assert lowest[~jumping].max() < 0.04
    assert lowest[jumping].max() > 0.04


def test_feet_do_not_slide_while_squatting(show: DemoSource, figure: np.ndarray) -> None:
    for side in ("left", "right"):
        assert np.ptp(joint(during(show, figure, "squat"), f"{side}_ankle"), axis=0).max() < 0.01


def test_knees_bend_to_the_front_and_not_too_far(figure: np.ndarray) -> None:
    for side in ("left", "right"):
        hip, knee, ankle, foot = (joint(figure, f"{side}_{name}") for name in ("hip", "knee", "ankle", "foot"))
        flexion = angle_deg(knee - hip, ankle - knee)
        assert flexion.max() < 150
        across = joint(figure, "left_hip") - joint(figure, "right_hip")
        front = np.cross(ankle - hip, across)
        out_of_line = (
            knee
            - hip
            - (ankle - hip) * (((knee - hip) * (ankle - hip)).sum(-1) / ((ankle - hip) ** 2).sum(-1))[:, None]
        )
        bent = flexion > 15
        assert ((out_of_line * front).sum(-1)[bent] > 0).all()
        assert ((foot - ankle) * front).sum(-1)[bent].min() > 0


def test_elbows_bend_forward_when_the_arms_hang(figure: np.ndarray) -> None:
    facing = np.cross(
        joint(figure, "left_shoulder") - joint(figure, "right_shoulder"),
        joint(figure, "spine_shoulder") - joint(figure, "spine_base"),
    )
    for side in ("left", "right"):
        shoulder, elbow, wrist = (joint(figure, f"{side}_{name}") for name in ("shoulder", "elbow", "wrist"))
        upper, fore = elbow - shoulder, wrist - elbow
        assert angle_deg(upper, fore).max() < 150
        down = joint(figure, "spine_base") - joint(figure, "spine_shoulder")
        hanging = (angle_deg(upper, down) < 40) & (angle_deg(upper, fore) > 15)
        assert hanging.sum() > 500
        beyond = fore - upper * ((fore * upper).sum(-1) / (upper**2).sum(-1))[:, None]
        assert ((beyond * facing).sum(-1)[hanging] > 0).all()


def test_nothing_moves_faster_than_people_do(show: DemoSource) -> None:
    speed = np.linalg.norm(np.diff(show.joints_m.astype(np.float64), axis=1), axis=-1) * RATE_HZ
    hands = [NTU25.index(f"{side}_hand") for side in ("left", "right")]
    assert speed[:, :, hands].max() < 12
    assert speed[:, :, NTU25.root].max() < 2.5
    assert speed.max() < 15


def test_a_squat_is_deep_and_a_punch_stretches_its_own_arm(show: DemoSource, figure: np.ndarray) -> None:
    squat = during(show, figure, "squat")
    knee = angle_deg(
        joint(squat, "left_knee") - joint(squat, "left_hip"), joint(squat, "left_ankle") - joint(squat, "left_knee")
    )
    assert knee.max() > 95
    for side, other in (("right", "left"), ("left", "right")):
        punch = during(show, figure, f"punch_{side}")
        reach = [
            np.linalg.norm(joint(punch, f"{s}_wrist") - joint(punch, f"{s}_shoulder"), axis=-1).max()
            for s in (side, other)
        ]
        assert reach[0] > 0.5 > reach[1]


def test_the_walk_crosses_the_scene_and_comes_back(show: DemoSource, figure: np.ndarray) -> None:
    root = joint(during(show, figure, "walk"), "spine_base")
    assert np.ptp(root[:, 0]) > 2.0
    assert np.linalg.norm(root[-1] - root[0]) < 0.1


def test_a_standing_figure_moves_but_slightly(figure: np.ndarray) -> None:
    standing = figure[:45]
    moved = np.ptp(joint(standing, "left_hand"), axis=0).max()
    assert 0.001 < moved < 0.06


def test_the_same_seed_gives_the_same_movement_and_another_seed_another() -> None:
    first, again, other = (DemoSource("max", seed=seed).joints_m for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert 0 < np.abs(first - other).max() < 0.2


def test_a_loop_has_no_jump(figure: np.ndarray) -> None:
    step = np.linalg.norm(figure[0] - figure[-1], axis=-1).max()
    assert step < 0.01


def test_unpaced_time_counts_from_zero_and_the_source_ends() -> None:
    source = DemoSource("max", people=2, loop=False)
    source.open()
    items = []
    while batch := source.read(1.0):
        items.extend(batch)
    source.close()
    first, *frames, last = items
    assert isinstance(first, SourceChange)
    assert first.state == "up"
    assert isinstance(last, SourceChange)
    assert last.state == "ended"
    assert [type(frame) for frame in frames] == [PoseFrame] * round(source.duration_s * RATE_HZ)
    assert frames[0].capture_time_ns == 0
    assert frames[30].capture_time_ns == 1_000_000_000
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert [pose.body_id for pose in frames[0].poses] == [0, 1]
    assert frames[0].poses[0].joints_m.shape == (25, 3)
    assert source.read(0.0) == ()
    assert source.drops() == {}


def test_a_looping_source_goes_on_after_its_script() -> None:
    source = DemoSource("max", loop=True)
    source.open()
    count = round(source.duration_s * RATE_HZ)
    frames = [item for _ in range(count + 11) for item in source.read(1.0) if isinstance(item, PoseFrame)]
    np.testing.assert_array_equal(frames[count + 5].poses[0].joints_m, frames[5].poses[0].joints_m)
    assert frames[count + 5].index == count + 5
    assert frames[count + 5].capture_time_ns - frames[5].capture_time_ns == pytest.approx(source.duration_s * 1e9)


def test_paced_frames_come_when_they_are_due() -> None:
    clock = ManualClock(7)
    source = DemoSource("real", clock=clock)
    source.open()
    items: list[SourceItem] = []
    for _ in range(4):
        while found := source.read(0.0):
            items += found
        clock.now_ns += 33_333_334
    source.close()
    frames = [item for item in items if isinstance(item, PoseFrame)]
    assert len(frames) == 4, "one each time that one is due"
    for frame in frames:
        assert frame.received_ns >= frame.capture_time_ns >= 7
    assert frames[3].capture_time_ns - frames[0].capture_time_ns == 100_000_000


@pytest.mark.parametrize("people", [0, 5])
def test_too_many_people_and_none_are_refused(people: int) -> None:
    with pytest.raises(ValueError, match="people: got"):
        DemoSource("max", people=people)


def test_an_unknown_speed_is_refused() -> None:
    with pytest.raises(ValueError, match="speed: got 'fast'"):
        DemoSource("fast")  # type: ignore[arg-type]


def test_between_two_keys_of_rest_the_movement_is_minimum_jerk() -> None:
    s = np.linspace(0, 1, 11)
    moved = glide([0.0, 2.0], np.array([[0.0], [1.0]]), 2 * s)[:, 0]
    np.testing.assert_allclose(moved, 10 * s**3 - 15 * s**4 + 6 * s**5, atol=1e-12)


def test_poses_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="a column for each channel"):
        compute_joints(np.zeros((3, len(CHANNELS) - 1)))


def test_a_bent_elbow_lifts_the_forearm_ahead() -> None:
    joints = compute_joints(pose(neutral(), left_elbow=90.0, left_arm_raise=0.0, left_arm_roll=0.0)[None])[0]
    fore = joint(joints, "left_wrist") - joint(joints, "left_elbow")
    assert fore[2] > 0.2
    assert abs(fore[0]) < 0.05
