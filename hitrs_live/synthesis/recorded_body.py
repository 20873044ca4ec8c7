"""Give recorded motion the proportions of one body: bones of constant length, feet where they were, a floor at 0."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.body_proportions import SensorGeometries, SensorGeometry, retarget
from hitrs_live.data.interpolation import interpolate
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.smoothing import smooth

Floats = NDArray[np.float32]

HIPS, SHOULDERS, ANKLES = (
    [NTU25.index(f"{side}_{part}") for side in ("left", "right")] for part in ("hip", "shoulder", "ankle")
)
FEET: Final = [NTU25.index(f"{side}_{part}") for side in ("left", "right") for part in ("ankle", "foot")]
TRUNK: Final = [
    *(NTU25.index(name) for name in ("spine_base", "spine_middle", "spine_shoulder", "neck", "head")),
    *HIPS,
    *SHOULDERS,
]
"""In the order of SensorGeometry.trunk."""
LIMBS: Final = [joint for joint in NTU25.outward if joint not in TRUNK]
"""In the order of SensorGeometry.limbs: every joint after its parent."""
LEGS: Final = [joint for joint in LIMBS if NTU25.joints[joint].endswith(("knee", "ankle", "foot"))]
ARMS: Final = [joint for joint in LIMBS if joint not in LEGS]
_TRUNK_M: Final = (0.50, 0.05, 0.36, 0.6)
"""Length of the trunk: mean, standard deviation, least and greatest."""
_ON_FLOOR_M: Final = 0.03
"""Height above the lower foot at which a foot bears little of the weight."""
_FLOOR_PERCENTILE: Final = 10
_SETTLING_S: Final = 0.04
_ENDS: Final = [joint for joint in LIMBS if NTU25.joints[joint].endswith(("hand", "tip", "thumb", "foot"))]
_STEADY_S: Final = 0.07
_HEADING_S: Final = 0.1
"""Standard deviations of smoothing."""


@dataclass(frozen=True, kw_only=True)
class RecordedBody:
    """Proportions of one body, and its size."""

    geometry: SensorGeometry
    trunk_m: float
    """From the middle of the hips to the middle of the shoulders."""

    @property
    def limbs_m(self) -> Floats:
        """Lengths of the limbs' bones, (16,), in the order of LIMBS."""
        return self.geometry.limbs * np.float32(self.trunk_m)


def draw_recorded_body(geometries: SensorGeometries, rng: np.random.Generator) -> RecordedBody:
    """Draw the proportions of a body among those of the recordings, and its size."""
    mean, deviation, least, greatest = _TRUNK_M
    return RecordedBody(
        geometry=geometries.draw(rng), trunk_m=float(np.clip(rng.normal(mean, deviation), least, greatest))
    )


def conform(joints_m: Floats, own: SensorGeometry, body: RecordedBody) -> Floats:
    """Give a recording the proportions of a body. joints_m: (T, 25, 3), of geometry `own`. Returns the same shape.

    The directions of the limbs' bones stay. Feet keep their paths, scaled, as far as the new legs allow: those of the
    foot that bears the weight exactly. The floor is at 0.
    """
    trunk = np.linalg.norm(joints_m[:, SHOULDERS].mean(1) - joints_m[:, HIPS].mean(1), axis=-1)
    scaled = joints_m * np.float32(body.trunk_m / max(float(np.median(trunk)), 0.1))
    scaled[..., 1] -= np.percentile(scaled[:, FEET, 1].min(1), _FLOOR_PERCENTILE)
    rebuilt = with_limb_lengths(_steady_ends(retarget(scaled, own, body.geometry)), body)
    return on_feet(rebuilt, scaled[:, FEET])


def _steady_ends(joints_m: Floats) -> Floats:
    """Smooth the directions of the bones of hands and feet: they are short, so sensors turn them by chance."""
    steady = joints_m.copy()
    for joint in LIMBS:
        parent = NTU25.parents[joint]
        bone = joints_m[:, joint] - joints_m[:, parent]
        steady[:, joint] = steady[:, parent] + (smooth(bone, _STEADY_S) if joint in _ENDS else bone)
    return steady


