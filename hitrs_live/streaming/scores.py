"""Turn logits into scores: softmax with temperature, and the share of inputs of no known class (energy-based)."""

import numpy as np
from numpy.typing import NDArray


def class_scores(
    logits: NDArray[np.float32], temperature: NDArray[np.float32], energy_threshold: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Turn logits into scores, and what is of nothing known into background, as `share_with_unknown` does.

    logits: (..., K), background first; temperature: (K,), or () for one of all; energy_threshold: (K,). Returns (...,
    K) float32.
    """
    return share_with_unknown(softmax((logits / temperature).astype(np.float32)), logits, energy_threshold)


def share_with_unknown(
    scores: NDArray[np.float32], logits: NDArray[np.float32], energy_threshold: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Give the background what is of nothing known; nothing, where there is no least energy.

    Liu et al., Energy-based Out-of-distribution Detection, NeurIPS 2020: the free energy of an input is minus the
    log of the sum of its exponentiated logits, and what a network was not trained on has a high one. `energy` here is
    its negative, equation 4 without the sign, of the logits as they come, at the paper's temperature 1. Next to the
    classes stands the unknown, whose logit is the `energy_threshold` of the action with the highest score: an input of
    just that energy is as likely unknown as not. Its share goes to the background.

    scores: (..., K), of known classes alone, background first; logits: (..., K); energy_threshold: (K,). Returns (...,
    K), and the scores as they are where the background is the only class.
    """
    if energy_threshold is None or scores.shape[-1] == 1:
        return scores
    least = energy_threshold[1 + scores[..., 1:].argmax(axis=-1)]
    # softmax((energy, least))[0], which neither overflows nor minds a least of minus infinity.
    known = np.exp(-np.logaddexp(np.float32(0), least - energy(logits)))[..., None]
    shared: NDArray[np.float32] = scores * known
    shared[..., :1] += 1 - known
    return shared


def energy(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the log of the sum of exponentiated logits along the last axis: how much of anything known there is."""
    highest = logits.max(axis=-1, keepdims=True)
    total: NDArray[np.float32] = highest[..., 0] + np.log(np.exp(logits - highest).sum(axis=-1))
    return total


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits into scores along the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scores: NDArray[np.float32] = raised / raised.sum(axis=-1, keepdims=True)
    return scores
