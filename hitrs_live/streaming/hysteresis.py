"""Onset and offset thresholds with hysteresis: which action is running in each row, since when, and when it ends.

This is the decision alone, on arrays of scores: `ActionDecoder` makes messages of it. Whether an action starts is
decided in `ActionHysteresis.step`, its end in `_find_ends`; its onset is dated in `onset`. The thresholds per
class are `thresholds.ThresholdArrays`; the settings are the section `[action]` (`on`, `off`, `min_duration_s`,
`merge_gap_s`, `max_duration_s`, `sure`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import EndReason
from hitrs_live.streaming.onset import NEVER, OnsetTracker, ScoreBatch
from hitrs_live.streaming.thresholds import ThresholdArrays

SLACK_NS = 1_000_000
"""Six frames of 30 Hz in whole nanoseconds are not quite 0.2 s; they are meant to be."""


TAKEOVER_LOG_ODDS = 2.0
"""How much likelier another class must be to end an action that is still confirmed, where each class has a sigmoid of
its own. Those scores do not exclude each other: in a squat that pauses, `sit_to_stand` is as likely as `squat`."""
_LEAST_SCORE = np.float32(1e-6)


@dataclass(frozen=True, kw_only=True)
class End:
    """A row's action has ended."""

    row: int
    reason: EndReason
    label: int
    onset_ns: int
    end_ns: int
    score: float
    """When it was last confirmed."""
    peak_score: float
    mean_score: float


@dataclass(frozen=True, kw_only=True)
class Start:
    """A row's candidate has become its running action."""

    row: int


@dataclass(frozen=True, kw_only=True)
class Continued:
    """A row's running action was confirmed."""

    row: int


