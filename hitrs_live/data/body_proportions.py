"""Where a sensor puts the joints in a body, and how to show a recording as another sensor would have seen it.

A Kinect's hips lie inside the pelvis and its spine bends low, motion capture's shoulders hang from high clavicles,
landmarks have no spine at all. A model that learns strikes from one sensor and walking from another learns the
sensors: it will not see anybody walk before the first. So every recording is shown in every build.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.dataset import Dataset
from hitrs_live.skeleton import NTU25

Floats = NDArray[np.float32]

_SIDES: Final = ("left", "right")
_HIPS, _SHOULDERS = ([NTU25.index(f"{side}_{part}") for side in _SIDES] for part in ("hip", "shoulder"))
_TRUNK: Final = [
    *(NTU25.index(name) for name in ("spine_base", "spine_middle", "spine_shoulder", "neck", "head")),
    *_HIPS,
    *_SHOULDERS,
]
_LIMBS: Final = [joint for joint in NTU25.outward if joint not in _TRUNK]
"""Each after the joint it hangs from."""
_MIRRORED_TRUNK: Final = [_TRUNK.index(NTU25.mirror[joint]) for joint in _TRUNK]
_MIRRORED_LIMBS: Final = [_LIMBS.index(NTU25.mirror[joint]) for joint in _LIMBS]
_NO_LENGTH: Final = 0.02
"""A bone so short, in lengths of the trunk, is none: the sensor has no such joint and copies its neighbour."""
_MEASURED_FRAMES: Final = 4000
_MEASURED_BODIES: Final = 200
_SPREAD_TRUNK, _SPREAD_LIMBS = 0.02, 0.06
"""How far builds are from one another besides, in lengths of the trunk, and as a share."""


@dataclass(frozen=True, kw_only=True)
class SensorGeometry:
    """Where a sensor puts joints, in lengths of the trunk, that is from between the hips to between the shoulders."""

    trunk: Floats
    """(9, 3): places of the trunk's joints from between the hips, to the left, up and ahead or behind."""
    limbs: Floats
    """(16,): lengths of the bones that limbs are made of."""


_LANDMARK_LIMBS: Final = {
    "elbow": 0.54, "wrist": 0.48, "hand": 0.12, "tip": 0.1, "thumb": 0.08, "knee": 0.84, "ankle": 0.82, "foot": 0.3,
}  # fmt: skip
LANDMARKS: Final = SensorGeometry(
    trunk=np.array(
        [
            (0, 0, 0), (0, 0.5, 0), (0, 0.9, 0), (0, 1.07, 0), (0, 1.35, 0),
            (0.2, 0, 0), (-0.2, 0, 0), (0.33, 1, 0), (-0.33, 1, 0),
        ],
        np.float32,
    ),
    limbs=np.array([_LANDMARK_LIMBS[NTU25.joints[joint].rsplit("_", 1)[1]] for joint in _LIMBS], np.float32),
)  # fmt: skip
"""As live joints are laid between MediaPipe's landmarks, the lengths those of an average adult."""


