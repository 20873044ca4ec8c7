"""Recombined recordings keep what defines a class and exchange the rest, on one plausible body."""

from pathlib import Path

import numpy as np
import pytest
from moving_bodies import CLASSES, punching, recording, small_sources, squatting, standing, walking

from hitrs_live.data.array_format import BACKGROUND
from hitrs_live.data.body_proportions import LANDMARKS, measure_geometry
from hitrs_live.data.shipped_classes import LABELS
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.class_parts import BACKGROUND_NAME, PARTS, combined_class, nearly
from hitrs_live.synthesis.combination import Shares, combine, fault_of, freeze
from hitrs_live.synthesis.near_misses import (
    DEPTH,
    half_repetition,
    has_near_miss,
    kinds_of,
    pose_change,
    shallow_repetition,
)
from hitrs_live.synthesis.plausibility import beyond_support_m, inside_body_m
from hitrs_live.synthesis.recombination import RecombinationConfig, Recombiner, read_sources
from hitrs_live.synthesis.recorded_body import FEET, LEGS, LIMBS, RecordedBody, conform, mirror_body
from hitrs_live.synthesis.segments import cut_segments

BODY = RecordedBody(geometry=LANDMARKS, trunk_m=0.5)
WRIST, SHOULDER, ANKLE = (NTU25.index(f"right_{part}") for part in ("wrist", "shoulder", "ankle"))
TRUNK_BOTH = Shares(trunk=0.5, arms_upright=0.5)


def on_body(joints: np.ndarray, body: RecordedBody = BODY) -> np.ndarray:
    """Conform a motion of the test's skeleton to a body."""
    return conform(joints.astype(np.float32), measure_geometry([standing().astype(np.float32)]), body)


def limb_lengths(joints: np.ndarray) -> np.ndarray:
    """Lengths of the limbs' bones, (T, 16)."""
    return np.linalg.norm(joints[:, LIMBS] - joints[:, [NTU25.parents[j] for j in LIMBS]], axis=-1)


def test_every_class_of_the_shipped_model_says_which_parts_define_it() -> None:
    assert set(PARTS) == set(LABELS) - {BACKGROUND_NAME}


@pytest.mark.parametrize(
    ("legs", "arms", "expected"),
    [
        ("squat", "background", "squat"),
        ("squat", "lunge", "squat"),
        ("walk", "punch_right", "punch_right"),
        ("background", "shoulder_abduction", "shoulder_abduction"),
        ("walk", "background", "walk"),
        ("run", "walk", "run"),
        ("squat", "punch_right", None),
        ("twist", "background", "twist"),
        ("jumping_jack", "background", BACKGROUND_NAME),
        ("background", "jumping_jack", BACKGROUND_NAME),
        ("background", "squat", BACKGROUND_NAME),
    ],
)
def test_a_combination_is_labelled_by_the_part_that_defines_the_class(
    legs: str, arms: str, expected: str | None
) -> None:
    assert combined_class(legs, arms) == expected


def test_arms_of_a_squat_on_legs_that_stand_are_a_near_miss_of_it() -> None:
    assert nearly("background", "squat") == "squat"
    assert nearly("jumping_jack", "background") == "jumping_jack"
    assert nearly("background", "background") == BACKGROUND_NAME


@pytest.mark.slow
def test_a_body_keeps_its_bone_lengths_and_stands_on_the_floor() -> None:
    for joints in (squatting(), punching(), walking()):
        conformed = on_body(joints)
        assert limb_lengths(conformed) == pytest.approx(np.broadcast_to(BODY.limbs_m, (len(joints), 16)), abs=2e-3)
        lowest = conformed[:, FEET, 1].min(1)
        assert np.median(lowest) == pytest.approx(0, abs=0.02)


def test_feet_that_stand_do_not_slide_when_the_proportions_change() -> None:
    conformed = on_body(squatting())
    assert np.ptp(conformed[:, ANKLE, [0, 2]], axis=0).max() < 0.01


