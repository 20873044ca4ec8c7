"""Measure the lengths of a body from a joint stream, and draw bodies of other heights and weights.

Axes of this package's physics: x ahead, y to the left, z up. `to_physics` and `from_physics` convert from and to the
axes of joint streams: x to the left of a person who faces +z, y up.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import DataError
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.rotations import unit

Floats = NDArray[np.float64]

_TYPICAL: Final = {
    "thigh": 0.235, "shank": 0.24, "foot": 0.1, "upper_arm": 0.165, "forearm": 0.15, "hand": 0.045, "hand_tip": 0.045,
    "thumb": 0.04, "spine_lower": 0.14, "spine_upper": 0.13, "head": 0.085,
}  # fmt: skip
"""Lengths as shares of the height, for joints that a sensor lacks. Winter (2009), figure 4.1, where it has them."""
_BONES: Final = {
    "thigh": ("hip", "knee"), "shank": ("knee", "ankle"), "foot": ("ankle", "foot"),
    "upper_arm": ("shoulder", "elbow"), "forearm": ("elbow", "wrist"), "hand": ("wrist", "hand"),
    "hand_tip": ("hand", "hand_tip"), "thumb": ("hand", "thumb"),
}  # fmt: skip
_SHORTEST_SHARE, _LONGEST_SHARE = 0.5, 1.8
"""Of a typical length; a bone beyond them is a copied joint or a fault of the sensor."""
_ABOVE_HEAD, _BELOW_ANKLE = 0.065, 0.045
"""Height above the centre of the head and below the ankle, as shares of the height."""
_HEIGHTS_M: Final = (0.8, 2.2)


@dataclass(frozen=True, kw_only=True)
class BodyShape:
    """Lengths in metres of a symmetric body that stands with its arms down, and its mass."""

    height_m: float
    mass_kg: float
    lengths_m: dict[str, float]
    """Length of each bone by name."""
    hip_m: tuple[float, float, float]
    """Left hip from the spine's base, in the pelvis's axes: ahead, left, up."""
    shoulder_m: tuple[float, float, float]
    """Left shoulder from the shoulders' spine joint, in the upper trunk's axes."""
    neck_m: tuple[float, float, float]
    """Neck from the shoulders' spine joint, in the upper trunk's axes."""

    def scaled(self, factor: float) -> "BodyShape":
        """Scale all lengths; the mass scales with the square of the height, as it does from children to adults."""
        return BodyShape(
            height_m=self.height_m * factor,
            mass_kg=self.mass_kg * factor**2,
            lengths_m={name: length * factor for name, length in self.lengths_m.items()},
            hip_m=_times(self.hip_m, factor),
            shoulder_m=_times(self.shoulder_m, factor),
            neck_m=_times(self.neck_m, factor),
        )


def _times(vector: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    return (vector[0] * factor, vector[1] * factor, vector[2] * factor)


def to_physics(joints_m: NDArray[np.floating]) -> Floats:
    """Turn (..., 3) with y up into (..., 3) with z up."""
    return np.asarray(joints_m, np.float64)[..., [2, 0, 1]]


def from_physics(points_m: Floats) -> Floats:
    """Turn (..., 3) with z up into (..., 3) with y up."""
    return points_m[..., [1, 2, 0]]


def pelvis_axes(points_m: Floats) -> Floats:
    """Compute the axes of the pelvis from hips and spine. points_m: (..., 25, 3), z up. Returns (..., 3, 3) columns."""
    return _axes(points_m, "spine_base", "spine_middle", "hip")


def chest_axes(points_m: Floats) -> Floats:
    """Compute the axes of the upper trunk from shoulders and spine. Returns (..., 3, 3), as `pelvis_axes`."""
    return _axes(points_m, "spine_middle", "spine_shoulder", "shoulder")


def _axes(points_m: Floats, low: str, high: str, side: str) -> Floats:
    at = NTU25.index
    across = unit(points_m[..., at(f"left_{side}"), :] - points_m[..., at(f"right_{side}"), :])
    spine = points_m[..., at(high), :] - points_m[..., at(low), :]
    up = unit(spine - (spine * across).sum(-1, keepdims=True) * across)
    return np.stack([np.cross(across, up), across, up], axis=-1)


def measure_shape(joints_m: NDArray[np.floating], *, bmi: float = 23.5) -> tuple[BodyShape, NDArray[np.bool_]]:
    """Measure a body by medians over frames, left and right averaged.

    joints_m: (T, 25, 3), y up; bmi: body mass index, kilograms by square metre. Returns the shape, and (25,): True for
    joints that the stream really has. Raises DataError where the joints are no body.
    """
    points = to_physics(joints_m)
    measured = {name: _bone_m(points, *ends) for name, ends in _BONES.items()}
    for name, low, high in (
        ("spine_lower", "spine_base", "spine_middle"), ("spine_upper", "spine_middle", "spine_shoulder"),
        ("head", "neck", "head"),
    ):  # fmt: skip
        measured[name] = _distance_m(points, low, high)
    hip = _offset_m(points, pelvis_axes(points), "spine_base", "hip")
    chest = chest_axes(points)
    shoulder = _offset_m(points, chest, "spine_shoulder", "shoulder")
    neck = np.median(_local(points, chest, "spine_shoulder", "neck"), axis=0) * (1, 0, 1)
    chain = sum(measured[name] for name in ("thigh", "shank", "spine_lower", "spine_upper", "head")) + neck[2] - hip[2]
    # Some sensors place the head at the neck, others the hips low: each makes one of the two too small.
    legs = (measured["thigh"] + measured["shank"]) / (_TYPICAL["thigh"] + _TYPICAL["shank"])
    height = float(max(chain / (1 - _ABOVE_HEAD - _BELOW_ANKLE), legs))
    if not _HEIGHTS_M[0] <= height <= _HEIGHTS_M[1]:
        raise DataError(
            f"start pose: a body of {height:.2f} m from ankle to head, expected {_HEIGHTS_M[0]} to {_HEIGHTS_M[1]}; "
            "give joints in metres, in the order of NTU RGB+D, y up"
        )
    lengths, seen = _plausible(measured, height)
    shape = BodyShape(
        height_m=height,
        mass_kg=bmi * height**2,
        lengths_m=lengths,
        hip_m=(float(hip[0]), float(hip[1]), float(hip[2])),
        shoulder_m=(float(shoulder[0]), float(shoulder[1]), float(shoulder[2])),
        neck_m=(float(neck[0]), 0.0, float(neck[2])),
    )
    return shape, seen


def _bone_m(points: Floats, upper: str, lower: str) -> float:
    sides = [_distance_m(points, f"{side}_{upper}", f"{side}_{lower}") for side in ("left", "right")]
    return (sides[0] + sides[1]) / 2


def _distance_m(points: Floats, one: str, other: str) -> float:
    apart = points[:, NTU25.index(one)] - points[:, NTU25.index(other)]
    return float(np.median(np.linalg.norm(apart, axis=-1)))


def _local(points: Floats, axes: Floats, origin: str, joint: str) -> Floats:
    apart = points[:, NTU25.index(joint)] - points[:, NTU25.index(origin)]
    return np.asarray(np.einsum("tc,tcd->td", apart, axes), np.float64)


def _offset_m(points: Floats, axes: Floats, origin: str, joint: str) -> Floats:
    """Return the left joint's place in the trunk's axes, the right one's mirrored onto it. (3,)."""
    left = np.median(_local(points, axes, origin, f"left_{joint}"), axis=0)
    right = np.median(_local(points, axes, origin, f"right_{joint}"), axis=0) * (1, -1, 1)
    return np.asarray((left + right) / 2, np.float64)


