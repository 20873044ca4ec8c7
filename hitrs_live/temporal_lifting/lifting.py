"""What the lifter computes, written once: for numpy, one frame at a time on the live path, and for torch, in training.

All geometry is in the person's own view: the axes of messages.py turned by the smallest turn that takes the sight line
of the root to the z axis. There a person at the picture's edge looks like one in its middle, and a wrong lens changes
nothing but the place. Arrays are numpy's (B, ...) of one frame, or torch's (B, T, ...) of T frames; `...` stands for
either. The layers between features and outputs, and how memory goes through time, are the caller's (`Backend`).
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from hitrs_live.skeleton import NTU25
from hitrs_live.temporal_lifting.bones import BONES, LENGTH_OF_BONE, LENGTHS, THIGHS, TRUNK
from hitrs_live.temporal_lifting.memory import Array, LifterState, follow_body, follow_distance, follow_size

JOINTS: Final = len(NTU25)
FEATURES: Final = 3 * JOINTS + 3 * BONES + 3 * JOINTS + 4 * BONES + 5
_PARTS: Final = (LENGTHS, LENGTHS + 1, 3 * BONES, JOINTS, JOINTS, JOINTS, JOINTS)
"""Outputs of the network: the lengths of bones, the weights of these and of the body's size, turns of bones, then of
each joint the error, visibility, share of its sight line, and weight for the place."""
OUTPUTS: Final = sum(_PARTS)
LEAST_ERROR_M: Final = 0.005
_FARTHEST: Final = 4.0
"""In body sizes: beyond it, features are clipped."""
_SHORTEST_STEP_S, _LONGEST_STEP_S = 0.005, 1.0
_SIGHT_SHARE, _CERTAIN, _DOUBTFUL = 0.9, 0.9, 0.6
_LEAST_SIZE_M, _MOST_SIZE_M = 0.2, 3.0
_LEAST_DISTANCE_M, _MOST_DISTANCE_M = 0.3, 15.0
_LEAST_LENGTH, _MOST_LENGTH = -4.0, 1.0
_TINY: Final = 1e-6


class LifterInputs(NamedTuple):
    """What is known of B people in each frame. Axes of messages.py."""

    joints_m: Array
    """(..., 25, 3), as lifted from one picture and tracked."""
    rays: Array
    """(..., 25, 2): where the sight lines of the joints, by the keypoints, meet the plane z = 1."""
    certainty: Array
    """(..., 25), the visibility times presence of the keypoints."""
    step_s: Array
    """(...), seconds since the person's frame before; 0 in their first."""


class LifterOutputs(NamedTuple):
    """Corrected joints of B people in each frame. Axes of messages.py."""

    joints_m: Array
    """(..., 25, 3), metres."""
    error_m: Array
    """(..., 25), metres: how far each joint is expected to be from where it truly is about the root."""
    visible: Array
    """(..., 25), logits: whether the camera sees the joint."""
    view_joints: Array
    """(..., 25, 3), about the root in the person's own view, metres; for training."""
    view_bones: Array
    """(..., 20, 3), the directions of bones before joints are moved to their sight lines, of unit length."""
    bone_m: Array
    """(..., 20), the lengths that bones have, metres."""
    root: Array
    """(..., 3): the root's sight line in the person's own view, x and y, and the logarithm of its corrected distance,
    metres."""


class Backend(Protocol):
    """What differs between numpy and torch."""

    xp: Any
    """The module with the functions."""
    bones_of: Array
    """(20, 25): bones from joints."""
    joints_of: Array
    """(25, 20): joints about the root from bones."""

    def network(self, features: Array, state: LifterState) -> tuple[Array, LifterState]:
        """Run the layers: features (..., FEATURES) to outputs (..., OUTPUTS)."""

    def scan(
        self, follow: Callable[..., tuple[tuple[Array, ...], LifterState]], state: LifterState, *parts: Array
    ) -> tuple[tuple[Array, ...], LifterState]:
        """Advance the memory frame by frame: `follow(xp, state, *parts of a frame)` gives averages (B, ...)."""

    def held(self, part: Array) -> Array:
        """Return the part, without a gradient."""


