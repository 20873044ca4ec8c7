"""Cut labelled recordings into segments of one class, and find those in which a person stands or shows repetitions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND, LabelledSequence
from hitrs_live.data.body_proportions import SensorGeometry
from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.recorded_body import ANKLES, FEET, HIPS, SHOULDERS
from hitrs_live.synthesis.smoothing import smooth

Floats = NDArray[np.float32]

SHORTEST_FRAMES: Final = 20
_STANDING_M_S: Final = 0.25
_STANDING_SHARE: Final = 0.8
_UPRIGHT: Final = 0.8
"""Height of the hips' middle above the ankles, in lengths of the legs."""
_REPEATING: Final = frozenset({"walk", "run", "jumping_jack", "knee_raise", "arm_circle", "twist", "toe_touch"})
"""Classes whose recordings show several repetitions without telling them apart."""
_LONG_FRAMES: Final = 210
"""A segment this long has several repetitions, whatever its class."""

_POP_M: Final = 0.08
_JUMP_M: Final = 0.15
_FASTEST_M_S: Final = 20.0
_HAND_PARTS: Final = ("hand", "tip", "thumb")
_CHECKED: Final = [j for j, name in enumerate(NTU25.joints) if not name.endswith(_HAND_PARTS)]


@dataclass(frozen=True, kw_only=True)
class RecordedSegment:
    """Frames of one recording that have one class."""

    sequence: LabelledSequence
    geometry: SensorGeometry
    """Where the sensor places the joints."""
    label: int
    span: slice
    repeating: bool
    """Whether it shows several repetitions: then any part of it is of the class."""

    def __len__(self) -> int:
        return int(self.span.stop - self.span.start)

    @cached_property
    def joints_m(self) -> Floats:
        """(T, 25, 3), single misplaced frames of a joint repaired."""
        return without_pops(self.sequence.joints_m[self.span])

    @property
    def fastest_m_s(self) -> float:
        """Greatest speed of a joint other than those of the hands."""
        return float(np.linalg.norm(np.diff(self.joints_m[:, _CHECKED], axis=0), axis=-1).max()) * RATE_HZ

    @cached_property
    def standing(self) -> bool:
        """Whether the person is upright with both feet at rest on the floor."""
        joints = self.joints_m
        speed = np.linalg.norm(np.diff(smooth(joints[:, ANKLES].reshape(len(joints), 6), 0.07), axis=0), axis=-1)
        legs = np.linalg.norm(joints[:, HIPS] - joints[:, ANKLES], axis=-1).mean(1)
        height = joints[:, HIPS, 1].mean(1) - joints[:, ANKLES, 1].mean(1)
        trunk = joints[:, SHOULDERS, 1].mean(1) - joints[:, HIPS, 1].mean(1)
        lowest = joints[:, FEET, 1].min(1)
        # Straight legs: as long from hip to ankle as over the knee.
        bones = sum(
            np.linalg.norm(joints[:, NTU25.index(f"left_{a}")] - joints[:, NTU25.index(f"left_{b}")], axis=-1)
            for a, b in (("hip", "knee"), ("knee", "ankle"))
        )
        upright = (height > _UPRIGHT * bones) & (legs > _UPRIGHT * bones) & (trunk > 0.3 * height)
        still = speed * RATE_HZ < _STANDING_M_S
        level = np.abs(lowest - np.median(lowest)) < 0.08
        return bool(min(still.mean(), upright.mean(), level.mean()) > _STANDING_SHARE)


def without_pops(joints_m: NDArray[np.floating]) -> Floats:
    """Replace joints that are far from their median over five frames by it. joints_m: (T, 25, 3).

    Kinects and motion capture misplace a joint for a frame or two; a limb that moves fast in one direction stays.
    """
    joints = joints_m.astype(np.float32)
    padded = np.pad(joints, ((2, 2), (0, 0), (0, 0)), mode="edge")
    median = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5, axis=0), axis=-1)
    popped = np.linalg.norm(joints - median, axis=-1) > _POP_M
    joints[popped] = median[popped]
    return joints


def cut_segments(
    sequences: Iterable[LabelledSequence], geometry: SensorGeometry, classes: tuple[str, ...]
) -> Iterator[RecordedSegment]:
    """Cut recordings of one sensor wherever the label changes.

    Left out are frames without a class, short runs, and runs in which a joint is faster than any person's.
    """
    for sequence in sequences:
        changes = np.flatnonzero(np.diff(sequence.labels)) + 1
        for start, end in pairwise([_first_frame(sequence.joints_m), *changes.tolist(), len(sequence.labels)]):
            label = int(sequence.labels[start])
            if label >= BACKGROUND and end - start >= SHORTEST_FRAMES:
                segment = RecordedSegment(
                    sequence=sequence,
                    geometry=geometry,
                    label=label,
                    span=slice(start, end),
                    repeating=label == BACKGROUND or classes[label] in _REPEATING or end - start >= _LONG_FRAMES,
                )
                if segment.fastest_m_s < _FASTEST_M_S:
                    yield segment


def _first_frame(joints_m: NDArray[np.floating]) -> int:
    """Return 1 where the body jumps from the first frame to the second: recordings may begin with a T pose."""
    steps = np.linalg.norm(np.diff(joints_m[:4].astype(np.float32), axis=0), axis=-1).max(1)
    return int(len(steps) > 1 and steps[0] > max(_JUMP_M, 3 * float(steps[1:].max())))
