"""Describe the things of a scene as triangles, and compute normals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Mesh:
    """Describe a thing that does not move: floor, wall, furniture. Drawn from both sides.

    The renderer keeps what it uploaded by the object's identity: pass the same object for every frame.
    """

    vertices_m: Floats
    """(V, 3), metres, y up."""
    faces: Ints
    """(F, 3)."""
    colours: Floats
    """(V, 3), sRGB from 0 to 1; they tint the texture where there is one."""
    normals: Floats | None = None
    """(V, 3); None: flat faces, each lit by its own direction."""
    uv: Floats | None = None
    """(V, 2), where each vertex lies in the texture; it repeats outside 0 to 1."""
    texture: NDArray[np.uint8] | None = None
    """(H, W, 3), sRGB."""
    gloss: float = 0.0
    """From 0 (dull) to 1 (mirrors the lights)."""

    def __post_init__(self) -> None:
        count = len(self.vertices_m)
        if self.vertices_m.shape != (count, 3) or self.colours.shape != (count, 3):
            raise ValueError(
                f"got vertices {self.vertices_m.shape} and colours {self.colours.shape}, expected (V, 3) both"
            )
        if (self.uv is None) != (self.texture is None):
            raise ValueError("got one of uv and texture, expected both or none")


def vertex_normals(vertices_m: Floats, faces: Ints) -> Floats:
    """Return unit normals (V, 3): the mean of the faces around each vertex, weighted by their area."""
    corners = vertices_m[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sums = np.stack(
        [np.bincount(faces.ravel(), np.repeat(across[:, axis], 3), len(vertices_m)) for axis in range(3)], axis=1
    )
    result: Floats = (sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    return result


def box(minimum_m: Floats, maximum_m: Floats, colour: Floats, *, gloss: float = 0.0) -> Mesh:
    """Build a box from its lowest to its highest corner, both (3,), in one colour (3,)."""
    low, high = np.asarray(minimum_m, np.float32), np.asarray(maximum_m, np.float32)
    corners = np.array([[(low, high)[k >> axis & 1][axis] for axis in range(3)] for k in range(8)], np.float32)
    quads = ((0, 4, 6, 2), (1, 3, 7, 5), (0, 1, 5, 4), (2, 6, 7, 3), (0, 2, 3, 1), (4, 5, 7, 6))
    faces = np.array([[(a, b, c), (a, c, d)] for a, b, c, d in quads], np.int32).reshape(-1, 3)
    return Mesh(vertices_m=corners, faces=faces, colours=np.tile(np.asarray(colour, np.float32), (8, 1)), gloss=gloss)


def floor_mesh(
    half_size_m: float, colour: Floats, *, texture: NDArray[np.uint8] | None = None, tile_m: float = 1.0
) -> Mesh:
    """Build a square floor at y = 0. texture: repeats every tile_m metres."""
    corners = np.array([[-1, 0, -1], [-1, 0, 1], [1, 0, 1], [1, 0, -1]], np.float32) * half_size_m
    return Mesh(
        vertices_m=corners,
        faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        colours=np.tile(np.asarray(colour, np.float32), (4, 1)),
        normals=np.tile(np.array([0, 1, 0], np.float32), (4, 1)),
        uv=corners[:, [0, 2]] / np.float32(tile_m) if texture is not None else None,
        texture=texture,
    )