def lift_frames(backend: Backend, inputs: LifterInputs, state: LifterState) -> tuple[LifterOutputs, LifterState]:
    """Correct the joints of B people, and advance what is remembered of them."""
    xp, step_s = backend.xp, inputs.step_s
    seen, state = describe(backend, inputs, state)
    out, state = backend.network(seen.features, state)
    length, weight, turns, error, visible, gate, trust = _split(out)
    bone_m, log_size, state = _body_lengths(backend, length, weight, seen.shown, step_s, state)
    directions = unit(xp, seen.directions + turns.reshape(seen.directions.shape))
    # Lengths are learnt from true lengths alone: where a direction is uncertain, a short bone has a small error.
    body = backend.joints_of @ (directions * backend.held(bone_m)[..., None])
    lines = _Lines(xp, seen.sight, (inputs.certainty + 0.02) * sigmoid(xp, trust + 2))
    # With the true size, the lifted body is placed 4.7 % off on rendered people, the corrected one 6.4 %.
    resized = seen.body * xp.exp(log_size - seen.shown)[..., None, None]
    measured = xp.log(lines.distance(resized).clip(_LEAST_DISTANCE_M, _MOST_DISTANCE_M))
    (log_distance,), state = backend.scan(follow_distance, state, step_s, seen.frames, measured)
    place = lines.place(body, xp.exp(log_distance))
    # The place is learnt from true places alone: where depths are uncertain, a small body nearby has small errors.
    share = _kept_share(xp, inputs.certainty, gate)
    body, shift = _along_sight(xp, body, seen.sight, backend.held(place), share)
    place = place + shift
    outputs = LifterOutputs(
        joints_m=(body + place[..., None, :]) @ seen.turn,
        error_m=(softplus(xp, error) * 0.15 + LEAST_ERROR_M) * xp.exp(log_size)[..., None],
        visible=visible, view_joints=body, view_bones=directions, bone_m=bone_m,
        root=xp.concatenate((place[..., :2] / place[..., 2:], xp.log(place[..., 2:])), axis=-1),
    )  # fmt: skip
    return outputs, state


class Described(NamedTuple):
    """What frames show, in the person's own view."""

    features: Array
    """(..., FEATURES)."""
    turn: Array
    """(..., 3, 3), to the person's own view."""
    body: Array
    """(..., 25, 3), lifted joints about the root, metres."""
    directions: Array
    """(..., 20, 3), of bones."""
    sight: Array
    """(..., 25, 2), sight lines of joints where they meet the plane one metre ahead."""
    shown: Array
    """(...), the logarithm of the body's size as each frame shows it, metres."""
    frames: Array
    """(...), frames seen up to each."""


def describe(backend: Backend, inputs: LifterInputs, state: LifterState) -> tuple[Described, LifterState]:
    """Describe frames for the network; advance the averages that this takes."""
    xp = backend.xp
    root = inputs.joints_m[..., NTU25.root, :]
    turn = view_turns(xp, root)
    body = (inputs.joints_m - root[..., None, :]) @ turn.mT
    bones = backend.bones_of @ body
    lengths = norm(xp, bones)
    shown = lengths[..., TRUNK] + (lengths[..., THIGHS[0]] + lengths[..., THIGHS[1]]) / 2
    shown = xp.log(shown.clip(_LEAST_SIZE_M, _MOST_SIZE_M))
    (log_size, usual, frames), state = backend.scan(follow_size, state, inputs.step_s, shown, lengths)
    size, distance = xp.exp(log_size)[..., None], norm(xp, root)[..., None]
    # The rays meet the plane z = 1: their third coordinate is 1.
    ahead = inputs.rays @ turn.mT[..., :2, :] + turn[..., None, :, 2]
    sight = ahead[..., :2] / ahead[..., 2:].clip(0.2, None)
    seen = (sight * (distance / size)[..., None]).clip(-_FARTHEST, _FARTHEST)
    seen_bones = (backend.bones_of @ seen).clip(-_FARTHEST, _FARTHEST)
    # How far a bone of its usual length goes in depth, by how short it looks.
    depth = xp.sqrt((usual * usual - xp.sum(seen_bones * seen_bones, axis=-1)).clip(_TINY, None))
    directions = bones / lengths[..., None]
    step_s = inputs.step_s[..., None]
    features = xp.concatenate(
        (
            _flat((body / size[..., None]).clip(-_FARTHEST, _FARTHEST)), _flat(directions), _flat(seen),
            _flat(seen_bones), depth, usual, inputs.certainty, root[..., :2] / distance, xp.log(size / distance),
            xp.log(step_s.clip(_SHORTEST_STEP_S, _LONGEST_STEP_S) * 30), (step_s <= 0) * xp.ones_like(step_s),
        ),
        axis=-1,
    )  # fmt: skip
    return Described(features, turn, body, directions, sight, shown, frames), state


def view_turns(xp: Any, root_m: Array) -> Array:
    """Return the smallest turns that take directions (..., 3) to the z axis: (..., 3, 3)."""
    ahead = unit(xp, root_m)
    x, y, z = ahead[..., 0], ahead[..., 1], ahead[..., 2]
    share = 1 / (1 + z.clip(-0.5, None))
    across = -x * y * share
    flat = xp.stack((1 - x * x * share, across, -x, across, 1 - y * y * share, -y, x, y, z), axis=-1)
    return flat.reshape(*root_m.shape, 3)


