"""Compute the report of motion prediction: mean joint errors of the model and of baselines without training.

Errors are mean per joint position errors (MPJPE), measured where the whole horizon was recorded, over the joints that
the sensor has, in camera space and root-aligned. A mean is over every prediction of every recording.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitrs_live.evaluation.metrics.motion_baselines import BASELINES
from hitrs_live.evaluation.run_model import Forecasts
from hitrs_live.model.motion_head import RANGES
from hitrs_live.skeleton import NTU25

HORIZONS_MS = (100, 200, 400, 600, 1000)
OURS = "model"
_PARENTS = list(NTU25.parents)
_SHORTEST_M = 0.01
"""Bones shorter than this belong to joints that were not seen; their length is not compared."""


@dataclass(frozen=True, kw_only=True)
class _Errors:
    """One method's errors on one recording, millimetres. N predictions, H horizons."""

    camera: NDArray[np.float64]
    """(N, H)."""
    root_aligned: NDArray[np.float64]
    """(N, H)."""
    jump: NDArray[np.float64]
    """(N,)."""


def motion_report(forecasts: Iterable[Forecasts], *, rate_hz: float) -> dict[str, Any]:
    """Compute the metrics of some recordings, ready for JSON. Raises ValueError where there is no prediction."""
    by_method: dict[str, list[_Errors]] = {name: [] for name in (OURS, *BASELINES)}
    bones = [0.0]
    inside: dict[int, list[NDArray[np.bool_]]] = {share: [] for share in RANGES}
    for one in forecasts:
        for name, predicted_m in _methods(one).items():
            by_method[name].append(_errors(one, predicted_m, rate_hz))
        bones.append(bone_length_change(one.seen.joints_m[one.ends], one.future_m))
        for share, hits in inside.items():
            hits.append(_inside(one, RANGES[share]))
    if not by_method[OURS]:
        raise ValueError("found no prediction whose frames were all recorded, expected at least one")
    figures = {name: _figures(errors) for name, errors in by_method.items()}
    return {
        "predictions": sum(len(errors.jump) for errors in by_method[OURS]),
        **figures.pop(OURS),
        "baselines": figures,
        "bone_length_change_max": round(max(bones), 5),
        "calibration": {str(share): _share(hits) for share, hits in inside.items()},
    }


def _methods(one: Forecasts) -> Mapping[str, NDArray[np.float32]]:
    horizon = one.future_m.shape[1]
    baselines = {name: baseline(one.seen.joints_m, one.ends, horizon) for name, baseline in BASELINES.items()}
    return {OURS: one.future_m, **baselines}


def _errors(one: Forecasts, predicted_m: NDArray[np.float32], rate_hz: float) -> _Errors:
    ahead = np.array([round(ms / 1000 * rate_hz) for ms in HORIZONS_MS])
    ahead = ahead[ahead <= predicted_m.shape[1]]
    predicted, true = predicted_m[:, ahead - 1], one.true_m[one.ends[:, None] + ahead]
    real = one.seen.valid_mask
    return _Errors(
        camera=mean_error_mm(predicted, true, real),
        root_aligned=mean_error_mm(_aligned(predicted), _aligned(true), real),
        jump=velocity_jump_mm(one.seen.joints_m, one.ends, predicted_m, real),
    )


def _aligned(joints: NDArray[np.float32]) -> NDArray[np.float32]:
    return joints - joints[..., NTU25.root, None, :]


def mean_error_mm(
    predicted_m: NDArray[np.float32], true_m: NDArray[np.float32], valid_mask: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Compute the mean distance of predicted and true joints, over the valid ones.

    predicted_m, true_m: (..., 25, 3) metres; valid_mask: (25,) bool, True for a joint of the data set. Returns (...)
    millimetres.
    """
    distance = np.linalg.norm(predicted_m.astype(np.float64) - true_m, axis=-1)
    mean_mm: NDArray[np.float64] = 1000.0 * distance[..., valid_mask].mean(-1)
    return mean_mm


def velocity_jump_mm(
    seen_m: NDArray[np.float32],
    ends: NDArray[np.int64],
    predicted_m: NDArray[np.float32],
    valid_mask: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Compute how much the first predicted step differs from the last recorded one, mean over valid joints.

    seen_m: (T, 25, 3) metres; ends: (N,); predicted_m: (N, F, 25, 3) metres. Returns (N,) millimetres a frame.
    """
    seen_step = seen_m[ends] - seen_m[np.maximum(ends - 1, 0)]
    return mean_error_mm(predicted_m[:, 0] - seen_m[ends], seen_step, valid_mask)


def bone_length_change(last_m: NDArray[np.float32], predicted_m: NDArray[np.float32]) -> float:
    """Find the largest change of a bone's length, as a share of it.

    last_m: (N, 25, 3) metres, the last recorded poses; predicted_m: (N, F, 25, 3) metres.
    """
    before, after = (
        np.linalg.norm(joints.astype(np.float64) - joints[..., _PARENTS, :], axis=-1)
        for joints in (last_m, predicted_m)
    )
    change = np.abs(after / np.maximum(before, _SHORTEST_M)[:, None] - 1.0)
    return float(change.max(initial=0.0, where=(before >= _SHORTEST_M)[:, None]))


def _inside(one: Forecasts, reach: float) -> NDArray[np.bool_]:
    """Mark each true joint of each predicted frame that is within `reach` scales of it. Returns (N * F * J,)."""
    frames = np.arange(1, one.scale_m.shape[1] + 1)
    true = one.true_m[one.ends[:, None] + frames]
    error_m = np.linalg.norm(one.future_m[:, : len(frames)] - true, axis=-1)
    hits: NDArray[np.bool_] = (error_m <= reach * one.scale_m)[..., one.seen.valid_mask].ravel()
    return hits


def _figures(errors: list[_Errors]) -> dict[str, Any]:
    return {
        "mpjpe_mm": _by_horizon([one.camera for one in errors]),
        "root_aligned_mpjpe_mm": _by_horizon([one.root_aligned for one in errors]),
        "velocity_jump_mm": round(float(np.concatenate([one.jump for one in errors]).mean()), 1),
    }


def _by_horizon(errors: list[NDArray[np.float64]]) -> dict[str, float]:
    means = np.concatenate(errors).mean(0).tolist()
    return {str(ms): round(value, 1) for ms, value in zip(HORIZONS_MS, means, strict=False)}


def _share(hits: list[NDArray[np.bool_]]) -> float | None:
    every = np.concatenate(hits)
    return round(float(every.mean()), 4) if len(every) else None
