"""Form pairs of people by distance, for the actions that take two."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import PairConfig
from hitrs_live.messages import Prediction
from hitrs_live.skeleton import NTU25


@dataclass(kw_only=True)
class _Rows:
    """What is known of R rows, one person each."""

    place_m: NDArray[np.float32]
    """(R, 2); x and z of the root, metres; undefined where not present."""
    present: NDArray[np.bool_]
    """(R,)."""
    logits: NDArray[np.float32]
    """(R, K); the newest."""
    predicted: NDArray[np.bool_]
    """(R,); True where `logits` are of the row's present person."""
    confidence: NDArray[np.float32]
    """(R, 25)."""
    track_ids: NDArray[np.int64]


class PairStage:
    """Form pairs by distance, with hysteresis, and average the logits of the two people.

    Two people become a pair when they come nearer than `near_m`, the nearest two first. They remain one until they are
    farther apart than `far_m` or one of them is lost, so that a third person passing by separates no pair. The logits
    of a pair are the mean of its people's newest ones, as a recogniser averages the people of a sequence.
    """

    def __init__(self, config: PairConfig, *, rows: int, classes: int) -> None:
        """Take the distances, the number of people and of classes."""
        self._near_m, self._far_m = config.near_m, config.far_m
        self._rows = _Rows(
            place_m=np.zeros((rows, 2), np.float32),
            present=np.zeros(rows, bool),
            logits=np.zeros((rows, classes), np.float32),
            predicted=np.zeros(rows, bool),
            confidence=np.zeros((rows, len(NTU25)), np.float32),
            track_ids=np.full(rows, -1, np.int64),
        )
        self._partner = np.full(rows, -1, np.int64)
        """(R,); the row that each row is paired with, -1 for none."""

    def step(self, prediction: Prediction) -> Prediction:
        """Turn a prediction for single people into one for pairs.

        A pair takes the row of its first member, the one of the lower row. `has_output` is True where either of the two
        has a new prediction and both have had one; `reset` where a pair formed or separated.
        """
        joint_frame, rows = prediction.joint_frame, self._rows
        self._observe(prediction)
        before = self._partner
        self._partner = self._pair_up(before)
        numbers = np.arange(len(before))
        first = (self._partner >= 0) & (numbers < self._partner)
        partner = np.where(first, self._partner, numbers)
        was_first = (before >= 0) & (numbers < before)
        changed = (self._partner != before) & (first | was_first)
        fresh = prediction.has_output | prediction.has_output[partner]
        return Prediction(
            joint_frame=replace(
                joint_frame,
                track_ids=np.where(first, rows.track_ids, -1),
                other_track_ids=np.where(first, rows.track_ids[partner], -1),
                reset=changed,
                confidence=np.minimum(rows.confidence, rows.confidence[partner]),
            ),
            has_output=first & fresh & rows.predicted & rows.predicted[partner],
            logits=(rows.logits + rows.logits[partner]) * np.float32(0.5),
            future_joints_m=prediction.future_joints_m,
            scales_m=prediction.scales_m,
        )

    def _observe(self, prediction: Prediction) -> None:
        """Store positions, track ids, confidence and logits of the rows."""
        joint_frame, rows = prediction.joint_frame, self._rows
        rows.present &= ~joint_frame.reset
        rows.predicted &= ~joint_frame.reset
        moved = joint_frame.active
        rows.place_m[moved] = joint_frame.joints_m[moved, NTU25.root][:, [0, 2]]
        rows.present |= moved
        rows.track_ids[moved] = joint_frame.track_ids[moved]
        rows.confidence[moved] = joint_frame.confidence[moved]
        rows.logits[prediction.has_output] = prediction.logits[prediction.has_output]
        rows.predicted |= prediction.has_output

    def _pair_up(self, before: NDArray[np.int64]) -> NDArray[np.int64]:
        """Keep the pairs that are still near, then pair the others.

        before: (R,), each row's partner, -1 for none. Returns the same for now.
        """
        rows, count = self._rows, len(before)
        apart_m = np.linalg.norm(rows.place_m[:, None] - rows.place_m[None], axis=-1)
        apart_m[~(rows.present[:, None] & rows.present[None]) | np.eye(count, dtype=bool)] = np.inf
        kept = (before >= 0) & (apart_m[np.arange(count), before] <= self._far_m)
        partner = np.where(kept, before, -1)
        apart_m[kept] = apart_m[:, kept] = np.inf
        while apart_m.min(initial=np.inf) <= self._near_m:
            one, other = np.unravel_index(apart_m.argmin(), apart_m.shape)
            partner[one], partner[other] = other, one
            apart_m[[one, other]] = apart_m[:, [one, other]] = np.inf
        return partner
