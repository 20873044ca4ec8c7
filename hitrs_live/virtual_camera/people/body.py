"""Pose a body by joints: its bones turn as the joints say, its lengths are its own or matched to the stream."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.smoothing import smooth_frames
from hitrs_live.virtual_camera.people.body_shapes import BodyShapes, body_shapes
from hitrs_live.virtual_camera.people.bone_rotations import RestPoints, bone_rotations
from hitrs_live.virtual_camera.people.rest_body import RestBody, rest_body
from hitrs_live.virtual_camera.people.rotation_matrices import between

Floats = NDArray[np.float32]
# Bones of the trunk, from the pelvis up, and how far each has turned from the pelvis to the chest.
_SPINE = {"root": 0.0, "spine05": 0.05, "spine04": 0.2, "spine03": 0.45, "spine02": 0.75, "spine01": 1.0}


@dataclass(frozen=True, kw_only=True)
class PosedBody:
    """Hold where the bones of a body are in each of T frames."""

    bones: Floats
    """(T, B, 3, 4), from a point of the body at rest to the same point in the world."""
    joints_m: Floats
    """(T, 25, 3), the body's own joints in NTU order: what a perfect pose estimator would see."""

    def __len__(self) -> int:
        return len(self.bones)


@dataclass(frozen=True, kw_only=True)
class Body:
    """Describe one person's body without clothes: its mesh at rest, its bones, and its phenotypes."""

    phenotypes: dict[str, float]
    """age, gender, height, muscle, weight, proportions from 0 to 1, as anny has them."""
    rest: RestBody

    @classmethod
    def draw(cls, rng: np.random.Generator, *, height_m: float | None = None) -> "Body":
        """Draw a body at random, from children of about seven to tall adults. height_m: None draws it as well.

        Raises RenderUnavailable where the body mesh is missing.
        """
        shapes = body_shapes()
        is_child = rng.random() < 0.12 if height_m is None else height_m < 1.42
        phenotypes = {
            "gender": float(rng.beta(0.35, 0.35)),
            "age": float(rng.uniform(0.24, 0.45) if is_child else rng.uniform(0.6, 1.0)),
            "muscle": float(np.clip(rng.normal(0.5, 0.17), 0.05, 0.95)),
            "weight": float(np.clip(rng.normal(0.5, 0.17), 0.05, 0.98)),
            "proportions": float(rng.uniform(0.25, 0.85)),
        }
        if height_m is None:
            height_m = _typical_height_m(phenotypes, rng)
        phenotypes["height"] = _height_phenotype(shapes, phenotypes, height_m)
        # One in seven makes fists; the others hold their hands from flat to relaxed.
        curl = float(rng.uniform(3.0, 3.6) if rng.random() < 0.15 else rng.uniform(0.1, 1.1))
        return cls(phenotypes=phenotypes, rest=rest_body(shapes, phenotypes, curl=curl))

    @classmethod
    def drawn_for(cls, joints_m: Floats, rng: np.random.Generator) -> "Body":
        """Draw a body whose height and bone lengths are those of a stream's joints (T, 25, 3)."""
        body = cls.draw(rng, height_m=float(np.clip(_standing_height_m(joints_m), 1.0, 2.1)))
        return body.fitted_to(joints_m)

    def fitted_to(self, joints_m: Floats) -> "Body":
        """Return this body with the bone lengths of a stream's joints (T, 25, 3), changed by a quarter at most."""
        return replace(self, rest=self.rest.stretched(_length_ratios(self.rest, joints_m)))

    @property
    def faces(self) -> NDArray[np.int32]:
        """(F, 3) indices of the mesh's triangles."""
        return self.rest.faces

    @property
    def bone_names(self) -> tuple[str, ...]:
        """The names of the B bones."""
        return self.rest.bone_names

    @cached_property
    def height_m(self) -> float:
        """Standing height without shoes."""
        return float(np.ptp(self.rest.vertices_m[:, 1]))

    def pose(self, joints_m: Floats, *, smoothing_frames: float = 0.7) -> PosedBody:
        """Pose this body as joints_m (T, 25, 3), metres, y up, in NTU order, show.

        Joints that are not finite are filled from the frames beside them. smoothing_frames: standard deviation of a
        Gaussian over time against jitter; what was smoothed away is not in `PosedBody.joints_m` either.
        Raises ValueError for another shape, or where a joint is never finite.
        """
        joints = smooth_frames(_filled(joints_m), smoothing_frames)
        groups = bone_rotations(joints, self._rest_points)
        rotations = self._bone_rotations(groups, len(joints))
        heads = self._bone_heads(rotations, joints)
        rest_heads = self.rest.heads_m
        offsets = heads - np.einsum("tbij,bj->tbi", rotations, rest_heads)
        bones = np.concatenate((rotations, offsets[..., None]), axis=-1).astype(np.float32)
        moving = bones[:, self.rest.joint_bones]
        own = np.einsum("tjik,jk->tji", moving[..., :3], self.rest.joints_m) + moving[..., 3]
        return PosedBody(bones=bones, joints_m=own.astype(np.float32))

    def vertices(self, posed: PosedBody) -> Floats:
        """Return the posed mesh (T, V, 3), metres. Slow reference of what the renderer computes on the GPU."""
        matrices = posed.bones[:, self.rest.bone_indices]
        blended = np.einsum("vk,tvkij->tvij", self.rest.bone_weights, matrices)
        result: Floats = np.einsum("tvij,vj->tvi", blended[..., :3], self.rest.vertices_m) + blended[..., 3]
        return result

    @cached_property
    def _rest_points(self) -> RestPoints:
        rest = self.rest
        joints = {name: rest.joints_m[k].astype(float) for k, name in enumerate(NTU25.joints)}
        return RestPoints(
            joints=joints,
            ball={side: rest.balls_m[k].astype(float) for k, side in enumerate(("left", "right"))},
        )

    def _bone_rotations(self, groups: dict[str, NDArray[np.float64]], frames: int) -> NDArray[np.float64]:
        """Give each bone the rotation of its group. Returns (T, B, 3, 3)."""
        result = np.tile(np.eye(3), (frames, len(self.bone_names), 1, 1))
        for bone, name in enumerate(self.bone_names):
            result[:, bone] = self._rotation_of(name, groups)
        return result

    @staticmethod
    def _rotation_of(bone: str, groups: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        name, _, end = bone.partition(".")
        side = {"L": "left_", "R": "right_", "": ""}[end]
        if name in _SPINE:
            return between(groups["pelvis"], groups["chest"], _SPINE[name])
        if name.startswith("neck"):
            return between(groups["chest"], groups["head"], {"neck01": 0.25, "neck02": 0.5, "neck03": 0.8}[name])
        group = _GROUP_OF[name]
        return groups[group if group in ("pelvis", "head") else side + group]

    def _bone_heads(self, rotations: NDArray[np.float64], joints_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Chain the bones from the root, and move the whole so that the middle of the hips is the data's."""
        rest = self.rest.heads_m.astype(float)
        heads = np.zeros((len(rotations), len(rest), 3))
        for bone, parent in enumerate(self.rest.bone_parents):
            if parent >= 0:
                heads[:, bone] = heads[:, parent] + rotations[:, parent] @ (rest[bone] - rest[parent])
        hips = [NTU25.index("left_hip"), NTU25.index("right_hip")]
        bones = [self.bone_names.index("upperleg01.L"), self.bone_names.index("upperleg01.R")]
        return np.asarray(heads + (joints_m[:, hips].mean(1) - heads[:, bones].mean(1))[:, None])


_GROUP_OF = {
    "pelvis": "pelvis", "head": "head", "clavicle": "collar", "shoulder01": "collar",
    "upperarm01": "upper_arm_top", "upperarm02": "upper_arm", "lowerarm01": "fore_arm", "lowerarm02": "fore_arm",
    "wrist": "hand", "upperleg01": "thigh_top", "upperleg02": "thigh", "lowerleg01": "shank",
    "lowerleg02": "shank", "foot": "foot",
}  # fmt: skip


def _typical_height_m(phenotypes: dict[str, float], rng: np.random.Generator) -> float:
    """Draw a height that suits age and sex: children 1.10 to 1.45 m, adults around 1.76 m and 1.63 m."""
    if phenotypes["age"] < 0.5:
        return float(1.12 + 1.45 * (phenotypes["age"] - 0.24) + rng.normal(0, 0.05))
    middle = 1.76 - 0.13 * phenotypes["gender"]
    return float(np.clip(rng.normal(middle, 0.075), 1.45, 2.05))


def _height_phenotype(shapes: BodyShapes, phenotypes: dict[str, float], height_m: float) -> float:
    """Find the height from 0 to 1 that gives a body of height_m: it grows linearly with it."""
    heights = []
    for value in (0.1, 0.9):
        vertices, _ = shapes.shaped({**phenotypes, "height": value})
        heights.append(float(np.ptp(vertices[:, 1])))
    return float(np.clip(0.1 + 0.8 * (height_m - heights[0]) / (heights[1] - heights[0]), 0, 1))


def _filled(joints_m: Floats) -> NDArray[np.float64]:
    """Fill joints (T, 25, 3) that are not finite from the frames beside them."""
    joints = np.array(joints_m, np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (len(NTU25), 3) or not len(joints):
        raise ValueError(f"got joints of shape {joints.shape}, expected (T, {len(NTU25)}, 3) with at least one frame")
    finite = np.asarray(np.isfinite(joints).all(-1))
    if not finite.any(0).all():
        missing = NTU25.joints[int(np.argmin(finite.any(0)))]
        raise ValueError(f"{missing} is not finite in any frame; expected a position of every joint at some time")
    frames = np.arange(len(joints))
    for joint in np.flatnonzero(~finite.all(0)):
        known = finite[:, joint]
        for axis in range(3):
            joints[:, joint, axis] = np.interp(frames, frames[known], joints[known, joint, axis])
    return joints


_STRETCHED = {
    "thigh": ("hip", "knee"), "shank": ("knee", "ankle"), "upper_arm": ("shoulder", "elbow"),
    "fore_arm": ("elbow", "wrist"),
}  # fmt: skip


def _median_length_m(joints_m: Floats, start: str, end: str) -> float:
    lengths = np.linalg.norm(joints_m[:, NTU25.index(end)] - joints_m[:, NTU25.index(start)], axis=-1)
    return float(np.nanmedian(lengths))


def _length_ratios(rest: RestBody, joints_m: Floats) -> dict[str, float]:
    """Return by what factor each group of bones is longer in the stream than in the body; both sides alike."""
    own = rest.joints_m[None]
    ratios = {}
    for group, (start, end) in _STRETCHED.items():
        lengths = [
            np.mean([_median_length_m(joints, f"{side}_{start}", f"{side}_{end}") for side in ("left", "right")])
            for joints in (joints_m, own)
        ]
        ratios[group] = float(np.clip(lengths[0] / lengths[1], 0.75, 1.25))
    trunks = []
    for joints in (joints_m, own):
        middles = [
            joints[:, [NTU25.index(f"left_{name}"), NTU25.index(f"right_{name}")]].mean(1)
            for name in ("hip", "shoulder")
        ]
        trunks.append(float(np.nanpercentile(np.linalg.norm(middles[1] - middles[0], axis=-1), 70)))
    ratios["trunk"] = float(np.clip(trunks[0] / trunks[1], 0.8, 1.2))
    widths = [_median_length_m(joints, "left_shoulder", "right_shoulder") for joints in (joints_m, own)]
    ratios["shoulders"] = float(np.clip(widths[0] / widths[1], 0.85, 1.15))
    return ratios


def _standing_height_m(joints_m: Floats) -> float:
    """Estimate a person's height from the lengths of legs and trunk, which do not depend on the pose."""
    legs = [
        _median_length_m(joints_m, f"{side}_{start}", f"{side}_{end}")
        for side in ("left", "right")
        for start, end in (("hip", "knee"), ("knee", "ankle"))
    ]
    hips = joints_m[:, [NTU25.index("left_hip"), NTU25.index("right_hip")]].mean(1)
    shoulders = joints_m[:, [NTU25.index("left_shoulder"), NTU25.index("right_shoulder")]].mean(1)
    trunk = float(np.nanpercentile(np.linalg.norm(shoulders - hips, axis=-1), 70))
    # Legs and trunk together are 0.73 of the height of anny's adults.
    return (sum(legs) / 2 + trunk) / 0.73
