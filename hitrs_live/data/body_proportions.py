"""Measure where a sensor places the joints in a body, and retarget a recording to another sensor's placement.

A Kinect's hips lie inside the pelvis and its spine bends low, motion capture's shoulders hang from high clavicles,
landmarks have no spine at all. A model trained on strikes of one sensor and walking of another learns to distinguish
the sensors, and detects no walking with the first. So training shows recordings in the geometry of several sensors.
"""

from collections.abc import Iterable, Mapping
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
"""Every joint after its parent."""
_MIRRORED_TRUNK: Final = [_TRUNK.index(NTU25.mirror[joint]) for joint in _TRUNK]
_MIRRORED_LIMBS: Final = [_LIMBS.index(NTU25.mirror[joint]) for joint in _LIMBS]
_NO_LENGTH: Final = 0.02
"""In lengths of the trunk. A shorter bone means that the sensor lacks the joint and copies a neighbour."""
_MEASURED_FRAMES: Final = 4000
_MEASURED_BODIES: Final = 200
_SPREAD_TRUNK, _SPREAD_LIMBS = 0.02, 0.06
"""Standard deviations of drawn geometries: of the trunk in trunk lengths, of limbs as a share of their length."""


@dataclass(frozen=True, kw_only=True)
class SensorGeometry:
    """Mean positions of the trunk's joints and lengths of the limbs' bones in one sensor's skeletons.

    The unit is the trunk's length, from the middle of the hips to the middle of the shoulders.
    """

    trunk: Floats
    """(9, 3): positions of the trunk's joints from the middle of the hips: x to the left, y up, z ahead."""
    limbs: Floats
    """(16,): lengths of the limbs' bones."""


def _geometry(trunk: Mapping[str, tuple[float, float, float]], limbs: Mapping[str, float]) -> SensorGeometry:
    """Make a geometry of the left side and the middle: the right side is its mirror image."""
    positions = [trunk[NTU25.joints[joint].removeprefix("left_").removeprefix("right_")] for joint in _TRUNK]
    signs = [-1 if NTU25.joints[joint].startswith("right_") else 1 for joint in _TRUNK]
    return SensorGeometry(
        trunk=np.array([(sign * x, y, z) for sign, (x, y, z) in zip(signs, positions, strict=True)], np.float32),
        limbs=np.array([limbs[NTU25.joints[joint].rsplit("_", 1)[1]] for joint in _LIMBS], np.float32),
    )


LANDMARKS: Final = _geometry(
    {
        "spine_base": (0, 0, 0), "spine_middle": (0, 0.5, 0), "spine_shoulder": (0, 0.9, 0), "neck": (0, 1.07, 0),
        "head": (0, 1.35, 0), "hip": (0.2, 0, 0), "shoulder": (0.33, 1, 0),
    },
    {"elbow": 0.54, "wrist": 0.48, "hand": 0.12, "tip": 0.1, "thumb": 0.08, "knee": 0.84, "ankle": 0.82, "foot": 0.3},
)  # fmt: skip
"""Geometry of live joints, which are interpolated between MediaPipe's landmarks; lengths of an average adult."""
KINECT_1: Final = _geometry(
    {
        "spine_base": (0, 0.19, 0), "spine_middle": (0, 0.37, -0.1), "spine_shoulder": (0, 1.27, 0.03),
        "neck": (0, 1.27, 0.03), "head": (0, 1.7, 0.15), "hip": (0.19, 0, 0), "shoulder": (0.42, 1, 0),
    },
    {"elbow": 0.63, "wrist": 0.6, "hand": 0.21, "tip": 0, "thumb": 0, "knee": 1.29, "ankle": 0.95, "foot": 0.23},
)  # fmt: skip
"""Measured on PRECOG; hips lie high in the pelvis, and there are neither fingertips nor thumbs."""
KINECT_2: Final = _geometry(
    {
        "spine_base": (0, 0, -0.07), "spine_middle": (0, 0.62, -0.04), "spine_shoulder": (0, 1.07, 0),
        "neck": (0, 1.2, 0), "head": (0, 1.45, 0.03), "hip": (0.16, 0, 0), "shoulder": (0.35, 1, 0),
    },
    {"elbow": 0.48, "wrist": 0.46, "hand": 0.14, "tip": 0.13, "thumb": 0.1, "knee": 0.72, "ankle": 0.74, "foot": 0.23},
)  # fmt: skip
"""Measured on MARS, UI-PRMD and Labanotation gestures."""
MOTION_CAPTURE: Final = (
    _geometry(
        {
            "spine_base": (0, -0.06, 0.02), "spine_middle": (0, 0.38, 0.03), "spine_shoulder": (0, 0.63, 0.05),
            "neck": (0, 1.1, 0.03), "head": (0, 1.25, 0.1), "hip": (0.19, 0, 0), "shoulder": (0.25, 1, 0),
        },
        {"elbow": 0.6, "wrist": 0.5, "hand": 0, "tip": 0.19, "thumb": 0.08, "knee": 0.79, "ankle": 0.97, "foot": 0.27},
    ),
    _geometry(
        {
            "spine_base": (0, 0.19, -0.09), "spine_middle": (0, 0.64, -0.03), "spine_shoulder": (0, 0.87, 0.01),
            "neck": (0, 1.25, 0.04), "head": (0, 1.43, 0.09), "hip": (0.17, 0, 0), "shoulder": (0.37, 1, 0),
        },
        {
            "elbow": 0.57, "wrist": 0.37, "hand": 0.26, "tip": 0.06, "thumb": 0.05, "knee": 0.81, "ankle": 0.84,
            "foot": 0.37,
        },
    ),
)  # fmt: skip
"""Measured on the two conversions of the CMU database."""


