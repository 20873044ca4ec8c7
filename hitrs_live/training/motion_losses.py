"""What a prediction of motion is trained on: how far off every joint is, and how far off it was said to be."""

import torch
from torch import Tensor

from hitrs_live.skeleton import NTU25

_NEARNESS = 0.15
"""Frames count by one over this plus their share of the horizon: errors grow about so, and the next tenth of a second
would hardly count beside the last."""


def in_the_room(joints: Tensor) -> Tensor:
    """Add the root's displacement to every joint that is relative to it. joints: (..., J, 3) -> the same."""
    root = joints[..., NTU25.root, :]
    placed = joints + root.unsqueeze(-2)
    placed[..., NTU25.root, :] = root
    return placed


def motion_losses(future: Tensor, scale: Tensor, true: Tensor, valid_mask: Tensor) -> dict[str, Tensor]:
    """Compute the losses of some predictions.

    future, true: (B, N, F, J, 3), as the motion head gives them; scale: (B, N, F, J); valid_mask: (B, N) bool, True
    where the true ones were recorded. `motion` is the mean joint error in the room in body sizes, `motion_near` the
    same with near frames counting more, `doubt` the mean negative log-likelihood of the errors, which moves the
    scales alone: that of a density in space that falls exponentially with the distance.
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
