"""Fit the spectra of standing sway and of tremor to motion capture, and write the package's table of them.

It uses the parts of CMU recordings in which a person stands with slow hips, ankles, shoulders, head and wrists. Test
subjects are left out. The recordings are stored in half precision; the power that rounding adds is measured with
rounding noise of the same size and subtracted.

    python benchmarks/card/fit_sway.py [--out hitrs_live/synthesis/sway_spectra.json]
"""

import argparse
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import data_folder, load_archive
from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.data.shipped_classes import LEFT_OUT_SUBJECTS
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.sway_angles import ANGLES, MIRROR, MIRROR_SIGN, measure_angles

Doubles = NDArray[np.float64]

FILES = ("cmu_bvh_01_14", "cmu_amc_more", "cmu_bvh_more", "cmu_signals")
SWAY_EDGES_HZ, TREMOR_EDGES_HZ = (0.25, 0.5, 1.0, 1.75, 3.0), (3.0, 5.0, 8.0, 11.0, 15.0)
SHORTEST = 64
SMOOTHING = 17
SLOW_M_S = 0.2
SLOW_JOINTS = [
    NTU25.index(name)
    for name in (
        "spine_base", "head", "left_shoulder", "right_shoulder", "left_wrist", "right_wrist", "left_ankle",
        "right_ankle",
    )
]  # fmt: skip
LEAST_SHARE = 0.1
"""Of a band's power that is kept where rounding may explain more."""


def standing(*, every_joint: bool) -> Iterator[tuple[str, NDArray[np.float16]]]:
    """Yield the subject and the joints, (T, 25, 3), of each part in which a body stands.

    every_joint: only of files that have all 25 joints.
    """
    for name in FILES:
        left_out = LEFT_OUT_SUBJECTS.get(name, frozenset())
        archive = load_archive(data_folder() / "ship" / f"{name}.npz")
        if every_joint and not archive.valid_mask.all():
            continue
        ends = np.cumsum(archive.lengths)
        for start, end, subject in zip(ends - archive.lengths, ends, archive.subjects, strict=True):
            if subject not in left_out and end - start > SHORTEST:
                joints = archive.joints[start:end].astype(np.float16)
                yield from ((f"{name}/{subject}", joints[span]) for span in slow_spans(joints))


