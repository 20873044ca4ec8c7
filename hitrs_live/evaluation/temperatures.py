"""Fit the temperatures that make a detector's scores mean what they say."""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from hitrs_live.data.array_format import IGNORE
from hitrs_live.evaluation.kept_streams import KeptStream

_SPREAD = 0.25
"""How far a class's temperature is expected to lie from the shared one, as a share of it."""
_LIMIT = math.log(4.0)
_ROUNDS = 200


def fit_temperatures(
    streams: Sequence[KeptStream], *, label_lag_frames: int, temperature: float = 1.0
) -> NDArray[np.float64] | None:
    """Fit a temperature a class by the likelihood of what streams were labelled as.

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017: temperature scaling, and their vector scaling
    without its bias. A class's logit is divided by the shared temperature times its own factor; a factor pays for
    lying far from 1 (log-normal, a quarter wide), so that a class of which little is labelled keeps to the shared
    one. Unlike one temperature for all, several depend on where the logits have their zero: they are for logits as
    the model gives them. Judgements on neighbouring clips see mostly the same frames: a run of one label counts as
    one.

    streams: labelled; temperature: what the shared one is expected near. Returns (K,), each within four times of it,
    or None where nothing is labelled: there is nothing to fit, and a guess would look like a measurement.
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
    # The shared one first, then the classes' own.
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
    """Return the label of the frame that each judgement speaks of, (N,)."""
    return stream.sequence.labels[np.maximum(stream.ends - label_lag_frames, 0)]


def _gather(
    stream: KeptStream, label_lag_frames: int
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
    """Give the known judgements' logits, labels, and weights that sum to one a run of a label."""
    labels = predicted_labels(stream, label_lag_frames)
    run = np.cumsum(np.append(True, labels[1:] != labels[:-1])) - 1
    weights = 1.0 / np.bincount(run)[run]
    known = labels != IGNORE
    return stream.logits[known], labels[known], weights[known]
