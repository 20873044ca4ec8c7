"""Corrupt recorded joints as a webcam's pose estimator does, to measure a model's robustness.

After ImageNet-C (Hendrycks and Dietterich, 2019): test-time corruptions, each at one fixed severity. They are not for
training, whose augmentation is random and weaker (augment.py). The same recording, corruptions and seed always give
the same joints.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.data.body_proportions import LANDMARKS, measure_geometry, retarget
from hitrs_live.data.sensor_noise import Floats, onto_grid, smooth_noise
from hitrs_live.errors import ConfigError
from hitrs_live.skeleton import NTU25
from hitrs_live.transforms import fill_unseen, turn_about_y

TREMBLE_M: Final = 0.010
DRIFT_M: Final = 0.015
DEPTH_DRIFT_M: Final = 0.03
"""Severity of `noise`: standard deviations, equal to the strongest that augmentation draws."""
STAMP_JITTER_FRAMES: Final = 0.1
"""Standard deviation of a time stamp's error: 3.3 ms, a twentieth of the interval between frames at 15 fps."""

FEET: Final = ("foot",)
HANDS: Final = ("hand", "hand_tip", "thumb")


def add_noise(joints_m: Floats, rng: np.random.Generator) -> Floats:
    """Add jitter and drift to every joint, and drift in depth to the whole body. joints_m: (T, 25, 3) -> the same."""
    jitter = rng.normal(0, TREMBLE_M, joints_m.shape)
    drift = smooth_noise(rng, len(joints_m), joints_m.shape[1:]) * DRIFT_M
    depth = smooth_noise(rng, len(joints_m), (1, 1)) * DEPTH_DRIFT_M * np.array([0, 0, 1])
    noisy: Floats = (joints_m + jitter + drift + depth).astype(np.float32)
    return noisy


def halve_rate(joints_m: Floats, rng: np.random.Generator) -> Floats:
    """Keep every second frame, with jitter in its time stamp, and interpolate back. joints_m: (T, 25, 3) -> the same.

    Every frame is available at its own time. Live, a frame between two captured ones is available only after the
    later one, so the delay there is up to a frame longer.
    """
    kept = np.arange(0, len(joints_m), 2)
    # Always ascending: only an error of fourteen standard deviations would swap two stamps.
    stamps = kept + rng.normal(0, STAMP_JITTER_FRAMES, len(kept))
    return onto_grid(joints_m[kept], stamps, len(joints_m))


def hide(joints_m: Floats, seen_mask: NDArray[np.bool_]) -> Floats:
    """Fill unseen joints as the live pipeline does. joints_m: (T, 25, 3); seen_mask: (25,) bool -> (T, 25, 3)."""
    seen = torch.from_numpy(seen_mask).expand(len(joints_m), -1)
    filled: Floats = fill_unseen(torch.from_numpy(joints_m), seen).numpy()
    return filled


def as_landmarks(joints_m: Floats) -> Floats:
    """Retarget joints to the geometry of MediaPipe's landmarks, as live joints. joints_m: (T, 25, 3) -> the same."""
    return retarget(joints_m, measure_geometry([joints_m]), LANDMARKS)


def turn(joints_m: Floats, angle_deg: float) -> Floats:
    """Rotate joints about the vertical axis through the camera. joints_m: (T, 25, 3) -> the same."""
    angle = torch.deg2rad(torch.full((len(joints_m),), angle_deg))
    turned: Floats = turn_about_y(torch.from_numpy(joints_m), torch.cos(angle), torch.sin(angle)).numpy()
    return turned


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """One corruption at its severity."""

    name: str
    """As on the command line, such as `yaw=90`."""
    apply: Callable[[LabelledSequence, np.random.Generator], LabelledSequence]


def corrupt(sequence: LabelledSequence, corruptions: tuple[Corruption, ...], *, seed: int = 0) -> LabelledSequence:
    """Apply corruptions in their order; labels and length stay.

    Random draws depend on the seed, the recording's name, the corruption and its place in the order alone.
    """
    for place, corruption in enumerate(corruptions):
        key = zlib.crc32(f"{sequence.name}\n{corruption.name}".encode())
        sequence = corruption.apply(sequence, np.random.default_rng((seed, place, key)))
    return sequence


def parse_corruptions(text: str) -> tuple[Corruption, ...]:
    """Parse a list such as `noise,15fps,no-feet,no-hands,landmarks,yaw=90`, any of them in any order.

    Raises ConfigError for an unknown name.
    """
    return tuple(_corruption(name.strip()) for name in text.split(",") if name.strip())


def _corruption(name: str) -> Corruption:
    if name in _WITHOUT_VALUE:
        return Corruption(name=name, apply=_WITHOUT_VALUE[name])
    word, _, value = name.partition("=")
    if word == "yaw":
        angle_deg = _degrees(name, value)
        return Corruption(name=name, apply=lambda s, rng: replace(s, joints_m=turn(s.joints_m, angle_deg)))
    known = ", ".join(_WITHOUT_VALUE)
    raise ConfigError(f"--degrade {name}: unknown, expected any of {known} and yaw=DEGREES, separated by commas")


def _degrees(name: str, value: str) -> float:
    try:
        angle_deg = float(value)
    except ValueError:
        angle_deg = np.nan
    if not np.isfinite(angle_deg):
        raise ConfigError(f"--degrade {name}: expected an angle in degrees, such as yaw=90")
    return angle_deg


def _without(parts: tuple[str, ...]) -> Callable[[LabelledSequence, np.random.Generator], LabelledSequence]:
    seen_mask = np.ones(len(NTU25), bool)
    seen_mask[[NTU25.index(f"{side}_{part}") for side in ("left", "right") for part in parts]] = False
    return lambda s, rng: replace(s, joints_m=hide(s.joints_m, seen_mask), valid_mask=s.valid_mask & seen_mask)


_WITHOUT_VALUE: Mapping[str, Callable[[LabelledSequence, np.random.Generator], LabelledSequence]] = {
    "noise": lambda s, rng: replace(s, joints_m=add_noise(s.joints_m, rng)),
    "15fps": lambda s, rng: replace(s, joints_m=halve_rate(s.joints_m, rng)),
    "no-feet": _without(FEET),
    "no-hands": _without(HANDS),
    "landmarks": lambda s, rng: replace(s, joints_m=as_landmarks(s.joints_m)),
}
