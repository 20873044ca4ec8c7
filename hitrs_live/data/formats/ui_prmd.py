"""Convert UI-PRMD's single repetitions of an exercise, each from rest to rest, to streams as a camera sees them."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

import numpy as np

from hitrs_live.data.array_format import BACKGROUND, IGNORE, LabelledSequence
from hitrs_live.data.interpolation import blend
from hitrs_live.data.stream_synthesis import place_after
from hitrs_live.skeleton import NTU25

_BLEND = 15
"""Frames of a blended transition."""
_MOVING_SHARE = 0.15
"""Share of the greatest distance from rest, above which a repetition has begun."""
_ANKLES = [NTU25.index(f"{side}_ankle") for side in ("left", "right")]
_SEATED_SHARE = 0.1
"""Share of the pelvis' range of height, below which a person has not begun to rise."""


def trim_rest(sequence: LabelledSequence) -> LabelledSequence:
    """Relabel as background the frames before and after a repetition in which the person is still at rest.

    Rest is the mean pose of the first three frames. A repetition lasts from the first to the last frame whose mean
    joint distance to it, with the root's horizontal position removed, is above `_MOVING_SHARE` of the greatest.
    Without this a person who stands still would be labelled with an exercise.
    """
    joints = sequence.joints_m
    centred = joints - joints[:, :1] * np.array([1, 0, 1], np.float32)
    distance = np.linalg.norm(centred - centred[:3].mean(0), axis=-1).mean(-1)
    moving = np.flatnonzero(distance > _MOVING_SHARE * distance.max())
    labels = np.full_like(sequence.labels, BACKGROUND)
    labels[moving[0] : moving[-1] + 1] = sequence.labels[moving[0] : moving[-1] + 1]
    return replace(sequence, labels=labels)


def keep_rising(sequence: LabelledSequence, sit_to_stand: int) -> LabelledSequence:
    """Relabel as unknown the frames of `sit_to_stand` before the person begins to rise.

    A repetition of UI-PRMD's sit to stand begins with standing: the person sits down, rests and rises. A detector that
    learns all of it as one class reports it whenever anyone bends the knees. The rise begins at the last frame in which
    the pelvis is above the feet by less than the least height and `_SEATED_SHARE` of its range.
    """
    acting = sequence.labels == sit_to_stand
    if not acting.any():
        return sequence
    height_m = sequence.joints_m[:, NTU25.root, 1] - sequence.joints_m[:, _ANKLES, 1].mean(axis=1)
    least_m, greatest_m = height_m[acting].min(), height_m[acting].max()
    seated = height_m < least_m + _SEATED_SHARE * (greatest_m - least_m)
    rises = int(np.flatnonzero(seated & acting)[-1])
    early = acting & (np.arange(len(acting)) <= rises)
    return replace(sequence, labels=np.where(early, IGNORE, sequence.labels))


def join_repetitions(sequences: Iterable[LabelledSequence]) -> list[LabelledSequence]:
    """Concatenate the repetitions of one exercise by one person, in their order, with blended transitions."""

    def family(sequence: LabelledSequence) -> tuple[str, ...]:
        # A rendered view's name ends in its number: views of one repetition are not joined.
        movement, subject, _, *rest = sequence.name.split("_")
        return movement, subject, *rest

    joined = []
    for _, group in groupby(sorted(sequences, key=lambda s: (*family(s), s.name)), key=family):
        first, *others = group
        stream = first
        for other in others:
            placed = place_after(other.joints_m, stream.joints_m[-1])
            stream = replace(
                stream,
                joints_m=np.concatenate((stream.joints_m, blend(stream.joints_m[-1], placed[0], _BLEND), placed)),
                labels=np.concatenate((stream.labels, np.full(_BLEND, BACKGROUND), other.labels)),
            )
        joined.append(stream)
    return joined
