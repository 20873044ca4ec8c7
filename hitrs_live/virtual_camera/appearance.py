"""Dress a body: skin, hair, clothes of several cuts and shoes, as one mesh that moves with the body's bones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.virtual_camera.body import Body
from hitrs_live.virtual_camera.mesh import vertex_normals
from hitrs_live.virtual_camera.shaders import LAYERS

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Appearance:
    """Hold a dressed body as the renderer draws it. Pass the same object for every frame: it is uploaded once."""

    vertices_m: Floats
    """(V, 3), at rest, clothes and hair included."""
    normals: Floats
    """(V, 3)."""
    faces: Ints
    """(F, 3)."""
    bone_indices: Ints
    """(V, 4)."""
    bone_weights: Floats
    """(V, 4)."""
    skin: Floats
    """(V, 4), the skin's colour, sRGB, and how open to the light from all around the vertex is, 0 to 1."""
    cover: Floats
    """(V, 8), above 0 where a layer (trousers, top, jacket, shoes, hair, ...) covers the skin; the last one wins."""
    first_colours: Floats
    """(8, 3), sRGB."""
    second_colours: Floats
    """(8, 3), sRGB, of the pattern."""
    patterns: Floats
    """(8, 4), kind, size in metres, gloss, depth of the folds."""

    @classmethod
    def draw(cls, body: Body, rng: np.random.Generator) -> "Appearance":
        """Draw skin, hair and clothes for a body at random."""
        rest = body.rest
        count = len(rest.vertices_m)
        skin = np.ones((count, 4), np.float32)
        skin[:, :3] = np.array([0.87, 0.68, 0.56]) * rng.uniform(0.45, 1.05)
        patterns = np.tile(np.array([0, 0.05, 0.03, 0.3], np.float32), (LAYERS, 1))
        return cls(
            vertices_m=rest.vertices_m,
            normals=vertex_normals(rest.vertices_m, rest.faces),
            faces=rest.faces,
            bone_indices=rest.bone_indices,
            bone_weights=rest.bone_weights,
            skin=skin,
            cover=np.full((count, LAYERS), -1, np.float32),
            first_colours=rng.uniform(0, 1, (LAYERS, 3)).astype(np.float32),
            second_colours=rng.uniform(0, 1, (LAYERS, 3)).astype(np.float32),
            patterns=patterns,
        )