def _plausible(measured: dict[str, float], height_m: float) -> tuple[dict[str, float], NDArray[np.bool_]]:
    """Replace lengths that no body has by typical ones. Returns the lengths and which joints the stream has."""
    seen = np.ones(len(NTU25), bool)
    lengths = {}
    for name, length in measured.items():
        share = length / (height_m * _TYPICAL[name])
        if _SHORTEST_SHARE <= share <= _LONGEST_SHARE or name.startswith("spine"):
            lengths[name] = max(length, 0.02 * height_m)
            continue
        lengths[name] = _TYPICAL[name] * height_m
        joint = "head" if name == "head" else _BONES.get(name, ("", name))[1]
        seen[
            [NTU25.index(one) for one in NTU25.joints if one == joint or one in (f"left_{joint}", f"right_{joint}")]
        ] = False
    return lengths, seen


def standard_shape(*, height_m: float = 1.72, bmi: float = 23.5) -> BodyShape:
    """Return the body of an average adult, scaled to a height."""
    lengths = {name: share * height_m for name, share in _TYPICAL.items()}
    return BodyShape(
        height_m=height_m,
        mass_kg=bmi * height_m**2,
        lengths_m=lengths,
        hip_m=(0.0, 0.052 * height_m, -0.03 * height_m),
        shoulder_m=(0.0, 0.105 * height_m, -0.01 * height_m),
        neck_m=(0.0, 0.0, 0.045 * height_m),
    )


def vary_shape(
    shape: BodyShape, rng: np.random.Generator, *, height_m: tuple[float, float] = (1.05, 1.98)
) -> BodyShape:
    """Draw a body of another height and weight, with other proportions. Two thirds are adults.

    Children below 1.4 m have a larger head and shorter legs for their height, as growth charts say.
    """
    low, high = height_m
    adult = rng.normal(1.69, 0.09) if rng.random() < 2 / 3 else rng.uniform(low, high)
    height = float(np.clip(adult, low, high))
    other = shape.scaled(height / shape.height_m)
    childhood = float(np.clip((1.5 - height) / 0.5, 0, 1))
    factors = {name: float(np.exp(rng.normal(0, 0.03))) for name in other.lengths_m}
    for name in ("thigh", "shank"):
        factors[name] *= 1 - 0.06 * childhood
    factors["head"] *= 1 + 0.25 * childhood
    bmi = float(np.clip(rng.normal(24 - 7 * childhood, 3.5), 14, 38))
    width = float(np.exp(rng.normal(0, 0.05)))
    return replace(
        other,
        mass_kg=bmi * height**2,
        lengths_m={name: length * factors[name] for name, length in other.lengths_m.items()},
        hip_m=(other.hip_m[0], other.hip_m[1] * width, other.hip_m[2]),
        shoulder_m=(other.shoulder_m[0], other.shoulder_m[1] * width, other.shoulder_m[2]),
    )
