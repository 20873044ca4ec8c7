"""Invented arms: a body that could be somebody's, and legs left alone."""

import numpy as np
import pytest
from bodies import body_of

from hitrs_live.data.array_format import BACKGROUND, LabelledSequence
from hitrs_live.data.gestures import _swing, gesture, hand_path
from hitrs_live.data.stream_synthesis import ComposeConfig, StreamComposer
from hitrs_live.skeleton import NTU25

ARMS = [
    NTU25.index(f"{side}_{part}")
    for side in ("left", "right")
    for part in ("elbow", "wrist", "hand", "hand_tip", "thumb")
]
LEGS = [NTU25.index(f"{side}_{part}") for side in ("left", "right") for part in ("hip", "knee", "ankle", "foot")]


def standing(frames: int) -> np.ndarray:
    """Somebody who stands upright and faces +z, arms hanging."""
    at = {
        "spine_base": (0, 1.0, 0), "spine_middle": (0, 1.3, 0), "spine_shoulder": (0, 1.5, 0), "neck": (0, 1.55, 0),
        "head": (0, 1.7, 0), "shoulder": (0.18, 1.48, 0), "elbow": (0.2, 1.2, 0), "wrist": (0.21, 0.95, 0),
        "hand": (0.21, 0.87, 0), "hand_tip": (0.21, 0.8, 0), "thumb": (0.19, 0.84, 0.03), "hip": (0.1, 0.97, 0),
        "knee": (0.1, 0.5, 0), "ankle": (0.1, 0.08, 0), "foot": (0.1, 0.03, 0.12),
    }  # fmt: skip
    return np.repeat(body_of(at)[None].astype(np.float32), frames, axis=0)


def lengths(joints: np.ndarray) -> np.ndarray:
    return np.linalg.norm(joints - joints[:, list(NTU25.parents)], axis=-1)


@pytest.mark.parametrize("seed", range(8))
def test_bones_keep_their_lengths_and_legs_their_places(seed: int) -> None:
    body = standing(150)
    moved = gesture(body, np.random.default_rng(seed))
    np.testing.assert_allclose(lengths(moved), lengths(body), atol=1e-4)
    np.testing.assert_array_equal(moved[:, LEGS], body[:, LEGS])


def test_hands_move_as_hands_do() -> None:
    speeds = []
    for seed in range(30):
        moved = gesture(standing(300), np.random.default_rng(seed))
        wrists = moved[:, [NTU25.index("left_wrist"), NTU25.index("right_wrist")]]
        speeds.append(30 * np.linalg.norm(np.diff(wrists, axis=0), axis=-1))
    assert max(speed.max() for speed in speeds) < 12, "metres a second, the quickest of a shaken hand"
    assert 0.05 < np.mean(speeds) < 1.0


def test_a_turned_body_moves_the_same_way() -> None:
    turned = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], np.float32)
    one, other = (gesture(body, np.random.default_rng(3)) for body in (standing(90), standing(90) @ turned))
    np.testing.assert_allclose(one @ turned, other, atol=1e-4)


def test_the_input_is_left_as_it_was() -> None:
    body = standing(60)
    gesture(body, np.random.default_rng(0))
    np.testing.assert_array_equal(body, standing(60))


def test_a_quick_hand_never_goes_straight_to_the_front() -> None:
    for seed in range(200):
        path = hand_path(240, np.random.default_rng(seed))
        # Over a quarter of a second, what a punch takes, from before the shoulder. Shaking aside: that stays about one
        # place. Swinging aside: that arm was straight before.
        reach = np.linalg.norm(path, axis=-1)
        far = (reach > 0.75) & (np.abs(reach - 0.96) > 1e-3)
        begin, end = path[:-8, 2], path[8:, 2]
        thrust = (begin > -0.1) & (end - begin > 0.85) & far[8:] & (end > 0.7)
        assert not thrust.any(), f"seed {seed}"


def test_both_hands_may_push_quickly_and_straight_arms_swing_without_circling() -> None:
    rng = np.random.default_rng(0)
    pushed = [hand_path(300, rng, thrust_s=0.0) for _ in range(40)]
    assert max(30 * np.diff(path[:, 2]).max() for path in pushed) > 2.5, "arm's lengths a second to the front"
    swings = [_swing(np.random.default_rng(seed)) for seed in range(40)]
    for path in swings:
        np.testing.assert_allclose(np.linalg.norm(path, axis=1), 0.96, atol=1e-5)
        _, breadth, depth = np.linalg.svd(path - path.mean(0), full_matrices=False)[1]
        assert depth < 1e-3 < breadth, "to and fro in one upright plane"


def recording(label: int) -> LabelledSequence:
    return LabelledSequence(
        name="x", subject="1", joints_m=standing(120), labels=np.full(120, label), valid_mask=np.ones(25, bool)
    )


def test_arms_are_invented_on_background_and_on_classes_that_do_not_mind_them() -> None:
    always = ComposeConfig(invented_share=1.0, uncut_share=0.0)
    composer = StreamComposer({"a": [recording(1), recording(2)]}, {}, always, frozenset({1}))
    rng = np.random.default_rng(0)
    streams = [composer.draw(400, rng) for _ in range(20)]
    arms_moved = [np.ptp(stream.joints_m[:, ARMS], axis=0).max() > 0.3 for stream in streams]
    assert np.mean(arms_moved) > 0.8
    invented = np.concatenate([stream.labels[~stream.real_mask] for stream in streams])
    assert set(invented.tolist()) == {BACKGROUND, 1}


def test_without_a_class_that_lets_arms_go_none_are_invented() -> None:
    composer = StreamComposer({"a": [recording(2)]}, {}, ComposeConfig(invented_share=1.0, hold_share=0.0))
    stream = composer.draw(400, np.random.default_rng(0))
    assert set(stream.labels[stream.real_mask].tolist()) == {2}
    assert stream.real_mask.mean() > 0.7
