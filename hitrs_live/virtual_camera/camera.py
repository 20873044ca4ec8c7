"""Describe a pinhole camera in the world of the joints: y up, metres."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Place a pinhole camera without distortion; the optical axis meets the middle of the picture.

    The camera's axes are x right, y down, z forward, as in every picture.
    """

    eye_m: Floats
    """(3,), where the camera stands."""
    rotation: Floats
    """(3, 3); its rows are the camera's x, y and z axis in the world."""
    focal_px: float
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.eye_m.shape != (3,) or self.rotation.shape != (3, 3):
            raise ValueError(f"got an eye {self.eye_m.shape}, a rotation {self.rotation.shape}; expected (3,), (3, 3)")
        if self.focal_px <= 0 or min(self.width, self.height) <= 0:
            raise ValueError(f"got focal length {self.focal_px}, {self.width}x{self.height}; expected all positive")

    @classmethod
    def looking_at(
        cls, eye_m: Floats, target_m: Floats, *, width: int, height: int, fov_deg: float, roll_deg: float = 0.0
    ) -> "Camera":
        """Turn a camera at eye_m (3,) to target_m (3,). fov_deg: horizontal field of view; roll_deg: clockwise."""
        forward = np.asarray(target_m, float) - np.asarray(eye_m, float)
        forward /= np.linalg.norm(forward)
        # Straight up or down there is no horizon: any right axis will do.
        up = np.array([0.0, 1.0, 0.0]) if abs(forward[1]) < 0.999 else np.array([0.0, 0.0, 1.0])
        right = np.cross(forward, up)
        right /= np.linalg.norm(right)
        down = np.cross(forward, right)
        cos, sin = math.cos(math.radians(roll_deg)), math.sin(math.radians(roll_deg))
        rotation = np.stack((cos * right + sin * down, cos * down - sin * right, forward))
        focal_px = width / 2 / math.tan(math.radians(fov_deg) / 2)
        return cls(eye_m=np.asarray(eye_m, float), rotation=rotation, focal_px=focal_px, width=width, height=height)

    def to_camera(self, points_m: NDArray[np.floating]) -> Floats:
        """Express world points (..., 3) in the camera's axes."""
        result: Floats = (np.asarray(points_m, float) - self.eye_m) @ self.rotation.T
        return result

    def project(self, points_m: NDArray[np.floating]) -> tuple[Floats, Floats]:
        """Project world points (..., 3). Returns pixels (..., 2) from the top left corner and depths (...) in metres.

        Points at or behind the camera have a depth of 0 or less and NaN pixels.
        """
        local = self.to_camera(points_m)
        depth_m = local[..., 2]
        scale = self.focal_px / np.where(depth_m > 0, depth_m, np.nan)
        centre = np.array([self.width / 2, self.height / 2])
        return local[..., :2] * scale[..., None] + centre, depth_m

    def clip_matrix(self, near_m: float = 0.05, far_m: float = 60.0) -> Floats:
        """Return the (4, 4) matrix from world to OpenGL's clip space."""
        view = np.eye(4)
        view[:3, :3] = self.rotation
        view[:3, 3] = -self.rotation @ self.eye_m
        across, down = 2 * self.focal_px / self.width, 2 * self.focal_px / self.height
        depth, offset = (far_m + near_m) / (far_m - near_m), -2 * far_m * near_m / (far_m - near_m)
        projection = np.array([[across, 0, 0, 0], [0, -down, 0, 0], [0, 0, depth, offset], [0, 0, 1, 0]], float)
        result: Floats = projection @ view
        return result
