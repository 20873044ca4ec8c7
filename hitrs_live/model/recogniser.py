"""Hi-TRS with a head that classifies a whole trimmed sequence."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from hitrs_live.model.hitrs import HiTRS, HiTRSConfig, Size
from hitrs_live.model.packed_sequences import PackedClips, embed_packed

Readout = Literal["token", "max"]
"""How a sequence is pooled: by the video level's token, as in the paper, or by the maximum of each channel over its
clips, because what distinguishes two actions is often in one clip of many."""


@dataclass(frozen=True, kw_only=True)
class RecogniserConfig:
    """The encoder, the number of classes, and the pooling."""

    encoder: HiTRSConfig
    classes: Size
    readout: Readout = "token"

    @property
    def least_weights(self) -> int:
        """Weights of the largest layers: a model of this size has more."""
        return self.encoder.least_weights


class Recogniser(nn.Module):
    """Classify the action of a sequence from the pooled people in it (section 3.4 of the paper: video tokens)."""

    def __init__(self, config: RecogniserConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = HiTRS(config.encoder)
        width = config.encoder.video_width
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, config.classes))

    def forward(self, packed: PackedClips, sample_of: Tensor) -> Tensor:
        """Classify sequences.

        packed: the bodies of all sequences, P in all; sample_of: (P,) int64, the sequence of each body,
        from 0 to B - 1, each at least once. Returns logits (B, K).
        """
        logits: Tensor = self.head(pool(self.encoder, packed, sample_of, self.config.readout))
        return logits


def pool(encoder: HiTRS, packed: PackedClips, sample_of: Tensor, readout: Readout = "token") -> Tensor:
    """Pool sequences: the mean over the people present of each one's pooled clips.

    packed: P bodies; sample_of: (P,) int64 in 0 ... B - 1. Returns (B, C_video).
    """
    return mean_by(read_out(encoder, embed_packed(encoder, packed), packed.valid_mask, readout), sample_of)


def read_out(encoder: HiTRS, clips: Tensor, valid_mask: Tensor, readout: Readout) -> Tensor:
    """Pool windows of clips. clips: (P, N, C_clip); valid_mask: (P, N) bool, True = a valid clip -> (P, C_video)."""
    token, outputs = encoder.video_encoder(clips, valid_mask)
    summed: Tensor = token
    if readout == "max":
        summed = outputs.masked_fill(~valid_mask[..., None], float("-inf")).amax(1)
    return summed


def mean_by(tokens: Tensor, sample_of: Tensor) -> Tensor:
    """Average the rows that belong to the same sample. tokens: (P, C); sample_of: (P,) -> (B, C)."""
    count = int(sample_of.max()) + 1
    sums = tokens.new_zeros(count, tokens.shape[1]).index_add(0, sample_of, tokens)
    bodies = torch.bincount(sample_of, minlength=count).to(tokens.dtype)
    return sums / bodies[:, None]
