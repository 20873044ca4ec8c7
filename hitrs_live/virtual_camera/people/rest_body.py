"""Make the body at rest: fingers bent, bones that always move together merged, lengths changed where asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.rotations import unit
from hitrs_live.virtual_camera.people.body_shapes import BodyShapes
from hitrs_live.virtual_camera.people.rotation_matrices import about

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
# Degrees that each phalanx of a relaxed hand is bent, from the palm outwards.
_CURL_DEG = (16.0, 24.0, 16.0)
_SIDES = (("left", "L"), ("right", "R"))
_ORDERED = {
    "thigh": ("upperleg01", "upperleg02"), "shank": ("lowerleg01", "lowerleg02"),
    "upper_arm": ("upperarm01", "upperarm02"), "fore_arm": ("lowerarm01", "lowerarm02"),
    "shoulders": ("clavicle", "shoulder01"), "trunk": ("root", "spine05", "spine04", "spine03", "spine02", "spine01"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RestBody:
    """Hold a body's mesh at rest, y up, facing +z, and the bones that move it."""

    vertices_m: Floats
    """(V, 3)."""
    faces: Ints
    """(F, 3)."""
    bone_indices: Ints
    """(V, 4)."""
    bone_weights: Floats
    """(V, 4)."""
    bone_names: tuple[str, ...]
    bone_parents: tuple[int, ...]
    """Parents come before their children; -1 for the root."""
    heads_m: Floats
    """(B, 3), where each bone begins."""
    joints_m: Floats
    """(25, 3), the NTU joints."""
    joint_bones: Ints
    """(25,), the bone that each joint moves with."""
    balls_m: Floats
    """(2, 3), the balls of the left and the right foot."""
    parts: NDArray[np.uint8]
    """(V,), 1 for eyes, 2 for hands, 3 for lips, 0 for all else."""

    def head(self, bone: str) -> NDArray[np.float64]:
        """Return where a bone begins, (3,), metres."""
        return np.asarray(self.heads_m[self.bone_names.index(bone)], np.float64)

    def stretched(self, ratios: Mapping[str, float]) -> "RestBody":
        """Return this body with bones longer by these factors, by group: thigh, shank, upper_arm, fore_arm, trunk,
        shoulders (the collar bones). The mesh follows as when it is posed, so it stays smooth."""
        scales = np.tile(np.eye(3), (len(self.bone_names), 1, 1))
        for group, names in _ORDERED.items():
            for bone, name in enumerate(self.bone_names):
                if name.partition(".")[0] in names:
                    along = unit(self._group_direction(group, name))
                    scales[bone] += (ratios.get(group, 1.0) - 1) * np.outer(along, along)
        rest = self.heads_m.astype(float)
        heads = rest.copy()
        for bone, parent in enumerate(self.bone_parents):
            if parent >= 0:
                # The hips keep their width and height whatever the trunk's length.
                scale = np.eye(3) if self.bone_names[bone].startswith("pelvis") else scales[parent]
                heads[bone] = heads[parent] + scale @ (rest[bone] - rest[parent])
        matrices = np.concatenate((scales, (heads - np.einsum("bij,bj->bi", scales, rest))[..., None]), axis=-1)
        blended = np.einsum("vk,vkij->vij", self.bone_weights, matrices[self.bone_indices])
        feet = [self.bone_names.index(f"foot.{end}") for _, end in _SIDES]
        return replace(
            self,
            vertices_m=_moved(blended, self.vertices_m),
            heads_m=heads.astype(np.float32),
            joints_m=_moved(matrices[self.joint_bones], self.joints_m),
            balls_m=_moved(matrices[feet], self.balls_m),
        )

    def _group_direction(self, group: str, bone: str) -> NDArray[np.float64]:
        """Return the direction (3,) in which the bones of a group get longer."""
        side = "left" if bone.endswith(".L") else "right"
        ends = {
            "thigh": ("hip", "knee"), "shank": ("knee", "ankle"), "upper_arm": ("shoulder", "elbow"),
            "fore_arm": ("elbow", "wrist"),
        }  # fmt: skip
        if group == "trunk":
            return np.array([0.0, 1.0, 0.0])
        if group == "shoulders":
            return np.array([1.0, 0.0, 0.0])
        start, end = (self.joints_m[NTU25.index(f"{side}_{name}")] for name in ends[group])
        return np.asarray(end - start, np.float64)


def rest_body(shapes: BodyShapes, phenotypes: Mapping[str, float], *, curl: float = 1.0) -> RestBody:
    """Shape a body and bring it to rest: fingers bent, their bones and those of toes and eyes merged.

    curl: 0 for flat hands, 1 for relaxed ones, 3.5 for fists.
    """
    vertices, heads = shapes.shaped(phenotypes)
    joints, joint_bones = _joints(shapes, vertices, heads)
    matrices = _finger_matrices(shapes, heads, curl)
    vertices = _moved(np.einsum("vk,vkij->vij", shapes.bone_weights, matrices[shapes.bone_indices]), vertices)
    joints = _moved(matrices[joint_bones], joints)
    balls = np.stack([heads[shapes.bone_names.index(f"toe2-1.{end}")] for _, end in _SIDES])
    kept, merged_into = _merged(shapes)
    parents = tuple(
        -1 if shapes.bone_parents[bone] < 0 else int(merged_into[shapes.bone_parents[bone]]) for bone in kept
    )
    return RestBody(
        vertices_m=vertices,
        faces=shapes.faces,
        bone_indices=merged_into[shapes.bone_indices].astype(np.int32),
        bone_weights=shapes.bone_weights,
        bone_names=tuple(shapes.bone_names[bone] for bone in kept),
        bone_parents=parents,
        heads_m=heads[kept],
        joints_m=joints,
        joint_bones=merged_into[joint_bones].astype(np.int32),
        balls_m=balls,
        parts=shapes.parts,
    )


