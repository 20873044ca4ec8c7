"""Vary the joints of a stream as cameras differ from one another, beyond what the model of live errors knows.

The model of live errors was fitted to rendered people. Before real cameras joints shake more, another way or not at
all, bodies and lenses differ, and limbs are hidden. A network that saw only the modelled errors relies on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.augment import AugmentConfig, Augmenter
from hitrs_live.data.covered_arm import ArmCoverer, CoveredArm
from hitrs_live.data.guessed_limbs import GuessedLimbs, LimbGuesser
from hitrs_live.data.wrong_depth import DepthDistorter, WrongDepth
from hitrs_live.skeleton import mirrored_labels

Floats = NDArray[np.float32]

ANOTHER_VIEW: Final = AugmentConfig(
    bone_scale=0.04, bone_turn_deg=3.0, joint_offset_m=0.01, tilt_deg=4.0, depth_scale=(0.8, 1.1), tremble_m=0.012,
    drift_m=0.01, depth_drift_m=0.015, missing_share=0.15, rate_share=0.3,
)  # fmt: skip
"""About half of what joints without a camera's errors get: these joints have such errors already."""


@dataclass(frozen=True, kw_only=True)
class CameraFaults:
    """How often each of a camera's faults is added to a window."""

    view_share: float = 0.6
    """Share of windows that another camera sees: body, tilt, depth, jitter, frame rate."""
    view: AugmentConfig = ANOTHER_VIEW
    guessed: GuessedLimbs = field(default_factory=GuessedLimbs)
    covered: CoveredArm = field(default_factory=CoveredArm)
    depth: WrongDepth = field(default_factory=WrongDepth)

    def as_often(self, factor: float) -> "CameraFaults":
        """Return the same faults in `factor` times as many windows; factor: 0 to 1."""
        return replace(
            self, view_share=factor * self.view_share,
            guessed=replace(self.guessed, share=factor * self.guessed.share),
            covered=replace(self.covered, share=factor * self.covered.share),
            depth=replace(self.depth, share=factor * self.depth.share),
        )  # fmt: skip


NO_FAULTS: Final = CameraFaults().as_often(0.0)


class FaultMaker:
    """Add faults to windows of labelled joints."""

    def __init__(self, config: CameraFaults, labels: Sequence[str]) -> None:
        """Take the classes' names, background first."""
        self._share = config.view_share
        self._view = Augmenter(config.view, mirrored_labels(labels))
        self._coverer = ArmCoverer(config.covered, labels)
        self._guesser = LimbGuesser(config.guessed, labels)
        self._depth = DepthDistorter(config.depth)

    def apply(
        self, joints_m: Floats, labels: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Add each fault to some of the windows. joints_m: (T, 25, 3), metres; labels: (T,). Returns both changed.

        Where a class can no longer be seen, its label becomes IGNORE. What is never added takes no random number.
        """
        joints_m, labels = self._coverer.apply(joints_m, labels, rng)
        if self._share and rng.random() < self._share:
            joints_m, _ = self._view.vary_view(joints_m, rng)
        return self._guesser.apply(self._depth.apply(joints_m, rng), labels, rng)
