"""Compute the InfoNCE loss over the batches of all ranks."""

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F


def gather(values: Tensor) -> Tensor:
    """Concatenate the ranks' tensors; return the tensor itself where there is one process.

    values: (Q, ...), the same shape on every rank, without gradient. Returns (ranks * Q, ...).
    """
    if not (dist.is_available() and dist.is_initialized()):
        return values
    parts = [torch.empty_like(values) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, values.contiguous())
    return torch.cat(parts)


def this_rank() -> int:
    """Return this process's number among those that train together."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def info_nce(
    queries: Tensor,
    targets: Tensor,
    owners: Tensor,
    valid_mask: Tensor,
    temperature: float,
    *,
    across_ranks: bool = True,
) -> tuple[Tensor, Tensor]:
    """Compute the InfoNCE loss (van den Oord et al., 2018) with cosine similarity.

    The negatives of a query are the targets of all other sequences, on all ranks or on this one alone.

    queries: (Q, C); targets: (Q, C), detached, the positive of each query; owners: (Q,) int64, the sequence on this
    rank that a row belongs to: a sequence's other targets are neither positives nor negatives; valid_mask: (Q,) bool.
    Returns the mean loss over valid queries and their accuracy.
    """
    count = len(queries)
    rank, collect = (this_rank(), gather) if across_ranks else (0, lambda values: values)
    ours = rank * count + torch.arange(count, device=queries.device)
    # Makes owners unique over ranks: no rank has as many sequences as this.
    owners = owners + rank * (1 << 20)
    candidates = collect(F.normalize(targets.detach().float(), dim=-1))
    # Rows that are not valid have owner -1 and are no candidates.
    owner_of = collect(torch.where(valid_mask, owners, -1))
    logits = F.normalize(queries.float(), dim=-1) @ candidates.T / temperature
    candidate_mask = (owner_of[None] != owners[:, None]) & (owner_of[None] >= 0)
    candidate_mask[torch.arange(count, device=queries.device), ours] = True
    logits = logits.masked_fill(~candidate_mask, float("-inf"))
    losses = F.cross_entropy(logits, ours, reduction="none")
    valid = valid_mask.sum().clamp_min(1)
    right = ((logits.argmax(-1) == ours) & valid_mask).sum() / valid
    return (losses * valid_mask).sum() / valid, right
