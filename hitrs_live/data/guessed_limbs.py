"""Guess limbs as a pose network does where it does not see them: strongly shaken, and moved off.

A camera often cuts the legs off, or one arm hides behind the body. The network still gives the limb a place, another
one in each picture. What people do with the rest of the body has not changed, and a detector should see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.data.sensor_noise import smooth_noise
from hitrs_live.skeleton import NTU25

Floats = NDArray[np.float32]

WITHOUT_LEGS: Final = frozenset(
    {
        "punch_left", "punch_right", "hook_left", "hook_right", "uppercut_left", "uppercut_right", "back_fist",
        "elbow_strike", "shoulder_abduction", "shoulder_extension", "shoulder_rotation", "shoulder_scaption",
        "shoulder_press", "front_raise", "biceps_curl", "arm_circle", "twist", "side_bend", "wave", "raise_hand",
        "point", "clap", "cross_arms", "bow", "put_on_shelf", "push", "pull", "drink", "phone_to_ear", "read_phone",
        "type", "wipe", "throw", "catch",
    }
)  # fmt: skip
"""Classes that can be seen without the legs."""
WITHOUT_AN_ARM: Final = frozenset(
    {
        "squat", "lunge", "side_lunge", "sit_to_stand", "stand_to_sit", "hurdle_step", "leg_raise", "leg_raise_side",
        "leg_raise_back", "knee_raise", "calf_raise", "kneel", "walk", "run", "march", "step", "side_step", "turn",
        "high_knees", "jump", "front_kick_left", "front_kick_right", "side_kick_left", "side_kick_right",
        "roundhouse_kick_left", "roundhouse_kick_right", "bow", "hip_hinge", "lie", "lie_down", "get_up",
        "fall_forward", "fall_backward", "fall_side",
    }
)  # fmt: skip
"""Classes that can be seen without one of the arms."""


def _limb(side: str, *parts: str) -> tuple[int, ...]:
    return tuple(NTU25.index(f"{side}_{part}") for part in parts)


_LEG: Final = ("knee", "ankle", "foot")
_ARM: Final = ("elbow", "wrist", "hand", "hand_tip", "thumb")
LEGS: Final = _limb("left", *_LEG) + _limb("right", *_LEG)
ARMS: Final = (_limb("left", *_ARM), _limb("right", *_ARM))
_INNER_SHARE: Final = 0.4
"""Knees and elbows move by this share of what the limb's end moves by."""


@dataclass(frozen=True, kw_only=True)
class GuessedLimbs:
    """How often limbs are guessed, and how badly."""

    share: float = 0.3
    """Share of windows with a guessed limb."""
    legs_share: float = 0.5
    """Of these, share in which it is both legs; in the others one arm."""
    jitter_m: tuple[float, float] = (0.02, 0.12)
    """Least and greatest standard deviation of the places from frame to frame, at the limb's end."""
    drift_m: float = 0.2
    """Greatest standard deviation of the slow part."""


class LimbGuesser:
    """Guess limbs in windows of labelled joints."""

    def __init__(self, config: GuessedLimbs, labels: Sequence[str]) -> None:
        """Take the classes' names, background first."""
        self._config = config
        self._without_legs = np.array([name in WITHOUT_LEGS for name in labels])
        self._without_an_arm = np.array([name in WITHOUT_AN_ARM for name in labels])

    def apply(
        self, joints_m: Floats, labels: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Guess a limb in some of the windows, from its first frame or a later one on.

        joints_m: (T, 25, 3), metres; labels: (T,). Returns both changed. Where a class cannot be seen without the limb,
        the label becomes IGNORE.
        """
        if not self._config.share or rng.random() >= self._config.share:
            return joints_m, labels
        legs = rng.random() < self._config.legs_share
        limb = LEGS if legs else ARMS[int(rng.integers(2))]
        frames = len(joints_m)
        first = 0 if rng.random() < 0.5 else int(rng.integers(frames))
        low, high = self._config.jitter_m
        jitter = rng.standard_normal((frames, len(limb), 3)) * np.exp(rng.uniform(np.log(low), np.log(high)))
        drift = smooth_noise(rng, frames, (1, 3)) * rng.uniform(0, self._config.drift_m)
        outward = np.array([_INNER_SHARE if NTU25.joints[joint].endswith(("knee", "elbow")) else 1.0 for joint in limb])
        guessed = joints_m.copy()
        guessed[first:, limb] += ((jitter + drift) * outward[:, None])[first:].astype(np.float32)
        seen = self._without_legs if legs else self._without_an_arm
        unseen = (labels > BACKGROUND) & ~seen[np.maximum(labels, BACKGROUND)]
        unseen[:first] = False
        return guessed, np.where(unseen, IGNORE, labels)
