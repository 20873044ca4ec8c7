"""Make recorded joints as bad as a webcam's pose estimator gives them, to measure what that costs.

Never for training, whose effects are drawn at random and weaker (augment.py). Here each has one stated strength, and
the same recording, effects and seed always give the same joints.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.data.body_proportions import LANDMARKS, measure_geometry, rebuild
from hitrs_live.data.sensor_noise import Floats, onto_grid, smooth_noise
from hitrs_live.errors import ConfigError
from hitrs_live.skeleton import NTU25
from hitrs_live.transforms import fill_unseen, turn_about_y

TREMBLE_M: Final = 0.010
DRIFT_M: Final = 0.015
DEPTH_DRIFT_M: Final = 0.03
"""Standard deviations, each as strong as the strongest draw of training."""
STAMP_JITTER_FRAMES: Final = 0.1
"""How far a time stamp is off: 3.3 ms, a twentieth of the time from one frame of 15 fps to the next."""

FEET: Final = ("foot",)
HANDS: Final = ("hand", "hand_tip", "thumb")


def add_noise(joints_m: Floats, rng: np.random.Generator) -> Floats:
    """Let every joint tremble and drift, and the whole body drift in depth. joints_m: (T, 25, 3) -> the same."""
    tremble = rng.normal(0, TREMBLE_M, joints_m.shape)
    drift = smooth_noise(rng, len(joints_m), joints_m.shape[1:]) * DRIFT_M
    depth = smooth_noise(rng, len(joints_m), (1, 1)) * DEPTH_DRIFT_M * np.array([0, 0, 1])
    noisy: Floats = (joints_m + tremble + drift + depth).astype(np.float32)
    return noisy


def halve_rate(joints_m: Floats, rng: np.random.Generator) -> Floats:
    """Keep every second frame, stamped a little early or late, and interpolate back. joints_m: (T, 25, 3) -> the same.

    Every frame is there at its own time; live, one that was not captured waits for the next that was, so true delays
    are up to a frame longer.
    """
    kept = np.arange(0, len(joints_m), 2)
    # Always ascending: two stamps would have to be off by fourteen deviations to change places.
    stamps = kept + rng.normal(0, STAMP_JITTER_FRAMES, len(kept))
    return onto_grid(joints_m[kept], stamps, len(joints_m))


def hide(joints_m: Floats, seen_mask: NDArray[np.bool_]) -> Floats:
    """Put what is not seen where live puts it. joints_m: (T, 25, 3); seen_mask: (25,) bool -> (T, 25, 3)."""
    seen = torch.from_numpy(seen_mask).expand(len(joints_m), -1)
    filled: Floats = fill_unseen(torch.from_numpy(joints_m), seen).numpy()
    return filled


def as_landmarks(joints_m: Floats) -> Floats:
    """Lay every joint where live ones lie, between MediaPipe's landmarks. joints_m: (T, 25, 3) -> the same."""
    return rebuild(joints_m, measure_geometry([joints_m]), LANDMARKS)


def turn(joints_m: Floats, angle_deg: float) -> Floats:
    """Turn everything about the vertical axis through the camera. joints_m: (T, 25, 3) -> the same."""
    angle = torch.deg2rad(torch.full((len(joints_m),), angle_deg))
    turned: Floats = turn_about_y(torch.from_numpy(joints_m), torch.cos(angle), torch.sin(angle)).numpy()
    return turned


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One thing that is wrong with the joints."""

    name: str
    """As it was asked for, such as `yaw=90`."""
    apply: Callable[[LabelledSequence, np.random.Generator], LabelledSequence]


def degrade(sequence: LabelledSequence, effects: tuple[Effect, ...], *, seed: int = 0) -> LabelledSequence:
    """Apply effects in their order; labels and length stay.

    What is drawn rests on the seed, the recording's name, the effect and its place in the order alone.
    """
    for place, effect in enumerate(effects):
        key = zlib.crc32(f"{sequence.name}\n{effect.name}".encode())
        sequence = effect.apply(sequence, np.random.default_rng((seed, place, key)))
    return sequence


def parse_effects(text: str) -> tuple[Effect, ...]:
    """Read `noise,15fps,no-feet,no-hands,landmarks,yaw=90`, any of them in any order.

    Raises ConfigError for anything else.
    """
    return tuple(_effect(name.strip()) for name in text.split(",") if name.strip())


def _effect(name: str) -> Effect:
    if name in _PLAIN:
        return Effect(name=name, apply=_PLAIN[name])
    word, _, value = name.partition("=")
    if word == "yaw":
        angle_deg = _degrees(name, value)
        return Effect(name=name, apply=lambda s, rng: replace(s, joints_m=turn(s.joints_m, angle_deg)))
    raise ConfigError(f"--degrade {name}: unknown; name any of {', '.join(_PLAIN)} and yaw=DEGREES, by commas")


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


_PLAIN: Mapping[str, Callable[[LabelledSequence, np.random.Generator], LabelledSequence]] = {
    "noise": lambda s, rng: replace(s, joints_m=add_noise(s.joints_m, rng)),
    "15fps": lambda s, rng: replace(s, joints_m=halve_rate(s.joints_m, rng)),
    "no-feet": _without(FEET),
    "no-hands": _without(HANDS),
    "landmarks": lambda s, rng: replace(s, joints_m=as_landmarks(s.joints_m)),
}
