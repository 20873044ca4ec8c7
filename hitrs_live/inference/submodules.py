"""The three submodules of a detector that a step runs, reduced exactly to the outputs that a stream reads.

Compared with the whole model they leave out what nothing reads: of the clip level's last layer all rows but the token,
for which keys and values are never computed; of the video level, which is causal, the token, and of its last layer all
rows but the newest clip. The forward passes are therefore written here a second time, `_attend` included, beside those
of `model`: these are traced into graphs, run one token where the model runs all, and compute softmaxes in float32 at
any precision of the products, while the model's serve training, with dropout and gradients.
tests/inference/test_submodules.py compares the two. The motion head is folded (`folded_motion_head`). In half precision
only the products are in half precision: the input map, the sums, norms, softmaxes and heads stay in float32.
"""

import copy
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.inference.folded_motion_head import FoldedMotionHead
from hitrs_live.model.blocks import Attention, Block
from hitrs_live.model.detector import HitrsDetector
from hitrs_live.model.hitrs import ClipEncoder, FrameEncoder, HiTRS

_Module = TypeVar("_Module", bound=nn.Module)


class FrameSubmodule(nn.Module):
    """Encode frames."""

    def __init__(self, encoder: FrameEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, joints: Tensor) -> Tensor:
        """Relate the joints of each frame. joints: (M, J, C) -> tokens (M, J, C_frame)."""
        x: Tensor = self.encoder.embed(joints) + self.encoder.positions
        for block in self.encoder.blocks:
            x = _update(block, x, None)
        return x


class ClipSubmodule(nn.Module):
    """Encode clips."""

    def __init__(self, encoder: ClipEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, tokens: Tensor) -> Tensor:
        """Encode clips. tokens: (M, L, J, C_frame) -> embeddings (M, C_clip)."""
        encoder = self.encoder
        x = (_product(encoder.embed, tokens).float() + encoder.positions).flatten(1, 2)
        x = torch.cat((x, encoder.token.expand(x.shape[0], 1, -1)), dim=1)
        *body, last = encoder.blocks
        for block in body:
            x = _update(block, x, encoder.attend_mask)
        return _update_one(last, x[:, -1], x, None)


