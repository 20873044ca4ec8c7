"""What a benchmark of motion prediction is made of: one skeleton whose bones never change, its root held still."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import DataError
from hitrs_live.skeleton import SkeletonLayout

HISTORY = 10
"""Frames that a prediction may look at."""
HORIZON = 25
"""Frames that it must tell."""
WINDOW = HISTORY + HORIZON


@dataclass(frozen=True, kw_only=True)
class MotionRecording:
    """One recording of one action."""

    action: str
    name: str
    joints_mm: NDArray[np.float32]
    """(T, J, 3); global motion is removed."""
    starts: NDArray[np.int64]
    """Frames at which a window begins that is learned from, or measured."""

    def windows(self) -> NDArray[np.float32]:
        """Cut the windows out. Returns (W, 35, J, 3), of which the first 10 frames are the history."""
        cut: NDArray[np.float32] = self.joints_mm[self.starts[:, None] + np.arange(WINDOW)]
        return cut


@dataclass(frozen=True, kw_only=True)
class MotionSet:
    """Recordings to learn from, recordings to measure on, and what is asked of them."""

    name: str
    layout: SkeletonLayout
    scored: tuple[int, ...]
    """The joints that move; their error is the benchmark's."""
    twins: tuple[int, ...]
    """For each joint the scored one in whose place it always is; itself where there is none."""
    train: tuple[MotionRecording, ...]
    test: tuple[MotionRecording, ...]

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that are measured."""
        return tuple(dict.fromkeys(recording.action for recording in self.test))

    def without(self, names: frozenset[str]) -> "MotionSet":
        """Leave some of the recordings to learn from out. Raises DataError where there is none of a name."""
        self._check_names(names)
        return replace(self, train=tuple(r for r in self.train if r.name not in names))

    def measured_on(self, names: frozenset[str]) -> "MotionSet":
        """Measure on some of the recordings to learn from instead. Raises DataError where there is none of a name."""
        self._check_names(names)
        return replace(self, test=tuple(r for r in self.train if r.name in names))

    def _check_names(self, names: frozenset[str]) -> None:
        known = [recording.name for recording in self.train]
        if absent := sorted(names - set(known)):
            raise DataError(f"no training recording is called {', '.join(absent)}; there are {', '.join(known)}")

    @cached_property
    def mirror(self) -> "Mirror":
        """How left and right are swapped on this skeleton."""
        return Mirror.of(self.layout, self.scored, self.twins, (self.train or self.test)[0].joints_mm[0])


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Swap left and right on a skeleton that is not itself symmetrical: an affine map of its joints.

    The direction of every bone is reflected and taken over by the bone of the other side, which keeps its own
    length; joints that never move stay. A mirrored body is thus one that this skeleton can take, and mirroring
    twice gives the body back.
    """

    weights: NDArray[np.float32]
    """(J, J, 3); what joint k becomes of joint j, by axis."""
    offset_mm: NDArray[np.float32]
    """(J, 3)."""

    def __call__(self, joints_mm: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mirror poses of any leading shape (..., J, 3)."""
        mirrored: NDArray[np.float32] = np.einsum("kjc,...jc->...kc", self.weights, joints_mm) + self.offset_mm
        return mirrored

    @classmethod
    def of(
        cls, layout: SkeletonLayout, scored: tuple[int, ...], twins: tuple[int, ...], pose_mm: NDArray[np.float32]
    ) -> "Mirror":
        """Measure the bones in a pose (J, 3) and lay the map along the tree."""
        count = len(layout)
        fixed = [j not in scored and twins[j] == j for j in range(count)]
        bones = np.linalg.norm(pose_mm - pose_mm[list(layout.parents)], axis=-1)
        weights = np.zeros((count, count, 3))
        offset = np.zeros((count, 3))
        for j in range(count):
            if fixed[j]:
                offset[j] = pose_mm[j]
        for j in layout.outward:
            parent, other = layout.parents[j], layout.mirror[j]
            if fixed[j]:
                continue
            weights[j], offset[j] = weights[parent], offset[parent]
            # A joint that lies on its parent adds no bone.
            if bones[other] > 0:
                share = bones[j] / bones[other] * np.array([-1.0, 1.0, 1.0])
                weights[j, other] += share
                weights[j, layout.parents[other]] -= share
        return cls(weights=weights.astype(np.float32), offset_mm=offset.astype(np.float32))


def every_start(path: str, frames: int) -> NDArray[np.int64]:
    """List where windows of a recording may begin. Raises DataError where it is shorter than one."""
    if frames < WINDOW:
        raise DataError(f"{path}: {frames} frames, expected at least {WINDOW}: {HISTORY} to see and {HORIZON} to tell")
    return np.arange(frames - WINDOW + 1)
