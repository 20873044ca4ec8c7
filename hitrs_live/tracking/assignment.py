"""Pair rows with columns at the least total cost."""

import numpy as np
from numpy.typing import NDArray


def assign(cost: NDArray[np.float64], allowed: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Pair as many allowed rows and columns as possible, at the least total cost among such pairings.

    cost: (M, N), finite. allowed: (M, N), True where a pair may be made. Returns pairs (row, column), by row.
    The Hungarian method with potentials, exact, of the order M^2 N.
    """
    if cost.shape != allowed.shape or cost.ndim != 2:
        raise ValueError(f"got cost {cost.shape} and allowed {allowed.shape}, expected two matrices of one shape")
    if cost.shape[0] > cost.shape[1]:
        return sorted((row, column) for column, row in assign(cost.T, allowed.T))
    if not allowed.any():
        return []
    # One forbidden pair outweighs any choice among allowed ones.
    spread = float(np.ptp(cost[allowed])) + 1.0
    ceiling = float(cost[allowed].max()) + spread * (min(cost.shape) + 1)
    pairs = _assign_all(np.where(allowed, cost, ceiling))
    return [(row, column) for row, column in pairs if allowed[row, column]]


def _assign_all(cost: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pair every row with a column of its own; M <= N. Column 0 of the working arrays is a dummy."""
    rows, columns = cost.shape
    row_potential, column_potential = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = np.zeros(columns + 1, int)
    for row in range(1, rows + 1):
        owner[0] = row
        column = 0
        slack = np.full(columns + 1, np.inf)
        came_from = np.zeros(columns + 1, int)
        used = np.zeros(columns + 1, bool)
        while owner[column]:
            used[column] = True
            reduced = cost[owner[column] - 1] - row_potential[owner[column]] - column_potential[1:]
            better = ~used[1:] & (reduced < slack[1:])
            slack[1:][better] = reduced[better]
            came_from[1:][better] = column
            nearest = int(np.argmin(np.where(used, np.inf, slack)))
            delta = slack[nearest]
            row_potential[owner[used]] += delta
            column_potential[used] -= delta
            slack[~used] -= delta
            column = nearest
        while column:
            owner[column] = owner[came_from[column]]
            column = int(came_from[column])
    return sorted((int(owner[column]) - 1, column - 1) for column in range(1, columns + 1) if owner[column])
