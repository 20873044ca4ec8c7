"""Estimate how a camera is tilted from the people who stand before it, and level joints for the model.

The model knows bodies that stand upright in a level room. A camera that looks down by 45 degrees sees them aslant. From
the ankles to the neck a standing body points up, whatever it does with its arms; over time this gives the direction of
gravity. Only what the model gets is levelled: published joints stay in the camera's axes (messages.py).
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import CameraConfig
from hitrs_live.messages import JointFrame, Prediction
from hitrs_live.skeleton import NTU25

Floats = NDArray[np.float64]

_SIDES: Final = ("left", "right")
_HIPS, _KNEES, _ANKLES = ([NTU25.index(f"{side}_{part}") for side in _SIDES] for part in ("hip", "knee", "ankle"))
_NECK: Final = NTU25.index("spine_shoulder")
_NEEDED: Final = [_NECK, *_HIPS, *_KNEES, *_ANKLES]
_LEAST_CONFIDENCE: Final = 0.5
_STRAIGHT_KNEE_COS: Final = float(np.cos(np.radians(25)))
_STRAIGHT_HIP_COS: Final = float(np.cos(np.radians(35)))
_MOST_APART_COS: Final = float(np.cos(np.radians(65)))
"""A straight body farther from the vertical as known lies, or is on its hands."""
_PRIOR_S: Final = 0.5
"""What is known at the start counts as much as a person who stands for this long."""
_MEMORY_S: Final = 60.0
"""Time standing after which older evidence fades: a camera may be moved."""
_LONGEST_STEP_S: Final = 0.2
_IGNORED_DEG, _FULL_DEG = 8.0, 14.0
"""Tilts up to the first are left as they are: the model is trained with them, and bodies lean. From the second on they
are levelled in full."""


class Leveller:
    """Estimate one camera's tilt; turn the model's joints upright and its predictions back."""

    def __init__(self, config: CameraConfig) -> None:
        """Begin with the tilt of the settings."""
        self._mode = config.level
        self._up = _up_of(config.pitch_deg, config.roll_deg)
        self._evidence = self._up * _PRIOR_S
        self._observed_ns: int | None = None
        self._rotation = self._rotation_now()

    @property
    def pitch_deg(self) -> float:
        """How far the camera looks up, as estimated; negative where it looks down."""
        return float(np.degrees(np.arctan2(self._up[2], np.hypot(self._up[0], self._up[1]))))

    @property
    def roll_deg(self) -> float:
        """How far the camera is turned clockwise, seen from behind it, as estimated; 180 for one upside down."""
        return float(np.degrees(np.arctan2(self._up[0], self._up[1])))

    def observe(self, time_ns: int, joints_m: NDArray[np.float32], confidence: NDArray[np.float32]) -> None:
        """Take the people of one frame into account, those who stand straight.

        time_ns: of the frame; joints_m: (P, 25, 3), in the camera's axes; confidence: (P, 25).
        """
        before_ns, self._observed_ns = self._observed_ns, time_ns
        if self._mode != "auto" or before_ns is None:
            return
        elapsed_s = min((time_ns - before_ns) / 1e9, _LONGEST_STEP_S)
        axes = standing_axes(joints_m, confidence)
        axes = axes[axes @ self._up > _MOST_APART_COS]
        if elapsed_s <= 0 or not len(axes):
            return
        self._evidence = self._evidence + elapsed_s * axes.sum(axis=0)
        self._evidence *= min(1.0, _MEMORY_S / float(np.linalg.norm(self._evidence)))
        self._up = self._evidence / np.linalg.norm(self._evidence)
        self._rotation = self._rotation_now()

    def level(self, joints_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn joints (..., 3) upright, as far as the tilt is known."""
        return joints_m if self._rotation is None else joints_m @ self._rotation.T

    def level_frame(self, joint_frame: JointFrame) -> JointFrame:
        """Turn the joints of a frame upright."""
        return (
            joint_frame if self._rotation is None else replace(joint_frame, joints_m=self.level(joint_frame.joints_m))
        )

    def restore_frame(self, joint_frame: JointFrame) -> JointFrame:
        """Turn the levelled joints of a frame back into the camera's axes."""
        if self._rotation is None:
            return joint_frame
        return replace(joint_frame, joints_m=joint_frame.joints_m @ self._rotation)

    def restore_prediction(self, prediction: Prediction) -> Prediction:
        """Turn a prediction on levelled joints back into the camera's axes."""
        if self._rotation is None:
            return prediction
        future_m = prediction.future_joints_m @ self._rotation
        return replace(prediction, joint_frame=self.restore_frame(prediction.joint_frame), future_joints_m=future_m)

    def _rotation_now(self) -> NDArray[np.float32] | None:
        """Return the matrix from the camera's axes to level ones, (3, 3); None where nothing is to be turned."""
        if self._mode == "off":
            return None
        tilt_deg = float(np.degrees(np.arccos(np.clip(self._up[1], -1, 1))))
        share = 1.0
        if self._mode == "auto":
            share = float(np.clip((tilt_deg - _IGNORED_DEG) / (_FULL_DEG - _IGNORED_DEG), 0, 1))
        if share * tilt_deg == 0:
            return None
        return _rotation(share * self.pitch_deg, share * self.roll_deg).astype(np.float32)


