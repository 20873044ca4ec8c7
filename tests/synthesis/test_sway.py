"""Sway and tremor have the spectra of people who stand."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from moving_bodies import straight_body

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.sway import load_spectra, sway_angles, tremor_m
from hitrs_live.synthesis.sway_angles import ANGLES, measure_angles

FIT = Path(__file__).parents[2] / "benchmarks" / "card" / "fit_sway.py"


def band_rms(signals: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    """Root of the mean power of signals (T, A) between two frequencies."""
    frequencies = np.fft.rfftfreq(len(signals), 1 / RATE_HZ)
    window = np.hanning(len(signals))[:, None]
    transform = np.fft.rfft((signals - signals.mean(0)) * window, axis=0)
    inside = (frequencies >= low_hz) & (frequencies < high_hz)
    return np.sqrt(2 * (np.abs(transform[inside]) ** 2).sum(0) / (len(signals) * (window**2).sum()))


def test_a_lean_is_measured_as_a_lean() -> None:
    body = straight_body()
    ankles = (body[NTU25.index("left_ankle")] + body[NTU25.index("right_ankle")]) / 2
    for axis, name, sign in ((0, "lean_forward", 1), (2, "lean_side", -1)):
        angle = np.radians(5 * sign)
        turn = np.eye(3)
        first, second = [(1, 2), (2, 0), (0, 1)][axis]
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        leaning = (body - ankles) @ turn.T + ankles
        change = (measure_angles(leaning[None]) - measure_angles(body[None]))[0]
        assert change[ANGLES.index(name)] == pytest.approx(5, abs=0.1)
        assert change[ANGLES.index("spine_forward")] == pytest.approx(0, abs=0.1)
        assert change[ANGLES.index("spine_side")] == pytest.approx(0, abs=0.1)


def test_sway_is_reproducible_and_as_strong_as_asked() -> None:
    once, again = (sway_angles(200, np.random.default_rng(3)) for _ in range(2))
    double = sway_angles(200, np.random.default_rng(3), strength=2.0)
    for name, values in once.items():
        assert values.shape == (200,)
        assert np.array_equal(values, again[name])
        assert double[name] == pytest.approx(2 * values, rel=1e-4)


def test_the_body_sways_slowly_and_by_about_a_third_of_a_degree() -> None:
    draws = [sway_angles(900, np.random.default_rng(seed))["lean_forward"] for seed in range(30)]
    assert 0.1 < np.mean([values.std() for values in draws]) < 0.6
    below, above = (np.mean([band_rms(v[:, None], *band) for v in draws]) for band in ((0.05, 1.0), (1.0, 3.0)))
    assert below > 2 * above


def test_the_spine_compensates_the_lean() -> None:
    draws = [sway_angles(900, np.random.default_rng(seed)) for seed in range(20)]
    assert np.mean([np.corrcoef(one["lean_forward"], one["spine_forward"])[0, 1] for one in draws]) < -0.3


def test_tremor_is_above_sway_in_frequency_and_strongest_in_the_hands() -> None:
    draws = np.stack([tremor_m(600, np.random.default_rng(seed)) for seed in range(10)])
    assert draws.shape == (10, 600, 25, 3)
    rms_mm = 1000 * np.sqrt((draws**2).mean((0, 1, 3)))
    hand, trunk, ankle = (rms_mm[NTU25.index(name)] for name in ("left_hand", "spine_base", "left_ankle"))
    assert 1 < hand < 10
    assert hand > 2 * trunk > 2 * ankle
    slow = band_rms(draws[0, :, :, 0], 0, 2.5)
    assert (slow < 0.2 * band_rms(draws[0, :, :, 0], 3, 15)).all()


def test_neighbouring_joints_tremble_together() -> None:
    jitter = tremor_m(1500, np.random.default_rng(0))[..., 0]
    wrist, hand, ankle = (jitter[:, NTU25.index(name)] for name in ("left_wrist", "left_hand", "right_ankle"))
    assert np.corrcoef(wrist, hand)[0, 1] > 0.5 > abs(np.corrcoef(wrist, ankle)[0, 1])


@pytest.mark.parametrize("kind", ["sway", "tremor"])
def test_the_packaged_correlations_are_correlations(kind: str) -> None:
    spectrum = load_spectra()[kind]
    assert (spectrum.density > 0).all()
    for matrix in spectrum.correlation:
        assert np.diag(matrix) == pytest.approx(1)
        # Two decimals are kept.
        assert np.linalg.eigvalsh(matrix).min() > -0.1


@pytest.mark.slow
def test_spectra_are_those_of_real_standing_people(data: Path) -> None:
    fit = runpy.run_path(str(FIT))
    parts = [joints for _, joints in fit["standing"](every_joint=True)]
    angles = [measure_angles(joints.astype(float)) for joints in parts]
    draws = [sway_angles(90, np.random.default_rng(seed)) for seed in range(100)]
    drawn_angles = [np.stack([one[name] for name in ANGLES], axis=-1).astype(float) for one in draws]
    jitter = [joints[..., 1].astype(float) for joints in parts]
    drawn_jitter = [tremor_m(90, np.random.default_rng(seed))[..., 1].astype(float) for seed in range(100)]
    for real, drawn, edges in (
        (angles, drawn_angles, fit["SWAY_EDGES_HZ"]),
        (jitter, drawn_jitter, fit["TREMOR_EDGES_HZ"]),
    ):
        power = [
            np.nanmean([np.diagonal(fit["cross_power"](one, edges), axis1=1, axis2=2) for one in many], axis=0)
            for many in (real, drawn)
        ]
        ratio = np.log(power[1] / power[0]) / 2
        # A few people, of unlike strength: each amplitude within a factor of 3, and all of them on average within 1.6.
        assert np.abs(ratio).max() < np.log(3)
        assert abs(ratio.mean()) < np.log(1.6)
