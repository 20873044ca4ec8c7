"""Compute the losses of predicted motion: the error of every joint, and the likelihood of it under its scale."""

import torch
from torch import Tensor

from hitrs_live.skeleton import NTU25

_NEARNESS = 0.15
"""A future frame's weight is 1 / (this + its share of the horizon). Errors grow about in proportion to the horizon;
without the weight the first tenth of a second would hardly count."""


def in_the_room(joints: Tensor) -> Tensor:
    """Add the root's displacement to the joints, which are relative to it. joints: (..., J, 3). Returns the same."""
    root = joints[..., NTU25.root, :]
    placed = joints + root.unsqueeze(-2)
    placed[..., NTU25.root, :] = root
    return placed


def motion_losses(future: Tensor, scale: Tensor, true: Tensor, valid_mask: Tensor) -> dict[str, Tensor]:
    """Compute the losses of predicted futures.

    future, true: (B, N, F, J, 3), as the motion head outputs them; scale: (B, N, F, J); valid_mask: (B, N) bool, True
    where the true ones were recorded. Returns scalars: `motion`, the mean joint error in body sizes, root displacement
    included; `motion_near`, the same weighted towards near frames; `doubt`, the mean negative log-likelihood of the
    errors under a density in space that falls exponentially with distance, whose gradient reaches the scales alone.
    """
    error = (in_the_room(future.float()) - in_the_room(true)).norm(dim=-1)
    scale = scale.float()
    doubt = error.detach() / scale + 3.0 * scale.log()
    time = torch.arange(1, error.shape[2] + 1, device=error.device) / error.shape[2]
    weight = 1.0 / (_NEARNESS + time)
    near = error * (weight / weight.mean()).unsqueeze(-1)

    def mean(values: Tensor) -> Tensor:
        return (values.mean((-1, -2)) * valid_mask).sum() / valid_mask.sum().clamp_min(1)

    return {"motion": mean(error), "motion_near": mean(near), "doubt": mean(doubt)}
