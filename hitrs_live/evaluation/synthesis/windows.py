"""Turn repetitions into inputs of equal length for classifiers, as the live model normalises joints."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.data.augment import AugmentConfig, Augmenter
from hitrs_live.data.interpolation import interpolate
from hitrs_live.evaluation.synthesis.repetitions import Repetition
from hitrs_live.skeleton import NTU25, mirrored_labels
from hitrs_live.transforms import NormaliserConfig, mirror, normalise_sequence

Floats = NDArray[np.float32]

FRAMES: Final = 48
"""Frames of an input, whatever the repetition's duration."""
JOINTS: Final = tuple(
    number for number, name in enumerate(NTU25.joints) if not name.endswith(("_hand", "_hand_tip", "_thumb"))
)
"""Joints that classifiers see: all but the hands, which some sensors do not have."""
CHANNELS: Final = 2 * 3 * len(JOINTS)
"""Of an input: coordinates, and their true speed."""

_NORMALISER = NormaliserConfig()
_SPEED_SCALE = 0.3
_CUT = 0.12
"""Greatest share of a repetition that is cut off, or shown in addition, at either end."""
_TEMPO = (0.8, 1.25)


def encode(joints_m: Floats, at: NDArray[np.floating] | None = None, tempo: float = 1.0) -> Floats:
    """Normalise a repetition as the live model does and resample it to `FRAMES` frames.

    joints_m: (T, 25, 3); at: (FRAMES,), positions of the output's frames in it, all of it where None; tempo: how much
    faster it is taken to be. Returns (FRAMES, CHANNELS): coordinates in body sizes, then their speed.
    """
    at = np.linspace(0, len(joints_m) - 1, FRAMES) if at is None else at
    normalised, _ = normalise_sequence(torch.from_numpy(np.ascontiguousarray(joints_m, np.float32))[None], _NORMALISER)
    sampled = interpolate(normalised[0, :, list(JOINTS)].numpy(), at).reshape(FRAMES, -1)
    frame_s = max(float(at[-1] - at[0]), 1.0) / (FRAMES - 1) / _NORMALISER.rate_hz / tempo
    change = np.asarray(np.gradient(sampled, axis=0))
    speed = change * (_SPEED_SCALE / frame_s)
    return np.concatenate((sampled, speed), axis=1).astype(np.float32)


def encode_all(repetitions: Sequence[Repetition]) -> Tensor:
    """Encode whole repetitions without any change. Returns (R, FRAMES, CHANNELS)."""
    return torch.from_numpy(np.stack([encode(one.joints_m) for one in repetitions]))


class WindowAugmenter:
    """Show each repetition as another body, in front of another camera, at another tempo, or mirrored."""

    def __init__(self, labels: Sequence[str]) -> None:
        """Keep the classes. labels: names by number."""
        self._mirrored = mirrored_labels(labels)
        self._view = Augmenter(AugmentConfig(), self._mirrored)

    def draw(self, joints_m: Floats, label: int, rng: np.random.Generator) -> tuple[Floats, int]:
        """Draw one variant. Returns the input (FRAMES, CHANNELS), and its class, which the mirror may change."""
        if self._mirrored[label] >= 0 and rng.random() < 0.5:
            joints_m = mirror(torch.from_numpy(np.ascontiguousarray(joints_m, np.float32))).numpy()
            label = int(self._mirrored[label])
        seen, _ = self._view.vary_view(np.asarray(joints_m, np.float32), rng)
        last = len(seen) - 1
        start, end = rng.uniform(-_CUT, _CUT, 2) * last
        at = np.clip(np.linspace(start, last + end, FRAMES), 0, last)
        return encode(seen, at, tempo=float(rng.uniform(*_TEMPO))), label

    def pool(
        self, repetitions: Sequence[Repetition], numbers: NDArray[np.int64], each: int, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw so many variants of every class in all, its repetitions in turn. numbers: (R,), their classes.

        Returns inputs (N, FRAMES, CHANNELS) and classes (N,).
        """
        drawn = []
        for number in np.unique(numbers):
            own = rng.permutation(np.flatnonzero(numbers == number))
            drawn += [self.draw(repetitions[own[i % len(own)]].joints_m, int(number), rng) for i in range(each)]
        inputs, labels = zip(*drawn, strict=True)
        return torch.from_numpy(np.stack(inputs)), torch.tensor(labels)
