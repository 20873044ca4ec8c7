"""Limbs are guessed as the pose stage guesses them: the rest of the body, and what it does, stay."""

import numpy as np
import pytest

from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.data.guessed_limbs import ARMS, GuessedLimbs, LimbGuesser
from hitrs_live.data.shipped_classes import LABELS as FIRST_LABELS
from hitrs_live.skeleton import NTU25
from hitrs_live.tracking.unseen_legs import LEGS, standing_legs
from hitrs_live.visible_classes import WITHOUT_AN_ARM, WITHOUT_LEGS

LABELS = ("background", "wave", "squat", "bow", "burpee")
WAVE, SQUAT, BOW, BURPEE = 1, 2, 3, 4
FRAMES = 120
SITTING_M = np.random.default_rng(0).normal(0, 0.3, (25, 3)).astype(np.float32)


def draws(config: GuessedLimbs, labels: np.ndarray, count: int = 60) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return how far each joint was moved, (T, 25), and the labels, for some draws."""
    guesser, still = LimbGuesser(config, LABELS), np.tile(SITTING_M, (FRAMES, 1, 1))
    drawn = (guesser.apply(still, labels, np.random.default_rng(seed)) for seed in range(count))
    return [(np.linalg.norm(joints_m - still, axis=-1), changed) for joints_m, changed in drawn]


def limb_of(moved: np.ndarray) -> tuple[int, ...]:
    return tuple(np.flatnonzero(moved.max(0) > 0).tolist())


def test_both_legs_or_one_arm_move_and_nothing_else() -> None:
    limbs = {limb_of(moved) for moved, _ in draws(GuessedLimbs(share=1.0), np.zeros(FRAMES, np.int64))}
    assert limbs == {tuple(sorted(LEGS)), *(tuple(sorted(arm)) for arm in ARMS)}


def test_only_the_stated_share_of_windows_has_one() -> None:
    moved = [bool(moved.any()) for moved, _ in draws(GuessedLimbs(share=0.3), np.zeros(FRAMES, np.int64), 400)]
    assert 0.2 < np.mean(moved) < 0.4
    assert not any(moved.any() for moved, _ in draws(GuessedLimbs(share=0.0), np.zeros(FRAMES, np.int64)))


def test_a_limb_is_guessed_from_its_first_frame_or_a_later_one_to_the_end() -> None:
    firsts = [
        int(np.flatnonzero(moved.max(1))[0]) for moved, _ in draws(GuessedLimbs(share=1.0), np.zeros(FRAMES, int))
    ]
    assert 0 in firsts
    assert any(first > 20 for first in firsts)
    assert all(moved[-1].max() > 0 for moved, _ in draws(GuessedLimbs(share=1.0), np.zeros(FRAMES, int)))


def test_the_end_of_a_limb_moves_farther_than_its_middle() -> None:
    knee, ankle = NTU25.index("left_knee"), NTU25.index("left_ankle")
    config = GuessedLimbs(share=1.0, legs_share=1.0, drift_m=0.0, standing_share=0.0)
    legs = [moved for moved, _ in draws(config, np.zeros(FRAMES, int))]
    assert all(moved[:, ankle].mean() > 1.5 * moved[:, knee].mean() for moved in legs)


def test_legs_that_stand_do_so_from_a_first_frame_or_within_half_a_second_and_stay() -> None:
    guesser = LimbGuesser(GuessedLimbs(share=1.0, legs_share=1.0, standing_share=1.0), LABELS)
    still, standing_m = np.tile(SITTING_M, (FRAMES, 1, 1)), standing_legs(SITTING_M)
    lasted = set()
    for seed in range(30):
        joints_m, _ = guesser.apply(still, np.zeros(FRAMES, np.int64), np.random.default_rng(seed))
        off_m = np.linalg.norm(joints_m[:, list(LEGS)] - standing_m, axis=-1).max(axis=1)
        begins = int(np.flatnonzero(np.abs(joints_m - still).max(axis=(1, 2)) > 0)[0])
        assert (np.diff(off_m) <= 1e-6).all()
        assert off_m[begins + 15 :].max(initial=0.0) < 1e-5
        lasted.add(begins > 0)
    assert lasted == {False, True}


@pytest.mark.parametrize(("legs_share", "unknown"), [(1.0, {SQUAT, BURPEE}), (0.0, {WAVE, BURPEE})])
def test_a_class_that_cannot_be_seen_without_the_limb_becomes_unknown(legs_share: float, unknown: set[int]) -> None:
    labels = np.tile(np.array([BACKGROUND, WAVE, SQUAT, BOW, BURPEE, IGNORE], np.int64), FRAMES // 6)
    for moved, changed in draws(GuessedLimbs(share=1.0, legs_share=legs_share), labels):
        guessed = np.arange(FRAMES) >= np.flatnonzero(moved.max(1))[0]
        lost = guessed & np.isin(labels, list(unknown))
        assert (changed[lost] == IGNORE).all()
        assert (changed[~lost] == labels[~lost]).all()


def test_the_joints_that_were_given_stay_as_they_are() -> None:
    given, labels = np.ones((FRAMES, 25, 3), np.float32), np.full(FRAMES, SQUAT)
    LimbGuesser(GuessedLimbs(share=1.0), LABELS).apply(given, labels, np.random.default_rng(0))
    assert (given == 1).all()
    assert (labels == SQUAT).all()


def test_no_class_of_both_arms_and_legs_is_said_to_be_seen_without_either() -> None:
    either = WITHOUT_LEGS & WITHOUT_AN_ARM
    assert either == {"bow"}
    assert {"jumping_jack", "push_up", "toe_touch"}.isdisjoint(WITHOUT_LEGS | WITHOUT_AN_ARM)
    assert {"punch_left", "punch_right"} <= set(FIRST_LABELS) & WITHOUT_LEGS
