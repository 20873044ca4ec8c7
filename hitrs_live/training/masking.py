"""Mask joints and exchange frames and clips: the corrupted inputs of the pre-training tasks.

Everything is drawn for the whole batch at once, without loops over sequences or joints.
"""

import torch
from torch import Tensor


def choose_joints(joints: Tensor, share: float) -> Tensor:
    """Draw the joints to predict. joints: (R, J, 3); share: of all joints. Returns (R, J) bool."""
    return torch.rand(joints.shape[:2], device=joints.device) < share


def spoil_joints(joints: Tensor, chosen: Tensor, constant: Tensor) -> Tensor:
    """Mask the chosen joints: 80 % become a constant, 10 % a random joint of the batch, 10 % stay.

    joints: (R, J, 3); chosen: (R, J) bool; constant: (3,), learned. Returns (R, J, 3). (arXiv 2207.09644, 3.3.)
    """
    fate = torch.rand(joints.shape[:2], device=joints.device)
    flat = joints.reshape(-1, joints.shape[-1])
    others = flat[torch.randint(len(flat), joints.shape[:2], device=joints.device)]
    spoiled = torch.where((chosen & (fate < 0.8)).unsqueeze(-1), constant.to(joints.dtype), joints)
    return torch.where((chosen & (fate >= 0.9)).unsqueeze(-1), others, spoiled)


def draw_pairs(counts: Tensor, *, apart: int = 2) -> tuple[Tensor, Tensor]:
    """Draw two positions of each row, at least `apart` from each other.

    counts: (P,) int64, positions of each row. Returns the first and the second position, (P,) int64 each; both are 0
    where a row has too few positions.
    """
    chance = torch.rand(2, len(counts), device=counts.device)
    distances = (counts - apart).clamp_min(0)
    distance = apart + (chance[0] * distances).long().clamp_max((distances - 1).clamp_min(0))
    starts = (counts - distance).clamp_min(0)
    first = (chance[1] * starts).long().clamp_max((starts - 1).clamp_min(0))
    possible = counts > apart
    return torch.where(possible, first, 0), torch.where(possible, first + distance, 0)


def swap(order: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Exchange two entries of each row. order: (P, N); first, second: (P,) int64 -> (P, N)."""
    swapped = order.clone()
    rows = torch.arange(len(order), device=order.device)
    swapped[rows, first] = order[rows, second]
    swapped[rows, second] = order[rows, first]
    return swapped
