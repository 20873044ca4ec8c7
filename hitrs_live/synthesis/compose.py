"""Join performances to a long stream: transitions, postures, actions over walking, and what is free in between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND
from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.synthesis.channels import INDEX, PARTS, SIDES, STANDING, standing
from hitrs_live.synthesis.footwork import ADVANCING, FOOT_Z
from hitrs_live.synthesis.perform import Performance
from hitrs_live.synthesis.smoothing import ease

Floats = NDArray[np.floating]
Labels = NDArray[np.int64]

_ROOT: Final = [INDEX[name] for name in ("root.x", "root.z", "root.heading")]
_TRANSITION_S: Final = (0.3, 0.9)
_POSTURE_CHANGE_S: Final = (0.8, 1.6)
"""Duration of a transition in which the hips change their height much."""
_LYING, _SEATED = 0.3, 0.75
"""Heights of the hips up to which a body lies, or sits where its hips are behind its feet."""
_PELVIS: Final = [INDEX["pelvis.x"], INDEX["pelvis.z"]]
_FEET_X: Final = [INDEX[f"{side}.foot.x"] for side in SIDES]
_HANDS_X: Final = [INDEX[f"{side}.pin.floor.x"] for side in SIDES]
_OUTWARD: Final = np.array((1, -1), np.float32)
"""Sign of a side's x."""
_FEET: Final = [[INDEX[f"{side}.foot.{axis}"] for axis in ("x", "z", "yaw", "pitch")] for side in SIDES]


@dataclass(frozen=True, kw_only=True)
class StreamPart:
    """Part of a stream: channels, which of them count, and labels by number. T frames."""

    channels: Floats
    owned: Floats
    """(T, C); 1 where the channel is defined, 0 where it is free."""
    labels: Labels
    phase: Floats
    repetition: Labels
    onset_mask: NDArray[np.bool_]
    near_miss: Labels

    def __len__(self) -> int:
        return len(self.channels)


def segment_of(performance: Performance, classes: Mapping[str, int]) -> StreamPart:
    """Number the labels of a performance; classes that are not among those wanted become background."""
    frames = len(performance)
    numbers = np.array([BACKGROUND, *(classes.get(name, BACKGROUND) for name in performance.actions)], np.int64)
    repetition = performance.repetition
    if performance.bout and len(performance.actions) == 1:
        labels = numbers[np.minimum(repetition, 1)]
    else:
        labels = numbers[repetition]
    acts = labels != BACKGROUND
    change = np.diff(repetition, prepend=0) != 0
    onset = change & acts
    if performance.bout and onset.any():
        onset[np.flatnonzero(onset)[1:]] = False
    return StreamPart(
        channels=performance.channels,
        owned=np.tile(performance.owned_mask.astype(np.float32), (frames, 1)),
        labels=labels,
        phase=np.where(acts, performance.phase, np.nan).astype(np.float32),
        repetition=np.where(acts, _count_by_class(performance.actions)[repetition], 0),
        onset_mask=onset,
        near_miss=np.where(acts, BACKGROUND, classes.get(performance.near, BACKGROUND)).astype(np.int64),
    )


def _count_by_class(actions: Sequence[str]) -> Labels:
    """Number the repetitions of each class from 1; 0 stands for background before them."""
    return np.array([0, *(actions[: place + 1].count(name) for place, name in enumerate(actions))], np.int64)


def background_segment(channels: Floats, owned: Floats) -> StreamPart:
    """Label channels as background. channels, owned: (T, C)."""
    frames = len(channels)
    return StreamPart(
        channels=channels,
        owned=owned,
        labels=np.full(frames, BACKGROUND, np.int64),
        phase=np.full(frames, np.nan, np.float32),
        repetition=np.zeros(frames, np.int64),
        onset_mask=np.zeros(frames, bool),
        near_miss=np.full(frames, BACKGROUND, np.int64),
    )


def idle_segment(frames: int) -> StreamPart:
    """Stand, with everything free but the place."""
    channels = standing(frames)
    owned = np.zeros_like(channels)
    owned[:, _ROOT] = 1
    return background_segment(channels, owned)


def held_segment(last: StreamPart, frames: int, *, arms_free: bool) -> StreamPart:
    """Stay in the last pose of a segment, as on a chair."""
    channels = np.tile(last.channels[-1], (frames, 1))
    channels[:, _ROOT] = 0
    owned = np.tile(last.owned[-1], (frames, 1))
    if arms_free:
        owned[:, [*PARTS["arms"], *PARTS["head"]]] = 0
    return background_segment(channels, owned)


def lay_over(base: StreamPart, top: StreamPart) -> StreamPart:
    """Do an action of the arms over another motion, such as walking. Where the action is done, its label counts.

    Both are cut to the shorter length.
    """
    frames = min(len(base), len(top))
    acts = top.labels[:frames] != BACKGROUND
    upper = top.owned[:frames].copy()
    upper[:, PARTS["legs"]] = 0
    return StreamPart(
        channels=np.where(upper > 0, top.channels[:frames], base.channels[:frames]),
        owned=np.maximum(base.owned[:frames], upper),
        labels=np.where(acts, top.labels[:frames], base.labels[:frames]),
        phase=np.where(acts, top.phase[:frames], base.phase[:frames]),
        repetition=np.where(acts, top.repetition[:frames], base.repetition[:frames]),
        onset_mask=np.where(acts, top.onset_mask[:frames], base.onset_mask[:frames]),
        near_miss=np.maximum(top.near_miss[:frames], base.near_miss[:frames]),
    )


