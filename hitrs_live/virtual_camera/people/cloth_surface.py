"""Lift the surface of a body to that of its clothes and hair."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.virtual_camera.mesh import vertex_normals
from hitrs_live.virtual_camera.people.garments import Garment
from hitrs_live.virtual_camera.people.hair import Hair
from hitrs_live.virtual_camera.people.rest_body import RestBody

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
# Over this distance from its edge, cloth rises to its full thickness.
_EDGE_M = 0.02


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Hold which vertices of a mesh are joined by an edge."""

    starts: Ints
    ends: Ints
    counts: Floats
    """(V,), how many neighbours each vertex has; 1 for a vertex without any."""

    @classmethod
    def of(cls, faces: Ints, count: int) -> "Neighbours":
        """Find the edges of faces (F, 3) over `count` vertices."""
        pairs = np.concatenate((faces[:, :2], faces[:, 1:], faces[:, [2, 0]]))
        pairs = np.unique(np.concatenate((pairs, pairs[:, ::-1])), axis=0)
        counts = np.maximum(np.bincount(pairs[:, 0], minlength=count), 1).astype(np.float32)
        return cls(starts=pairs[:, 0], ends=pairs[:, 1], counts=counts)

    def mean(self, values: Floats) -> Floats:
        """Return the mean of the neighbours' values (V, C)."""
        count = len(self.counts)
        sums = [np.bincount(self.starts, values[self.ends, k], count) for k in range(values.shape[1])]
        result: Floats = (np.stack(sums, axis=1) / self.counts[:, None]).astype(np.float32)
        return result


def dressed_vertices(rest: RestBody, neighbours: Neighbours, garments: Sequence[Garment], hair: Hair) -> Floats:
    """Return the surface (V, 3) of a body at rest with its clothes and hair."""
    surface = rest.vertices_m.copy()
    thickness = hair.thickness_m.copy()
    for one in garments:
        share = np.clip(one.cover_m / _EDGE_M + 0.3, 0, 1)
        surface = _draped(surface, rest.faces, neighbours, share, one)
        thickness = np.maximum(thickness, one.thickness_m * share)
    normals = vertex_normals(surface, rest.faces)
    for _ in range(2):
        thickness = np.maximum(0.5 * thickness, 0.5 * thickness + 0.5 * neighbours.mean(thickness[:, None])[:, 0])
    result: Floats = (surface + normals * thickness[:, None]).astype(np.float32)
    return result


def _draped(surface: Floats, faces: Ints, neighbours: Neighbours, share: Floats, one: Garment) -> Floats:
    """Smooth what is covered, outwards only: cloth bridges hollows, shoes the gaps between toes."""
    smoothed = surface
    for _ in range(one.smoothing):
        smoothed = smoothed + 0.6 * share[:, None] * (neighbours.mean(smoothed) - smoothed)
    normals = vertex_normals(surface, faces)
    out = np.clip(np.sum((smoothed - surface) * normals, axis=1), 0, 0.03)
    result: Floats = (surface + normals * out[:, None]).astype(np.float32)
    return result


def openness(surface: Floats, normals: Floats, neighbours: Neighbours) -> Floats:
    """Return how open (V,) each vertex is to light from all around, 0.5 to 1: hollows are darker."""
    offset = neighbours.mean(surface) - surface
    hollow = np.sum(offset * normals, axis=1) / np.maximum(np.linalg.norm(offset, axis=1), 0.004)
    values = np.clip(hollow, 0, 1)[:, None].astype(np.float32)
    for _ in range(3):
        values = 0.5 * values + 0.5 * neighbours.mean(values)
    result: Floats = np.clip(1 - 0.9 * values[:, 0], 0.5, 1).astype(np.float32)
    return result


def folded_normals(surface: Floats, faces: Ints, garments: Sequence[Garment]) -> Floats:
    """Return normals (V, 3) that lean as if the cloth lay in folds; the surface itself stays smooth."""
    x, y, z = surface.T
    fold = np.sin(17 * x + 3 * np.sin(7 * y)) * np.sin(9 * y + 2 * np.sin(10 * x + 16 * z))
    depth = np.zeros(len(surface))
    for one in garments:
        depth = np.where(one.cover_m > 0, one.folds, depth)
    lean = (0.5 * depth * fold)[:, None] * np.array([1.0, 0.6, -1.0])
    normals = vertex_normals(surface, faces) + lean
    result: Floats = (normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32)
    return result
