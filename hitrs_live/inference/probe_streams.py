"""Streams of people to ask engines about, always the same: pieces of what the demo's figure does.

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
    """Make normalised streams at 30 frames a second. Returns (streams, frames, 25, 3) float32.

    What is longer than a piece goes back and forth; more streams than pieces are the pieces again, mirrored in time.
    """
    poses_m = np.load(POSES, allow_pickle=False).astype(np.float32)
    there = np.concatenate((poses_m, poses_m[:, -2:0:-1]), axis=1)
    submodules = np.concatenate((there, there[:, ::-1]))[np.arange(streams) % (2 * len(poses_m))]
    normalised, _ = normalise_sequence(torch.from_numpy(_between(submodules, frames)), NormaliserConfig())
    return normalised


def _between(pieces_m: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """Fill in the frames between poses, round and round. pieces_m: (B, P, 25, 3) -> (B, frames, 25, 3).

    Not by `data.interpolation`, which brings recordings to a rate and lies above the engines.
    """
    place = np.arange(frames) / FRAMES_A_POSE
    before = place.astype(np.int64)
    share = (place - before).astype(np.float32)[None, :, None, None]
    count = pieces_m.shape[1]
    filled: NDArray[np.float32] = (1 - share) * pieces_m[:, before % count] + share * pieces_m[:, (before + 1) % count]
    return filled
