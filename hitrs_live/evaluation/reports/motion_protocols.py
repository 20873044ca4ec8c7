"""The published protocols of motion prediction: 10 frames observed, 25 predicted, the mean joint error at six of them.

Two means are computed. `scored` is over the joints that move, without duplicates of another joint. Published figures
are over all joints: the programs that computed them copy duplicates, and take the joints that never move from the
ground truth, so that these have an error of zero. That makes the same predictions look about a fifth better.
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
"""Names of the columns in publications. In the CMU set they are 33 to 417 ms: it has 60 frames a second."""
FRAMES = (2, 4, 8, 10, 14, 25)
"""The predicted frames that are measured, counted from 1."""
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
"""The best published figures known to us: model and millimetres, over all joints."""

Predict = Callable[[Tensor], Tensor]
"""From a history (B, 10, J, 3) to the future (B, 25, J, 3), millimetres."""
_BATCH = 256
"""Windows predicted together."""


@dataclass(frozen=True, kw_only=True)
class ActionErrors:
    """Mean joint errors of one action, millimetres, in the order of the columns."""

    windows: int
    scored: tuple[float, ...]
    all_joints: tuple[float, ...]


def zero_velocity(history: Tensor) -> Tensor:
    """Repeat the last pose (Martinez et al., CVPR 2017). Shapes as `Predict`."""
    return history[:, -1:].expand(-1, HORIZON, -1, -1)


def mean_of(predictors: tuple[Predict, ...]) -> Predict:
    """Average the predictions of several predictors."""
    return lambda history: torch.stack([predict(history) for predict in predictors]).mean(0)


def with_mirror(predict: Predict, mirror: Mirror) -> Predict:
    """Average the prediction with that for the mirror image, mirrored back."""

    def both(history: Tensor) -> Tensor:
        other = predict(torch.from_numpy(mirror(history.numpy())))
        return (predict(history) + torch.from_numpy(mirror(other.numpy()))) / 2

    return both


@torch.inference_mode()
def motion_errors(motion: MotionSet, predict: Predict) -> dict[str, ActionErrors]:
    """Predict every window of the test recordings and average the errors by action."""
    return {action: _action_errors(motion, action, predict) for action in motion.actions}


def _action_errors(motion: MotionSet, action: str, predict: Predict) -> ActionErrors:
    measured = [frame - 1 for frame in FRAMES]
    parts: list[NDArray[np.float64]] = []
    for recording in motion.test:
        windows = recording.windows() if recording.action == action else np.zeros((0,))
        for begin in range(0, len(windows), _BATCH):
            part = torch.from_numpy(windows[begin : begin + _BATCH])
            error = predict(part[:, :HISTORY])[:, measured] - part[:, HISTORY:][:, measured]
            parts.append(error.norm(dim=-1).double().numpy())
    errors = np.concatenate(parts)
    scored = errors[..., list(motion.scored)].mean((0, 2))
    return ActionErrors(windows=len(errors), scored=_rounded(scored), all_joints=_rounded(errors.mean((0, 2))))


def mean_over_actions(errors: Mapping[str, ActionErrors]) -> ActionErrors:
    """Average over actions with equal weights."""
    return ActionErrors(
        windows=sum(one.windows for one in errors.values()),
        scored=_rounded(np.mean([one.scored for one in errors.values()], axis=0)),
        all_joints=_rounded(np.mean([one.all_joints for one in errors.values()], axis=0)),
    )


def motion_report(motion: MotionSet, measured: Mapping[str, ActionErrors]) -> dict[str, Any]:
    """Combine measured errors with those of zero velocity and the published ones, ready for JSON."""
    baseline = motion_errors(motion, zero_velocity)
    return {
        "protocol": motion.name,
        "columns_ms": list(COLUMNS_MS),
        "frames": list(FRAMES),
        "windows": {action: one.windows for action, one in baseline.items()},
        "scored_joints": len(motion.scored),
        "all_joints": len(motion.layout),
        "per_action": {action: list(one.scored) for action, one in measured.items()},
        "per_action_all_joints": {action: list(one.all_joints) for action, one in measured.items()},
        "zero_velocity": {action: list(one.scored) for action, one in baseline.items()},
        "zero_velocity_all_joints": {action: list(one.all_joints) for action, one in baseline.items()},
        "published_all_joints": {
            action: {"model": model, "mm": list(values)}
            for action, (model, values) in PUBLISHED.get(motion.name, {}).items()
        },
    }


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), 2) for value in values)
