"""Coordinates in which errors of live joints are modelled.

The live path computes the trunk's joints from hips, shoulders and ears by fixed weights (`skeleton.MEDIAPIPE33`). A
model of all 25 joints would break these identities; this one has the 20 free positions alone. A target of one frame
has TARGETS numbers:

- the difference of the free positions, live minus true, about the root, in body sizes (60);
- the difference of the root: its direction, and the logarithm of its distance (3);
- the confidence of the 21 joints with a landmark of their own, as a logit (21).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import MEDIAPIPE33, NTU25

Floats = NDArray[np.float32]

_DERIVED: Final = ("spine_base", "spine_middle", "spine_shoulder", "neck")
_OWN: Final = tuple(NTU25.index(joint) for joint in NTU25.joints if joint not in _DERIVED)
"""The 21 joints with landmarks of their own."""
_LEFT_HIP, _RIGHT_HIP = NTU25.index("left_hip"), NTU25.index("right_hip")
_FREE: Final = tuple(joint for joint in _OWN if joint != _RIGHT_HIP)
_TRUNK: Final = tuple(NTU25.index(joint) for joint in _DERIVED[1:])
_THIGHS: Final = ((_LEFT_HIP, NTU25.index("left_knee")), (_RIGHT_HIP, NTU25.index("right_knee")))

POSITIONS: Final = 3 * len(_FREE)
ROOT: Final = slice(POSITIONS, POSITIONS + 3)
CONFIDENCES: Final = slice(POSITIONS + 3, POSITIONS + 3 + len(_OWN))
TARGETS: Final = POSITIONS + 3 + len(_OWN)
CONDITIONS: Final = POSITIONS + 3 * len(_TRUNK) + 3 + 3
_LEAST_LOGIT, _MOST_LOGIT = -3.0, 5.0
_LEAST_DEPTH_M: Final = 0.3
LEAST_CONFIDENCE: Final = 0.3
"""As the setting pose.min_joint_confidence: joints below it count as not seen."""


def _recipes() -> tuple[Floats, Floats]:
    """Return (25, 20), joints about the root from free positions, and (25, 21), confidences from those of `_OWN`."""
    positions, confidences = np.zeros((25, len(_FREE)), np.float32), np.zeros((25, len(_OWN)), np.float32)
    for column, joint in enumerate(_FREE):
        positions[joint, column] = 1
    for column, joint in enumerate(_OWN):
        confidences[joint, column] = 1
    positions[_RIGHT_HIP, _FREE.index(_LEFT_HIP)] = -1
    for name in _DERIVED:
        row = NTU25.index(name)
        for source, weight in MEDIAPIPE33.recipes[name].items():
            for side in ("left", "right"):
                joint = NTU25.index("head") if source == "{s}_ear" else NTU25.index(source.format(s=side))
                confidences[row, _OWN.index(joint)] += weight
                # The hips lie opposite each other about the root: in a sum of both they cancel.
                if joint not in (_LEFT_HIP, _RIGHT_HIP):
                    positions[row, _FREE.index(joint)] += weight
    return positions, confidences


_POSITION_RECIPE, _CONFIDENCE_RECIPE = _recipes()


def body_sizes_m(joints_m: Floats) -> Floats:
    """Measure bodies over time: trunk and mean thigh, the median over the frames. (..., T, 25, 3) -> (...)."""
    trunk = np.linalg.norm(joints_m[..., NTU25.index("spine_shoulder"), :] - joints_m[..., NTU25.root, :], axis=-1)
    thighs = [np.linalg.norm(joints_m[..., knee, :] - joints_m[..., hip, :], axis=-1) for hip, knee in _THIGHS]
    sizes: Floats = np.median(trunk + (thighs[0] + thighs[1]) / 2, axis=-1).astype(np.float32)
    return np.clip(sizes, 0.2, 3.0)


def free_positions(joints_m: Floats) -> Floats:
    """Take the free positions about the root. (..., 25, 3) -> (..., 20, 3)."""
    free: Floats = joints_m[..., _FREE, :] - joints_m[..., NTU25.root, None, :]
    free[..., _FREE.index(_LEFT_HIP), :] = (joints_m[..., _LEFT_HIP, :] - joints_m[..., _RIGHT_HIP, :]) / 2
    return free


def conditions(true_m: Floats, sizes_m: Floats) -> Floats:
    """Describe true poses in the camera's axes. (..., T, 25, 3), (...) -> (..., T, CONDITIONS).

    The pose about the root and its hips' middle, in body sizes; the root's direction; its nearness in body sizes.
    """
    size = sizes_m[..., None, None, None]
    root = true_m[..., NTU25.root, :]
    hips = (true_m[..., _LEFT_HIP, :] + true_m[..., _RIGHT_HIP, :]) / 2 - root
    trunk = np.concatenate((true_m[..., _TRUNK, :] - root[..., None, :], hips[..., None, :]), axis=-2)
    pose = np.concatenate((free_positions(true_m), trunk), axis=-2) / size
    depth = np.maximum(root[..., 2:], _LEAST_DEPTH_M)
    place = np.concatenate((root[..., :2] / depth, sizes_m[..., None, None] / depth), axis=-1)
    flat = pose.reshape(*pose.shape[:-2], -1)
    return np.concatenate((flat, place), axis=-1).astype(np.float32)


def targets(true_m: Floats, live_m: Floats, confidence: Floats, sizes_m: Floats, focal_ratio: Floats) -> Floats:
    """Express live joints by their differences from the true ones.

    true_m, live_m: (..., T, 25, 3); confidence: (..., T, 25); sizes_m, focal_ratio: (...). Returns (..., T, TARGETS).
    """
    moved = (free_positions(live_m) - free_positions(true_m)) / sizes_m[..., None, None, None]
    root_true, root_live = true_m[..., NTU25.root, :], live_m[..., NTU25.root, :]
    depth = np.maximum(root_true[..., 2:], _LEAST_DEPTH_M)
    ratio = focal_ratio[..., None, None]
    direction = root_live[..., :2] / root_live[..., 2:] - ratio * root_true[..., :2] / depth
    distance = np.log(root_live[..., 2:] / depth * ratio)
    with np.errstate(divide="ignore"):
        logit = np.log(confidence[..., _OWN] / (1 - confidence[..., _OWN]))
    logit = np.clip(logit, _LEAST_LOGIT, _MOST_LOGIT)
    flat = moved.reshape(*moved.shape[:-2], -1)
    return np.concatenate((flat, direction, distance, logit), axis=-1).astype(np.float32)


def live_joints(true_m: Floats, target: Floats, sizes_m: Floats, focal_ratio: Floats) -> tuple[Floats, Floats]:
    """Compute live joints from targets: the inverse of `targets`.

    Returns joints_m (..., T, 25, 3) and confidence (..., T, 25), zero where a joint counts as not seen.
    """
    moved = target[..., :POSITIONS].reshape(*target.shape[:-1], -1, 3) * sizes_m[..., None, None, None]
    body = _POSITION_RECIPE @ (free_positions(true_m) + moved)
    root_true = true_m[..., NTU25.root, :]
    depth = np.maximum(root_true[..., 2:], _LEAST_DEPTH_M)
    ratio = focal_ratio[..., None, None]
    root = target[..., ROOT]
    far = np.exp(root[..., 2:]) * depth / ratio
    ray = ratio * root_true[..., :2] / depth + root[..., :2]
    place = np.concatenate((ray * far, far), axis=-1)
    confidence = 1 / (1 + np.exp(-target[..., CONFIDENCES])) @ _CONFIDENCE_RECIPE.T
    confidence = np.where(confidence < LEAST_CONFIDENCE, 0, confidence)
    return (body + place[..., None, :]).astype(np.float32), confidence.astype(np.float32)
