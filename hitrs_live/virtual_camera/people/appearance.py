"""Dress a body: skin, hair, clothes of several cuts and shoes, as one mesh that moves with the body's bones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.virtual_camera.mesh import vertex_normals
from hitrs_live.virtual_camera.people.body import Body
from hitrs_live.virtual_camera.people.body_coordinates import BodyCoordinates, body_coordinates
from hitrs_live.virtual_camera.people.cloth_surface import Neighbours, dressed_vertices, folded_normals, openness
from hitrs_live.virtual_camera.people.colours import hair_colour, skin_colour
from hitrs_live.virtual_camera.people.garments import Garment, Layer, draw_garments
from hitrs_live.virtual_camera.people.hair import Hair, draw_hair
from hitrs_live.virtual_camera.people.hanging_meshes import HangingMesh, hair_mesh, skirt_mesh
from hitrs_live.virtual_camera.people.rest_body import RestBody
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
    """(V, 8), above 0 where a layer (garments.py: Layer) covers the skin; the last one is seen."""
    first_colours: Floats
    """(8, 3), sRGB."""
    second_colours: Floats
    """(8, 3), sRGB, of the pattern."""
    patterns: Floats
    """(8, 4), kind, size in metres, gloss; the last is not used."""

    @classmethod
    def draw(cls, body: Body, rng: np.random.Generator) -> "Appearance":
        """Draw skin, hair and clothes for a body at random."""
        rest, at = body.rest, body_coordinates(body.rest)
        age, feminine = body.phenotypes["age"], body.phenotypes["gender"]
        skin = skin_colour(rng)
        hair = draw_hair(at, hair_colour(rng, skin, age), rng, feminine=feminine, is_child=age < 0.5)
        lowest_m = float(rest.vertices_m[:, 1].min())
        garments, skirt = draw_garments(at, lowest_m, rng, feminine=feminine)
        neighbours = Neighbours.of(rest.faces, len(rest.vertices_m))
        surface = dressed_vertices(rest, neighbours, garments, hair)
        hanging: list[tuple[Layer, HangingMesh]] = []
        if skirt:
            hanging.append((Layer.SKIRT, skirt_mesh(rest, surface, skirt, float(rng.uniform(0, 1)))))
            # The thighs beneath are a little thinner, so that they do not show through.
            under = np.clip(np.minimum(at.leg - 0.15, skirt - at.leg) / 0.15, 0, 1)[:, None]
            surface = surface - 0.025 * under * vertex_normals(surface, rest.faces)
        if hair.hanging_m:
            hanging.append((Layer.HAIR, hair_mesh(rest, surface, hair.hanging_m, hair.hanging_half_angle_deg)))
        normals = vertex_normals(surface, rest.faces)
        open_share = openness(surface, normals, neighbours)
        tones = np.concatenate((_skin_tones(rest, at, skin, rng), open_share[:, None]), axis=1).astype(np.float32)
        return _joined(rest, surface, tones, garments, hair, hanging)


def _skin_tones(rest: RestBody, at: BodyCoordinates, skin: Floats, rng: np.random.Generator) -> Floats:
    """Return the skin's colour at each vertex (V, 3): lips redder, eyes white with an iris."""
    x, _, z = at.head.T
    tones = np.tile(skin, (len(rest.vertices_m), 1)) * rng.uniform(0.97, 1.03, (len(rest.vertices_m), 1))
    lips = (rest.parts == 3) & (z > 0.3)
    tones[lips] *= np.array([0.93, 0.70, 0.68])
    tones[rest.parts == 2] *= np.array([1.0, 0.96, 0.94])
    eyes = rest.parts == 1
    tones[eyes] = np.array([0.88, 0.87, 0.85])
    for side in (x > 0, x < 0):
        eye = np.flatnonzero(eyes & side)
        if len(eye):
            front = eye[rest.vertices_m[eye, 2] > rest.vertices_m[eye, 2].max() - 0.0035]
            tones[front] = np.array([0.16, 0.11, 0.08]) if rng.random() < 0.8 else np.array([0.25, 0.38, 0.45])
    return np.clip(tones, 0, 1).astype(np.float32)


def _joined(
    rest: RestBody, surface: Floats, tones: Floats, garments: Sequence[Garment], hair: Hair,
    hanging: Sequence[tuple[Layer, HangingMesh]],
) -> Appearance:  # fmt: skip
    """Join the body's surface and what hangs from it to one mesh."""
    first, second = np.zeros((LAYERS, 3), np.float32), np.zeros((LAYERS, 3), np.float32)
    patterns = np.tile(np.array([0, 0.06, 0.02, 0.0], np.float32), (LAYERS, 1))
    cover = np.full((len(surface), LAYERS), -1, np.float32)
    for one in garments:
        cover[:, one.layer] = one.cover_m
        first[one.layer], second[one.layer] = one.first, one.second
        patterns[one.layer] = (one.pattern, one.size_m, one.gloss, 0)
    cover[:, Layer.HAIR], cover[:, Layer.BROWS] = hair.cover_m, hair.brows_m
    first[Layer.HAIR], first[Layer.BROWS] = hair.colour, hair.brows
    patterns[Layer.HAIR] = (0, 0.06, 0.12, 0)
    vertices, normals, faces = [surface], [folded_normals(surface, rest.faces, garments)], [rest.faces]
    indices, weights, covers, skins = [rest.bone_indices], [rest.bone_weights], [cover], [tones]
    count = len(surface)
    for layer, mesh in hanging:
        vertices.append(mesh.vertices_m)
        normals.append(vertex_normals(mesh.vertices_m, mesh.faces))
        faces.append(mesh.faces + count)
        indices.append(mesh.bone_indices)
        weights.append(mesh.bone_weights)
        only = np.full((len(mesh.vertices_m), LAYERS), -1, np.float32)
        only[:, layer] = 1
        covers.append(only)
        skins.append(np.ones((len(mesh.vertices_m), 4), np.float32))
        count += len(mesh.vertices_m)
    return Appearance(
        vertices_m=np.concatenate(vertices), normals=np.concatenate(normals), faces=np.concatenate(faces),
        bone_indices=np.concatenate(indices), bone_weights=np.concatenate(weights), skin=np.concatenate(skins),
        cover=np.concatenate(covers), first_colours=first, second_colours=second, patterns=patterns,
    )  # fmt: skip