def test_a_combination_has_the_legs_of_one_and_the_arms_of_the_other() -> None:
    legs, arms = on_body(squatting(arms="raised")), on_body(standing(70))
    combined = combine(legs, arms, Shares(trunk=0.0, arms_upright=1.0), BODY)
    assert combined[:, LEGS] == pytest.approx(legs[:, LEGS], abs=2e-3)
    assert (legs[:, WRIST, 1] > legs[:, SHOULDER, 1]).all()
    assert (combined[:, WRIST, 1] < combined[:, SHOULDER, 1]).all()
    assert limb_lengths(combined) == pytest.approx(limb_lengths(legs), abs=2e-3)


def test_a_combination_with_itself_changes_nothing() -> None:
    legs = on_body(punching())
    for shares in (TRUNK_BOTH, Shares(trunk=1.0, arms_upright=0.0)):
        assert combine(legs, legs, shares, BODY) == pytest.approx(legs, abs=5e-3)


def test_a_body_that_stands_keeps_its_balance_and_one_that_bends_far_over_does_not() -> None:
    upright = on_body(standing())
    assert np.nanmax(beyond_support_m(upright)) < 0
    fallen = upright.copy()
    height = fallen[..., 1] - 0.1
    fallen[..., 2] += np.where(height > 0, height, 0) * 0.7
    assert np.nanmin(beyond_support_m(fallen)) > 0.1
    assert fault_of(fallen, upright, upright) == "balance"
    assert fault_of(upright, upright, upright) is None


def test_hands_that_pass_through_the_trunk_are_found() -> None:
    legs = on_body(standing())
    through = legs.copy()
    for part in ("wrist", "hand", "hand_tip", "thumb"):
        through[:, NTU25.index(f"right_{part}")] = legs[:, NTU25.index("spine_middle")]
    assert inside_body_m(legs).max() < 0.02
    assert inside_body_m(through).min() > 0.05
    assert fault_of(through, legs, legs) == "collision"


def test_half_a_repetition_turns_round_before_sixty_percent_and_ends_where_it_began() -> None:
    whole = on_body(squatting())
    full = pose_change(whole).max()
    for seed in range(5):
        half = half_repetition(whole, np.random.default_rng(seed))
        change = pose_change(half)
        assert DEPTH[0] - 0.02 < change.max() / full < 0.6
        assert change[-1] < 0.05 * full


def test_a_shallow_repetition_has_the_same_bones_and_less_depth() -> None:
    whole = on_body(squatting())
    shallow = shallow_repetition(whole, 0.4, BODY)
    assert limb_lengths(shallow) == pytest.approx(limb_lengths(whole), abs=2e-3)
    hips = NTU25.index("spine_base")
    drop = [joints[0, hips, 1] - joints[:, hips, 1].min() for joints in (whole, shallow)]
    assert 0.25 < drop[1] / drop[0] < 0.55
    assert pose_change(shallow).max() / pose_change(whole).max() == pytest.approx(0.4, abs=0.05)


def test_a_frozen_part_stays_while_the_rest_moves() -> None:
    frozen = freeze(on_body(squatting()), "legs", BODY)
    assert np.ptp(frozen[:, LEGS], axis=0).max() < 5e-3
    still = freeze(on_body(punching()), "arms", BODY)
    assert np.ptp(still[:, WRIST] - still[:, SHOULDER], axis=0).max() < 0.02


