"""When an action began: the onset time of a row's action, dated back from the moment it is detected.

That something begins shows before what it is. So an onset is dated by the total score of all actions, not by the
score of the one class that is detected in the end.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.streaming.thresholds import ThresholdArrays

NEVER = np.iinfo(np.int64).min
"""Stands for "not yet" among times in nanoseconds."""
_ONSET_LEVEL = 0.25
"""Share of the way from the offset to the onset threshold at which an onset is dated. A lower level often dates it to
the end of the previous action, a higher one late."""
_MAX_ONSET_LEAD_NS = 1_000_000_000
"""An onset is dated at most this long before its class became the candidate: scores that rose long before are not
evidence of that class."""


@dataclass(frozen=True, kw_only=True)
class ScoreBatch:
    """The scores of the rows that have a new prediction. M of the R rows, K classes, the background first."""

    rows: NDArray[np.int64]
    """(M,)."""
    scores: NDArray[np.float32]
    """(M, K)."""
    scores_if_known: NDArray[np.float32]
    """(M, K); before `share_with_unknown`, as if the input were certainly of a known class."""
    instants_ns: NDArray[np.int64]
    """(M,); the instants that the scores describe, each standing for half a step before and after it."""
    visible: NDArray[np.bool_]
    """(M, K); True for the classes of which enough of the body was visible for their scores to be used."""


class OnsetTracker:
    """Follow, in each row, since when the total score of all actions has been at each class's onset level.

    R rows, K classes.
    """

    def __init__(self, rules: ThresholdArrays, *, rows: int, step_ns: int, lead_ns: int) -> None:
        """Begin with no score in any row. step_ns, lead_ns: as in `ActionHysteresis`."""
        self._step_ns, self._lead_ns = step_ns, lead_ns
        reach = np.where(np.isfinite(rules.onset_threshold), rules.onset_threshold, 1) - rules.offset_threshold
        self._level = (rules.offset_threshold + _ONSET_LEVEL * reach).astype(np.float32)
        """(K,); the total score of all actions from which on the onset of each class may be dated."""
        self._had_prediction = np.zeros(rows, bool)
        """(R,); True once a row has had a prediction."""
        self._above_since_ns = np.full((rows, len(rules.offset_threshold)), NEVER)
        """(R, K); since when the total score of all actions has been at the class's level."""

    def observe(self, batch: ScoreBatch, clear: NDArray[np.bool_]) -> None:
        """Note since when the total score of all actions has been at each class's level.

        clear: (M,), False where the scores are not to be used.
        """
        # As known classes: how much of the score may be unknown input changes what it is, not when it began.
        rows, scores = batch.rows, batch.scores_if_known
        # In single precision one class's score may slightly exceed one minus the background's.
        above = (1 - scores[:, :1] >= self._level) | (scores >= self._level)
        # A row's first prediction stands for its whole span of frames, before which nothing was seen.
        back_ns = np.where(self._had_prediction[rows], self._step_ns // 2, self._lead_ns)
        self._had_prediction[rows] = True
        begins_ns = (batch.instants_ns - back_ns)[:, None]
        before_ns = self._above_since_ns[rows]
        since_ns = np.where(above, np.where(before_ns == NEVER, begins_ns, before_ns), NEVER)
        self._above_since_ns[rows] = np.where(clear[:, None], since_ns, before_ns)

    def date(self, row: int, label: int, *, candidate_ns: int, previous_end_ns: int) -> int:
        """Return the onset time of the action that now starts in a row, nanoseconds.

        It is the time since which the total score of all actions, as known classes, has been at the class's onset
        level, a quarter of the way from its offset to its onset threshold. It is not before the end of the row's
        previous action, nor more than a second before the class became the candidate.

        candidate_ns: when the class became the candidate. previous_end_ns: `NEVER` where the row had no action before.
        """
        level_ns = self._above_since_ns[row, label]
        # A candidate remains down to its offset threshold, which is below the onset level.
        begins_ns = candidate_ns if level_ns == NEVER else level_ns
        return int(max(begins_ns, previous_end_ns, candidate_ns - _MAX_ONSET_LEAD_NS))

    def lose(self, rows: NDArray[np.int64]) -> None:
        """Drop the times of some rows, whose body has been unclear for long. rows: (N,), indices."""
        self._above_since_ns[rows] = NEVER

    def forget(self, rows: NDArray[np.bool_]) -> None:
        """Reset some rows. rows: (R,), True for those."""
        self._above_since_ns[rows] = NEVER
        self._had_prediction[rows] = False

    def take_over(self, before: "OnsetTracker", classes: NDArray[np.int64]) -> None:
        """Go on from where a tracker of other classes is; as in `ActionHysteresis.take_over`."""
        self._had_prediction[:] = before._had_prediction
        kept = np.flatnonzero(classes >= 0)
        self._above_since_ns[:, kept] = before._above_since_ns[:, classes[kept]]
