"""Leave out vertices of a mesh where it is flat, so that it is drawn faster. The others stay where they are.

Edges are collapsed onto one of their ends in the order of Garland and Heckbert's quadric error (SIGGRAPH 1997), many
at once where they do not touch.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_MAX_ROUNDS = 200
# A face that turns further than this when an edge collapses would fold over.
_LEAST_COSINE = 0.3


def reduce_mesh(vertices: Floats, faces: Ints, weights: Floats, target_faces: int) -> Ints:
    """Return faces over the same vertices, about target_faces or a few less.

    vertices: (V, 3); faces: (F, 3); weights: (V,), how much an error counts at each vertex.
    """
    faces = np.asarray(faces, np.int64)
    quadrics = _quadrics(vertices, faces) * weights[:, None, None]
    for _ in range(_MAX_ROUNDS):
        if len(faces) <= target_faces:
            break
        removed, kept = _chosen_edges(vertices, faces, quadrics, (len(faces) - target_faces + 1) // 2)
        if not len(removed):
            break
        quadrics[kept] += quadrics[removed]
        target = np.arange(len(vertices))
        target[removed] = kept
        faces = target[faces]
        faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])]
    return faces


def _quadrics(vertices: Floats, faces: Ints) -> Floats:
    """Return (V, 4, 4): squared distances to the planes around each vertex, weighted by area."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(across, axis=1)
    normal = across / np.maximum(area, 1e-15)[:, None]
    plane = np.concatenate((normal, -np.sum(normal * corners[:, 0], 1, keepdims=True)), axis=1)
    each = plane[:, :, None] * plane[:, None, :] * area[:, None, None]
    result = np.zeros((len(vertices), 4, 4))
    for corner in range(3):
        np.add.at(result, faces[:, corner], each)
    return result


def _chosen_edges(vertices: Floats, faces: Ints, quadrics: Floats, most: int) -> tuple[Ints, Ints]:
    """Choose edges to collapse in one round. Returns the vertices that go and those that they become."""
    edges, shared = _edges(faces)
    both = np.concatenate((edges, edges[:, ::-1]))
    shared = np.concatenate((shared, shared))
    at = np.concatenate((vertices[both[:, 1]], np.ones((len(both), 1))), axis=1)
    cost = np.einsum("ni,nij,nj->n", at, quadrics[both[:, 0]] + quadrics[both[:, 1]], at)
    # Equal costs on flat ground: short edges first.
    cost += 1e-7 * np.sum((vertices[both[:, 0]] - vertices[both[:, 1]]) ** 2, axis=1)
    border = np.zeros(len(vertices), bool)
    border[edges[shared[: len(edges)] != 2]] = True
    cost = np.where(border[both[:, 0]] | (shared != 2), np.inf, cost)
    order = np.argsort(cost, kind="stable")[: max(4 * most, 64)]
    candidates = both[order[np.isfinite(cost[order])]]
    return _not_touching(vertices, faces, candidates, most)


def _edges(faces: Ints) -> tuple[Ints, Ints]:
    """Return the edges (E, 2) and how many faces share each (E,)."""
    pairs = np.sort(np.concatenate((faces[:, :2], faces[:, 1:], faces[:, [2, 0]])), axis=1)
    edges, counts = np.unique(pairs, axis=0, return_counts=True)
    return edges, counts


def _not_touching(vertices: Floats, faces: Ints, candidates: Ints, most: int) -> tuple[Ints, Ints]:
    """Take candidates in order whose surroundings do not overlap and whose collapse folds nothing over."""
    around: dict[int, list[int]] = {}
    for number, corners in enumerate(faces.tolist()):
        for corner in corners:
            around.setdefault(corner, []).append(number)
    busy = np.zeros(len(vertices), bool)
    removed, kept = [], []
    for gone, stays in candidates.tolist():
        if busy[gone] or busy[stays]:
            continue
        mine, others = faces[around[gone]], faces[around[stays]]
        ring = np.unique(mine)
        if len(np.intersect1d(ring, others)) != 4 or busy[ring].any() or _folds(vertices, mine, gone, stays):
            continue
        busy[ring] = True
        busy[others] = True
        removed.append(gone)
        kept.append(stays)
        if len(removed) >= most:
            break
    return np.array(removed, np.int64), np.array(kept, np.int64)


def _folds(vertices: Floats, faces: Ints, gone: int, stays: int) -> bool:
    """Say whether a face around `gone` turns over when that vertex becomes `stays`."""
    rest = faces[~(faces == stays).any(1)]
    after = np.where(rest == gone, stays, rest)
    normals = []
    for corners in (vertices[rest], vertices[after]):
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals.append(across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-15))
    return bool((np.sum(normals[0] * normals[1], axis=1) < _LEAST_COSINE).any())
