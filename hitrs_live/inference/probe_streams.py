"""Fixed streams of people to probe engines with: excerpts of the demo figure's actions.

`probe_streams.npy`: (8, 60, 25, 3) float16, metres, ten poses a second. tests/inference/test_probe_streams.py
generates it again.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.transforms import NormaliserConfig, normalise_sequence

POSES = Path(__file__).with_name("probe_streams.npy")
FRAMES_A_POSE = 3


def probe_streams(streams: int, frames: int) -> Tensor:
    """Return normalised streams at 30 frames a second, (streams, frames, 25, 3) float32.

    Longer streams play an excerpt forwards and backwards; more streams than excerpts repeat them, reversed in time.
    """
    poses_m = np.load(POSES, allow_pickle=False).astype(np.float32)
    there = np.concatenate((poses_m, poses_m[:, -2:0:-1]), axis=1)
    excerpts_m = np.concatenate((there, there[:, ::-1]))[np.arange(streams) % (2 * len(poses_m))]
    normalised, _ = normalise_sequence(torch.from_numpy(_between(excerpts_m, frames)), NormaliserConfig())
    return normalised


def _between(poses_m: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """Interpolate frames between poses, cyclically. poses_m: (B, P, 25, 3) -> (B, frames, 25, 3).

    `data.interpolation`, which resamples recordings, is in a layer above the engines.
    """
    place = np.arange(frames) / FRAMES_A_POSE
    before = place.astype(np.int64)
    share = (place - before).astype(np.float32)[None, :, None, None]
    count = poses_m.shape[1]
    filled: NDArray[np.float32] = (1 - share) * poses_m[:, before % count] + share * poses_m[:, (before + 1) % count]
    return filled
