"""Hi-TRS with a head that names a whole trimmed sequence."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hitrs_live.model.hitrs import HiTRS, HiTRSConfig
from hitrs_live.model.packed import PackedClips, embed_packed


@dataclass(frozen=True, kw_only=True)
class RecogniserConfig:
    """The encoder and the number of classes."""

    encoder: HiTRSConfig
    classes: int


class Recogniser(nn.Module):
    """Name the action of a sequence from the video tokens of the people in it (section 3.4 of the paper)."""

    def __init__(self, config: RecogniserConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = HiTRS(config.encoder)
        width = config.encoder.video_width
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, config.classes))

    def forward(self, packed: PackedClips, sample_of: Tensor) -> Tensor:
        """Name sequences.

        packed: the bodies of all sequences, P in all; sample_of: (P,) int64, the sequence that each body is of,
        from 0 to B - 1, each at least once. Returns logits (B, K).
        """
        logits: Tensor = self.head(video_tokens(self.encoder, packed, sample_of))
        return logits


def video_tokens(encoder: HiTRS, packed: PackedClips, sample_of: Tensor) -> Tensor:
    """Sum sequences up: the mean of the video tokens of the people present.

    packed: P bodies; sample_of: (P,) int64 in 0 ... B - 1. Returns (B, C_video).
    """
    token, _ = encoder.video_encoder(embed_packed(encoder, packed), packed.valid_mask)
    return mean_by(token, sample_of)


def mean_by(tokens: Tensor, sample_of: Tensor) -> Tensor:
    """Average the rows that belong to the same sample. tokens: (P, C); sample_of: (P,) -> (B, C)."""
    count = int(sample_of.max()) + 1
    sums = tokens.new_zeros(count, tokens.shape[1]).index_add(0, sample_of, tokens)
    bodies = torch.bincount(sample_of, minlength=count).to(tokens.dtype)
    return sums / bodies[:, None]
