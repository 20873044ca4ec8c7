"""How often a sequence or a frame was named rightly, each measure small enough to check by hand."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Labels = NDArray[np.int64]


def confusion_counts(predicted: Labels, labels: Labels, classes: int) -> NDArray[np.int64]:
    """Count what was taken for what. predicted, labels: (S,). Returns (K, K): row the truth, column the answer."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def confusion(predicted: Labels, labels: Labels, names: tuple[str, ...]) -> dict[str, Any]:
    """Count as `confusion_counts` does, ready for JSON.

    predicted, labels: (S,), numbers in `names`. Only classes that occur, as either, have a row and a column.
    """
    present = np.union1d(labels, predicted)
    counts = confusion_counts(predicted, labels, len(names))[np.ix_(present, present)]
    return {"labels": [names[number] for number in present.tolist()], "counts": counts.tolist()}


def top_k(scores: Scores, labels: Labels, k: int) -> float:
    """Return the share of sequences whose class is among the k best scores.

    scores: (S, K), S >= 1; labels: (S,). With equal scores the true class counts as the last of its equals, so
    that classes which got no score at all are not found by chance.
    """
    own = scores[np.arange(len(labels)), labels]
    as_good = (scores >= own[:, None]).sum(1)
    return float((as_good <= k).mean())


def recalls(counts: NDArray[np.int64]) -> list[float | None]:
    """Return the share found of each class, None where it has no sequence. counts: as `confusion_counts` returns it."""
    return [float(row[number] / total) if (total := int(row.sum())) else None for number, row in enumerate(counts)]


def mistaken_for(counts: NDArray[np.int64]) -> list[int | None]:
    """Return the wrong class that each class was taken for most often, None where it never was."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    return [int(row.argmax()) if row.any() else None for row in wrong]