def measure_geometry(recordings: Iterable[Floats]) -> SensorGeometry:
    """Find out how a sensor builds bodies. recordings: (T, 25, 3) each, metres."""
    whole = list(recordings)
    every = max(1, sum(map(len, whole)) // _MEASURED_FRAMES)
    joints = np.concatenate([one[::every] for one in whole])
    origin, axes, size = _trunk_frame(joints)
    places = np.einsum("tjc,tcd->tjd", joints[:, _TRUNK] - origin, axes) / size
    bones = np.linalg.norm(joints[:, _LIMBS] - joints[:, [NTU25.parents[j] for j in _LIMBS]], axis=-1) / size[:, 0]
    trunk, limbs = np.median(places, axis=0), np.median(bones, axis=0)
    return SensorGeometry(
        trunk=_symmetric(trunk).astype(np.float32),
        limbs=((limbs + limbs[_MIRRORED_LIMBS]) / 2).astype(np.float32),
    )


def rebuild(joints_m: Floats, own: SensorGeometry, other: SensorGeometry) -> Floats:
    """Show a recording in another build: the trunk's joints are moved within it, limbs hang from there at its lengths.

    joints_m: (T, 25, 3), of build `own`. Returns the same shape. The middles of hips and of shoulders stay in place.
    """
    _, axes, size = _trunk_frame(joints_m)
    rebuilt = np.empty_like(joints_m)
    moved = np.einsum("jd,tcd->tjc", other.trunk - own.trunk, axes) * size
    rebuilt[:, _TRUNK] = joints_m[:, _TRUNK] + moved
    for limb, joint in enumerate(_LIMBS):
        parent = NTU25.parents[joint]
        bone = joints_m[:, joint] - joints_m[:, parent]
        if own.limbs[limb] > _NO_LENGTH:
            bone = bone * (other.limbs[limb] / own.limbs[limb])
        else:
            along = _forearm(rebuilt, joint)
            length = np.linalg.norm(along, axis=-1, keepdims=True)
            bone = along / np.maximum(length, 1e-6) * other.limbs[limb] * size[:, 0]
        rebuilt[:, joint] = rebuilt[:, parent] + bone
    return rebuilt


def _forearm(joints_m: Floats, hand_part: int) -> Floats:
    """Point where an arm points: what a sensor lacks is always a part of a hand. Returns (T, 3)."""
    side = NTU25.joints[hand_part].split("_")[0]
    return joints_m[:, NTU25.index(f"{side}_wrist")] - joints_m[:, NTU25.index(f"{side}_elbow")]


def measure_dataset(data: Dataset) -> SensorGeometry:
    """Measure the build of a data set by some of its bodies, spread over all of it."""
    bodies = [body for sample in data.samples for body in sample.bodies]
    return measure_geometry(data.joints_m(body) for body in bodies[:: max(1, len(bodies) // _MEASURED_BODIES)])


class SensorGeometries:
    """The builds of some sensors, and what lies between them."""

    def __init__(self, measured: Iterable[SensorGeometry]) -> None:
        """measured: of the data sets; landmarks' is always among them."""
        self._known = [*measured, LANDMARKS]

    def draw(self, rng: np.random.Generator) -> SensorGeometry:
        """Draw a build: one of a sensor, or between two of them, never quite the same."""
        one, two = (self._known[rng.integers(len(self._known))] for _ in range(2))
        share = np.float32(rng.random() if rng.random() < 0.5 else 0.0)
        trunk = one.trunk + share * (two.trunk - one.trunk) + _symmetric(rng.normal(0, _SPREAD_TRUNK, one.trunk.shape))
        spread = rng.normal(0, _SPREAD_LIMBS, len(_LIMBS))
        limbs = one.limbs + share * (two.limbs - one.limbs)
        return SensorGeometry(
            trunk=trunk.astype(np.float32),
            limbs=(limbs * np.exp((spread + spread[_MIRRORED_LIMBS]) / 2)).astype(np.float32),
        )


def _symmetric(places: NDArray[np.floating]) -> NDArray[np.float64]:
    """Average the trunk's places (9, 3) with their mirror image."""
    even: NDArray[np.float64] = (places + places[_MIRRORED_TRUNK] * np.array([-1, 1, 1])) / 2
    return even


def _trunk_frame(joints: Floats) -> tuple[Floats, Floats, Floats]:
    """Lay axes through trunks. joints: (T, 25, 3) -> origin (T, 1, 3), axes as columns (T, 3, 3), length (T, 1, 1)."""
    hips, shoulders = joints[:, _HIPS], joints[:, _SHOULDERS]
    origin = hips.mean(1)
    up = shoulders.mean(1) - origin
    size = np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-6)
    up = up / size
    across = hips[:, 0] - hips[:, 1] + shoulders[:, 0] - shoulders[:, 1]
    across = across - (across * up).sum(-1, keepdims=True) * up
    across = across / np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-6)
    axes = np.stack([across, up, np.cross(across, up)], axis=-1)
    return origin[:, None], axes.astype(np.float32), size[:, :, None]
