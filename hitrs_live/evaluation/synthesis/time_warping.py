"""Classify repetitions by their nearest example after dynamic time warping of the joints."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def nearest_class(queries: Floats, examples: Floats, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the class of the nearest example of each query. queries: (Q, T, C); examples: (E, T, C); labels: (E,)."""
    return np.array([labels[int(np.argmin(warped_distances(query, examples)))] for query in queries], np.int64)


def warped_distances(query: Floats, examples: Floats) -> NDArray[np.float64]:
    """Compute the length of the shortest warping path to each example. query: (T, C); examples: (E, T, C).

    The cost of a pair of frames is their Euclidean distance; a step advances one of both, or both. Returns (E,).
    """
    squares = (
        (query**2).sum(-1)[:, None] + (examples**2).sum(-1)[:, None, :] - 2 * (query @ examples.transpose(0, 2, 1))
    )
    costs = np.sqrt(np.maximum(squares, 0.0)).astype(np.float64)
    _, rows, columns = costs.shape
    total = np.full((len(examples), rows + 1, columns + 1), np.inf)
    total[:, 0, 0] = 0.0
    for row in range(rows):
        for column in range(columns):
            before = np.minimum(np.minimum(total[:, row, column], total[:, row, column + 1]), total[:, row + 1, column])
            total[:, row + 1, column + 1] = costs[:, row, column] + before
    shortest: NDArray[np.float64] = total[:, -1, -1]
    return shortest
