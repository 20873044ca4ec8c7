"""Classification metrics of whole sequences or frames: top-k accuracy, recall by class, confusion matrix."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Labels = NDArray[np.int64]


def confusion_counts(predicted: Labels, labels: Labels, classes: int) -> NDArray[np.int64]:
    """Compute the confusion matrix. predicted, labels: (S,) int64. Returns (K, K): row true, column predicted class."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def confusion(predicted: Labels, labels: Labels, names: tuple[str, ...]) -> dict[str, Any]:
    """Compute the confusion matrix of the classes that occur, ready for JSON.

    predicted, labels: (S,) int64, indices into `names`. Only classes that occur, true or predicted, have a row and a
    column.
    """
    present = np.union1d(labels, predicted)
    counts = confusion_counts(predicted, labels, len(names))[np.ix_(present, present)]
    return {"labels": [names[number] for number in present.tolist()], "counts": counts.tolist()}


def top_k(scores: Scores, labels: Labels, k: int) -> float:
    """Compute top-k accuracy: the share of sequences whose class is among the k best scores.

    scores: (S, K), S >= 1; labels: (S,) int64. Of equal scores the true class ranks last, so that classes without any
    score are not counted as found by chance.
    """
    own = scores[np.arange(len(labels)), labels]
    as_good = (scores >= own[:, None]).sum(1)
    return float((as_good <= k).mean())


def recalls(counts: NDArray[np.int64]) -> list[float | None]:
    """Compute the recall of each class, None where it has no sequence. counts: as `confusion_counts` returns it."""
    return [float(row[number] / total) if (total := int(row.sum())) else None for number, row in enumerate(counts)]


def mistaken_for(counts: NDArray[np.int64]) -> list[int | None]:
    """Return the wrong class that each class was predicted as most often, None where there was no error."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    return [int(row.argmax()) if row.any() else None for row in wrong]