def join(segments: Sequence[StreamPart], rng: np.random.Generator, *, leg_m: float) -> StreamPart:
    """Join segments, each beginning where the one before ended, with a transition of background in between.

    leg_m: length of the body's leg.
    """
    parts: list[StreamPart] = []
    for segment in segments:
        if parts:
            shift = _shift(parts[-1], segment)
            placed = _placed_after(segment, _moved(parts[-1].channels[-1, _ROOT], shift * leg_m))
            parts += [_transition(parts[-1], placed, shift, rng), placed]
        else:
            parts.append(segment)
    return StreamPart(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("channels", "owned", "labels", "phase", "repetition", "onset_mask", "near_miss")
        }
    )


def _shift(before: StreamPart, after: StreamPart) -> Floats:
    """Return how far the place is to move between two segments so that what carries the body stays.

    That is the pelvis where the body sits or lies, and else the feet. Returns (2,): x and z in lengths of the leg.
    """
    rows = [
        segment.owned[at] * segment.channels[at] + (1 - segment.owned[at]) * STANDING
        for segment, at in ((before, -1), (after, 0))
    ]
    if all(_on_its_seat(row) for row in rows):
        places = [row[_PELVIS] for row in rows]
    else:
        places = [np.array((row[_FEET_X] @ _OUTWARD / 2, row[FOOT_Z].mean())) for row in rows]
    # Feet that are free stay where they are, wherever the place is.
    shift: Floats = before.owned[-1, FOOT_Z].min() * (places[0] - places[1])
    return shift


def _on_its_seat(row: Floats) -> bool:
    """Say whether the pelvis lies on the floor or on a chair. row: (C,)."""
    height, behind = row[INDEX["height"]], row[INDEX["pelvis.z"]]
    return bool(height < _LYING or (height < _SEATED and behind < -0.25 and row[INDEX["balance"]] < 0.5))


def _moved(place: Floats, shift_m: Floats) -> Floats:
    """Move a place (x, z, heading) by a shift (2,) in its own directions."""
    turn = np.radians(place[2])
    x, z = shift_m
    return np.array(
        (place[0] + x * np.cos(turn) + z * np.sin(turn), place[1] - x * np.sin(turn) + z * np.cos(turn), place[2])
    )


def _placed_after(segment: StreamPart, place: Floats) -> StreamPart:
    """Move and turn a segment's place so that it begins at a place (x, z, heading)."""
    channels = segment.channels.copy()
    began = channels[0, _ROOT]
    x, z = channels[:, _ROOT[0]] - began[0], channels[:, _ROOT[1]] - began[1]
    turn = np.radians(place[2] - began[2])
    channels[:, _ROOT[0]] = place[0] + x * np.cos(turn) + z * np.sin(turn)
    channels[:, _ROOT[1]] = place[1] - x * np.sin(turn) + z * np.cos(turn)
    channels[:, _ROOT[2]] += place[2] - began[2]
    return StreamPart(**{**vars(segment), "channels": channels})


def _transition(before: StreamPart, after: StreamPart, shift: Floats, rng: np.random.Generator) -> StreamPart:
    """Interpolate from the last pose to the first of the next, one foot after the other.

    shift: (2,), how far the place has moved from the one to the other, in lengths of the leg.
    """
    first, last = before.channels[-1], after.channels[0].copy()
    # Both as seen from the first place; how the place moves is taken off below.
    moving = np.zeros(len(STANDING), np.float32)
    moving[_FEET_X] = moving[_HANDS_X] = shift[0] * _OUTWARD
    moving[[INDEX[name] for name in ADVANCING]] = shift[1]
    moving[_PELVIS] = shift
    last += moving
    far = (
        abs(first[INDEX["height"]] - last[INDEX["height"]]) > 0.15
        or abs(first[INDEX["pelvis.pitch"]] - last[INDEX["pelvis.pitch"]]) > 40
    )
    frames = max(3, int(rng.uniform(*(_POSTURE_CHANGE_S if far else _TRANSITION_S)) * RATE_HZ))
    share = np.repeat(ease(frames)[:, None], len(STANDING), axis=1)
    early = int(rng.integers(2))
    half = ease(max(2, frames // 2 + 1))
    for order, side in enumerate((early, 1 - early)):
        later = order * (frames - len(half))
        own = np.clip(np.arange(frames) - later, -1, len(half) - 1)
        share[:, _FEET[side]] = np.where(own >= 0, half[np.maximum(own, 0)], 0)[:, None]
    channels = first + share * (last - first) - share[:, _ROOT[:1]] * moving
    owned = before.owned[-1] + share * (after.owned[0] - before.owned[-1])
    return background_segment(channels.astype(np.float32), owned.astype(np.float32))