class ActionHysteresis:
    """Keep the running action of each row and the candidate for the next one. R rows, K classes.

    Start. A class becomes the candidate when its score reaches its onset threshold and exceeds the scores of the row's
    running action and candidate. The candidate becomes the running action either at once, when its score is at the
    onset threshold and its score as a known class reaches `confident_threshold`, or when it has lasted its minimum
    duration without falling below its offset threshold.

    Onset. Onsets are dated back, because that something begins shows before what it is: see `OnsetTracker`.

    Confirmation. A running action is confirmed by each prediction in which its score is at least its offset threshold
    and no candidate exceeds it; where each class has a sigmoid of its own, exceeds it by `TAKEOVER_LOG_ODDS`.

    End. An action ends once it can no longer be confirmed within its merge gap, or when a candidate becomes the running
    action; its end is dated to where its confirmation first failed. An action that reaches its maximum duration ends
    too, and its class is barred until its score falls below the offset threshold.

    Unclear body. While too little is visible of a row's body for its running action, or else its candidate, nothing
    starts and nothing is confirmed; after `max_unclear_ns` the action ends. Where neither is there, the classes of
    which enough is visible may start.
    """

    def __init__(
        self,
        rules: ThresholdArrays,
        *,
        rows: int,
        confident_threshold: float,
        step_ns: int,
        lead_ns: int,
        max_unclear_ns: int,
    ) -> None:
        """Begin with no action in any row.

        rules: the thresholds per class. step_ns: time between predictions on a row. lead_ns: from the first frame of a
        model's span to the instant that its first output describes. max_unclear_ns: how long a body may be unclear.
        """
        self._rules, self._confident_threshold = rules, confident_threshold
        self._step_ns, self._max_unclear_ns = step_ns, max_unclear_ns
        self._onsets = OnsetTracker(rules, rows=rows, step_ns=step_ns, lead_ns=lead_ns)
        self.label = np.zeros(rows, np.int64)
        """(R,); the class of the running action, 0 for none."""
        self.onset_ns = np.zeros(rows, np.int64)
        """(R,); the onset of the running action."""
        self.score = np.zeros(rows, np.float32)
        """(R,); of the running action when it was last confirmed."""
        self.peak_score = np.zeros(rows, np.float32)
        """(R,); the highest score of the running action since its start, where it was confirmed."""
        self._score_sum = np.zeros(rows)
        self._score_count = np.zeros(rows, np.int64)
        self._confirmed_ns = np.zeros(rows, np.int64)
        """(R,); the instant of the last confirmation."""
        self._unconfirmed_since_ns = np.full(rows, NEVER)
        """(R,); when the confirmation of the running action first failed; `NEVER` where it has not."""
        self._last_end_ns = np.full(rows, NEVER)
        """(R,); when the row's previous action ended."""
        self._candidate = np.zeros(rows, np.int64)
        self._candidate_since_ns = np.zeros(rows, np.int64)
        self._unclear_since_ns = np.full(rows, NEVER)
        self._barred = np.zeros((rows, len(rules.onset_threshold)), bool)
        """(R, K); True for a class that reached its maximum duration and has not fallen below its offset threshold."""

    def step(self, batch: ScoreBatch) -> Sequence[End | Start | Continued]:
        """Advance the rows of a batch. Returns what changed, row by row, an end before a start."""
        rows, instants_ns, clear = batch.rows, batch.instants_ns, self._find_clear(batch)
        self._barred[rows] &= (batch.scores >= self._rules.offset_threshold) | ~clear[:, None]
        self._onsets.observe(batch, clear)
        candidate = self._find_candidates(batch, clear)
        continued = self._confirm(batch, clear, candidate)
        lost = self._track_visibility(batch, clear)
        self._candidate[rows] = candidate = np.where(continued | lost, 0, candidate)
        lasted_ns = instants_ns + self._step_ns // 2 - self._candidate_since_ns[rows]
        # The onset threshold already accounts for unknown input; confidence is about which known class it is.
        confident = _score_of(batch.scores_if_known, candidate) >= self._confident_threshold
        confident &= _score_of(batch.scores, candidate) >= self._rules.onset_threshold[candidate]
        long_enough = lasted_ns + SLACK_NS >= self._rules.min_duration_ns[candidate]
        starts = clear & batch.visible[np.arange(len(rows)), candidate]
        starts &= (candidate > 0) & (confident | long_enough)
        ends, too_long = self._find_ends(batch, starts)
        changes: list[End | Start | Continued] = []
        for at in np.flatnonzero(ends | too_long | lost | starts | continued).tolist():
            row = int(rows[at])
            if ends[at]:
                changes.extend(self.close(row, "finished"))
            elif too_long[at]:
                changes.extend(self._end_too_long(row))
            elif lost[at]:
                changes.extend(self.close(row, "pose_unclear"))
            elif continued[at]:
                changes.append(Continued(row=row))
            if starts[at]:
                changes.append(self._start(row, float(batch.scores[at, candidate[at]]), int(instants_ns[at])))
        return changes

    def close(self, row: int, reason: EndReason) -> Sequence[End]:
        """End a row's action, if it has one, where its confirmation first failed, else where it was last confirmed."""
        since_ns = int(self._unconfirmed_since_ns[row])
        return self._end(row, reason, int(self._confirmed_ns[row]) if since_ns == NEVER else since_ns)

    def mean_score(self, row: int) -> float:
        """Average the scores of a row's action over the predictions that confirmed it, its start included."""
        return float(self._score_sum[row] / max(int(self._score_count[row]), 1))

    def forget(self, rows: NDArray[np.bool_]) -> None:
        """Reset some rows. rows: (R,), True for those."""
        self.label[rows] = self._candidate[rows] = 0
        self._unconfirmed_since_ns[rows] = self._unclear_since_ns[rows] = self._last_end_ns[rows] = NEVER
        self._barred[rows] = False
        self._onsets.forget(rows)

    def take_over(self, before: "ActionHysteresis", classes: NDArray[np.int64]) -> None:
        """Go on from where another is whose classes are others: actions that both have run on.

        classes: (K,), the class of `before` that each class is; -1 for a new one. No class of `before` without a
        successor may be running.
        """
        successors = np.zeros(before._barred.shape[1], np.int64)
        kept = np.flatnonzero(classes >= 0)
        successors[classes[kept]] = kept
        self.label[:], self._candidate[:] = successors[before.label], successors[before._candidate]
        for name in (
            "onset_ns", "score", "peak_score", "_score_sum", "_score_count", "_confirmed_ns", "_unconfirmed_since_ns",
            "_last_end_ns", "_candidate_since_ns", "_unclear_since_ns",
        ):  # fmt: skip
            getattr(self, name)[:] = getattr(before, name)
        self._barred[:, kept] = before._barred[:, classes[kept]]
        self._onsets.take_over(before._onsets, classes)

    def _find_clear(self, batch: ScoreBatch) -> NDArray[np.bool_]:
        """Find the rows of which enough is visible for their action or candidate, else for any class. Returns (M,)."""
        label, candidate = self.label[batch.rows], self._candidate[batch.rows]
        concerned = np.where(label > 0, label, candidate)
        clear: NDArray[np.bool_] = np.where(
            concerned > 0, batch.visible[np.arange(len(concerned)), concerned], batch.visible.any(axis=1)
        )
        return clear

    def _find_candidates(self, batch: ScoreBatch, clear: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Choose each row's candidate among the classes at their onset threshold. Returns (M,), 0 for none."""
        rows, scores = batch.rows, batch.scores
        reached = (scores >= self._rules.onset_threshold) & ~self._barred[rows] & clear[:, None] & batch.visible
        leader = np.where(reached, scores, -1.0).argmax(axis=1)
        candidate = self._candidate[rows]
        # Scores of an unclear body neither keep a candidate nor drop it.
        remains = (candidate > 0) & (~clear | (_score_of(scores, candidate) >= self._rules.offset_threshold[candidate]))
        fresh = reached.any(axis=1) & (leader != self.label[rows]) & (leader != candidate)
        fresh &= ~remains | (_score_of(scores, leader) > _score_of(scores, candidate))
        begins_ns = batch.instants_ns - self._step_ns // 2
        self._candidate_since_ns[rows] = np.where(fresh, begins_ns, self._candidate_since_ns[rows])
        return np.where(fresh, leader, np.where(remains, candidate, 0))

    def _confirm(self, batch: ScoreBatch, clear: NDArray[np.bool_], candidate: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Confirm running actions, and note where confirmation fails. Returns (M,), True where confirmed."""
        rows, scores = batch.rows, batch.scores
        label = self.label[rows]
        own = _score_of(scores, label)
        others = _score_of(scores, candidate)
        beaten = (candidate > 0) & (others > own)
        if self._rules.independent:
            beaten &= _log_odds(others) - _log_odds(own) > TAKEOVER_LOG_ODDS
        continued = clear & (label > 0) & (own >= self._rules.offset_threshold[label]) & ~beaten
        fails = clear & (label > 0) & ~continued & (self._unconfirmed_since_ns[rows] == NEVER)
        since_ns = np.where(fails, batch.instants_ns - self._step_ns // 2, self._unconfirmed_since_ns[rows])
        self._unconfirmed_since_ns[rows] = np.where(continued, NEVER, since_ns)
        self._confirmed_ns[rows] = np.where(continued, batch.instants_ns, self._confirmed_ns[rows])
        self.score[rows] = np.where(continued, own, self.score[rows])
        self.peak_score[rows] = np.where(continued, np.maximum(own, self.peak_score[rows]), self.peak_score[rows])
        self._score_sum[rows] += np.where(continued, own, 0)
        self._score_count[rows] += continued
        return continued

    def _track_visibility(self, batch: ScoreBatch, clear: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Note since when bodies are unclear. Returns (M,), True where that is longer than allowed."""
        rows, instants_ns = batch.rows, batch.instants_ns
        since_ns = self._unclear_since_ns[rows]
        since_ns = np.where(clear, NEVER, np.where(since_ns == NEVER, instants_ns, since_ns))
        self._unclear_since_ns[rows] = since_ns
        lost = ~clear & (instants_ns > since_ns + self._max_unclear_ns)
        self._onsets.lose(rows[lost])
        return lost

    def _find_ends(self, batch: ScoreBatch, starts: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Find the actions that end, and those that reached their maximum duration. Returns (M,) of each."""
        rows, instants_ns = batch.rows, batch.instants_ns
        label, since_ns = self.label[rows], self._unconfirmed_since_ns[rows]
        unconfirmed = (label > 0) & (since_ns != NEVER)
        # The next prediction stands for the time from half a step after this instant on: too late for the merge gap?
        gap_ns = instants_ns + self._step_ns // 2 - np.where(unconfirmed, since_ns, instants_ns)
        ends = unconfirmed & (starts | (gap_ns - SLACK_NS > self._rules.merge_gap_ns[label]))
        lasted_ns = instants_ns - self.onset_ns[rows]
        return ends, (label > 0) & ~unconfirmed & (lasted_ns >= self._rules.max_duration_ns[label])

    def _start(self, row: int, score: float, instant_ns: int) -> Start:
        """Make a row's candidate its running action."""
        self.label[row] = self._candidate[row]
        self.onset_ns[row] = self._onsets.date(
            row,
            int(self.label[row]),
            candidate_ns=int(self._candidate_since_ns[row]),
            previous_end_ns=int(self._last_end_ns[row]),
        )
        self.score[row], self._confirmed_ns[row], self._unconfirmed_since_ns[row] = score, instant_ns, NEVER
        self.peak_score[row] = self._score_sum[row] = score
        self._score_count[row] = 1
        self._candidate[row] = 0
        return Start(row=row)

    def _end_too_long(self, row: int) -> Sequence[End]:
        """End an action at its maximum duration, and bar its class."""
        self._barred[row, self.label[row]] = True
        return self._end(row, "too_long", int(self._confirmed_ns[row]))

    def _end(self, row: int, reason: EndReason, end_ns: int) -> Sequence[End]:
        label, onset_ns = int(self.label[row]), int(self.onset_ns[row])
        if label == 0:
            return ()
        self.label[row], self._unconfirmed_since_ns[row] = 0, NEVER
        lasted_ns = min(max(end_ns - onset_ns, 0), float(self._rules.max_duration_ns[label]))
        end_ns, score = onset_ns + int(lasted_ns), float(self.score[row])
        self._last_end_ns[row] = end_ns
        return (
            End(
                row=row, reason=reason, label=label, onset_ns=onset_ns, end_ns=end_ns, score=score,
                peak_score=float(self.peak_score[row]), mean_score=self.mean_score(row),
            ),
        )  # fmt: skip


def _log_odds(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn scores, 0 to 1, into log odds; 0 and 1 into numbers beyond all others."""
    bounded = np.clip(scores, _LEAST_SCORE, 1 - _LEAST_SCORE)
    log_odds: NDArray[np.float32] = np.log(bounded / (1 - bounded))
    return log_odds


def _score_of(scores: NDArray[np.float32], label: NDArray[np.int64]) -> NDArray[np.float32]:
    """Pick one class's score per row. scores: (M, K); label: (M,). Returns (M,)."""
    return scores[np.arange(len(label)), label]
