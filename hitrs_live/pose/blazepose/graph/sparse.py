"""Weights that a TensorFlow Lite file keeps sparse, made dense.

Such a file lists for a tensor in which order its dimensions are gone through, which of them are cut into blocks, and
for each step either that every position follows (dense) or which ones do (compressed: the range of each position's
entries in a list of positions).
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.pose.blazepose.graph.flatbuffer import Table

_INDEX_KINDS: Final[dict[int, type[np.generic]]] = {1: np.int32, 2: np.uint16, 3: np.uint8}
_DENSE = 0


def densify(values: NDArray[Any], shape: tuple[int, ...], sparsity: Table) -> NDArray[Any]:
    """Put the kept values where they belong and zeros elsewhere. values: (n,). Returns an array of that shape."""
    order, blocked, levels = sparsity.integers(0), sparsity.integers(1), sparsity.tables(2)
    dimensions = len(shape)
    places = np.zeros((1, len(order)), np.int64)
    nodes = np.zeros(1, np.int64)
    block = dict.fromkeys(range(dimensions), 1)
    for step, (dimension, level) in enumerate(zip(order, levels, strict=True)):
        if level.byte(0) == _DENSE:
            size = level.integer(1)
            if dimension >= dimensions:
                block[blocked[dimension - dimensions]] = size
            count = np.full(len(nodes), size)
            inside = np.tile(np.arange(size), len(nodes))
            entries = (nodes[:, None] * size + np.arange(size)).reshape(-1)
        else:
            segments, indices = _index_vector(level, 2), _index_vector(level, 4)
            count = segments[nodes + 1] - segments[nodes]
            entries = np.concatenate([np.arange(segments[node], segments[node + 1]) for node in nodes])
            inside = indices[entries]
        places = np.repeat(places, count, axis=0)
        places[:, step] = inside
        nodes = entries
    index = [np.zeros(len(places), np.int64) for _ in shape]
    for step, dimension in enumerate(order):
        if dimension < dimensions:
            index[dimension] += places[:, step] * block[dimension]
        else:
            index[blocked[dimension - dimensions]] += places[:, step]
    dense = np.zeros(shape, values.dtype)
    dense[tuple(index)] = values[: len(places)]
    return dense


def _index_vector(level: Table, field: int) -> NDArray[np.int64]:
    """Read a union of vectors of whole numbers: its kind in one field, its table in the next."""
    vector = level.table(field + 1)
    assert vector is not None
    return vector.numbers(0, _INDEX_KINDS[level.byte(field)]).astype(np.int64)