def with_limb_lengths(joints_m: Floats, body: RecordedBody) -> Floats:
    """Give the bones of the limbs their lengths and keep their directions. joints_m: (T, 25, 3)."""
    rebuilt = joints_m.copy()
    for joint, length in zip(LIMBS, body.limbs_m, strict=True):
        parent = NTU25.parents[joint]
        bone = joints_m[:, joint] - joints_m[:, parent]
        size = np.linalg.norm(bone, axis=-1, keepdims=True)
        rebuilt[:, joint] = rebuilt[:, parent] + bone / np.maximum(size, 1e-4) * length
    return rebuilt


def on_feet(joints_m: Floats, feet_m: Floats) -> Floats:
    """Move a body so that its lower foot is where it should be. feet_m: (T, 4, 3), the positions of FEET to reach.

    The lowest point gets the height of the lowest of `feet_m`. Returns (T, 25, 3).
    """
    own = joints_m[:, FEET]
    above = feet_m[..., 1] - feet_m[..., 1].min(1, keepdims=True)
    bearing = np.exp(-above / _ON_FLOOR_M)
    bearing /= bearing.sum(1, keepdims=True)
    shift = (bearing[..., None] * (feet_m - own)).sum(1)
    shift[:, 1] = feet_m[..., 1].min(1) - own[..., 1].min(1)
    shift[:, [0, 2]] = smooth(shift[:, [0, 2]], _SETTLING_S)
    moved: Floats = (joints_m + shift[:, None]).astype(np.float32)
    return moved


def mirror_body(joints_m: Floats) -> Floats:
    """Swap left and right. joints_m: (T, 25, 3)."""
    mirrored: Floats = joints_m[:, list(NTU25.mirror)] * np.array([-1, 1, 1], np.float32)
    return mirrored


def at_pace(joints_m: Floats, frames: int, rng: np.random.Generator) -> Floats:
    """Resample a recording to so many frames at an uneven pace. joints_m: (T, 25, 3). Returns (frames, 25, 3)."""
    pace = np.exp(0.15 * np.sin(np.linspace(0, 2 * np.pi * rng.uniform(0.5, 2), frames) + rng.uniform(0, 6.28)))
    at = np.cumsum(pace) - pace[0]
    return interpolate(joints_m, at * (len(joints_m) - 1) / max(at[-1], 1e-6))


def heading(joints_m: Floats) -> Floats:
    """Measure the slow heading of the hips, positive to the left. joints_m: (T, 25, 3). Returns radians, (T,)."""
    across = smooth(joints_m[:, HIPS[0]] - joints_m[:, HIPS[1]], _HEADING_S)
    turned: Floats = np.unwrap(np.arctan2(-across[:, 2], across[:, 0])).astype(np.float32)
    return turned


def turn_left(angle: NDArray[np.floating]) -> Floats:
    """Return the matrices that turn column vectors to the left about y. angle: (T,), radians. Returns (T, 3, 3)."""
    cos, sin, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    rows = [np.stack(row, -1) for row in ((cos, zero, sin), (zero, one, zero), (-sin, zero, cos))]
    return np.stack(rows, -2).astype(np.float32)


def trunk_axes(joints_m: Floats) -> Floats:
    """Measure the trunk's axes, to the left, up and ahead as columns. joints_m: (T, 25, 3). Returns (T, 3, 3)."""
    up = joints_m[:, SHOULDERS].mean(1) - joints_m[:, HIPS].mean(1)
    across = joints_m[:, SHOULDERS[0]] - joints_m[:, SHOULDERS[1]]
    return orthonormal(across, up)


def orthonormal(across: Floats, up: Floats) -> Floats:
    """Build axes, (T, 3, 3) as columns, from an upward vector and one roughly to the left, (T, 3) each."""
    up = up / np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-6)
    across = across - (across * up).sum(-1, keepdims=True) * up
    across = across / np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-6)
    return np.stack([across, up, np.cross(across, up)], axis=-1).astype(np.float32)
