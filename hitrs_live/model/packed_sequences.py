"""Sequences of different lengths in one batch, concatenated, so that nothing is computed for padding."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hitrs_live.model.hitrs import HiTRS, HiTRSConfig


@dataclass(frozen=True, kw_only=True)
class PackedClips:
    """P sequences with R frames and M clips in all, at most N clips each."""

    joints: Tensor
    """(R, J, 3), normalised."""
    clip_frames: Tensor
    """(M, L) int64: which frames each clip takes; the clips of a sequence one after another, oldest first."""
    valid_mask: Tensor
    """(P, N) bool: True where a sequence has that clip. Read row by row, the Trues are the M clips in order."""

    def to(self, device: torch.device) -> "PackedClips":
        """Return the batch on a device."""
        return PackedClips(
            joints=self.joints.to(device, non_blocking=True),
            clip_frames=self.clip_frames.to(device, non_blocking=True),
            valid_mask=self.valid_mask.to(device, non_blocking=True),
        )


def pack_clips(sequences: Sequence[Tensor], grid: HiTRSConfig) -> PackedClips:
    """Concatenate sequences and index their clips.

    sequences: each (T, J, 3), its own T. Raises ValueError where one is shorter than a clip.
    """
    frames = torch.tensor([len(joints) for joints in sequences])
    if int(frames.min()) < grid.clip_span:
        raise ValueError(
            f"got a sequence of {int(frames.min())} frames, expected at least {grid.clip_span} for one clip"
        )
    counts = (frames - grid.clip_span) // grid.clip_stride + 1
    valid_mask = torch.arange(int(counts.max())) < counts[:, None]
    starts = (frames.cumsum(0) - frames)[:, None] + torch.arange(valid_mask.shape[1]) * grid.clip_stride
    within = torch.arange(grid.clip_length) * grid.frame_interval
    return PackedClips(
        joints=torch.cat(list(sequences)), clip_frames=starts[valid_mask][:, None] + within, valid_mask=valid_mask
    )


def embed_packed(encoder: HiTRS, packed: PackedClips) -> Tensor:
    """Encode every clip of a packed batch. Returns (P, N, C_clip), zeros where a sequence has no such clip."""
    tokens = encoder.frame_encoder(packed.joints)
    return spread(encoder.clip_encoder(tokens[packed.clip_frames]), packed.valid_mask)


def spread(embeddings: Tensor, valid_mask: Tensor) -> Tensor:
    """Scatter packed clips to their sequences. embeddings: (M, C); valid_mask: (P, N) -> (P, N, C), zeros elsewhere."""
    padded = embeddings.new_zeros(*valid_mask.shape, embeddings.shape[-1])
    padded[valid_mask] = embeddings
    return padded
