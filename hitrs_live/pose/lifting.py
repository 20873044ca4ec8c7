"""Lift a network's landmarks to joints in metres in the camera's frame.

MediaPipe gives each person twice: landmarks in the picture, and "world" landmarks in metres about the middle of
the hips, which have the shape of the body and not its place. The picture gives the place: the body is moved to the
one place from which its world landmarks project onto its image landmarks.
"""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.skeleton import KeypointLayout

MIN_DEPTH_M = 0.3
MAX_DEPTH_M = 15.0

_ROBUST_ROUNDS = 2
# Metres at the person: a landmark this far from its sight line has half its weight.
_ROBUST_SCALE_M = 0.05
# A landmark outside the picture was guessed by the network from those inside.
_OUTSIDE_WEIGHT = 0.1
_LEAST_WEIGHT = 1e-3
# Share of the sight line's angle that the body is turned by. By geometry it is all of it. Against joints triangulated
# from four cameras, none, half and all give root-aligned errors of 123, 116 and 117 mm and root errors of 129, 129
# and 151 mm, as if the network itself made up for some of it.
_TURNED_SHARE = 0.5


def lift(
    world_m: NDArray[np.floating],
    image: NDArray[np.floating],
    visibility: NDArray[np.floating],
    presence: NDArray[np.floating],
    intrinsics: Intrinsics,
    *,
    layout: KeypointLayout,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Place P people in the camera's frame. Each has N points, in the layout's order.

    world_m: (P, N, 3), metres about the hips, x right, y down, z away. image: (P, N, 2), fractions of the
    picture, x right, y down. visibility, presence: (P, N) in [0, 1]. The intrinsics fit the picture's size.
    Returns joints_m (P, 25, 3) float32 with the axes of messages.py, and confidence (P, 25) float32.
    """
    rays = intrinsics.rays(image)
    certainty = np.clip(np.asarray(visibility, np.float64) * presence, 0.0, 1.0)
    inside = np.all((np.asarray(image) >= 0) & (np.asarray(image) <= 1), axis=-1)
    weights = certainty * np.where(inside, 1.0, _OUTSIDE_WEIGHT) + _LEAST_WEIGHT
    body = turn_to_ray(np.asarray(world_m, np.float64), _TURNED_SHARE * _centre(rays, weights))
    placed = body + locate(body, rays, weights)[:, None]
    joints = np.einsum("jl,plc->pjc", layout.weights, placed)
    # From x right, y down, z away to x left, y up, z away.
    joints *= (-1.0, -1.0, 1.0)
    confidence = certainty @ layout.confidence_weights.T
    return joints.astype(np.float32), np.clip(confidence, 0, 1).astype(np.float32)


def locate(body: NDArray[np.float64], rays: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find where bodies are: the shifts that bring their points onto their sight lines.

    body: (P, L, 3), metres, x right, y down, z away. rays: (P, L, 2), at one metre. weights: (P, L), positive.
    Returns (P, 3) metres, the depth within [MIN_DEPTH_M, MAX_DEPTH_M].

    A point X of a body shifted by t lies on its ray (u, v) where tx - u tz = u Z - X and ty - v tz = v Z - Y:
    linear in t. Each round gives points far from their ray a smaller weight.
    """
    robust = weights
    for _ in range(_ROBUST_ROUNDS):
        shift = _solve(body, rays, robust)
        off = body[..., :2] + shift[:, None, :2] - rays * (body[..., 2:] + shift[:, None, 2:])
        robust = weights / (1 + np.sum(off * off, axis=-1) / _ROBUST_SCALE_M**2)
    return _solve(body, rays, robust)


def _solve(body: NDArray[np.float64], rays: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    share = (weights / weights.sum(axis=-1, keepdims=True))[..., None]
    mean_ray = np.sum(share * rays, axis=-2)
    # Eliminating tx and ty leaves one equation for the depth: the body's size in the picture against its real size.
    target = rays * body[..., 2:] - body[..., :2]
    mean_target = np.sum(share * target, axis=-2)
    spread = rays - mean_ray[:, None]
    above = -np.sum(share * spread * (target - mean_target[:, None]), axis=(-2, -1))
    below = np.sum(share * spread * spread, axis=(-2, -1))
    # All points on one ray: a body seen as a dot is as far away as is allowed.
    depth = np.where(below > 1e-12, above / np.maximum(below, 1e-12), MAX_DEPTH_M)
    depth = np.clip(np.nan_to_num(depth, nan=MAX_DEPTH_M), MIN_DEPTH_M, MAX_DEPTH_M)
    return np.concatenate((mean_target + mean_ray * depth[:, None], depth[:, None]), axis=-1)


def _centre(rays: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (P, 2): the weighted middle of each person's sight lines."""
    middle: NDArray[np.float64] = np.einsum("pl,plc->pc", weights, rays) / weights.sum(axis=-1)[:, None]
    return middle


def turn_to_ray(body: NDArray[np.float64], ray: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn bodies from the network's view, straight ahead, to the sight line that they were seen along.

    The network sees a crop as if its camera pointed at the person; a person at the picture's edge is seen from the
    side, by the angle between the sight line and the optical axis. body: (P, L, 3), metres, x right, y down, z away;
    ray: (P, 2), the sight lines at one metre. Returns (P, L, 3).
    """
    axis = np.concatenate((ray, np.ones_like(ray[:, :1])), axis=-1)
    axis /= np.linalg.norm(axis, axis=-1, keepdims=True)
    x, y, z = axis.T
    # The smallest turn that takes (0, 0, 1) to the sight line.
    a = 1 / (1 + z)
    turn = np.stack(
        (
            np.stack((1 - x * x * a, -x * y * a, x), axis=-1),
            np.stack((-x * y * a, 1 - y * y * a, y), axis=-1),
            np.stack((-x, -y, z), axis=-1),
        ),
        axis=-2,
    )
    turned: NDArray[np.float64] = np.einsum("pij,plj->pli", turn, body)
    return turned
