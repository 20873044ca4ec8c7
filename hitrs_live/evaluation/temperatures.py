"""Calibrate a detector's scores by temperature scaling."""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from hitrs_live.data.array_format import IGNORE
from hitrs_live.evaluation.kept_streams import KeptStream

_SPREAD = 0.25
"""Standard deviation of the log-normal prior on a class's factor: a class's temperature is within about a quarter of
the shared one."""
_LIMIT = math.log(4.0)
_ROUNDS = 200


def fit_temperatures(
    streams: Sequence[KeptStream], *, label_lag_frames: int, temperature: float = 1.0
) -> NDArray[np.float64] | None:
    """Fit one temperature per class by the likelihood of the labels.

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017: temperature scaling, and their vector scaling
    without its bias. A class's logit is divided by the shared temperature times its own factor. A log-normal prior
    keeps the factors near 1, so that a class with few labels stays near the shared temperature. Unlike one temperature
    for all classes, several depend on the offset of the logits: they apply to logits as the model outputs them.
    Predictions for neighbouring clips see mostly the same frames, so a run of one label has the weight of one
    prediction.

    streams: labelled; label_lag_frames: as the checkpoint has it; temperature: centre of the shared one's prior.
    Returns (K,), each between a quarter of it and four times it, or None where nothing is labelled.
    """
    gathered = [_gather(stream, label_lag_frames) for stream in streams if len(stream.ends)]
    logits, labels, weights = (
        np.concatenate([one[column] for one in gathered]) if gathered else np.zeros(0) for column in range(3)
    )
    if not len(labels):
        return None
    x, y = torch.from_numpy(logits.astype(np.float64)), torch.from_numpy(labels.astype(np.int64))
    w = torch.from_numpy(weights.astype(np.float64))
    centre = math.log(temperature)
    # The shared temperature first, then the factors of the classes.
    parameters = torch.zeros(1 + x.shape[1], dtype=torch.float64)
    parameters[0] = centre
    parameters.requires_grad_()
    optimiser = torch.optim.LBFGS([parameters], max_iter=_ROUNDS, line_search_fn="strong_wolfe", tolerance_change=1e-10)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        shared, own = parameters[0], parameters[1:]
        misfit = (w * F.cross_entropy(x * torch.exp(-(shared + own)), y, reduction="none")).sum()
        loss: torch.Tensor = misfit + 0.5 * (own / _SPREAD).square().sum() + 0.5 * (shared - centre).square()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    logarithms = (parameters[0] + parameters[1:]).detach().clamp(centre - _LIMIT, centre + _LIMIT)
    fitted: NDArray[np.float64] = logarithms.exp().numpy()
    return fitted


def predicted_labels(stream: KeptStream, label_lag_frames: int) -> NDArray[np.int64]:
    """Return the label of the frame that each prediction refers to, (N,) int64."""
    return stream.sequence.labels[np.maximum(stream.ends - label_lag_frames, 0)]


def _gather(
    stream: KeptStream, label_lag_frames: int
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
    """Collect logits, labels and weights of the predictions with a known label; a run's weights sum to one."""
    labels = predicted_labels(stream, label_lag_frames)
    run = np.cumsum(np.append(True, labels[1:] != labels[:-1])) - 1
    weights = 1.0 / np.bincount(run)[run]
    known = labels != IGNORE
    return stream.logits[known], labels[known], weights[known]
