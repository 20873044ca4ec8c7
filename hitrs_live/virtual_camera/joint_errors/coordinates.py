"""Coordinates in which errors of live joints are modelled.

The live path computes the trunk's joints from hips, shoulders and ears by fixed weights (`skeleton.MEDIAPIPE33`), and
the lengths of its bones hardly change. A model of 25 free joints would break both; this one has 20 bones, each with a
direction and a length. A target of one frame has TARGETS numbers:

- the difference of the bones' directions, live minus true, of unit length each (60);
- the logarithm of the live bones' lengths, in sizes of the true body (20);
- the difference of the root: its direction, and the logarithm of its distance (3);
- the confidence of the 21 joints with a landmark of their own, as a logit (21).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.temporal_lifting.bones import BONES, BONES_OF, DERIVED, JOINTS_OF, derive

Floats = NDArray[np.float32]

_OWN: Final = tuple(NTU25.index(joint) for joint in NTU25.joints if joint not in DERIVED)
"""The 21 joints with landmarks of their own."""
_LEFT_HIP, _RIGHT_HIP = NTU25.index("left_hip"), NTU25.index("right_hip")
_LEFT_SHOULDER, _RIGHT_SHOULDER = NTU25.index("left_shoulder"), NTU25.index("right_shoulder")
_THIGHS: Final = ((_LEFT_HIP, NTU25.index("left_knee")), (_RIGHT_HIP, NTU25.index("right_knee")))
DIRECTIONS: Final = slice(0, 3 * BONES)
_LENGTHS: Final = slice(DIRECTIONS.stop, DIRECTIONS.stop + BONES)
_ROOT: Final = slice(_LENGTHS.stop, _LENGTHS.stop + 3)
_CONFIDENCES: Final = slice(_ROOT.stop, _ROOT.stop + len(_OWN))
TARGETS: Final = _CONFIDENCES.stop
CONDITIONS: Final = 4 * BONES + 4
_LEAST_LOGIT, _MOST_LOGIT = -3.0, 5.0
_LEAST_DEPTH_M: Final = 0.3
_LEAST_LENGTH: Final = 0.01
"""In body sizes; a shorter bone of a true body is a joint that its sensor lacks, and has no direction."""
LEAST_CONFIDENCE: Final = 0.3
"""As the setting pose.min_joint_confidence: joints below it count as not seen."""


def _confidence_recipe() -> Floats:
    """Return (25, 21): the confidence of all joints from that of those with a landmark of their own."""
    recipe = np.zeros((len(NTU25), len(_OWN)), np.float32)
    recipe[_OWN, np.arange(len(_OWN))] = 1
    return derive(recipe)


_CONFIDENCE_OF = _confidence_recipe()


def body_sizes_m(joints_m: Floats) -> Floats:
    """Measure bodies over time: trunk and mean thigh, the median over the frames. (..., T, 25, 3) -> (...)."""
    trunk = np.linalg.norm(joints_m[..., NTU25.index("spine_shoulder"), :] - joints_m[..., NTU25.root, :], axis=-1)
    thighs = [np.linalg.norm(joints_m[..., knee, :] - joints_m[..., hip, :], axis=-1) for hip, knee in _THIGHS]
    sizes: Floats = np.median(trunk + (thighs[0] + thighs[1]) / 2, axis=-1).astype(np.float32)
    return np.clip(sizes, 0.2, 3.0)


def _bones(joints_m: Floats, sizes_m: Floats) -> tuple[Floats, Floats]:
    """Return directions (..., T, 20, 3), zero for bones without length, and lengths (..., T, 20) in body sizes."""
    vectors = (BONES_OF @ joints_m) / sizes_m[..., None, None, None]
    lengths = np.linalg.norm(vectors, axis=-1)
    directions = vectors / np.maximum(lengths, _LEAST_LENGTH)[..., None]
    return np.where(lengths[..., None] < _LEAST_LENGTH, 0, directions), np.maximum(lengths, _LEAST_LENGTH)


def conditions(true_m: Floats, sizes_m: Floats, rate_hz: Floats | np.float32) -> Floats:
    """Describe true poses in the camera's axes. (..., T, 25, 3), (...), (...) -> (..., T, CONDITIONS).

    The bones' directions and their lengths; the root's direction; its nearness in body sizes; the logarithm of the
    frame rate over 30 Hz. Not the trunk's joints: where they are in a body differs from one kind of sensor to the next.
    """
    root = true_m[..., NTU25.root, :]
    directions, lengths = _bones(true_m, sizes_m)
    # Of a bone that changes its length from frame to frame, the median: joints of depth cameras are noisy.
    lengths = np.broadcast_to(np.median(np.log(lengths), axis=-2, keepdims=True), lengths.shape)
    depth = np.maximum(root[..., 2:], _LEAST_DEPTH_M)
    place = (root[..., :2] / depth, sizes_m[..., None, None] / depth)
    rate = np.broadcast_to(np.log(np.asarray(rate_hz) / 30.0)[..., None, None], place[1].shape)
    flat = directions.reshape(*directions.shape[:-2], -1)
    return np.concatenate((flat, lengths, *place, rate), axis=-1).astype(np.float32)


def targets(
    true_m: Floats, live_m: Floats, confidence: Floats, sizes_m: Floats, focal_ratio: Floats | np.float32
) -> Floats:
    """Express live joints by their differences from the true ones.

    true_m, live_m: (..., T, 25, 3); confidence: (..., T, 25); sizes_m, focal_ratio: (...). Returns (..., T, TARGETS).
    """
    directions, _ = _bones(true_m, sizes_m)
    live_directions, live_lengths = _bones(live_m, sizes_m)
    root_true, root_live = true_m[..., NTU25.root, :], live_m[..., NTU25.root, :]
    depth = np.maximum(root_true[..., 2:], _LEAST_DEPTH_M)
    ratio = np.asarray(focal_ratio, np.float32)[..., None, None]
    direction = root_live[..., :2] / root_live[..., 2:] - ratio * root_true[..., :2] / depth
    distance = np.log(root_live[..., 2:] / depth * ratio)
    with np.errstate(divide="ignore"):
        logit = np.log(confidence[..., _OWN]) - np.log(1 - confidence[..., _OWN])
    logit = np.clip(logit, _LEAST_LOGIT, _MOST_LOGIT)
    turned = live_directions - directions
    flat = turned.reshape(*turned.shape[:-2], -1)
    return np.concatenate((flat, np.log(live_lengths), direction, distance, logit), axis=-1).astype(np.float32)


def live_joints(true_m: Floats, target: Floats, sizes_m: Floats, focal_ratio: Floats) -> tuple[Floats, Floats]:
    """Compute live joints from targets: the inverse of `targets`.

    Returns joints_m (..., T, 25, 3) and confidence (..., T, 25), zero where a joint counts as not seen.
    """
    directions, _ = _bones(true_m, sizes_m)
    turned = directions + target[..., DIRECTIONS].reshape(directions.shape)
    turned /= np.maximum(np.linalg.norm(turned, axis=-1, keepdims=True), 1e-3)
    lengths = np.exp(np.minimum(target[..., _LENGTHS], 1.0)) * sizes_m[..., None, None]
    body = JOINTS_OF @ (turned * lengths[..., None])
    root_true = true_m[..., NTU25.root, :]
    depth = np.maximum(root_true[..., 2:], _LEAST_DEPTH_M)
    ratio = focal_ratio[..., None, None]
    root = target[..., _ROOT]
    far = np.exp(np.clip(root[..., 2:], -2.0, 2.0)) * depth / ratio
    ray = ratio * root_true[..., :2] / depth + root[..., :2]
    place = np.concatenate((ray * far, far), axis=-1)
    confidence = 1 / (1 + np.exp(-np.clip(target[..., _CONFIDENCES], -20, 20))) @ _CONFIDENCE_OF.T
    confidence = np.where(confidence < LEAST_CONFIDENCE, 0, confidence)
    return (body + place[..., None, :]).astype(np.float32), np.clip(confidence, 0, 1).astype(np.float32)
