"""Compute the four pre-training losses of Hi-TRS in one forward pass (arXiv 2207.09644, section 3.3).

Frame level: predict masked joints. Clip level: detect whether two frames of a clip were exchanged. Video level: detect
whether two clips were exchanged, and predict the next clip.

Three things differ from the paper. The next clip starts after the last clip seen has ended; the published one
overlaps it, so that half of the task is interpolation. Under a causal video level every clip's output, not only the
token, predicts the next clip, because the live detector reads these outputs. And where a moving average of the encoder
computes the targets, a fifth loss matches the token of a sequence's beginning to the token of the whole sequence in
another view (body shape and camera): a token trained on the next clip alone would forget the earlier ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.model.hitrs import HiTRS, HiTRSConfig
from hitrs_live.model.packed_sequences import PackedClips, embed_packed, spread
from hitrs_live.training.infonce import info_nce
from hitrs_live.training.masking import choose_joints, draw_pairs, spoil_joints, swap

_SCALE = 10.0
"""Joints are of the order of one body size; the smooth L1 loss becomes linear at 1."""


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """Settings of the pre-training tasks. The defaults are the published ones."""

    mask_share: float = 0.15
    exchanged_clips: int = 2
    """Clips per sequence that are shown with two frames exchanged as well."""
    least_motion: float = 0.03
    """Mean joint distance, in body sizes, below which two exchanged frames are too alike to be detected."""
    gap_clips: int = 1
    """Distance from the last clip seen to the clip to predict; from 2 on they share no frame."""
    random_prefix: bool = False
    """Withhold the end of each sequence from a random clip on, rather than the last clip alone."""
    causal_terms: int = 4
    """Clips per sequence whose own outputs predict a next clip too, where the video level is causal."""
    target_decay: float = 0.0
    """Decay of the moving average of the encoder that computes the targets; 0 takes the encoder itself."""
    temperature: float = 0.07


class Pretrainer(nn.Module):
    """An encoder with the heads of its tasks. `forward` returns the losses, so that DDP can wrap it."""

    def __init__(self, encoder: HiTRSConfig, config: ObjectiveConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = HiTRS(encoder)
        self.hidden_joint = nn.Parameter(torch.zeros(encoder.channels))
        self.joint_head = nn.Linear(encoder.frame_width, encoder.channels)
        self.motion_head = nn.Linear(encoder.clip_width, 2)
        self.order_head = nn.Linear(encoder.video_width, 2)
        self.next_from_token = nn.Linear(encoder.video_width, encoder.clip_width)
        self.next_from_clip = nn.Linear(encoder.video_width, encoder.clip_width) if encoder.causal else None
        self.target = HiTRS(encoder).requires_grad_(False) if config.target_decay else None
        self.whole_from_token = nn.Linear(encoder.video_width, encoder.video_width) if config.target_decay else None
        if self.target is not None:
            self.target.load_state_dict(self.encoder.state_dict())

    @torch.no_grad()
    def update_target(self) -> None:
        """Update the moving average of the encoder; called once after every optimiser step."""
        if self.target is None:
            return
        for slow, fast in zip(self.target.parameters(), self.encoder.parameters(), strict=True):
            slow.lerp_(fast, 1.0 - self.config.target_decay)

    def forward(self, seen: PackedClips, other: PackedClips) -> Mapping[str, Tensor]:
        """Compute the losses of one batch.

        seen: P sequences; other: the same sequences frame by frame in another view (body shape and camera), from
        which a moving-average encoder computes the targets: body shape must not identify the next clip.
        Returns scalars: the losses `joint`, `motion`, `order`, `next`, with a moving average also `whole`, and
        without gradient the accuracies `motion_right` and so on.
        """
        chosen = choose_joints(seen.joints, self.config.mask_share)
        masked = spoil_joints(seen.joints, chosen, self.hidden_joint)
        tokens = self.encoder.frame_encoder(masked)
        flat = self.encoder.clip_encoder(tokens[seen.clip_frames])
        clips = spread(flat, seen.valid_mask)
        counts = seen.valid_mask.sum(1)

        results = {"joint": self._joint_loss(tokens, seen.joints, chosen)}
        results |= self._motion_loss(tokens, flat, seen, counts)
        results |= self._order_loss(clips, seen.valid_mask, counts)
        results |= self._prefix_losses(clips, other, counts)
        return results

    def _joint_loss(self, tokens: Tensor, joints: Tensor, chosen: Tensor) -> Tensor:
        predicted = self.joint_head(tokens[chosen])
        return F.smooth_l1_loss(predicted.float() * _SCALE, joints[chosen] * _SCALE)

    def _motion_loss(self, tokens: Tensor, flat: Tensor, seen: PackedClips, counts: Tensor) -> dict[str, Tensor]:
        """Detect clips with two frames exchanged among the same clips unchanged."""
        length = seen.clip_frames.shape[1]
        offsets = counts.cumsum(0) - counts
        draws = torch.rand(len(counts), self.config.exchanged_clips, device=counts.device)
        picked = (offsets[:, None] + (draws * counts[:, None]).long()).flatten()
        first, second = draw_pairs(torch.full_like(picked, length))
        frames = seen.clip_frames[picked]
        exchanged = self.encoder.clip_encoder(tokens[swap(frames, first, second)])
        rows = torch.arange(len(picked), device=picked.device)
        one, other = (seen.joints[frames[rows, place]] for place in (first, second))
        moving = (one - other).norm(dim=-1).mean(-1) > self.config.least_motion
        return _exchange_loss("motion", self.motion_head, flat[picked], exchanged, moving)

    def _order_loss(self, clips: Tensor, valid_mask: Tensor, counts: Tensor) -> dict[str, Tensor]:
        """Detect sequences with two clips exchanged among the same sequences unchanged."""
        rows, places = (torch.arange(size, device=clips.device) for size in clips.shape[:2])
        order = swap(places.expand(len(clips), -1), *draw_pairs(counts))
        token, _ = self.encoder.video_encoder(clips, valid_mask)
        exchanged, _ = self.encoder.video_encoder(clips[rows[:, None], order], valid_mask)
        return _exchange_loss("order", self.order_head, token, exchanged, counts > 2)

    def _prefix_losses(self, clips: Tensor, other: PackedClips, counts: Tensor) -> dict[str, Tensor]:
        """Predict, from a prefix of every sequence, its next clip and the token of the whole sequence."""
        rows, places = (torch.arange(size, device=clips.device) for size in clips.shape[:2])
        target_clips, target_token = self._targets(clips, other)
        # A prefix has at least one clip; its target is `gap_clips` after its last.
        longest = counts - self.config.gap_clips
        seen = longest
        if self.config.random_prefix:
            seen = 1 + (torch.rand(len(counts), device=counts.device) * longest).long()
        seen = seen.clamp_min(1).minimum(counts)
        token, outputs = self.encoder.video_encoder(clips, places < seen[:, None])
        queries, last = [self.next_from_token(token)], [seen - 1]
        owners = [rows]
        if self.next_from_clip is not None:
            # A causal output does not depend on later clips: each ends a prefix of its own.
            draws = torch.rand(len(counts), self.config.causal_terms, device=counts.device)
            ends = (draws * seen[:, None]).long()
            queries.append(self.next_from_clip(outputs[rows[:, None], ends]).flatten(0, 1))
            last.append(ends.flatten())
            owners.append(rows.repeat_interleave(self.config.causal_terms))
        owner, place = torch.cat(owners), torch.cat(last) + self.config.gap_clips
        target = target_clips[owner, place.clamp_max(clips.shape[1] - 1)]
        results = self._contrast("next", torch.cat(queries), target, owner, place < counts[owner])
        if self.whole_from_token is not None:
            all_rows = torch.ones_like(rows, dtype=torch.bool)
            results |= self._contrast("whole", self.whole_from_token(token), target_token, rows, all_rows)
        return results

    def _contrast(
        self, name: str, queries: Tensor, target: Tensor, owner: Tensor, valid_mask: Tensor
    ) -> dict[str, Tensor]:
        # Only one rank validates: the others would not join the exchange.
        loss, right = info_nce(queries, target, owner, valid_mask, self.config.temperature, across_ranks=self.training)
        return {name: loss, f"{name}_right": right}

    @torch.no_grad()
    def _targets(self, clips: Tensor, other: PackedClips) -> tuple[Tensor, Tensor]:
        """Compute the targets: clip embeddings (P, N, C_clip) and, with a moving average, tokens (P, C_video)."""
        if self.target is None:
            return clips.detach(), clips.new_zeros(len(clips), 0)
        embedded = embed_packed(self.target, other)
        return embedded, self.target.video_encoder(embedded, other.valid_mask)[0]


def _exchange_loss(
    name: str, head: nn.Linear, real: Tensor, exchanged: Tensor, valid_mask: Tensor
) -> dict[str, Tensor]:
    """Compute the cross-entropy of detecting the exchanged, over the rows where an exchange makes a difference."""
    logits = head(torch.cat((real, exchanged))).float()
    labels = torch.arange(2, device=logits.device).repeat_interleave(len(real))
    both = valid_mask.repeat(2)
    count = both.sum().clamp_min(1)
    loss = (F.cross_entropy(logits, labels, reduction="none") * both).sum() / count
    right = ((logits.argmax(-1) == labels) & both).sum() / count
    return {name: loss, f"{name}_right": right}
