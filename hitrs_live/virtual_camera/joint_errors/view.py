"""Where a camera stands and how it looks at a person, drawn at random."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import CameraConfig
from hitrs_live.transforms import across_body

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class View:
    """A camera in the axes of the motion: metres, y up."""

    eye_m: NDArray[np.float64]
    """(3,)."""
    rotation: NDArray[np.float64]
    """(3, 3); its rows are the camera's axes: x left, y up, z away from the camera."""
    field_of_view_deg: float
    """Horizontal."""
    azimuth_deg: float
    """How far the camera stands from straight in front of the person, positive towards the person's left."""

    @property
    def focal_ratio(self) -> float:
        """The focal length over the one that the live path assumes without a calibration."""
        assumed = np.tan(np.deg2rad(CameraConfig().field_of_view_deg) / 2)
        return float(assumed / np.tan(np.deg2rad(self.field_of_view_deg) / 2))

    def to_camera_axes(self, joints_m: Floats) -> Floats:
        """Express joints in the camera's axes. (..., 3) -> (..., 3)."""
        seen: Floats = ((joints_m - self.eye_m) @ self.rotation.T).astype(np.float32)
        return seen


@dataclass(frozen=True, kw_only=True)
class ViewRange:
    """Ranges of random views, (least, most) each; all are drawn evenly."""

    azimuth_deg: tuple[float, float] = (-180.0, 180.0)
    height_m: tuple[float, float] = (0.5, 2.4)
    field_of_view_deg: tuple[float, float] = (45.0, 85.0)
    fill: tuple[float, float] = (0.45, 1.0)
    """The person's height over the picture's."""
    aspect: float = 4 / 3
    roll_deg: float = 3.0
    """Standard deviation."""


_PERSON_M = 1.75


def draw_view(joints_m: Floats, rng: np.random.Generator, ranges: ViewRange | None = None) -> View:
    """Draw a camera that looks at a person. joints_m: (T, 25, 3), metres, y up, the floor at y = 0."""
    ranges = ViewRange() if ranges is None else ranges
    across = across_body(joints_m).mean(axis=0)
    ahead = np.cross(across, (0.0, 1.0, 0.0))
    facing = np.arctan2(ahead[0], ahead[2])
    azimuth_deg = rng.uniform(*ranges.azimuth_deg)
    field_of_view_deg = rng.uniform(*ranges.field_of_view_deg)
    middle = np.median(joints_m[:, 0], axis=0).astype(np.float64)
    roam_m = np.percentile(np.linalg.norm(joints_m[:, 0] - middle, axis=-1), 95)
    # The picture's height at one metre is the width's over the aspect.
    tall = 2 * np.tan(np.deg2rad(field_of_view_deg) / 2) / ranges.aspect
    distance_m = max(1.3, _PERSON_M / (rng.uniform(*ranges.fill) * tall) + 0.5 * roam_m)
    angle = facing + np.deg2rad(azimuth_deg)
    eye = middle + distance_m * np.array((np.sin(angle), 0.0, np.cos(angle)))
    eye[1] = rng.uniform(*ranges.height_m)
    at = middle + (0.0, -0.08, 0.0) + rng.normal(0, 0.1, 3)
    return View(
        eye_m=eye,
        rotation=_look(eye, at, np.deg2rad(rng.normal(0, ranges.roll_deg))),
        field_of_view_deg=field_of_view_deg,
        azimuth_deg=azimuth_deg,
    )


def _look(eye: NDArray[np.float64], at: NDArray[np.float64], roll: float) -> NDArray[np.float64]:
    """Return the axes of a camera that looks from one point to another: rows left, up, away."""
    away = (at - eye) / np.linalg.norm(at - eye)
    left = np.cross((0.0, 1.0, 0.0), away)
    left /= np.linalg.norm(left)
    up = np.cross(away, left)
    turned = np.cos(roll) * left + np.sin(roll) * up
    return np.stack((turned, np.cross(away, turned), away))
