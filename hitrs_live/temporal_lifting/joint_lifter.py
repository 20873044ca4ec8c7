"""The temporal lifter as a stage of the live path: tracked people in, the same people with corrected joints out."""

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hitrs_live.lens import sight_lines
from hitrs_live.messages import People
from hitrs_live.skeleton import MEDIAPIPE33
from hitrs_live.temporal_lifting.confidence import joint_confidence
from hitrs_live.temporal_lifting.frame_network import FrameNetwork
from hitrs_live.temporal_lifting.lifting import LifterInputs
from hitrs_live.temporal_lifting.memory import LifterState
from hitrs_live.temporal_lifting.weights import read_weights

Floats = NDArray[np.float32]


def joint_sights(keypoints: Floats, lens: NDArray[np.floating]) -> tuple[Floats, Floats]:
    """Return the sight lines of the joints by keypoints of MediaPipe, and the keypoints' certainty.

    keypoints: (..., 33, 3), fractions of the picture and certainty; lens: (9,), as `hitrs_live.lens` has it. Returns
    where the sight lines meet the plane z = 1 in the axes of messages.py, (..., 25, 2), and (..., 25).
    """
    weights = MEDIAPIPE33.weights
    rays = -sight_lines(keypoints[..., :2], lens)
    return (weights @ rays).astype(np.float32), (keypoints[..., 2] @ weights.T).astype(np.float32)


@cache
def shipped_lifter() -> FrameNetwork:
    """Load the packaged network once for the whole process; it holds weights alone."""
    return FrameNetwork(read_weights())


class JointLifter:
    """Correct the joints of each row's person; a row's memory ends with its track."""

    def __init__(self, rows: int, *, min_joint_confidence: float, network: FrameNetwork | None = None) -> None:
        """Take the number of rows, and the confidence below which joints count as not seen.

        network: by default the packaged one. Raises DataError where that cannot be read.
        """
        self._network = network or shipped_lifter()
        self._least = min_joint_confidence
        self._state = self._network.initial_state(rows)
        self._track_ids = np.full(rows, -1, np.int64)
        self._seen_ns = np.zeros(rows, np.int64)

    def step(self, people: People, lens: NDArray[np.float32] | None) -> People:
        """Correct the joints of all people of one frame, and their confidence.

        lens: (9,), as `hitrs_live.lens` has it. Where it is not known, or people have no keypoints of MediaPipe, their
        joints stay as they are.
        """
        keypoints = people.keypoints
        if lens is None or keypoints is None or people.keypoint_layout != MEDIAPIPE33.name:
            return people
        rows = np.flatnonzero(people.present & np.isfinite(keypoints).all(axis=(1, 2)))
        if not len(rows):
            return people
        before, step_s = self._remembered(rows, people.track_ids[rows], people.capture_time_ns)
        inputs = LifterInputs(people.joints_m[rows], *joint_sights(keypoints[rows], lens), step_s)
        outputs, after = self._network.step(inputs, before)
        for part, value in zip(self._state, after, strict=True):
            part[rows] = value
        corrected, certain = people.joints_m.copy(), people.confidence.copy()
        corrected[rows] = outputs.joints_m
        certain[rows] = joint_confidence(certain[rows], outputs.visible, outputs.error_m, least=self._least)
        return replace(people, joints_m=corrected, confidence=certain)

    def _remembered(
        self, rows: NDArray[np.int64], track_ids: NDArray[np.int64], now_ns: int
    ) -> tuple[LifterState, Floats]:
        """Return what is remembered of the people in rows (P,), nothing of new ones, and the seconds since each was
        seen, 0 for new ones."""
        known = track_ids == self._track_ids[rows]
        step_s = np.where(known, np.maximum(now_ns - self._seen_ns[rows], 1) / 1e9, 0).astype(np.float32)
        self._track_ids[rows], self._seen_ns[rows] = track_ids, now_ns
        state = LifterState(*(part[rows] for part in self._state))
        for part in state:
            part[~known] = 0
        return state, step_s
