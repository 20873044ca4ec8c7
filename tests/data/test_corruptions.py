"""Degraded joints are wrong in the way that was asked for and in no other, the same way every time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_data import composer, sequence

from hitrs_live.config import TrackConfig
from hitrs_live.data.augment import AugmentConfig, Augmenter
from hitrs_live.data.corruptions import DEPTH_DRIFT_M, DRIFT_M, TREMBLE_M, degrade, parse_effects
from hitrs_live.data.sensor_noise import onto_grid
from hitrs_live.data.shipped_classes import LABELS
from hitrs_live.errors import ConfigError
from hitrs_live.messages import People
from hitrs_live.skeleton import NTU25, mirrored_labels
from hitrs_live.streaming.resampler import Resampler

EVERYTHING = "noise,15fps,no-feet,no-hands,yaw=90"
EARLIER = (
    2948.754, 226.3369, 0.3667201,
    2493.294, 45.1025, 0.08579321,
    2641.99, 60.98559, 0.8882962,
    2595.09, 118.7361, 0.2367414,
    2825.715, 81.90517, 0.8264846,
    2932.975, 157.3196, 0.7610522,
)  # fmt: skip
"""Of six augmented streams: sums, noise and the next number drawn. What changes them changes every training."""


def degraded(effects: str, *, frames: int = 90, seed: int = 0) -> np.ndarray:
    return degrade(sequence(9, frames=frames), parse_effects(effects), seed=seed).joints_m


@pytest.mark.parametrize("effects", ["", "noise", "15fps", "no-feet", "no-hands", "landmarks", "yaw=90", EVERYTHING])
@pytest.mark.parametrize("frames", [1, 2, 13, 90])
def test_labels_and_length_stay_and_a_second_time_gives_the_same(effects: str, frames: int) -> None:
    before = sequence(9, frames=frames)
    joints_m = before.joints_m.copy()
    after = degrade(before, parse_effects(effects))
    assert after.joints_m.shape == joints_m.shape
    assert after.joints_m.dtype == np.float32
    assert np.isfinite(after.joints_m).all()
    assert np.array_equal(after.labels, before.labels)
    assert np.array_equal(before.joints_m, joints_m), "the recording itself is left as it was"
    assert np.array_equal(degrade(before, parse_effects(effects)).joints_m, after.joints_m)


def test_every_seed_recording_and_place_in_the_order_trembles_in_its_own_way() -> None:
    before = sequence(9)
    once = degraded("noise")
    renamed = degrade(replace(before, name="y"), parse_effects("noise")).joints_m
    twice = degraded("noise,noise")
    for other in (degraded("noise", seed=1), renamed, twice - once + before.joints_m):
        assert np.abs(other - once).max() > TREMBLE_M


def test_noise_is_as_strong_as_the_strongest_of_training() -> None:
    training = AugmentConfig()
    assert (training.tremble_m, training.drift_m, training.depth_drift_m) == (TREMBLE_M, DRIFT_M, DEPTH_DRIFT_M)
    frames = 6000
    off = degraded("noise", frames=frames) - sequence(9, frames=frames).joints_m
    # Between two frames next to each other only the tremble changes much: twice its variance.
    tremble = np.diff(off, axis=0).std() / np.sqrt(2)
    assert tremble == pytest.approx(TREMBLE_M, rel=0.05)
    # A straight line between independent knots has two thirds of their variance.
    across = np.sqrt(TREMBLE_M**2 + 2 / 3 * DRIFT_M**2)
    assert off[..., :2].std() == pytest.approx(across, rel=0.1)
    whole_body = off[..., 2].mean(1).std()
    assert whole_body == pytest.approx(np.sqrt(2 / 3) * DEPTH_DRIFT_M, rel=0.2)


def test_fifteen_frames_a_second_lose_what_was_between_them() -> None:
    """A joint that jumps to and fro with every frame stands almost still if only every second one is kept."""
    still = sequence(9)
    flicker = np.where(np.arange(90) % 2, 1.0, 0.0)[:, None, None] + np.zeros((90, 25, 3))
    shaky = degrade(replace(still, joints_m=flicker.astype(np.float32)), parse_effects("15fps"))
    assert np.abs(shaky.joints_m).max() == 0.0
    step = np.linalg.norm(np.diff(still.joints_m, axis=0), axis=-1).max()
    off = np.linalg.norm(degraded("15fps") - still.joints_m, axis=-1)
    assert 0 < off.max() < 1.5 * step, "what moves slowly is where it was, give or take the lost frame"


def test_uneven_frames_come_out_as_the_live_resampler_gives_them() -> None:
    rng = np.random.default_rng(0)
    # The first on the grid; every other far enough from an instant not to stand for it, as live lets it by 5 ms.
    stamps = np.r_[0, np.arange(2, 60, 2) + rng.uniform(0.3, 0.7, 29)]
    joints_m = rng.normal(0, 1, (len(stamps), 25, 3)).astype(np.float32)
    resampler = Resampler(TrackConfig(), rows=1, rate_hz=30.0)
    live = []
    for stamp, joints in zip(stamps, joints_m, strict=True):
        people = People(
            capture_time_ns=round(stamp / 30 * 1e9), track_ids=np.zeros(1, np.int64),
            present=np.ones(1, bool), joints_m=joints[None], confidence=np.ones((1, 25), np.float32),
        )  # fmt: skip
        live += [joint_frame.joints_m[0] for joint_frame in resampler.step(people) if joint_frame.active[0]]
    np.testing.assert_allclose(onto_grid(joints_m, stamps, len(live)), live, atol=1e-4)


def test_missing_feet_and_hands_are_where_live_puts_them() -> None:
    before = sequence(9)
    at = {name: NTU25.index(name) for name in NTU25.joints}
    feet = degrade(before, parse_effects("no-feet"))
    both = degrade(before, parse_effects("no-feet,no-hands"))
    lost = [at[f"{side}_foot"] for side in ("left", "right")]
    kept = [joint for joint in range(25) if joint not in lost]
    assert np.array_equal(feet.joints_m[:, kept], before.joints_m[:, kept])
    for side in ("left", "right"):
        assert np.array_equal(feet.joints_m[:, at[f"{side}_foot"]], before.joints_m[:, at[f"{side}_ankle"]])
        for part in ("hand", "hand_tip", "thumb"):
            assert np.array_equal(both.joints_m[:, at[f"{side}_{part}"]], before.joints_m[:, at[f"{side}_wrist"]])
    assert [int(s.valid_mask.sum()) for s in (before, feet, both)] == [25, 23, 17]


def test_a_quarter_turn_brings_what_was_ahead_to_the_side() -> None:
    before = sequence(9).joints_m
    turned = degraded("yaw=90")
    np.testing.assert_allclose(turned[..., 0], before[..., 2], atol=1e-6)
    np.testing.assert_allclose(turned[..., 2], -before[..., 0], atol=1e-6)
    assert np.array_equal(turned[..., 1], before[..., 1])
    np.testing.assert_allclose(degraded("yaw=200,yaw=160"), before, atol=1e-5)


@pytest.mark.parametrize("wrong", ["fog", "yaw", "yaw=", "yaw=north", "yaw=nan", "noise=2", "noise;15fps"])
def test_an_unknown_effect_is_named_in_one_line(wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong) as told:
        parse_effects(f"noise,{wrong}")
    assert "\n" not in str(told.value)


@given(st.text(max_size=30))
def test_any_text_is_effects_or_a_mistake_that_is_told(text: str) -> None:
    try:
        effects = parse_effects(text)
    except ConfigError:
        return
    assert all(effect.name in text for effect in effects)


def test_training_draws_the_same_streams_for_the_same_seed_as_ever() -> None:
    augmenter = Augmenter(AugmentConfig(), mirrored_labels(LABELS))
    sums = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        stream = composer().draw(augmenter.frames_needed(100), rng)
        seen, clean = augmenter.apply(stream, 100, rng)
        sums += [float(np.abs(seen.joints_m).sum()), float(np.abs(seen.joints_m - clean).sum()), float(rng.random())]
    np.testing.assert_allclose(sums, EARLIER, rtol=1e-5)
