"""Score a file's pairs as the live path does, from what the model predicted for its people one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import JointFrame, Prediction
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.pair_decoder import PairDecoder
from hitrs_live.streaming.recorded_tracks import TrackHistory

_RowLogits = dict[int, list[tuple[int, NDArray[np.float32]]]]
"""By index of the joint frame: the rows that got a prediction with it, and the logits of each, (K,)."""


@dataclass(kw_only=True)
class PairScores:
    """Predictions for a file's pairs, of all pairs together. K classes."""

    predictions: int = 0
    logits_sum: NDArray[np.float64]
    """(K,)."""
    detected: list[str] = field(default_factory=list)
    """Labels of the actions that the decoder started."""


class FilePairs:
    """Collect the predictions for a file's people, then decode its pairs in the order of the file's joint frames.

    In the batch a person starts when a row is free. Which two people form a pair depends on when each was there, so
    pairs are decoded on the file's own joint frames once all of its people have been run.
    """

    def __init__(
        self, decoder: PairDecoder, joint_frames: Sequence[JointFrame], *, histories: int, classes: int
    ) -> None:
        """Take a new decoder with as many rows as the file's joint frames, and the number of histories in them."""
        self._decoder, self._joint_frames, self._left, self._classes = decoder, joint_frames, histories, classes
        self._logits: _RowLogits = {}

    def take(self, person: TrackHistory, at: int, logits: NDArray[np.float32]) -> None:
        """Keep the prediction for a person after their frame `at`. logits: (K,)."""
        self._logits.setdefault(person.joint_frames[at], []).append((person.row, logits.copy()))

    def end_one(self) -> bool:
        """Count one history as run to its end. Returns whether it was the last."""
        self._left -= 1
        return not self._left

    def score_pairs(self) -> PairScores:
        """Decode the pairs; call it once, after the last history has ended."""
        scores = PairScores(logits_sum=np.zeros(self._classes))
        for number, joint_frame in enumerate(self._joint_frames):
            row_logits = self._logits.get(number, [])
            # Without a prediction and without a reset, the live predictor yields nothing either.
            if not row_logits and not joint_frame.reset.any():
                continue
            events = self._decoder.step(_predict(joint_frame, row_logits, self._classes))
            scores.detected += [event.label for event in events if event.state == "start"]
            pairs = self._decoder.predicted
            assert pairs is not None
            scores.predictions += int(pairs.has_output.sum())
            scores.logits_sum += pairs.logits[pairs.has_output].sum(axis=0, dtype=np.float64)
        return scores


def _predict(
    joint_frame: JointFrame, row_logits: Sequence[tuple[int, NDArray[np.float32]]], classes: int
) -> Prediction:
    """Put logits into the joint frame's rows. Predicted motion has no part in pairs and is left empty."""
    rows = len(joint_frame.active)
    has_output, logits = np.zeros(rows, bool), np.zeros((rows, classes), np.float32)
    for row, of_row in row_logits:
        has_output[row], logits[row] = True, of_row
    future = np.zeros((rows, 0, len(NTU25), 3), np.float32)
    return Prediction(
        joint_frame=joint_frame, has_output=has_output, logits=logits, future_joints_m=future, scales_m=future[..., 0]
    )