def _moved(matrices: NDArray[np.floating], points: Floats) -> Floats:
    """Move points (N, 3), each by its own matrix (N, 3, 4)."""
    result: Floats = (np.einsum("nij,nj->ni", matrices[..., :3], points) + matrices[..., 3]).astype(np.float32)
    return result


def _finger_matrices(shapes: BodyShapes, heads: Floats, curl: float) -> NDArray[np.float64]:
    """Return (B, 3, 4) that bend the fingers of both hands; curl: 1 as they hang when nothing is held."""
    rotations = np.tile(np.eye(3), (len(heads), 1, 1))
    for _, end in _SIDES:
        knuckles = [heads[shapes.bone_names.index(f"finger{k}-1.{end}")].astype(float) for k in (2, 5)]
        wrist = heads[shapes.bone_names.index(f"wrist.{end}")].astype(float)
        across = unit(knuckles[1] - knuckles[0])
        # Fingers bend towards the palm, which faces the body's middle and back in the mesh's rest pose.
        out = unit((knuckles[0] + knuckles[1]) / 2 - wrist)
        axis = unit(across - np.dot(across, out) * out) * (1.0 if end == "L" else -1.0)
        for finger in range(1, 6):
            bent_deg = 0.0
            for phalanx, curl_deg in enumerate(_CURL_DEG, start=1):
                bent_deg += curl * curl_deg * (0.4 if finger == 1 else 0.8 + 0.1 * finger)
                rotations[shapes.bone_names.index(f"finger{finger}-{phalanx}.{end}")] = about(
                    axis, np.array(np.radians(bent_deg))
                )
    moved = heads.astype(float)
    for bone, parent in enumerate(shapes.bone_parents):
        if parent >= 0:
            moved[bone] = moved[parent] + rotations[parent] @ (heads[bone] - heads[parent]).astype(float)
    offsets = moved - np.einsum("bij,bj->bi", rotations, heads)
    return np.concatenate((rotations, offsets[..., None]), axis=-1)


def _merged(shapes: BodyShapes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Merge fingers into wrists, toes into feet, eyes into the head.

    Returns the kept bones (M,), and for every bone its number among them (B,).
    """
    target = np.arange(len(shapes.bone_names))
    for bone, name in enumerate(shapes.bone_names):
        stem, _, end = name.partition(".")
        if stem.startswith(("finger", "metacarpal")):
            target[bone] = shapes.bone_names.index(f"wrist.{end}")
        elif stem.startswith("toe"):
            target[bone] = shapes.bone_names.index(f"foot.{end}")
        elif stem == "eye":
            target[bone] = shapes.bone_names.index("head")
    kept, numbers = np.unique(target, return_inverse=True)
    return kept, numbers.reshape(-1)


def _joints(shapes: BodyShapes, vertices: Floats, heads: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the NTU joints of a body at rest (25, 3), and the bone that each moves with (25,)."""

    def head(bone: str) -> Floats:
        return np.asarray(heads[shapes.bone_names.index(bone)])

    joints, bones = np.zeros((len(NTU25), 3), np.float32), np.zeros(len(NTU25), np.int64)

    def put(joint: str, bone: str, point: NDArray[np.floating]) -> None:
        joints[NTU25.index(joint)], bones[NTU25.index(joint)] = point, shapes.bone_names.index(bone)

    strongest = np.take_along_axis(shapes.bone_indices, shapes.bone_weights.argmax(1)[:, None], 1)[:, 0]
    skull = vertices[strongest == shapes.bone_names.index("head")]
    put("head", "head", (skull.min(0) + skull.max(0)) / 2)
    shoulders = (head("upperarm01.L") + head("upperarm01.R")) / 2
    hips = (head("upperleg01.L") + head("upperleg01.R")) / 2
    put("spine_base", "root", hips)
    put("spine_middle", "spine02", head("spine02"))
    put("spine_shoulder", "spine01", shoulders)
    put("neck", "neck01", head("neck02"))
    for side, end in _SIDES:
        for joint, bone in (
            ("shoulder", "upperarm01"), ("elbow", "lowerarm01"), ("wrist", "wrist"), ("hip", "upperleg01"),
            ("knee", "lowerleg01"), ("ankle", "foot"),
        ):  # fmt: skip
            put(f"{side}_{joint}", f"{bone}.{end}", head(f"{bone}.{end}"))
        put(f"{side}_foot", f"foot.{end}", head(f"toe2-2.{end}"))
        put(f"{side}_hand", f"wrist.{end}", head(f"finger3-1.{end}"))
        put(f"{side}_hand_tip", f"finger3-3.{end}", head(f"finger3-3.{end}"))
        put(f"{side}_thumb", f"finger1-3.{end}", head(f"finger1-3.{end}"))
    return joints, bones