class HeadSubmodule(nn.Module):
    """Predict from a window of clips at its newest one."""

    def __init__(self, detector: HitrsDetector) -> None:
        super().__init__()
        self.video_encoder = detector.encoder.video_encoder
        self.action_head = detector.action_head
        self.motion_head = FoldedMotionHead(detector.motion_head)

    def forward(self, clips: Tensor, valid_clips: Tensor, recent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Predict. clips: (M, W, C_clip); valid_clips: (M,); recent: (M, S, J, 3).

        Returns logits (M, K), future joints (M, F, J, 3) and scales (M, F, J).
        """
        output = self.read(clips, valid_clips)
        return self.action_head(output), *self.motion_head(output, recent)

    def read(self, clips: Tensor, valid_clips: Tensor) -> Tensor:
        """Return the video level's row of the newest clip, which both heads read, (M, C_video)."""
        encoder, window = self.video_encoder, clips.shape[1]
        x = _product(encoder.embed, clips).float() + encoder.positions[:window]
        causal_mask = torch.ones(window, window, dtype=torch.bool, device=x.device).tril()
        *body, last = encoder.blocks
        for block in body:
            x = _update(block, x, causal_mask)
        newest = (valid_clips - 1)[:, None, None].expand(-1, 1, x.shape[2])
        real_mask = torch.arange(window, device=x.device) < valid_clips[:, None]
        return _update_one(last, x.gather(1, newest).squeeze(1), x, real_mask)


def submodules_of(model: HitrsDetector) -> dict[str, nn.Module]:
    """Return a detector's submodules by name; weights are shared, except for the motion head's."""
    return {
        "frame": FrameSubmodule(model.encoder.frame_encoder),
        "clip": ClipSubmodule(model.encoder.clip_encoder),
        "head": HeadSubmodule(model),
    }


def run_submodule(submodule: nn.Module, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Run a submodule; its outputs are a tuple, also for one output."""
    outputs = submodule(*inputs)
    return outputs if isinstance(outputs, tuple) else (outputs,)


def in_precision(model: _Module, dtype: torch.dtype) -> _Module:
    """Return the model itself for float32, else a copy whose large products are in `dtype`."""
    if dtype == torch.float32:
        return model
    model = copy.deepcopy(model)
    encoder = model.encoder
    assert isinstance(encoder, HiTRS)
    encoder.clip_encoder.embed.to(dtype)
    encoder.video_encoder.embed.to(dtype)
    for level in (encoder.frame_encoder, encoder.clip_encoder, encoder.video_encoder):
        for block in level.blocks:
            assert isinstance(block, Block)
            block.attention.to(dtype)
            block.ffn.to(dtype)
    return model


def _product(layer: nn.Linear, x: Tensor) -> Tensor:
    result: Tensor = layer(x.to(layer.weight.dtype))
    return result


def _update(block: nn.Module, x: Tensor, attend_mask: Tensor | None) -> Tensor:
    """Update every token, as `Block.forward` does. x: (M, S, C) float32."""
    assert isinstance(block, Block)
    attention = block.attention
    normed = block.attention_norm(x).to(attention.query.weight.dtype)
    q, k, v = (
        projection(normed).unflatten(-1, (attention.heads, -1)).transpose(1, 2)
        for projection in (attention.query, attention.key, attention.value)
    )
    read = _attend(q, k, v, attend_mask)
    x = x + attention.output(read.transpose(1, 2).flatten(-2))
    return _feed_forward(block, x)


def _attend(q: Tensor, k: Tensor, v: Tensor, attend_mask: Tensor | None) -> Tensor:
    """Compute attention. q, k, v: (M, H, S, D)."""
    if q.dtype == torch.float32:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=attend_mask)
    likeness = (q * q.shape[-1] ** -0.5 @ k.transpose(-1, -2)).float()
    if attend_mask is not None:
        likeness = likeness.masked_fill(~attend_mask, float("-inf"))
    read: Tensor = likeness.softmax(-1).to(v.dtype) @ v
    return read


def _update_one(block: nn.Module, one: Tensor, x: Tensor, real_mask: Tensor | None) -> Tensor:
    """Update one token per row, which attends to the row's valid tokens.

    one: (M, C), a token of x; x: (M, S, C); real_mask: (M, S) bool, True = valid, or None for all. Returns (M, C).
    """
    assert isinstance(block, Block)
    attention = block.attention
    normed = block.attention_norm(x).to(attention.query.weight.dtype)
    query = block.attention_norm(one).to(normed.dtype)
    read = _read_by_one(attention, query, normed, real_mask)
    return _feed_forward(block, one + attention.output(read))


def _read_by_one(attention: Attention, query: Tensor, normed: Tensor, real_mask: Tensor | None) -> Tensor:
    """Attend from one token to all, without computing keys and values.

    q . (K x) = (K' q) . x and sum p (V x) = V (sum p x): the products go over H vectors instead of S tokens.
    query: (M, C); normed: (M, S, C) -> (M, H * D).
    """
    heads = attention.heads
    keys, values = (layer.weight.reshape(heads, -1, layer.in_features) for layer in (attention.key, attention.value))
    asked = attention.query(query).reshape(-1, heads, 1, keys.shape[1]) * keys.shape[1] ** -0.5
    likeness = ((asked @ keys).squeeze(2) @ normed.transpose(1, 2)).float()
    if real_mask is not None:
        likeness = likeness.masked_fill(~real_mask[:, None], float("-inf"))
    read = likeness.softmax(-1).to(normed.dtype) @ normed
    heads_read: Tensor = (read.unsqueeze(2) @ values.transpose(1, 2)).flatten(1)
    return heads_read


def _feed_forward(block: Block, x: Tensor) -> Tensor:
    normed = block.ffn_norm(x)
    updated: Tensor = x + block.ffn(normed.to(block.attention.query.weight.dtype))
    return updated