def norm(xp: Any, vectors: Array) -> Array:
    """Return the lengths of vectors (..., N), a micrometre and more: (...)."""
    return xp.sqrt(xp.sum(vectors * vectors, axis=-1) + _TINY**2)


def unit(xp: Any, vectors: Array) -> Array:
    """Return vectors (..., N) with unit length."""
    return vectors / norm(xp, vectors)[..., None]


def sigmoid(xp: Any, logits: Array) -> Array:
    """Return shares of logits; without an overflow."""
    return 0.5 + 0.5 * xp.tanh(0.5 * logits)


def softplus(xp: Any, values: Array) -> Array:
    """Return log(1 + exp(values)); without an overflow."""
    return values.clip(0, None) + xp.log1p(xp.exp(-xp.abs(values)))


def _split(out: Array) -> list[Array]:
    parts, start = [], 0
    for size in _PARTS:
        parts.append(out[..., start : start + size])
        start += size
    return parts


def _flat(part: Array) -> Array:
    return part.reshape(*part.shape[:-2], -1)


def _body_lengths(
    backend: Backend, length: Array, weight: Array, shown: Array, step_s: Array, state: LifterState
) -> tuple[Array, Array, LifterState]:
    """Average the body's proportions and its size over a long time. Returns bone lengths (..., 20), metres, and the
    logarithm of the size (...).

    The size is that of lifted bodies: a larger person further away looks the same, so few people teach nothing about it
    but which frames to trust.
    """
    xp = backend.xp
    logarithms = xp.concatenate((length.clip(_LEAST_LENGTH, _MOST_LENGTH), shown[..., None]), axis=-1)
    (mean,), state = backend.scan(follow_body, state, step_s, logarithms, xp.exp(weight.clip(-4, 4)))
    log_size, lengths = mean[..., LENGTHS], xp.exp(mean[..., LENGTH_OF_BONE])
    # The trunk and a thigh make one size: proportions say nothing about it.
    scale = xp.exp(log_size) / (lengths[..., TRUNK] + lengths[..., THIGHS[0]])
    return lengths * scale[..., None], log_size, state


class _Lines:
    """The sight lines of a body's joints, by weights: where the body is that fits them, as `pose.lifting.locate` finds
    it."""

    def __init__(self, xp: Any, sight: Array, weight: Array) -> None:
        """sight: (..., 25, 2), where they meet the plane one metre ahead; weight: (..., 25)."""
        self._xp, self._sight = xp, sight
        self._share = (weight / xp.sum(weight, axis=-1)[..., None])[..., None]
        self._middle = xp.sum(self._share * sight, axis=-2)

    def distance(self, body: Array) -> Array:
        """Return how far away (...) the root of joints about it (..., 25, 3) is."""
        xp, spread = self._xp, self._sight - self._middle[..., None, :]
        beside = self._beside(body)
        above = xp.sum(
            _flat(self._share * spread * (xp.sum(self._share * beside, axis=-2)[..., None, :] - beside)), axis=-1
        )
        below = xp.sum(_flat(self._share * spread * spread), axis=-1)
        return above / below.clip(_TINY, None)

    def place(self, body: Array, distance: Array) -> Array:
        """Return where the root is (..., 3), at a distance (...)."""
        across = self._xp.sum(self._share * self._beside(body), axis=-2) + self._middle * distance[..., None]
        return self._xp.concatenate((across, distance[..., None]), axis=-1)

    def _beside(self, body: Array) -> Array:
        return self._sight * body[..., 2:] - body[..., :2]


def _kept_share(xp: Any, certainty: Array, gate: Array) -> Array:
    """Return how far joints are moved to their sight lines, 0 to 1: nearly all the way where these are certain, else as
    the network says. All (..., 25)."""
    least = _SIGHT_SHARE * ((certainty - _DOUBTFUL) / (_CERTAIN - _DOUBTFUL)).clip(0, 1)
    return least + (1 - least) * sigmoid(xp, gate + 2)


def _along_sight(xp: Any, body: Array, sight: Array, place: Array, share: Array) -> tuple[Array, Array]:
    """Move joints (..., 25, 3) about the root at `place` (..., 3) towards their sight lines, at their own depth, by a
    share (..., 25). Returns joints about the root, and how far that was moved."""
    depth = place[..., None, 2:] + body[..., 2:]
    seen = sight * depth - place[..., None, :2]
    moved = body[..., :2] + share[..., None] * (seen - body[..., :2])
    joints = xp.concatenate((moved, body[..., 2:]), axis=-1)
    root = joints[..., NTU25.root, :]
    return joints - root[..., None, :], root
