"""The transformer block that all three levels share."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Dropout(nn.Module):
    """Zero a share of the activations in training and scale the rest.

    On a CPU, where torch draws a random number of 64 bits for each activation and dropout took a third of a step,
    eight activations share one; the share is rounded to 1/256.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Drop activations. x: any shape."""
        dropped = round(self.share * 256)
        if not self.training or dropped == 0:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.share)
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= dropped
        return x * kept.to(x.dtype).mul_(256 / (256 - dropped))


class Attention(nn.Module):
    """Attend over tokens with `heads` heads of `head_width`; no bias, dropout after the output map."""

    def __init__(self, width: int, heads: int, head_width: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * head_width
        self.query = nn.Linear(width, inner, bias=False)
        self.key = nn.Linear(width, inner, bias=False)
        self.value = nn.Linear(width, inner, bias=False)
        self.output = nn.Linear(inner, width, bias=False)
        self.dropout = Dropout(dropout)

    def forward(self, queries: Tensor, tokens: Tensor, attend_mask: Tensor | None) -> Tensor:
        """Attend from each query to the tokens that its row of the mask allows.

        queries: (B, Q, C); tokens: (B, S, C); attend_mask: broadcasts to (B, H, Q, S), True = may read.
        Returns (B, Q, C).
        """
        q, k, v = (
            projection(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection, x in ((self.query, queries), (self.key, tokens), (self.value, tokens))
        )
        read = _attend(q, k, v, attend_mask)
        mixed: Tensor = self.dropout(self.output(read.transpose(1, 2).flatten(-2)))
        return mixed


def _attend(queries: Tensor, keys: Tensor, values: Tensor, attend_mask: Tensor | None) -> Tensor:
    """Compute scaled dot-product attention. Shapes: (B, H, Q or S, C)."""
    if queries.dtype != torch.bfloat16 or queries.device.type != "cpu" or not queries.requires_grad:
        return F.scaled_dot_product_attention(queries, keys, values, attn_mask=attend_mask)
    # The fused kernel's backward pass in bfloat16 on a CPU takes five times as long as plain products.
    likeness = queries * queries.shape[-1] ** -0.5 @ keys.transpose(-1, -2)
    if attend_mask is not None:
        closed = torch.zeros_like(attend_mask, dtype=likeness.dtype).masked_fill_(~attend_mask, float("-inf"))
        likeness = likeness + closed
    read: Tensor = likeness.softmax(-1) @ values
    return read


class Block(nn.Module):
    """Pre-norm transformer block: x + attention(LN x), then x + FFN(LN x)."""

    def __init__(self, width: int, hidden: int, heads: int, head_width: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads, head_width, dropout)
        self.ffn_norm = nn.LayerNorm(width)
        self.ffn = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width), Dropout(dropout))

    def forward(self, tokens: Tensor, attend_mask: Tensor | None = None) -> Tensor:
        """Update every token. tokens: (B, S, C) -> (B, S, C)."""
        normed = self.attention_norm(tokens)
        tokens = tokens + self.attention(normed, normed, attend_mask)
        updated: Tensor = tokens + self.ffn(self.ffn_norm(tokens))
        return updated

    def last_token(self, tokens: Tensor) -> Tensor:
        """Update the last token alone, which may read all: row -1 of `forward` at 1/S of the query cost.

        tokens: (B, S, C) -> (B, C).
        """
        normed = self.attention_norm(tokens)
        token = tokens[:, -1:] + self.attention(normed[:, -1:], normed, None)
        updated: Tensor = token + self.ffn(self.ffn_norm(token))
        return updated.squeeze(1)


def sinusoid(length: int, width: int) -> Tensor:
    """Return the sine/cosine position table that learned positions start from, (length, width)."""
    position = torch.arange(length, dtype=torch.float32).unsqueeze(1)
    rate = torch.exp(torch.arange(0, width, 2) * (-torch.log(torch.tensor(10_000.0)) / width))
    table = torch.zeros(length, width)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)[:, : width // 2]
    return table