def measure_geometry(recordings: Iterable[Floats]) -> SensorGeometry:
    """Measure a sensor's geometry by medians over frames, left and right averaged. recordings: (T, 25, 3), metres."""
    sequences = list(recordings)
    every = max(1, sum(map(len, sequences)) // _MEASURED_FRAMES)
    joints = np.concatenate([one[::every] for one in sequences])
    origin, axes, size = _trunk_frame(joints)
    positions = np.einsum("tjc,tcd->tjd", joints[:, _TRUNK] - origin, axes) / size
    bones = np.linalg.norm(joints[:, _LIMBS] - joints[:, [NTU25.parents[j] for j in _LIMBS]], axis=-1) / size[:, 0]
    trunk, limbs = np.median(positions, axis=0), np.median(bones, axis=0)
    return SensorGeometry(
        trunk=_symmetric(trunk).astype(np.float32),
        limbs=((limbs + limbs[_MIRRORED_LIMBS]) / 2).astype(np.float32),
    )


def retarget(joints_m: Floats, own: SensorGeometry, other: SensorGeometry) -> Floats:
    """Retarget a recording to another sensor's geometry: move the trunk's joints, then rescale the limbs' bones.

    joints_m: (T, 25, 3), metres, of geometry `own`. Returns the same shape in geometry `other`. The middle of the hips
    and the middle of the shoulders stay in place.
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
    """Return the forearm's vector, (T, 3), as direction of a missing bone: a joint that a sensor lacks is in a hand."""
    side = NTU25.joints[hand_part].split("_")[0]
    return joints_m[:, NTU25.index(f"{side}_wrist")] - joints_m[:, NTU25.index(f"{side}_elbow")]


def measure_dataset(data: Dataset) -> SensorGeometry:
    """Measure the sensor geometry of a data set on some of its bodies, evenly spread over it."""
    bodies = [body for sample in data.samples for body in sample.bodies]
    return measure_geometry(data.joints_m(body) for body in bodies[:: max(1, len(bodies) // _MEASURED_BODIES)])


class SensorGeometries:
    """A distribution of sensor geometries: the known ones and mixtures of two."""

    def __init__(self, measured: Iterable[SensorGeometry]) -> None:
        """Keep the geometries of the data sets, and add that of MediaPipe's landmarks."""
        self._known = [*measured, LANDMARKS]

    def draw(self, rng: np.random.Generator) -> SensorGeometry:
        """Draw a geometry: that of one sensor or a mixture of two, with random variation."""
        one, two = (self._known[rng.integers(len(self._known))] for _ in range(2))
        share = np.float32(rng.random() if rng.random() < 0.5 else 0.0)
        trunk = one.trunk + share * (two.trunk - one.trunk) + _symmetric(rng.normal(0, _SPREAD_TRUNK, one.trunk.shape))
        spread = rng.normal(0, _SPREAD_LIMBS, len(_LIMBS))
        limbs = one.limbs + share * (two.limbs - one.limbs)
        return SensorGeometry(
            trunk=trunk.astype(np.float32),
            limbs=(limbs * np.exp((spread + spread[_MIRRORED_LIMBS]) / 2)).astype(np.float32),
        )


def _symmetric(positions: NDArray[np.floating]) -> NDArray[np.float64]:
    """Average the trunk's positions (9, 3) with their mirror image."""
    symmetric: NDArray[np.float64] = (positions + positions[_MIRRORED_TRUNK] * np.array([-1, 1, 1])) / 2
    return symmetric


def _trunk_frame(joints: Floats) -> tuple[Floats, Floats, Floats]:
    """Compute the trunk's coordinate frame: left, up and ahead from the middle of the hips. joints: (T, 25, 3).

    Returns the origin (T, 1, 3), the axes as columns (T, 3, 3) and the trunk's length (T, 1, 1).
    """
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
