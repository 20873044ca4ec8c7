"""Corruptions change joints as their names say, in no other way, and the same way every time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_data import composer, sequence

from hitrs_live.config import TrackConfig
from hitrs_live.data.augment import AugmentConfig, Augmenter
from hitrs_live.data.corruptions import DEPTH_DRIFT_M, DRIFT_M, TREMBLE_M, corrupt, parse_corruptions
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
"""Sums, noise and the next random number of six augmented streams. A change of them changes every training."""


def corrupted(names: str, *, frames: int = 90, seed: int = 0) -> np.ndarray:
    return corrupt(sequence(9, frames=frames), parse_corruptions(names), seed=seed).joints_m


@pytest.mark.parametrize("names", ["", "noise", "15fps", "no-feet", "no-hands", "landmarks", "yaw=90", EVERYTHING])
@pytest.mark.parametrize("frames", [1, 2, 13, 90])
def test_labels_and_length_stay_and_a_second_time_gives_the_same(names: str, frames: int) -> None:
    before = sequence(9, frames=frames)
    joints_m = before.joints_m.copy()
    after = corrupt(before, parse_corruptions(names))
    assert after.joints_m.shape == joints_m.shape
    assert after.joints_m.dtype == np.float32
    assert np.isfinite(after.joints_m).all()
    assert np.array_equal(after.labels, before.labels)
    assert np.array_equal(before.joints_m, joints_m), "the recording itself is left as it was"
    assert np.array_equal(corrupt(before, parse_corruptions(names)).joints_m, after.joints_m)


def test_noise_differs_by_seed_by_recording_and_by_place_in_the_order() -> None:
    before = sequence(9)
    once = corrupted("noise")
    renamed = corrupt(replace(before, name="y"), parse_corruptions("noise")).joints_m
    twice = corrupted("noise,noise")
    for other in (corrupted("noise", seed=1), renamed, twice - once + before.joints_m):
        assert np.abs(other - once).max() > TREMBLE_M


def test_the_severity_of_noise_is_the_strongest_that_augmentation_draws() -> None:
    training = AugmentConfig()
    assert (training.tremble_m, training.drift_m, training.depth_drift_m) == (TREMBLE_M, DRIFT_M, DEPTH_DRIFT_M)
    frames = 6000
    off = corrupted("noise", frames=frames) - sequence(9, frames=frames).joints_m
    # Between adjacent frames only the jitter changes much: twice its variance.
    jitter = np.diff(off, axis=0).std() / np.sqrt(2)
    assert jitter == pytest.approx(TREMBLE_M, rel=0.05)
    # A straight line between independent knots has two thirds of their variance.
    across = np.sqrt(TREMBLE_M**2 + 2 / 3 * DRIFT_M**2)
    assert off[..., :2].std() == pytest.approx(across, rel=0.1)
    whole_body = off[..., 2].mean(1).std()
    assert whole_body == pytest.approx(np.sqrt(2 / 3) * DEPTH_DRIFT_M, rel=0.2)


def test_at_fifteen_frames_per_second_the_frames_in_between_are_lost() -> None:
    """A joint that alternates between two positions with every frame stays at one if every second frame is kept."""
    still = sequence(9)
    flicker = np.where(np.arange(90) % 2, 1.0, 0.0)[:, None, None] + np.zeros((90, 25, 3))
    shaky = corrupt(replace(still, joints_m=flicker.astype(np.float32)), parse_corruptions("15fps"))
    assert np.abs(shaky.joints_m).max() == 0.0
    step = np.linalg.norm(np.diff(still.joints_m, axis=0), axis=-1).max()
    off = np.linalg.norm(corrupted("15fps") - still.joints_m, axis=-1)
    assert 0 < off.max() < 1.5 * step, "a slow movement is off by less than the lost frame"


def test_uneven_frames_are_resampled_as_by_the_live_resampler() -> None:
    rng = np.random.default_rng(0)
    # The first is on the grid; the others are farther from it than the 5 ms within which the resampler snaps.
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


def test_missing_feet_and_hands_are_filled_as_in_the_live_pipeline() -> None:
    before = sequence(9)
    at = {name: NTU25.index(name) for name in NTU25.joints}
    feet = corrupt(before, parse_corruptions("no-feet"))
    both = corrupt(before, parse_corruptions("no-feet,no-hands"))
    lost = [at[f"{side}_foot"] for side in ("left", "right")]
    kept = [joint for joint in range(25) if joint not in lost]
    assert np.array_equal(feet.joints_m[:, kept], before.joints_m[:, kept])
    for side in ("left", "right"):
        assert np.array_equal(feet.joints_m[:, at[f"{side}_foot"]], before.joints_m[:, at[f"{side}_ankle"]])
        for part in ("hand", "hand_tip", "thumb"):
            assert np.array_equal(both.joints_m[:, at[f"{side}_{part}"]], before.joints_m[:, at[f"{side}_wrist"]])
    assert [int(s.valid_mask.sum()) for s in (before, feet, both)] == [25, 23, 17]


def test_a_quarter_turn_moves_depth_to_the_side() -> None:
    before = sequence(9).joints_m
    turned = corrupted("yaw=90")
    np.testing.assert_allclose(turned[..., 0], before[..., 2], atol=1e-6)
    np.testing.assert_allclose(turned[..., 2], -before[..., 0], atol=1e-6)
    assert np.array_equal(turned[..., 1], before[..., 1])
    np.testing.assert_allclose(corrupted("yaw=200,yaw=160"), before, atol=1e-5)


@pytest.mark.parametrize("wrong", ["fog", "yaw", "yaw=", "yaw=north", "yaw=nan", "noise=2", "noise;15fps"])
def test_an_unknown_corruption_is_an_error_that_names_it_in_one_line(wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong) as caught:
        parse_corruptions(f"noise,{wrong}")
    assert "\n" not in str(caught.value)


@given(st.text(max_size=30))
def test_any_text_is_a_list_of_corruptions_or_a_config_error(text: str) -> None:
    try:
        corruptions = parse_corruptions(text)
    except ConfigError:
        return
    assert all(corruption.name in text for corruption in corruptions)


def test_training_draws_the_recorded_streams_for_the_same_seeds() -> None:
    augmenter = Augmenter(AugmentConfig(), mirrored_labels(LABELS))
    sums = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        stream = composer().draw(augmenter.frames_needed(100), rng)
        seen, clean = augmenter.apply(stream, 100, rng)
        sums += [float(np.abs(seen.joints_m).sum()), float(np.abs(seen.joints_m - clean).sum()), float(rng.random())]
    np.testing.assert_allclose(sums, EARLIER, rtol=1e-5)
