"""Turn logits into scores, by a softmax or a sigmoid a class, and share them with the unknown (energy-based)."""

import numpy as np
from numpy.typing import NDArray


def known_scores(
    logits: NDArray[np.float32],
    temperature: NDArray[np.float32],
    reported: NDArray[np.bool_],
    *,
    independent: bool,
) -> NDArray[np.float32]:
    """Turn logits into scores, as if every input were of the known classes.

    logits: (..., K), background first; temperature: (K,), or () for one for all classes; reported: (K,), whether a
    class may be reported: the others have a score of 0; independent: a sigmoid for each class, and the background is
    what the highest leaves; otherwise a softmax, in which the background takes the share of classes that are not
    reported. Returns (..., K) float32.
    """
    scaled = (logits / temperature).astype(np.float32)
    if independent:
        scores: NDArray[np.float32] = np.exp(-np.logaddexp(np.float32(0), -scaled)) * reported
        scores[..., 0] = 1 - scores[..., 1:].max(axis=-1, initial=0)
        return scores
    scores = softmax(scaled)
    if not reported.all():
        scores[..., 0] += scores[..., ~reported].sum(axis=-1)
        scores[..., ~reported] = 0
    return scores


def share_with_unknown(
    scores: NDArray[np.float32], logits: NDArray[np.float32], energy_threshold: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Move the probability that an input is of no known class to the background.

    Liu et al., Energy-based Out-of-distribution Detection, NeurIPS 2020: the free energy of an input is minus the
    log of the sum of its exponentiated logits, and inputs unlike the training data have a high one. `energy` here is
    its negative, equation 4 without the sign, of the unscaled logits, at the paper's temperature 1. The unknown is
    treated as one more class, whose logit is the `energy_threshold` of the action with the highest score: an input of
    just that energy is as likely unknown as not. The unknown's share is added to the background.

    scores: (..., K), over the known classes, background first; logits: (..., K); energy_threshold: (K,), None for no
    sharing. Returns (..., K); the scores unchanged where the background is the only class.
    """
    if energy_threshold is None or scores.shape[-1] == 1:
        return scores
    least = energy_threshold[1 + scores[..., 1:].argmax(axis=-1)]
    # softmax((energy, least))[0], in a form that does not overflow and accepts a least of minus infinity.
    known = np.exp(-np.logaddexp(np.float32(0), least - energy(logits)))[..., None]
    shared: NDArray[np.float32] = scores * known
    shared[..., :1] += 1 - known
    return shared


def energy(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the log of the sum of exponentiated logits, (..., K) -> (...); it is high for known input."""
    highest = logits.max(axis=-1, keepdims=True)
    total: NDArray[np.float32] = highest[..., 0] + np.log(np.exp(logits - highest).sum(axis=-1))
    return total


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the softmax along the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scores: NDArray[np.float32] = raised / raised.sum(axis=-1, keepdims=True)
    return scores
