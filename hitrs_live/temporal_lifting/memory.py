"""What the lifter remembers of people beside its network's memory: averages over time, advanced by one frame.

As in `lifting`, for numpy and for torch alike: `xp` is the module of the arrays.
"""

from typing import Any, Final, NamedTuple, TypeAlias

from hitrs_live.temporal_lifting.bones import BONES, LENGTHS

Array: TypeAlias = Any
"""An array of numpy or a tensor of torch, float32."""
WIDTH: Final = 112
AVERAGES: Final = LENGTHS + 1
"""Bone lengths and the body's size."""
_SIZE_MEMORY_S: Final = 3.0
_DISTANCE_MEMORY_S: Final = 0.4
_BODY_MEMORY_S: Final = 20.0


class LifterState(NamedTuple):
    """What is remembered of B people; zeros of people of whom nothing was seen."""

    hidden: Array
    """(B, WIDTH), of the recurrent network."""
    frames: Array
    """(B,), frames seen."""
    log_size: Array
    """(B,), the logarithm of the size that frames show, metres, averaged over seconds."""
    log_distance: Array
    """(B,), the logarithm of the root's distance, metres, averaged over half a second or so."""
    lifted_lengths: Array
    """(B, 20), the lengths of lifted bones in body sizes, averaged over seconds."""
    body_sum: Array
    """(B, AVERAGES), weighted sum of the logarithms of the bones' lengths and of the body's size, of the last half
    minute or so."""
    body_weight: Array
    """(B, AVERAGES)."""


STATE_SHAPES: Final = LifterState((WIDTH,), (), (), (), (BONES,), (AVERAGES,), (AVERAGES,))
"""Of one person."""


def follow_size(
    xp: Any, state: LifterState, step_s: Array, shown: Array, lengths: Array
) -> tuple[tuple[Array, Array, Array], LifterState]:
    """Average the body's size and the lengths of lifted bones over seconds; at first over all frames.

    step_s: (B,), seconds; shown: (B,), logarithms of sizes; lengths: (B, 20), metres. Returns log sizes (B,),
    lengths in body sizes (B, 20), and frames seen (B,).
    """
    frames = state.frames + 1
    share = xp.maximum(1 - xp.exp(-step_s / _SIZE_MEMORY_S), 1 / frames)
    log_size = state.log_size + share * (shown - state.log_size)
    usual = lengths * xp.exp(-log_size)[:, None]
    usual = state.lifted_lengths + share[:, None] * (usual - state.lifted_lengths)
    return (log_size, usual, frames), state._replace(frames=frames, log_size=log_size, lifted_lengths=usual)


def follow_body(
    xp: Any, state: LifterState, step_s: Array, logarithms: Array, weights: Array
) -> tuple[tuple[Array], LifterState]:
    """Average the logarithms (B, AVERAGES) of bone lengths and the body's size over a long time, by weights."""
    keep = xp.exp(-step_s / _BODY_MEMORY_S)[:, None]
    total = state.body_sum * keep + weights * logarithms
    weight = state.body_weight * keep + weights
    return (total / weight,), state._replace(body_sum=total, body_weight=weight)


def follow_distance(
    xp: Any, state: LifterState, step_s: Array, frames: Array, measured: Array
) -> tuple[tuple[Array], LifterState]:
    """Average the logarithm (B,) of the root's distance over half a second or so; at first over all frames.

    frames: (B,), seen up to this one.
    """
    share = xp.maximum(1 - xp.exp(-step_s / _DISTANCE_MEMORY_S), 1 / frames)
    log_distance = state.log_distance + share * (measured - state.log_distance)
    return (log_distance,), state._replace(log_distance=log_distance)
