"""Judge a file's pairs as they are judged live, from what the model said of its people one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import JointFrame, Prediction
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.pair_decoder import PairDecoder
from hitrs_live.streaming.recorded_tracks import TrackHistory

_Judgements = dict[int, list[tuple[int, NDArray[np.float32]]]]
"""By tick: the rows that were judged with it, and the logits of each, (K,)."""


@dataclass(kw_only=True)
class PairsHeard:
    """What was said of a file's pairs, all of them together."""

    judgements: int = 0
    logits_sum: NDArray[np.float64]
    """(K,)."""
    told: list[str] = field(default_factory=list)
    """Actions that the decoder let begin."""


class FilePairs:
    """Keep what is said of a file's people until all of it is, then pass it on in the order of its ticks.

    The batch that people are judged in has them begin when a row is free. Who stands with whom is a matter of when
    they were there, which the file's own ticks tell.
    """

    def __init__(
        self, decoder: PairDecoder, joint_frames: Sequence[JointFrame], *, histories: int, classes: int
    ) -> None:
        """Take a new decoder of as many rows as the file's ticks have, and how many histories there are in them."""
        self._decoder, self._joint_frames, self._left, self._classes = decoder, joint_frames, histories, classes
        self._judgements: _Judgements = {}

    def take(self, person: TrackHistory, at: int, logits: NDArray[np.float32]) -> None:
        """Keep a judgement on somebody after their frame `at`. logits: (K,)."""
        self._judgements.setdefault(person.joint_frames[at], []).append((person.row, logits.copy()))

    def end_one(self) -> bool:
        """Count that a history was run to its end; return whether it was the last."""
        self._left -= 1
        return not self._left

    def score_pairs(self) -> PairsHeard:
        """Judge and tell the pairs, once."""
        heard = PairsHeard(logits_sum=np.zeros(self._classes))
        for number, joint_frame in enumerate(self._joint_frames):
            said = self._judgements.get(number, [])
            # Where there is neither, the predictor says nothing either.
            if not said and not joint_frame.reset.any():
                continue
            events = self._decoder.step(_predict(joint_frame, said, self._classes))
            heard.told += [event.label for event in events if event.state == "start"]
            judged = self._decoder.predicted
            assert judged is not None
            heard.judgements += int(judged.completed.sum())
            heard.logits_sum += judged.logits[judged.completed].sum(axis=0, dtype=np.float64)
        return heard


def _predict(joint_frame: JointFrame, said: Sequence[tuple[int, NDArray[np.float32]]], classes: int) -> Prediction:
    """Lay judgements out in the tick's rows. What is foreseen has no part in pairs."""
    rows = len(joint_frame.active)
    completed, logits = np.zeros(rows, bool), np.zeros((rows, classes), np.float32)
    for row, of_row in said:
        completed[row], logits[row] = True, of_row
    future = np.zeros((rows, 0, len(NTU25), 3), np.float32)
    return Prediction(
        joint_frame=joint_frame, completed=completed, logits=logits, future_joints_m=future, scales_m=future[..., 0]
    )
