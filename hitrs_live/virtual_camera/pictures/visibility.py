"""Say which joints of a rendered person the camera sees: inside the picture, and not behind anything."""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.virtual_camera.camera import Camera
from hitrs_live.virtual_camera.pictures.renderer import Picture, depth_in_metres

Floats = NDArray[np.float32]
# How deep below its own surface a joint may lie, metres, for a body of 1.75 m in loose clothes. A joint that is deeper
# is behind another limb, the trunk, another person or furniture.
_DEPTH_M = {
    "spine_base": 0.18, "spine_middle": 0.19, "neck": 0.12, "head": 0.16, "spine_shoulder": 0.17, "shoulder": 0.13,
    "elbow": 0.10, "wrist": 0.075, "hand": 0.075, "hand_tip": 0.06, "thumb": 0.06, "hip": 0.17, "knee": 0.12,
    "ankle": 0.095, "foot": 0.085,
}  # fmt: skip
_BODY_M = 1.75
_TOLERANCE_M = np.array([_DEPTH_M[name.removeprefix("left_").removeprefix("right_")] for name in NTU25.joints])


def visible_joints(
    picture: Picture, camera: Camera, joints_m: Floats, *, person: int, height_m: float = _BODY_M
) -> NDArray[np.bool_]:
    """Return a mask (25,), True for joints that are seen.

    picture: what `camera` saw; joints_m: (25, 3), the body's own joints (`PosedBody.joints_m`); person: its number in
    `Picture.person`, from 1; height_m: the body's height, which the thickness of limbs goes with.
    A joint counts as seen where one of the nine pixels around it shows this person, no deeper than a limb before it.
    """
    pixels, depth_m = camera.project(joints_m)
    inside = (depth_m > 0) & (pixels >= 0).all(-1) & (pixels < (camera.width, camera.height)).all(-1)
    tolerance_m = _TOLERANCE_M * height_m / _BODY_M
    seen = np.zeros(len(joints_m), bool)
    for joint in np.flatnonzero(inside):
        column, row = (int(value) for value in pixels[joint])
        window = np.s_[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        near = depth_m[joint] - depth_in_metres(picture.raw_depth[window]) <= tolerance_m[joint]
        seen[joint] = bool((near & (picture.person[window] == person)).any())
    return seen


def inside_picture(camera: Camera, joints_m: Floats) -> NDArray[np.bool_]:
    """Return a mask (..., ) of the joints (..., 3) that lie inside the picture, hidden or not."""
    pixels, depth_m = camera.project(joints_m)
    result: NDArray[np.bool_] = (depth_m > 0) & (pixels >= 0).all(-1) & (pixels < (camera.width, camera.height)).all(-1)
    return result
