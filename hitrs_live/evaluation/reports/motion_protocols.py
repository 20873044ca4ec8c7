"""The published protocols of motion prediction: 10 frames seen, 25 told, the mean joint error at six of them.

Two means are given. `scored` is over the joints that move, and not over the doubles of another. Published figures
are over all joints: the programs that made them copy doubles, and take the joints that never move from the truth,
so that these count with an error of zero. The same predictions then seem about a fifth better.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.data.motion_set import HISTORY, HORIZON, Mirror, MotionSet

COLUMNS_MS = (80, 160, 320, 400, 560, 1000)
"""What the columns are called. Those of the CMU set are really 33 to 417 ms: its frames are 60 a second."""
FRAMES = (2, 4, 8, 10, 14, 25)
"""The told frames that are measured, counted from 1."""
PUBLISHED: Mapping[str, Mapping[str, tuple[str, tuple[float, ...]]]] = {
    "cmu": {
        "basketball": ("PGBIG", (9.5, 17.5, 35.3, 44.2, 59.4, 84.1)),
        "jumping": ("PGBIG", (13.9, 27.8, 55.8, 69.0, 91.7, 125.6)),
        "running": ("MSR-GCN", (12.84, 20.42, 30.58, 34.42, 38.78, 48.03)),
        "soccer": ("PGBIG", (11.1, 20.6, 39.5, 48.7, 65.4, 99.9)),
        "walking": ("PGBIG", (6.2, 10.3, 16.8, 19.8, 25.1, 33.9)),
        "washwindow": ("PGBIG", (4.6, 9.2, 20.9, 27.3, 39.7, 65.7)),
    },
    "h36m": {"mean": ("siMLPe", (9.6, 21.7, 46.3, 57.3, 75.7, 109.4))},
}
"""The best published figures at hand, millimetres, over all joints."""

Predict = Callable[[Tensor], Tensor]
"""From a history (B, 10, J, 3) to what follows (B, 25, J, 3), millimetres."""
_AT_ONCE = 256
"""Windows predicted together."""


@dataclass(frozen=True, kw_only=True)
class MotionErrors:
    """Mean joint errors of one action, millimetres, in the order of the columns."""

    windows: int
    scored: tuple[float, ...]
    all_joints: tuple[float, ...]


def hold_pose(history: Tensor) -> Tensor:
    """Predict the last pose for ever: zero velocity. Shapes as `Predict`."""
    return history[:, -1:].expand(-1, HORIZON, -1, -1)


def mean_of(predictors: tuple[Predict, ...]) -> Predict:
    """Average what several predict."""
    return lambda history: torch.stack([predict(history) for predict in predictors]).mean(0)


def with_mirror(predict: Predict, mirror: Mirror) -> Predict:
    """Average what is predicted of the body and, mirrored back, of its mirror image."""

    def both(history: Tensor) -> Tensor:
        other = predict(torch.from_numpy(mirror(history.numpy())))
        return (predict(history) + torch.from_numpy(mirror(other.numpy()))) / 2

    return both


@torch.inference_mode()
def motion_errors(motion: MotionSet, predict: Predict) -> dict[str, MotionErrors]:
    """Predict every window of the test recordings and average the errors by action."""
    return {action: _action_errors(motion, action, predict) for action in motion.actions}


def _action_errors(motion: MotionSet, action: str, predict: Predict) -> MotionErrors:
    told = [frame - 1 for frame in FRAMES]
    parts: list[NDArray[np.float64]] = []
    for recording in motion.test:
        windows = recording.windows() if recording.action == action else np.zeros((0,))
        for begin in range(0, len(windows), _AT_ONCE):
            part = torch.from_numpy(windows[begin : begin + _AT_ONCE])
            off = predict(part[:, :HISTORY])[:, told] - part[:, HISTORY:][:, told]
            parts.append(off.norm(dim=-1).double().numpy())
    errors = np.concatenate(parts)
    scored = errors[..., list(motion.scored)].mean((0, 2))
    return MotionErrors(windows=len(errors), scored=_rounded(scored), all_joints=_rounded(errors.mean((0, 2))))


def mean_over_actions(errors: Mapping[str, MotionErrors]) -> MotionErrors:
    """Average over actions, each counting the same."""
    return MotionErrors(
        windows=sum(one.windows for one in errors.values()),
        scored=_rounded(np.mean([one.scored for one in errors.values()], axis=0)),
        all_joints=_rounded(np.mean([one.all_joints for one in errors.values()], axis=0)),
    )


def motion_report(motion: MotionSet, measured: Mapping[str, MotionErrors]) -> dict[str, Any]:
    """Put figures beside zero velocity's and the published ones."""
    held = motion_errors(motion, hold_pose)
    return {
        "protocol": motion.name,
        "columns_ms": list(COLUMNS_MS),
        "frames": list(FRAMES),
        "windows": {action: one.windows for action, one in held.items()},
        "scored_joints": len(motion.scored),
        "all_joints": len(motion.layout),
        "per_action": {action: list(one.scored) for action, one in measured.items()},
        "per_action_all_joints": {action: list(one.all_joints) for action, one in measured.items()},
        "zero_velocity": {action: list(one.scored) for action, one in held.items()},
        "zero_velocity_all_joints": {action: list(one.all_joints) for action, one in held.items()},
        "published_all_joints": {
            action: {"model": model, "mm": list(values)}
            for action, (model, values) in PUBLISHED.get(motion.name, {}).items()
        },
    }


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), 2) for value in values)
