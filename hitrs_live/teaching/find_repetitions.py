"""Find the repetitions of an unknown action in a recording of one person who repeats it, with pauses or back to back.

Nothing is known of the action but that it is repeated. Candidates are the segments between moments at which the body
rests (`rest`), for several poses in which it may rest and several sizes of movement. Each is compared with all others
(`likeness`). Around each, those like it that do not overlap are chosen so that they explain the most movement, and the
best of these choices is taken. So walking up to the camera, or a hand through the hair, is left out: nothing else
in the recording resembles it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.teaching.gaps import add_from_gaps
from hitrs_live.teaching.likeness import movement_differences
from hitrs_live.teaching.pose_track import STEP, PoseTrack, track_poses
from hitrs_live.teaching.rest import segments_between_rests

Floats = NDArray[np.float32]
Span = tuple[int, int]

LEAST_LIKENESS: Final = 0.45
"""Likeness from which a segment counts as a repetition of the same action as another."""
_RATE_HZ: Final = 30.0 / STEP
_LEAST_S, _MOST_S = 0.4, 60.0
"""Length of a repetition."""
_LEAST_SIZE: Final = 0.12
"""Body sizes by which a repetition moves the body: more than the sway and the noise of live joints."""
_MOST_LONGER: Final = 2.2
"""A repetition is at most so many times as long as another."""
_MOST_CANDIDATES: Final = 160
_SAME: Final = 0.85
"""Overlap from which two candidates count as one."""
_OUTLIER: Final = (1.45, 0.06)
"""A repetition differs from the middle one at most so many times as much as they usually do, and so much more."""
_TRAVEL: Final = 0.4
"""Body sizes between where a repetition begins and ends from which it counts half: people walk up and off."""
_END_FRAMES: Final = 12
_HOME_TIMES: Final = 2.0
_REST_SHARE: Final = 0.4
"""Of how far a repetition goes: nearer poses are those in which the body rests."""
_EXPECTED_SPREAD: Final = 0.2
"""How much the number of repetitions may differ from the expected one, as the standard deviation of its logarithm."""


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """One repetition of the action."""

    start: int
    """First joint frame."""
    end: int
    """The joint frame after its last."""
    likeness: float
    """How like the others it is, from 0 to 1: the median over them."""


@dataclass(frozen=True, kw_only=True)
class _Candidates:
    """S segments, and how they compare."""

    spans: Sequence[Span]
    differences: Floats
    """(S, S)."""
    worth: Floats
    """(S,): how much movement each explains, less where it does not begin and end at rest in one pose."""
    track: PoseTrack


def find_repetitions(joints_m: Floats, confidence: Floats, *, expected: int | None = None) -> Sequence[Repetition]:
    """Find the repetitions of the action that is repeated, in their order.

    joints_m: (T, 25, 3), metres, y up, at 30 Hz, of one person; confidence: (T, 25). expected: how many were asked for,
    a hint. Returns an empty sequence where nothing is repeated. A single movement is no repetition.
    """
    if len(joints_m) < 2 * _LEAST_S * 30:
        return ()
    track = track_poses(joints_m, confidence)
    candidates = _compare(track, _usable(track, segments_between_rests(track)))
    chosen = [candidates.spans[at] for at in _choose(candidates, expected)]
    spans = add_from_gaps(
        track, chosen, most=max(0, (expected or 0) - len(chosen)), least_likeness=LEAST_LIKENESS
    )  # fmt: skip
    differences = movement_differences(track.poses, spans)
    likeness = [1 - float(np.median(np.delete(row, own))) for own, row in enumerate(differences)]
    return [
        Repetition(start=first * STEP, end=min(end * STEP, len(joints_m)), likeness=min(max(one, 0.0), 1.0))
        for (first, end), one in zip(spans, likeness, strict=True)
    ]


def _usable(track: PoseTrack, spans: Sequence[Span]) -> list[Span]:
    """Leave out what is too short, too long or too small, and what is there twice; of very many, keep the largest."""
    sizes = {
        span: movement_size(track, span)
        for span in spans
        if _LEAST_S * _RATE_HZ <= span[1] - span[0] <= _MOST_S * _RATE_HZ
    }
    kept: list[Span] = []
    for span in sorted((span for span, size in sizes.items() if size >= _LEAST_SIZE), key=lambda one: -sizes[one]):
        if len(kept) < _MOST_CANDIDATES and all(overlap(span, other) < _SAME for other in kept):
            kept.append(span)
    return sorted(kept)


def overlap(one: Span, other: Span) -> float:
    """Return the share that two spans have in common of what they cover together."""
    common = min(one[1], other[1]) - max(one[0], other[0])
    return max(common, 0) / (max(one[1], other[1]) - min(one[0], other[0]))


def movement_size(track: PoseTrack, span: Span) -> float:
    """Return how far the pose goes from where it begins and ends, body sizes."""
    poses = track.poses[span[0] : span[1]]
    return float(np.linalg.norm(poses - (poses[0] + poses[-1]) / 2, axis=1).max())


def _compare(track: PoseTrack, spans: Sequence[Span]) -> _Candidates:
    differences = movement_differences(track.poses, spans)
    lengths = np.array([end - first for first, end in spans])
    differences[np.maximum.outer(lengths, lengths) > _MOST_LONGER * np.minimum.outer(lengths, lengths)] = np.inf
    moved = np.maximum(track.speed - float(np.percentile(track.speed, 10)), 0.0)
    worth = [_worth(track, moved, span) for span in spans]
    return _Candidates(spans=spans, differences=differences, worth=np.array(worth, np.float32), track=track)


def _worth(track: PoseTrack, moved: Floats, span: Span) -> float:
    """Return how much movement a segment explains, less where it does not begin and end at rest in one pose and place.

    The amount counts little, so that a large movement outside weighs no more than a small action.
    """
    first, end = span
    amount = float(moved[first:end].sum()) / _RATE_HZ
    travelled = float(np.linalg.norm(track.place[first] - track.place[end - 1])) / _TRAVEL
    return float(amount**0.25 * _calm(moved[first:end]) ** 0.5 * _return(track, span) / (1 + travelled**2))


def _calm(speed: Floats) -> float:
    """Return 1 for a segment that is slow at both edges, 0 for one as fast there as anywhere. speed: (N,)."""
    return max(0.0, 1.0 - float(speed[0] + speed[-1]) / 2 / max(float(speed.max()), 1e-6))


def _return(track: PoseTrack, span: Span) -> float:
    """Return 1 for a segment that ends in the pose in which it begins, less the farther these are apart."""
    apart = float(np.linalg.norm(track.poses[span[0]] - track.poses[span[1] - 1]))
    return 1.0 / (1.0 + (2.0 * apart / max(movement_size(track, span), 1e-6)) ** 2)


def _choose(candidates: _Candidates, expected: int | None) -> list[int]:
    """Choose the candidates that are the repetitions, in their order; [] where fewer than two are alike."""
    best: list[int] = []
    best_score = 0.0
    closeness = np.maximum(0.0, 1 - candidates.differences / (1 - LEAST_LIKENESS))
    for middle in range(len(candidates.spans)):
        chosen = _apart(candidates.spans, closeness[middle] * candidates.worth)
        if middle not in chosen:
            continue
        others = candidates.differences[middle, [at for at in chosen if at != middle]]
        limit = _OUTLIER[0] * float(np.median(others)) + _OUTLIER[1] if len(others) else 0.0
        chosen = [at for at in chosen if at == middle or candidates.differences[middle, at] <= limit]
        count = len(chosen)
        if count < 2:
            continue
        score = float((closeness[middle] * candidates.worth)[chosen].sum()) * (1 - 0.8 / count)
        spans = [candidates.spans[at] for at in chosen]
        score *= _spread(candidates.track, spans) * _coverage(candidates.track, spans)
        if expected is not None:
            score *= float(np.exp(-0.5 * (np.log(count / expected) / _EXPECTED_SPREAD) ** 2))
        if score > best_score:
            best, best_score = chosen, score
    return best


def _spread(track: PoseTrack, spans: Sequence[Span]) -> float:
    """Return the share of the recording from the first to the last time in which the body rests as between the spans.

    It is less where the recording neither begins nor ends in that pose. A pose that lasts in each repetition is seen
    in a smaller part of the recording than the one between them, and neither first nor last.
    """
    edges = np.stack([track.poses[at] for first, end in spans for at in (first, end - 1)])
    rest = edges.mean(axis=0)
    size = float(np.mean([movement_size(track, span) for span in spans]))
    near = np.flatnonzero(np.linalg.norm(track.poses - rest, axis=1) < _REST_SHARE * size)
    spread = float((near[-1] - near[0]) / len(track)) if len(near) else 0.0
    # Who records rests before the first repetition or after the last, as at the end of a countdown.
    ends = (track.poses[:_END_FRAMES].mean(axis=0), track.poses[-_END_FRAMES:].mean(axis=0))
    away = min(float(np.linalg.norm(end - rest)) for end in ends) / max(size, 1e-6)
    return spread / (1 + (_HOME_TIMES * away) ** 2)


def _coverage(track: PoseTrack, spans: Sequence[Span]) -> float:
    """Return the share of the movement from a repetition before the first to one after the last that is in the spans.

    Between holds of a pose are as many movements as between rests but one, and half of one is left over at either end.
    """
    moved = np.maximum(track.speed - float(np.percentile(track.speed, 10)), 0.0)
    around = round(float(np.median([end - first for first, end in spans])))
    inside = sum(float(moved[first:end].sum()) for first, end in spans)
    return inside / max(float(moved[max(0, spans[0][0] - around) : spans[-1][1] + around].sum()), inside, 1e-6)


def _apart(spans: Sequence[Span], values: Floats) -> list[int]:
    """Choose spans that do not overlap so that their values sum to the most. spans: S, sorted; values: (S,)."""
    useful = sorted(np.flatnonzero(values > 0).tolist(), key=lambda at: spans[at][1])
    ends = [spans[at][1] for at in useful]
    totals = [0.0]
    taken: list[tuple[bool, int]] = []
    for number, at in enumerate(useful):
        # Edges may share a frame or two.
        before = int(np.searchsorted(ends[:number], spans[at][0] + 2, side="right"))
        value = totals[before] + float(values[at])
        taken.append((value > totals[-1], before))
        totals.append(max(value, totals[-1]))
    chosen = []
    number = len(useful)
    while number:
        take, before = taken[number - 1]
        if take:
            chosen.append(useful[number - 1])
        number = before if take else number - 1
    return chosen[::-1]