def test_only_what_does_not_return_to_its_start_is_another_action_backwards() -> None:
    squat = on_body(squatting())
    assert "reversed" not in kinds_of("squat", squat)
    assert "reversed" in kinds_of("squat", squat[: len(squat) // 2])
    assert not has_near_miss("walk")


def test_mirroring_twice_changes_nothing() -> None:
    joints = walking().astype(np.float32)
    assert np.array_equal(mirror_body(mirror_body(joints)), joints)


def test_a_calibration_pose_before_the_recording_is_left_out() -> None:
    joints = standing(60)
    joints[0, WRIST] += (-0.6, 0.5, 0)
    geometry = measure_geometry([joints.astype(np.float32)])
    segment = next(cut_segments([recording(joints, "background", "tee")], geometry, CLASSES))
    assert segment.span == slice(1, 60)


def test_streams_have_the_length_asked_for_and_are_reproducible() -> None:
    once, again = (Recombiner(small_sources(), CLASSES).draw(300, np.random.default_rng(1)) for _ in range(2))
    assert len(once) == 300
    assert np.array_equal(once.joints_m, again.joints_m)
    assert np.array_equal(once.labels, again.labels)
    assert np.isfinite(once.joints_m).all()


@pytest.mark.slow
def test_squats_of_a_stream_are_done_with_other_arms_than_those_of_the_recording() -> None:
    recombiner = Recombiner(small_sources(), CLASSES, RecombinationConfig(weights={"legs": 1.0}))
    streams = [recombiner.draw(300, np.random.default_rng(seed)) for seed in range(5)]
    squats = np.concatenate([one.joints_m[one.labels == CLASSES.index("squat")] for one in streams])
    raised = (squats[:, WRIST, 1] > squats[:, SHOULDER, 1]).mean()
    assert len(squats) > 200
    assert raised < 0.8
    assert recombiner.counts["accepted"] > 0


@pytest.mark.slow
def test_a_mirrored_punch_is_a_punch_of_the_other_hand() -> None:
    recombiner = Recombiner(small_sources(), CLASSES, RecombinationConfig(weights={"arms": 1.0}))
    streams = [recombiner.draw(300, np.random.default_rng(seed)) for seed in range(4)]
    for side in ("left", "right"):
        ahead = [
            np.ptp(np.linalg.norm(one.joints_m[mask, NTU25.index(f"{side}_wrist")] - one.joints_m[mask, 0], axis=-1))
            for one in streams
            if (mask := one.labels == CLASSES.index(f"punch_{side}")).sum() > 20
        ]
        assert ahead
        assert min(ahead) > 0.1


def test_repetitions_are_numbered_and_each_has_one_onset() -> None:
    recombiner = Recombiner(small_sources(), CLASSES, RecombinationConfig(weights={"legs": 1.0}))
    stream = recombiner.draw(900, np.random.default_rng(4))
    starts = np.flatnonzero(stream.onset_mask)
    assert (stream.labels[starts] != BACKGROUND).all()
    assert (stream.phase[starts] == 0).all()
    assert (stream.repetition[starts] >= 1).all()
    assert stream.repetition.max() > 1
    assert np.isnan(stream.phase[stream.labels == BACKGROUND]).all()


def test_a_near_miss_is_background_that_names_its_class() -> None:
    recombiner = Recombiner(small_sources(), CLASSES)
    squat = recording(squatting(), "squat", "another")
    motion = recombiner.near_miss(squat, np.random.default_rng(0))
    assert (motion.labels == BACKGROUND).all()
    assert (motion.near_miss == CLASSES.index("squat")).all()
    with pytest.raises(ValueError, match="no action with near misses"):
        recombiner.near_miss(recording(walking(), "walk", "gait"), np.random.default_rng(0))


def test_arms_without_legs_to_put_them_on_are_refused() -> None:
    with pytest.raises(ValueError, match="nobody stands still"):
        Recombiner({"one": [recording(squatting(), "squat", "squat")]}, CLASSES)


@pytest.mark.slow
def test_real_squats_lose_their_habit_of_raised_arms(data: Path) -> None:
    sources = read_sources(data)
    recombiner = Recombiner(sources)
    squat = LABELS.index("squat")
    real = np.concatenate([one.joints_m[one.labels == squat] for one in sources["ui_prmd_kinect"]])
    drawn = [recombiner.draw(900, np.random.default_rng(seed)) for seed in range(12)]
    synthetic = np.concatenate([one.joints_m[one.labels == squat] for one in drawn])
    raised = [np.mean(joints[:, WRIST, 1] > joints[:, SHOULDER, 1]) for joints in (real, synthetic)]
    assert raised[0] > 0.9
    assert raised[1] < 0.6
    assert recombiner.counts["accepted"] > 5 * (recombiner.counts["balance"] + recombiner.counts["collision"])
