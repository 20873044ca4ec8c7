"""Represent a motion-prediction benchmark: recordings of one skeleton with constant bones and a fixed root."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import DataError
from hitrs_live.skeleton import SkeletonLayout

HISTORY = 10
"""Observed frames of a window."""
HORIZON = 25
"""Predicted frames of a window."""
WINDOW = HISTORY + HORIZON


@dataclass(frozen=True, kw_only=True)
class MotionRecording:
    """One recording of one action."""

    action: str
    name: str
    joints_mm: NDArray[np.float32]
    """(T, J, 3); global motion is removed."""
    starts: NDArray[np.int64]
    """First frames of the windows to train or test on."""

    def windows(self) -> NDArray[np.float32]:
        """Return the windows, (W, 35, J, 3), of which the first 10 frames are the history."""
        cut: NDArray[np.float32] = self.joints_mm[self.starts[:, None] + np.arange(WINDOW)]
        return cut


@dataclass(frozen=True, kw_only=True)
class MotionSet:
    """Training and test recordings of a benchmark, and which of its joints are scored."""

    name: str
    layout: SkeletonLayout
    scored: tuple[int, ...]
    """The joints that move; the benchmark's error is theirs."""
    twins: tuple[int, ...]
    """For each joint the scored joint that always has the same position; itself where there is none."""
    train: tuple[MotionRecording, ...]
    test: tuple[MotionRecording, ...]

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions of the test recordings."""
        return tuple(dict.fromkeys(recording.action for recording in self.test))

    def without(self, names: frozenset[str]) -> "MotionSet":
        """Return the set without some of its training recordings. Raises DataError where a name is unknown."""
        self._check_names(names)
        return replace(self, train=tuple(r for r in self.train if r.name not in names))

    def measured_on(self, names: frozenset[str]) -> "MotionSet":
        """Return the set with some training recordings as its test half. Raises DataError where a name is unknown."""
        self._check_names(names)
        return replace(self, test=tuple(r for r in self.train if r.name in names))

    def _check_names(self, names: frozenset[str]) -> None:
        known = [recording.name for recording in self.train]
        if absent := sorted(names - set(known)):
            raise DataError(f"no training recording is called {', '.join(absent)}; there are {', '.join(known)}")

    @cached_property
    def mirror(self) -> "Mirror":
        """The map that swaps left and right on this skeleton."""
        return Mirror.of(self.layout, self.scored, self.twins, (self.train or self.test)[0].joints_mm[0])


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Swap left and right on a skeleton that is not itself symmetrical: an affine map of its joints.

    The direction of every bone is reflected and assigned to the bone of the other side, which keeps its own length;
    joints that never move stay. So a mirrored pose is a pose of this skeleton, and mirroring twice is the identity.
    """

    weights: NDArray[np.float32]
    """(J, J, 3); weight of joint j in mirrored joint k, by axis: [k, j, axis]."""
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
        """Measure the bones in a pose (J, 3) and build the map along the skeleton's tree."""
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
    """List the possible first frames of a recording's windows. Raises DataError where it is shorter than one."""
    if frames < WINDOW:
        raise DataError(
            f"{path}: {frames} frames, expected at least {WINDOW}: {HISTORY} of history and {HORIZON} to predict"
        )
    return np.arange(frames - WINDOW + 1)