def slow_spans(joints: NDArray[np.float16]) -> Iterator[slice]:
    """Find where all of SLOW_JOINTS are slower than SLOW_M_S after smoothing, and the head is high above the feet."""
    chosen = joints[:, SLOW_JOINTS].astype(np.float64)
    kernel = np.hanning(SMOOTHING + 2)[1:-1]
    padded = np.pad(chosen, ((SMOOTHING // 2, SMOOTHING // 2), (0, 0), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, SMOOTHING, axis=0)
    speed = np.linalg.norm(np.diff(windows @ (kernel / kernel.sum()), axis=0), axis=-1).max(1) * RATE_HZ
    height = joints[1:, NTU25.index("head"), 1] - joints[1:, :, 1].min(1)
    edges = np.flatnonzero(np.diff(np.r_[0, (speed < SLOW_M_S) & (height > 1.35), 0]))
    return (slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= SHORTEST)


def cross_power(signals: Doubles, edges_hz: tuple[float, ...]) -> Doubles:
    """Compute the one-sided co-spectrum of signals (T, A) averaged in each band. Returns (B, A, A), units² per Hz."""
    frames = len(signals)
    at = np.linspace(-1, 1, frames)[:, None]
    detrended = signals - signals.mean(0) - at * (at * signals).sum(0) / (at**2).sum()
    window = np.hanning(frames)[:, None]
    transform = np.fft.rfft(detrended * window, axis=0) * np.sqrt(2 / (RATE_HZ * (window**2).sum()))
    frequencies = np.fft.rfftfreq(frames, 1 / RATE_HZ)
    power = np.full((len(edges_hz) - 1, signals.shape[1], signals.shape[1]), np.nan)
    for band, (low, high) in enumerate(pairwise(edges_hz)):
        inside = transform[(frequencies >= low) & (frequencies < high)]
        if len(inside):
            power[band] = np.einsum("fa,fb->ab", inside, inside.conj()).real / len(inside)
    return power


def rounding(joints: NDArray[np.float16], rng: np.random.Generator) -> Doubles:
    """Draw noise of the size of half precision's rounding of these joints."""
    return rng.uniform(-0.5, 0.5, joints.shape) * np.spacing(np.abs(joints)).astype(np.float64)


def sway_powers(rng: np.random.Generator) -> tuple[Doubles, Doubles, list[str], list[int]]:
    """Return the co-spectra of angles by part, (P, B, A, A), those of rounding, the subjects and the frames."""
    powers, noises, subjects, frames = [], [], [], []
    mirror, sign = list(MIRROR), np.outer(MIRROR_SIGN, MIRROR_SIGN)
    for subject, joints in standing(every_joint=False):
        exact = joints.astype(np.float64)
        angles = measure_angles(exact)
        noise = measure_angles(exact + rounding(joints, rng)) - angles
        for signals, found in ((angles, powers), (noise, noises)):
            power = cross_power(signals, SWAY_EDGES_HZ)
            found.append((power + power[:, mirror][:, :, mirror] * sign) / 2)
        subjects.append(subject)
        frames.append(len(joints))
    return np.stack(powers), np.stack(noises), subjects, frames


def tremor_powers(rng: np.random.Generator) -> tuple[Doubles, Doubles, list[str], list[int]]:
    """Return the co-spectra of joints by part, (P, B, 25, 25), mm² per Hz and axis, those of rounding, and so on."""
    powers, noises, subjects, frames = [], [], [], []
    mirror = list(NTU25.mirror)
    for subject, joints in standing(every_joint=True):
        for signals, found in ((joints.astype(np.float64), powers), (rounding(joints, rng), noises)):
            power = np.mean([cross_power(1000 * signals[..., axis], TREMOR_EDGES_HZ) for axis in range(3)], axis=0)
            found.append((power + power[:, mirror][:, :, mirror]) / 2)
        subjects.append(subject)
        frames.append(len(joints))
    return np.stack(powers), np.stack(noises), subjects, frames


def fit(powers: Doubles, noises: Doubles, frames: list[int]) -> tuple[Doubles, Doubles, float]:
    """Average parts of unlike strength. Returns densities (B, A), correlations (B, A, A) and the spread of strengths.

    Every part is divided by its own gain, so that no restless part dominates the shape of the spectrum.
    """
    weights = np.array(frames, float)[:, None, None, None]
    own = np.diagonal(powers, axis1=2, axis2=3)
    gains = np.ones(len(powers))
    for _ in range(10):
        scaled = powers / gains[:, None, None, None]
        mean = np.nansum(scaled * weights, 0) / np.nansum(np.isfinite(scaled) * weights, 0)
        gains = np.nanmedian(own / np.diagonal(mean, axis1=1, axis2=2), axis=(1, 2))
        gains /= np.exp(np.average(np.log(gains), weights=frames))
    noise = np.nansum(noises / gains[:, None, None, None] * weights, 0) / np.nansum(np.isfinite(noises) * weights, 0)
    with_noise = np.diagonal(mean, axis1=1, axis2=2)
    print(
        "share of rounding in the power by band:",
        np.round((np.diagonal(noise, axis1=1, axis2=2) / with_noise).mean(1), 2),
    )
    variance = np.maximum(with_noise - np.diagonal(noise, axis1=1, axis2=2), LEAST_SHARE * with_noise)
    correlation = (mean - noise) / np.sqrt(variance[:, :, None] * variance[:, None])
    return (
        np.sqrt(variance),
        np.stack([nearest_correlation(one) for one in correlation]),
        float(np.log(gains).std() / 2),
    )


def nearest_correlation(matrix: Doubles) -> Doubles:
    """Drop negative eigenvalues and make the diagonal one."""
    np.fill_diagonal(matrix, 1)
    values, vectors = np.linalg.eigh(matrix)
    positive = (vectors * np.maximum(values, 1e-3)) @ vectors.T
    scale = np.sqrt(np.diag(positive))
    return positive / np.outer(scale, scale)


def part(
    names: tuple[str, ...], unit: str, edges: tuple[float, ...], found: tuple[Doubles, Doubles, list[str], list[int]]
) -> dict[str, object]:
    """Fit one kind of noise and return its part of the table."""
    powers, noises, subjects, frames = found
    density, correlation, spread = fit(powers, noises, frames)
    upper = np.triu_indices(len(names))
    print(f"{unit}: {len(frames)} parts, {sum(frames) / RATE_HZ:.0f} s, of {', '.join(sorted(set(subjects)))}")
    return {
        "unit": unit,
        "seconds": round(sum(frames) / RATE_HZ),
        "people": len(set(subjects)),
        "names": names,
        "centres_hz": [round(float(np.sqrt(a * b)), 3) for a, b in pairwise(edges)],
        "density": [[float(f"{v:.3g}") for v in row] for row in density],
        "correlation": [[round(float(v), 2) for v in one[upper]] for one in correlation],
        "spread": round(spread, 2),
    }


def main() -> None:
    """Fit both kinds of noise and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("hitrs_live/synthesis/sway_spectra.json"))
    out: Path = parser.parse_args().out
    rng = np.random.default_rng(0)
    table = {
        "source": "fitted by benchmarks/card/fit_sway.py to standing people of the CMU motion capture database",
        "sway": part(ANGLES, "deg", SWAY_EDGES_HZ, sway_powers(rng)),
        "tremor": part(NTU25.joints, "mm", TREMOR_EDGES_HZ, tremor_powers(rng)),
    }
    with whole_file(out) as unfinished:
        unfinished.write_text(as_lines(table), encoding="utf-8")


def as_lines(table: dict[str, object]) -> str:
    """Write JSON with one list of numbers a line."""
    text = json.dumps(table)
    for before, after in (("], [", "],\n  ["), ("[[", "[\n  ["), (', "', ',\n "'), ("{", "{\n "), ("}", "\n }")):
        text = text.replace(before, after)
    names = re.compile(r'"names": \[[^]]*\]')
    return names.sub(lambda found: " ".join(found.group().split()), text) + "\n"


if __name__ == "__main__":
    main()
