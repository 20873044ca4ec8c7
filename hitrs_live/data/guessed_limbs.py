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
from hitrs_live.tracking.unseen_legs import LEGS, standing_legs
from hitrs_live.visible_classes import WITHOUT_AN_ARM, WITHOUT_LEGS

Floats = NDArray[np.float32]


def _limb(side: str, *parts: str) -> tuple[int, ...]:
    return tuple(NTU25.index(f"{side}_{part}") for part in parts)


_ARM: Final = ("elbow", "wrist", "hand", "hand_tip", "thumb")
ARMS: Final = (_limb("left", *_ARM), _limb("right", *_ARM))
_INNER_SHARE: Final = 0.4
"""Knees and elbows move by this share of what the limb's end moves by."""
_FADE_FRAMES: Final = 15


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
    standing_share: float = 0.7
    """Of the windows with guessed legs, share in which the live path knows it and lets them stand (`UnseenLegs`)."""


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
        if legs and rng.random() < self._config.standing_share:
            return _with_standing_legs(joints_m, first), self._where_seen(labels, self._without_legs, first)
        low, high = self._config.jitter_m
        jitter = rng.standard_normal((frames, len(limb), 3)) * np.exp(rng.uniform(np.log(low), np.log(high)))
        drift = smooth_noise(rng, frames, (1, 3)) * rng.uniform(0, self._config.drift_m)
        outward = np.array([_INNER_SHARE if NTU25.joints[joint].endswith(("knee", "elbow")) else 1.0 for joint in limb])
        guessed = joints_m.copy()
        guessed[first:, limb] += ((jitter + drift) * outward[:, None])[first:].astype(np.float32)
        return guessed, self._where_seen(labels, self._without_legs if legs else self._without_an_arm, first)

    def _where_seen(self, labels: NDArray[np.int64], seen: NDArray[np.bool_], first: int) -> NDArray[np.int64]:
        """Set labels to IGNORE from a frame on where their class is not among those that are seen, (K,)."""
        unseen = (labels > BACKGROUND) & ~seen[np.maximum(labels, BACKGROUND)]
        unseen[:first] = False
        return np.where(unseen, IGNORE, labels)


def _with_standing_legs(joints_m: Floats, first: int) -> Floats:
    """Let the legs stand from a frame on; one that is not the first is the beginning of a change."""
    passed = np.arange(len(joints_m)) - first
    weight = (passed >= 0) if first == 0 else np.clip((passed + 1) / _FADE_FRAMES, 0, 1)
    changed = joints_m.copy()
    changed[:, LEGS] += weight[:, None, None].astype(np.float32) * (standing_legs(joints_m) - joints_m[:, LEGS])
    return changed
