"""The four pre-training losses of Hi-TRS on one forward pass of the spoiled sequence (section 3.3).

Frame level: where is a joint that is hidden? Clip level: has this clip two frames exchanged? Video level: have
two clips been exchanged, and which clip comes next?

Three things are ours. The clip that comes next begins after the last clip seen has ended: the published one
interleaves with it, so that half of it is interpolation. Under a causal video level every clip's output, not only
the token, says what comes next: that is what the live detector reads. And where a slow average of the encoder makes
the targets, a fifth loss asks the token of a sequence's beginning to tell which whole sequence, performed by another
body before another camera, it is the beginning of: a token that only had to tell the next clip would forget the rest.
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
"""Joints are of the order of one body size; the smooth L1 loss turns linear at 1."""


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """The published tasks are the defaults."""

    mask_share: float = 0.15
    exchanged_clips: int = 2
    """Clips of a sequence that are shown with two frames exchanged too."""
    least_motion: float = 0.03
    """Body sizes by which two exchanged frames must differ on average for there to be anything to see."""
    gap_clips: int = 1
    """How many clips after the last one seen the one lies that is to be told; from 2 on they share no frame."""
    random_prefix: bool = False
    """Withhold the end of each sequence from a random clip on, rather than the last clip alone."""
    causal_terms: int = 4
    """Clips of a sequence whose own outputs are asked what comes next too, where the video level is causal."""
    target_decay: float = 0.0
    """Of the slow average of the encoder that makes the targets; 0 takes the encoder as it is."""
    temperature: float = 0.07


class Pretrainer(nn.Module):
    """An encoder with the heads of its four tasks. `forward` gives the losses, so that DDP can wrap it."""

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
        """Move the slow average toward the encoder; called once after every step of the optimiser."""
        if self.target is None:
            return
        for slow, fast in zip(self.target.parameters(), self.encoder.parameters(), strict=True):
            slow.lerp_(fast, 1.0 - self.config.target_decay)

    def forward(self, seen: PackedClips, other: PackedClips) -> Mapping[str, Tensor]:
        """Compute the losses of one batch.

        seen: P sequences; other: the same performances by other bodies before other cameras, frame by frame,
        which a slow average makes its targets from: a body's build must not tell what comes next.
        Returns scalars: the losses `joint`, `motion`, `order`, `next`, with a slow average `whole`, and without
        gradient the shares told right, `motion_right` and so on.
        """
        chosen = choose_joints(seen.joints, self.config.mask_share)
        spoiled = spoil_joints(seen.joints, chosen, self.hidden_joint)
        tokens = self.encoder.frame_encoder(spoiled)
        flat = self.encoder.clip_encoder(tokens[seen.clip_frames])
        clips = spread(flat, seen.valid_mask)
        counts = seen.valid_mask.sum(1)

        results = {"joint": self._joint_loss(tokens, seen.joints, chosen)}
        results |= self._motion_loss(tokens, flat, seen, counts)
        results |= self._order_loss(clips, seen.valid_mask, counts)
        results |= self._beginning_losses(clips, other, counts)
        return results

    def _joint_loss(self, tokens: Tensor, joints: Tensor, chosen: Tensor) -> Tensor:
        predicted = self.joint_head(tokens[chosen])
        return F.smooth_l1_loss(predicted.float() * _SCALE, joints[chosen] * _SCALE)

    def _motion_loss(self, tokens: Tensor, flat: Tensor, seen: PackedClips, counts: Tensor) -> dict[str, Tensor]:
        """Show some clips with two frames exchanged, and the same clips as they are."""
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
        return _told_apart("motion", self.motion_head, flat[picked], exchanged, moving)

    def _order_loss(self, clips: Tensor, valid_mask: Tensor, counts: Tensor) -> dict[str, Tensor]:
        """Show every sequence as it is, and with two clips exchanged."""
        rows, places = (torch.arange(size, device=clips.device) for size in clips.shape[:2])
        order = swap(places.expand(len(clips), -1), *draw_pairs(counts))
        token, _ = self.encoder.video_encoder(clips, valid_mask)
        exchanged, _ = self.encoder.video_encoder(clips[rows[:, None], order], valid_mask)
        return _told_apart("order", self.order_head, token, exchanged, counts > 2)

    def _beginning_losses(self, clips: Tensor, other: PackedClips, counts: Tensor) -> dict[str, Tensor]:
        """Show the beginning of every sequence: which clip comes next, and which whole is it of?"""
        rows, places = (torch.arange(size, device=clips.device) for size in clips.shape[:2])
        target_clips, target_token = self._targets(clips, other)
        # A beginning holds at least one clip; its target is `gap` clips after its last.
        longest = counts - self.config.gap_clips
        seen = longest
        if self.config.random_prefix:
            seen = 1 + (torch.rand(len(counts), device=counts.device) * longest).long()
        seen = seen.clamp_min(1).minimum(counts)
        token, outputs = self.encoder.video_encoder(clips, places < seen[:, None])
        asked, last = [self.next_from_token(token)], [seen - 1]
        owners = [rows]
        if self.next_from_clip is not None:
            # A causal output knows nothing of later clips: each is the end of a beginning of its own.
            draws = torch.rand(len(counts), self.config.causal_terms, device=counts.device)
            ends = (draws * seen[:, None]).long()
            asked.append(self.next_from_clip(outputs[rows[:, None], ends]).flatten(0, 1))
            last.append(ends.flatten())
            owners.append(rows.repeat_interleave(self.config.causal_terms))
        owner, place = torch.cat(owners), torch.cat(last) + self.config.gap_clips
        target = target_clips[owner, place.clamp_max(clips.shape[1] - 1)]
        results = self._contrast("next", torch.cat(asked), target, owner, place < counts[owner])
        if self.whole_from_token is not None:
            everyone = torch.ones_like(rows, dtype=torch.bool)
            results |= self._contrast("whole", self.whole_from_token(token), target_token, rows, everyone)
        return results

    def _contrast(self, name: str, asked: Tensor, target: Tensor, owner: Tensor, possible: Tensor) -> dict[str, Tensor]:
        # Validation is one rank's own affair: the others would not come to the exchange.
        loss, right = info_nce(asked, target, owner, possible, self.config.temperature, across_ranks=self.training)
        return {name: loss, f"{name}_right": right}

    @torch.no_grad()
    def _targets(self, clips: Tensor, other: PackedClips) -> tuple[Tensor, Tensor]:
        """Make what is to be told: clip embeddings (P, N, C_clip) and, of a slow average, tokens (P, C_video)."""
        if self.target is None:
            return clips.detach(), clips.new_zeros(len(clips), 0)
        embedded = embed_packed(self.target, other)
        return embedded, self.target.video_encoder(embedded, other.valid_mask)[0]


def _told_apart(name: str, head: nn.Linear, real: Tensor, exchanged: Tensor, possible: Tensor) -> dict[str, Tensor]:
    """Compute the loss of telling the exchanged from the real, over the rows where it can be told."""
    logits = head(torch.cat((real, exchanged))).float()
    labels = torch.arange(2, device=logits.device).repeat_interleave(len(real))
    both = possible.repeat(2)
    count = both.sum().clamp_min(1)
    loss = (F.cross_entropy(logits, labels, reduction="none") * both).sum() / count
    right = ((logits.argmax(-1) == labels) & both).sum() / count
    return {name: loss, f"{name}_right": right}
