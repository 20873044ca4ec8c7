"""Draw the sway of a standing body and the jitter of its joints, with spectra measured in motion capture.

A standing person is never still: the body sways about the ankles like an inverted pendulum, the spine compensates, the
chest breathes, hands tremble. Here every angle is coloured noise. Its amplitude in each frequency band, and its
correlation with the other angles, are those of people who stand (sway_spectra.json, written by
benchmarks/card/fit_sway.py). Sway lies below 3 Hz and tremor above, so the two may be added.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.skeleton import NTU25

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

SPLIT_HZ: Final = 3.0
"""Upper end of sway and lower end of tremor."""
_SLOWEST_HZ: Final = 0.05
"""Slower sway would be a change of posture."""
_TABLE: Final = "sway_spectra.json"


@dataclass(frozen=True, kw_only=True)
class Spectrum:
    """Amplitudes and correlations of several signals in each of B frequency bands."""

    names: tuple[str, ...]
    centres_hz: Doubles
    """(B,)."""
    density: Doubles
    """(B, A): square root of the one-sided power density, in degrees or metres per root of a hertz."""
    correlation: Doubles
    """(B, A, A)."""
    spread: float
    """Standard deviation of the logarithm of the amplitude among people and recordings."""

    def draw_gain(self, rng: np.random.Generator) -> float:
        """Draw how strongly one person moves, relative to the average person."""
        return float(np.exp(np.clip(rng.normal(), -2, 2) * self.spread))


def sway_angles(frames: int, rng: np.random.Generator, *, strength: float = 1.0) -> dict[str, Floats]:
    """Draw the small angles of a person who stands, around zero. Returns (T,) degrees by name, at 30 Hz.

    Names and signs are those of sway_angles.ANGLES, and head_turn, positive to the left. strength: 1 is that of the
    measured people on average; a draw is that of one person, so it differs from draw to draw.
    """
    spectrum = load_spectra()["sway"]
    noise = coloured_noise(spectrum, frames, rng, low_hz=_SLOWEST_HZ, high_hz=SPLIT_HZ)
    # Joints do not show how the head turns; its nod is as small.
    nod = spectrum.names.index("head_nod")
    head_turn = coloured_noise(spectrum, frames, rng, low_hz=_SLOWEST_HZ, high_hz=SPLIT_HZ)[:, nod]
    gain = strength * spectrum.draw_gain(rng)
    angles = {name: noise[:, k] for k, name in enumerate(spectrum.names)} | {"head_turn": head_turn}
    return {name: (gain * values).astype(np.float32) for name, values in angles.items()}


def tremor_m(frames: int, rng: np.random.Generator, *, strength: float = 1.0) -> Floats:
    """Draw the jitter of the joints above 3 Hz, to be added to joints. Returns (T, 25, 3), metres, at 30 Hz.

    Neighbouring joints move together, and hands more than the trunk. The three axes are alike and independent.
    """
    spectrum = load_spectra()["tremor"]
    axes = [coloured_noise(spectrum, frames, rng, low_hz=SPLIT_HZ, high_hz=RATE_HZ / 2) for _ in range(3)]
    gain = strength * spectrum.draw_gain(rng)
    return (gain * np.stack(axes, axis=-1)).astype(np.float32)


def coloured_noise(
    spectrum: Spectrum, frames: int, rng: np.random.Generator, *, low_hz: float, high_hz: float
) -> Doubles:
    """Draw Gaussian noise with a spectrum's amplitudes and correlations between two frequencies. Returns (T, A)."""
    # Noise made by an inverse transform is periodic: only part of a longer period is used.
    period = max(2 * frames, 2048)
    frequencies = np.fft.rfftfreq(period, 1 / RATE_HZ)
    inside = (frequencies >= low_hz) & (frequencies < high_hz)
    within = frequencies[inside]
    band, share = _bands(spectrum.centres_hz, within)
    roots = np.stack([_root(one) for one in spectrum.correlation])
    following = np.minimum(band + 1, len(roots) - 1)
    mixed = np.sqrt(1 - share)[:, None] * _white(rng, roots, band) + np.sqrt(share)[:, None] * _white(
        rng, roots, following
    )
    log_density = np.log(spectrum.density)
    density = np.exp(log_density[band] * (1 - share)[:, None] + log_density[following] * share[:, None])
    transform = np.zeros((len(frequencies), len(spectrum.names)), complex)
    # One-sided density S: the coefficient of a frequency has variance S * rate * period / 2.
    transform[inside] = mixed * density * np.sqrt(RATE_HZ * period / 2)
    noise: Doubles = np.fft.irfft(transform, period, axis=0)[:frames]
    return noise


def _white(rng: np.random.Generator, roots: Doubles, band: NDArray[np.int64]) -> NDArray[np.complex128]:
    """Draw complex noise of unit variance, (F, A), with the correlation of each frequency's band."""
    shape = (len(band), roots.shape[1])
    independent = (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)
    correlated: NDArray[np.complex128] = np.empty(shape, np.complex128)
    for number, root in enumerate(roots):
        here = band == number
        correlated[here] = independent[here] @ root.T
    return correlated


def _bands(centres_hz: Doubles, frequencies: NDArray[np.floating]) -> tuple[NDArray[np.int64], Doubles]:
    """Place frequencies between the centres of bands on a logarithmic scale: the lower band, and the way to the next.

    Below the first centre and above the last the spectrum is flat.
    """
    at = np.interp(np.log(frequencies), np.log(centres_hz), np.arange(len(centres_hz)))
    band = np.floor(at).astype(np.int64)
    return band, at - band


def _root(correlation: Doubles) -> Doubles:
    """Return a root of a correlation matrix, of which rounding may have made eigenvalues slightly negative."""
    values, vectors = np.linalg.eigh(correlation)
    root: Doubles = vectors * np.sqrt(np.maximum(values, 0))
    return root


@cache
def load_spectra() -> dict[str, Spectrum]:
    """Read the packaged spectra by name: sway in degrees, tremor in metres."""
    table = json.loads(resources.files("hitrs_live.synthesis").joinpath(_TABLE).read_text(encoding="utf-8"))
    return {name: _spectrum(table[name]) for name in ("sway", "tremor")}


def _spectrum(part: dict[str, Any]) -> Spectrum:
    names = tuple(part["names"])
    if part["unit"] == "mm":
        scale = 1e-3
        if names != NTU25.joints:
            raise ValueError(f"{_TABLE}: tremor of {len(names)} joints, expected the {len(NTU25)} of NTU25")
    else:
        scale = 1.0
    upper = np.triu_indices(len(names))
    correlation = np.zeros((len(part["correlation"]), len(names), len(names)))
    for matrix, values in zip(correlation, part["correlation"], strict=True):
        matrix[upper] = values
        matrix.T[upper] = values
    return Spectrum(
        names=names,
        centres_hz=np.array(part["centres_hz"]),
        density=np.array(part["density"]) * scale,
        correlation=correlation,
        spread=float(part["spread"]),
    )