def level_stream(
    joints_m: NDArray[np.float32], confidence: NDArray[np.float32], camera: CameraConfig, *, rate_hz: float
) -> NDArray[np.float32]:
    """Level one person's joints frame by frame, as they would be live. (T, 25, 3), (T, 25) -> (T, 25, 3)."""
    leveller, levelled = Leveller(camera), np.empty_like(joints_m)
    for index in range(len(joints_m)):
        leveller.observe(round(index / rate_hz * 1e9), joints_m[index : index + 1], confidence[index : index + 1])
        levelled[index] = leveller.level(joints_m[index])
    return levelled


def standing_axes(joints_m: NDArray[np.float32], confidence: NDArray[np.float32]) -> Floats:
    """Return where the bodies that stand straight point, from the ankles to the neck: (S, 3) unit vectors.

    joints_m: (P, 25, 3); confidence: (P, 25). Bodies with bent knees or hips, and those whose legs are not seen, are
    left out.
    """
    bodies = joints_m[(confidence[:, _NEEDED] >= _LEAST_CONFIDENCE).all(axis=1)].astype(np.float64)
    thighs = _unit(bodies[:, _HIPS] - bodies[:, _KNEES])
    shanks = _unit(bodies[:, _KNEES] - bodies[:, _ANKLES])
    trunks = _unit(bodies[:, [_NECK]] - bodies[:, _HIPS].mean(axis=1, keepdims=True))
    straight = ((thighs * shanks).sum(axis=-1) > _STRAIGHT_KNEE_COS).all(axis=1)
    straight &= ((thighs * trunks).sum(axis=-1) > _STRAIGHT_HIP_COS).all(axis=1)
    bodies = bodies[straight]
    return _unit(bodies[:, _NECK] - bodies[:, _ANKLES].mean(axis=1))


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return unit


def _rotation(pitch_deg: float, roll_deg: float) -> Floats:
    """Return the matrix that levels joints of a camera with this tilt: first the roll, then the pitch."""
    roll, pitch = np.radians(roll_deg), np.radians(pitch_deg)
    c, s = np.cos(roll), np.sin(roll)
    about_z = np.array(((c, -s, 0), (s, c, 0), (0, 0, 1)))
    c, s = np.cos(pitch), np.sin(pitch)
    about_x = np.array(((1, 0, 0), (0, c, s), (0, -s, c)))
    matrix: Floats = about_x @ about_z
    return matrix


def _up_of(pitch_deg: float, roll_deg: float) -> Floats:
    """Return where up is in the axes of a camera with this tilt."""
    up: Floats = _rotation(pitch_deg, roll_deg).T @ np.array((0.0, 1.0, 0.0))
    return up
