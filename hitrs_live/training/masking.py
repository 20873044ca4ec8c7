"""What pre-training spoils, so that there is something to find out: joints, frames and clips.

Everything is drawn for the whole batch at once; nothing loops over sequences or joints.
"""

import torch
from torch import Tensor


def choose_joints(joints: Tensor, share: float) -> Tensor:
    """Choose joints to be predicted. joints: (R, J, 3) -> (R, J) bool."""
    return torch.rand(joints.shape[:2], device=joints.device) < share


def spoil_joints(joints: Tensor, chosen: Tensor, constant: Tensor) -> Tensor:
    """Spoil the chosen joints: 80 % become a constant, 10 % another joint of another frame, 10 % stay.

    joints: (R, J, 3); chosen: (R, J) bool; constant: (3,), learned. Returns (R, J, 3). (Section 3.3.)
    """
    fate = torch.rand(joints.shape[:2], device=joints.device)
    flat = joints.reshape(-1, joints.shape[-1])
    others = flat[torch.randint(len(flat), joints.shape[:2], device=joints.device)]
    spoiled = torch.where((chosen & (fate < 0.8)).unsqueeze(-1), constant.to(joints.dtype), joints)
    return torch.where((chosen & (fate >= 0.9)).unsqueeze(-1), others, spoiled)


def draw_pairs(counts: Tensor, *, apart: int = 2) -> tuple[Tensor, Tensor]:
    """Draw for each row two places at least `apart` from each other.

    counts: (P,) int64, places of each row. Returns the first and the second place, (P,) int64 each; both are 0
    where a row has too few places.
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
