"""Divide a recording at its rests: segments between moments at which a signal of the movement is low."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.teaching.pose_track import STEP, PoseTrack

Floats = NDArray[np.float32]
Span = tuple[int, int]

_RATE_HZ: Final = 30.0 / STEP
_LEVELS: Final = (0.7, 0.5, 0.35, 0.25, 0.17, 0.12, 0.08)
"""Shares of a signal's highest value, for movements much smaller than the largest in the recording."""
_LEAST_LEVEL: Final = 0.1
"""Body sizes."""
_RETURN_SHARE: Final = 0.6
"""Share of a level below which the signal falls between two segments."""
_LOW_SHARE: Final = 0.1
_RISE_SHARE: Final = 0.1
"""Shares of a segment's highest value: where the body is at rest, and what is no longer noise."""
_NOISE_PERCENTILE: Final = 10
_MOST_COMPARED: Final = 400
_REST_SHARE: Final = 0.06
"""Share of the recording that the body is at least in a pose in which it rests."""
_SAME_POSE: Final = 0.3
"""Body sizes between two rests in the same pose at the most."""
_MOST_POSES: Final = 4
_MOVING_SHARE: Final = 0.3
_PAUSE_S: Final = 0.8
"""A longer one ends a bout."""
_LEAST_BOUT_S: Final = 1.5
_MOST_BOUTS: Final = 3
_SETTLE_S: Final = 1.0
"""From where the signal leaves the level to the edge of a segment at the most."""


def segments_between_rests(track: PoseTrack) -> Sequence[Span]:
    """List segments between moments of rest, [first, end) in frames of the track; they overlap, for many levels."""
    spans: dict[Span, None] = {}
    for signal in _signals(track):
        for share in _LEVELS:
            level = share * float(signal.max(initial=0.0))
            if level >= _LEAST_LEVEL:
                spans |= dict.fromkeys(_cut(signal, level))
    return list(spans)


def _signals(track: PoseTrack) -> Iterator[Floats]:
    """Yield signals (N,) that are low between repetitions, and 0 or more."""
    rests = rest_poses(track.poses)
    for pose in rests:
        away = np.linalg.norm(track.poses - pose, axis=1)
        # Noise alone moves every pose away from the mean of those at rest.
        yield np.maximum(away - float(np.percentile(away, _NOISE_PERCENTILE)), 0.0).astype(np.float32)
    yield from _bout_signals(track, rests[0])


def rest_poses(poses: Floats) -> Sequence[Floats]:
    """Find the poses in which the body is most often, the most frequent first. poses: (N, D); (D,) each."""
    chosen = poses[:: max(1, len(poses) // _MOST_COMPARED)]
    squares = (chosen**2).sum(axis=1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares - 2 * chosen @ chosen.T, 0.0))
    near = max(1, round(_REST_SHARE * len(chosen)))
    radius = np.partition(apart, near, axis=1)[:, near]
    left = np.ones(len(chosen), bool)
    rests: list[Floats] = []
    while len(rests) < _MOST_POSES and left.any():
        middle = int(np.where(left, radius, np.inf).argmin())
        inside = apart[middle] <= radius[middle]
        rests.append(chosen[inside].mean(axis=0))
        left &= apart[middle] > max(2 * float(radius[middle]), _SAME_POSE)
    return rests


def _bout_signals(track: PoseTrack, rest: Floats) -> Iterator[Floats]:
    """Yield the principal component of the movement, both ways, for what never comes to rest between repetitions."""
    quiet = float(np.percentile(track.speed, 10))
    fast = float(np.percentile(track.speed, 95))
    bouts = sorted(_bouts(track.speed > quiet + _MOVING_SHARE * (fast - quiet)), key=lambda span: span[0] - span[1])
    if not bouts:
        return
    # Bouts of one action move alike, so the component of one is used for all.
    for first, end in bouts[:_MOST_BOUTS]:
        middle = track.poses[first:end].mean(axis=0)
        values = track.poses[first:end] - middle
        axis = np.linalg.eigh(values.T @ values)[1][:, -1]
        along = (track.poses - middle) @ axis
        inside = np.zeros(len(track), bool)
        for one in bouts:
            inside[one[0] : one[1]] = True
        toward = 1.0 if (rest - middle) @ axis < 0 else -1.0
        for signal in (toward * along, -toward * along):
            yield np.where(inside, signal - signal[inside].min(), 0.0).astype(np.float32)


def _cut(signal: Floats, level: float) -> list[Span]:
    """Return the segments in which a signal exceeds a level; each goes on to where it is low or rises again."""
    peaks = [
        (first, end) for first, end in _runs(signal >= _RETURN_SHARE * level) if signal[first:end].max() >= level
    ]  # fmt: skip
    limit = round(_SETTLE_S * _RATE_HZ)
    spans: list[Span] = []
    for number, (first, end) in enumerate(peaks):
        earliest = max(peaks[number - 1][1] if number else 0, first - limit)
        latest = min(peaks[number + 1][0] if number + 1 < len(peaks) else len(signal) - 1, end - 1 + limit)
        height = float(signal[first:end].max())
        start, stop = _settle(signal, first, earliest, height), _settle(signal, end - 1, latest, height)
        spans.append((max(start, spans[-1][1] - 1) if spans else start, stop + 1))
    return spans


def _settle(signal: Floats, at: int, limit: int, height: float) -> int:
    """Go from a frame towards another until the signal is low, or to its lowest before it rises again."""
    lowest, step = at, 1 if limit > at else -1
    while at != limit and signal[lowest] > _LOW_SHARE * height and signal[at] <= signal[lowest] + _RISE_SHARE * height:
        at += step
        if signal[at] < signal[lowest]:
            lowest = at
    return lowest


def _bouts(moving: NDArray[np.bool_]) -> list[Span]:
    """Return the stretches of movement, over shorter pauses. moving: (N,)."""
    bouts: list[Span] = []
    for first, end in _runs(moving):
        if bouts and first - bouts[-1][1] <= _PAUSE_S * _RATE_HZ:
            bouts[-1] = (bouts[-1][0], end)
        else:
            bouts.append((first, end))
    return [(first, end) for first, end in bouts if end - first >= _LEAST_BOUT_S * _RATE_HZ]


def _runs(mask: NDArray[np.bool_]) -> list[Span]:
    """Return the stretches in which a mask is True."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
