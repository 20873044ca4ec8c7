"""Errors that the pose stage made on rendered views, to be copied to other motions.

An error is the difference between the targets of a frame (`coordinates.targets`) and those that its pose in this view
lets expect. Views are kept whole: an error is copied with those that followed it, so drift, jitter, sides that are
swapped and losses last as long as they did.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.virtual_camera.joint_errors.coordinates import CONDITIONS, DIRECTIONS, TARGETS

Floats = NDArray[np.float32]

KEYS: Final = 64
"""Numbers that describe the pose, the view and the movement of a frame."""
DESCRIPTION: Final = TARGETS + CONDITIONS + 2 + (DIRECTIONS.stop - DIRECTIONS.start)
_EXPECTED_WEIGHT, _CONDITION_WEIGHT, _MOVEMENT_WEIGHT, _RATE_WEIGHT = 0.32, 0.19, 0.4, 0.5
_MOST_EXPECTED, _MOST_MOVEMENT = 3.0, 4.0
_MOVEMENT_S = 0.13
_LEAST_SPEED = 0.05
_SPEED_FRAMES = 9
_AROUND_FRAMES = 4


@dataclass(frozen=True, kw_only=True)
class ErrorLibrary:
    """The errors of N frames of rendered views, one view after the other."""

    error: Floats
    """(N, TARGETS), normalised; interpolated where the person was lost."""
    key: Floats
    """(N, KEYS); see `project`."""
    lost_mask: NDArray[np.bool_]
    """(N,)."""
    remaining: NDArray[np.int64]
    """(N,); frames of the same view after this one."""
    person: NDArray[np.int64]
    """(N,); number in `people`."""
    people: tuple[str, ...]

    def __post_init__(self) -> None:
        frames = len(self.error)
        shapes = {"error": (frames, TARGETS), "key": (frames, KEYS), "lost_mask": (frames,)}
        for name, shape in (shapes | {"remaining": (frames,), "person": (frames,)}).items():
            if (found := getattr(self, name).shape) != shape:
                raise ValueError(f"{name} has shape {found}, expected {shape}")
        # An index beyond the arrays must not come from a damaged file.
        ends = np.arange(frames) + self.remaining
        if frames and (self.remaining.min() < 0 or ends.max() >= frames):
            raise ValueError(f"remaining points beyond the {frames} frames")

    def __len__(self) -> int:
        return len(self.error)

    @cached_property
    def drift(self) -> Floats:
        """(N, TARGETS); the errors averaged over the frames around each, of the same view: without their jitter."""
        frame = np.arange(len(self))
        last = frame + self.remaining
        begins = np.flatnonzero(np.diff(last, prepend=-1))
        first = begins[np.searchsorted(begins, frame, "right") - 1]
        start, end = np.maximum(frame - _AROUND_FRAMES, first), np.minimum(frame + _AROUND_FRAMES, last) + 1
        total = np.concatenate((np.zeros((1, TARGETS)), np.cumsum(self.error, axis=0, dtype=np.float64)))
        averaged: Floats = ((total[end] - total[start]) / (end - start)[:, None]).astype(np.float32)
        return averaged

    def without(self, people: set[str]) -> "ErrorLibrary":
        """Return the library without the views of some people."""
        numbers = [number for number, name in enumerate(self.people) if name in people]
        kept = ~np.isin(self.person, numbers)
        return replace(
            self, error=self.error[kept], key=self.key[kept], lost_mask=self.lost_mask[kept],
            remaining=self.remaining[kept], person=self.person[kept],
        )  # fmt: skip


def squared_distances(a: Floats, b: Floats) -> Floats:
    """Return squared distances, (A, B), between rows of (A, C) and (B, C)."""
    squared: Floats = (a**2).sum(axis=1)[:, None] - 2 * a @ b.T + (b**2).sum(axis=1)
    return squared


def describe(expected: Floats, condition: Floats, rate_hz: float) -> Floats:
    """Describe frames so that those with alike errors are near each other.

    expected: (T, TARGETS), the expected targets, normalised; condition: (T, CONDITIONS), normalised. What they
    describe: the expected error, the pose and view, how the bones turn, how much the body moves, the frame rate.
    Where the bones of two motions turn alike, a pose network that does not follow them errs alike.
    Returns (T, DESCRIPTION).
    """
    bones = condition[:, DIRECTIONS]
    change = np.gradient(bones, axis=0) if len(bones) > 1 else np.zeros_like(bones)
    speed = np.linalg.norm(change, axis=1) * rate_hz / 30
    padded = np.pad(speed, _SPEED_FRAMES // 2, mode="edge")
    speed = np.convolve(padded, np.full(_SPEED_FRAMES, 1 / _SPEED_FRAMES), "valid")
    frame, span = np.arange(len(bones)), max(1, round(_MOVEMENT_S * rate_hz))
    movement = bones[np.minimum(frame + span, len(bones) - 1)] - bones[np.maximum(frame - span, 0)]
    rate = np.full((len(bones), 1), _RATE_WEIGHT * np.log(rate_hz / 30))
    return np.concatenate(
        (
            _EXPECTED_WEIGHT * np.clip(expected, -_MOST_EXPECTED, _MOST_EXPECTED), _CONDITION_WEIGHT * condition,
            np.log(speed + _LEAST_SPEED)[:, None], rate,
            _MOVEMENT_WEIGHT * np.clip(movement, -_MOST_MOVEMENT, _MOST_MOVEMENT),
        ),
        axis=1,
    ).astype(np.float32)  # fmt: skip


def principal_axes(descriptions: Floats) -> tuple[Floats, Floats]:
    """Return the mean (DESCRIPTION,) of descriptions (N, DESCRIPTION), and their KEYS axes of greatest variance.

    The axes are columns, (DESCRIPTION, KEYS).
    """
    mean = descriptions.mean(axis=0)
    variance = np.cov(descriptions - mean, rowvar=False)
    axes = np.linalg.eigh(variance)[1][:, ::-1][:, :KEYS]
    return mean.astype(np.float32), np.ascontiguousarray(axes, np.float32)
