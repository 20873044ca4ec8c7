"""Encode whole motions at once: the clip embeddings that a stream would compute step by step.

A frame's tokens depend on that frame alone and a clip's embedding on that clip alone, so the frames and clips of a
motion are encoded in large batches. Only normalisation goes through time, frame by frame, with all motions as the rows
of one batch.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.data.array_format import BACKGROUND
from hitrs_live.data.labelled_motion import LabelledMotion
from hitrs_live.inference.base import StepEncoder
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.negative_bank.bank_format import ROW
from hitrs_live.negative_bank.encoder import BankEncoder
from hitrs_live.transforms import NormaliserConfig, NormaliserState, mirror, normalise_step, to_modality

_FRAMES_AT_ONCE: Final = 128
_CLIPS_AT_ONCE: Final = 32
"""Small enough for the processor's caches: larger batches are slower."""
_LONGEST_SINCE: Final = np.iinfo(np.int16).max


@torch.inference_mode()
def encode_motions(
    encoder: BankEncoder, motions_m: Sequence[NDArray[np.float32]], *, step_frames: int, views: int
) -> list[NDArray[np.float32]]:
    """Encode the clips of motions, each as a stream of its own.

    motions_m: (T, 25, 3) each, metres; step_frames: frames from one clip's end to the next one's, a divisor of the clip
    stride; views: 2 to encode the mirror images as well. Returns (N, V, C) for each; N is 0 where T is shorter than a
    clip's span. Each embedding equals that of `encode_step` over the same frames.
    """
    about, grid = encoder.description, encoder.steps.grid
    seen = [torch.from_numpy(np.ascontiguousarray(one)) for one in motions_m]
    bodies = [body for one in seen for body in ((one, mirror(one)) if views == 2 else (one,))]
    normalised = _normalise(bodies, about.normaliser)
    embeddings = [
        _embed(encoder.steps, to_modality(one, about.modality, about.normaliser), grid, step_frames)
        for one in normalised
    ]
    return [torch.stack(embeddings[at : at + views], dim=1).numpy() for at in range(0, len(embeddings), views)]


def clip_ends(frames: int, grid: HiTRSConfig, step_frames: int) -> NDArray[np.int64]:
    """Return the last frame of each clip of a stream of so many frames, (N,)."""
    return np.arange(grid.clip_span - 1, frames, step_frames)


def row_labels(motion: LabelledMotion, ends: NDArray[np.int64], lag_frames: int, stream: int) -> NDArray[np.void]:
    """Describe the clips of a motion. ends: (N,), their last frames; stream: its number. Returns (N,) of ROW.

    A clip has the label of the frame `lag_frames` before its last.
    """
    at = np.maximum(ends - lag_frames, 0)
    rows = np.zeros(len(ends), ROW)
    rows["stream"], rows["frame"] = stream, ends
    rows["label"], rows["near_miss"] = motion.labels[at], motion.near_miss[at]
    rows["since_onset"] = _since_onset(motion)[at]
    return rows


def _since_onset(motion: LabelledMotion) -> NDArray[np.int64]:
    """Count the frames since the newest onset, (T,); -1 in background and before the first onset."""
    frames = np.arange(len(motion))
    newest = np.maximum.accumulate(np.where(motion.onset_mask, frames, -1))
    known = (motion.labels > BACKGROUND) & (newest >= 0)
    return np.where(known, np.minimum(frames - newest, _LONGEST_SINCE), -1)


def _normalise(bodies: Sequence[Tensor], config: NormaliserConfig) -> list[Tensor]:
    """Normalise bodies, (T, 25, 3) each, as streams that begin with their first frame."""
    lengths = torch.tensor([len(one) for one in bodies])
    # The longest first: the rows still active are then always the first ones.
    order = torch.argsort(lengths, descending=True, stable=True).tolist()
    padded = torch.nn.utils.rnn.pad_sequence([bodies[number] for number in order])
    active = torch.arange(len(padded))[:, None] < lengths[order]
    state = NormaliserState.empty(len(bodies))
    for frame in range(len(padded)):
        padded[frame], _ = normalise_step(padded[frame], state, active[frame], config)
    normalised = [padded[: lengths[number], row] for row, number in enumerate(order)]
    return [normalised[order.index(number)] for number in range(len(bodies))]


def _embed(steps: StepEncoder, joints: Tensor, grid: HiTRSConfig, step_frames: int) -> Tensor:
    """Embed the clips of one body. joints: (T, 25, 3), as the encoder reads them -> (N, C)."""
    ends = torch.from_numpy(clip_ends(len(joints), grid, step_frames))
    if not len(ends):
        return torch.zeros(0, grid.clip_width)
    tokens = torch.cat([steps.encode_frames(some.contiguous()) for some in _pieces(joints, _FRAMES_AT_ONCE)])
    within = torch.arange(grid.clip_length) * grid.frame_interval - grid.clip_span + 1
    return torch.cat([steps.encode_clips(tokens[some[:, None] + within]) for some in _pieces(ends, _CLIPS_AT_ONCE)])


def _pieces(values: Tensor, size: int) -> Iterator[Tensor]:
    return (values[first : first + size] for first in range(0, len(values), size))
