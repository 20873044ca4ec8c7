"""The temporal lifter as a stage of the live path: tracked people in, the same people with corrected joints out."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.lens import sight_lines
from hitrs_live.messages import People
from hitrs_live.skeleton import MEDIAPIPE33
from hitrs_live.temporal_lifting.confidence import joint_confidence
from hitrs_live.temporal_lifting.network import LifterInputs, LifterNetwork, LifterState
from hitrs_live.temporal_lifting.weights import load_lifter

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
def shipped_lifter() -> LifterNetwork:
    """Load the packaged network once for the whole process; it holds weights alone."""
    return load_lifter()


class JointLifter:
    """Correct the joints of each row's person; a row's memory ends with its track."""

    def __init__(self, rows: int, *, min_joint_confidence: float, network: LifterNetwork | None = None) -> None:
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
        new = people.track_ids[rows] != self._track_ids[rows]
        elapsed_s = np.maximum(people.capture_time_ns - self._seen_ns[rows], 1) / 1e9
        inputs = LifterInputs(
            *(
                torch.from_numpy(np.ascontiguousarray(part, np.float32))[:, None]
                for part in (
                    people.joints_m[rows], *joint_sights(keypoints[rows], lens),
                    np.where(new, 0.0, elapsed_s),
                )
            )
        )  # fmt: skip
        joints_m, confidence = self._advance(rows, new, inputs, people.confidence[rows])
        self._track_ids[rows], self._seen_ns[rows] = people.track_ids[rows], people.capture_time_ns
        corrected, certain = people.joints_m.copy(), people.confidence.copy()
        corrected[rows], certain[rows] = joints_m, confidence
        return replace(people, joints_m=corrected, confidence=certain)

    @torch.inference_mode()
    def _advance(
        self, rows: NDArray[np.int64], new: NDArray[np.bool_], inputs: LifterInputs, confidence: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Advance the memory of rows; return their joints (P, 25, 3) and confidence (P, 25)."""
        known, places = torch.from_numpy(~new), torch.from_numpy(rows)
        before = LifterState(
            *(torch.where(known.view(-1, *[1] * (part.ndim - 1)), part[places], 0.0) for part in self._state)
        )
        outputs, after = self._network(inputs, before)
        for part, value in zip(self._state, after, strict=True):
            part[places] = value
        combined = joint_confidence(
            confidence, outputs.visible[:, 0].numpy(), outputs.error_m[:, 0].numpy(), least=self._least
        )
        return outputs.joints_m[:, 0].numpy(), combined
