"""Which action goes on in each row: the decision alone, on arrays of scores, without a message."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import EndReason
from hitrs_live.streaming.thresholds import Rules

_NEVER = np.iinfo(np.int64).min
SLACK_NS = 1_000_000
"""Six frames of 30 Hz in whole nanoseconds are not quite 0.2 s; they are meant to be."""
_BEGUN = 0.25
"""So far from `off` to `on` an action has begun: sooner is often the end of the last one, later is late."""
_LONGEST_RISE_NS = 1_000_000_000
"""A background that was long gone before a candidate came does not say when the candidate's action began."""


@dataclass(frozen=True, kw_only=True)
class ScoreBatch:
    """What is known of the rows that are judged. M of the R rows, K classes."""

    rows: NDArray[np.int64]
    """(M,)."""
    scores: NDArray[np.float32]
    """(M, K)."""
    scores_if_known: NDArray[np.float32]
    """(M, K); before the unknown takes its share. What is not unknown has the same as above."""
    instants_ns: NDArray[np.int64]
    """(M,); what the scores speak of, up to half a hop before and after."""
    clear: NDArray[np.bool_]
    """(M,); whether enough of the body was seen for the scores to mean anything."""


@dataclass(frozen=True, kw_only=True)
class End:
    """A row's action is over."""

    row: int
    reason: EndReason
    label: int
    onset_ns: int
    end_ns: int
    score: float
    """When it was last borne out."""
    peak_score: float
    mean_score: float


@dataclass(frozen=True, kw_only=True)
class Start:
    """A row's candidate is its action now."""

    row: int


@dataclass(frozen=True, kw_only=True)
class Continued:
    """A row's action was borne out."""

    row: int


class ActionHysteresis:
    """Hold in each row the action that was told and the candidate that may be the next one. R rows, K classes.

    A class becomes the candidate when its score reaches `on` and beats those of the row's action and candidate. It is
    told once its score reaches `on` and, were this known to be of some class, would be `confident`; or once it has
    lasted its minimum duration without falling below `off`. It began where the scores of all actions together, were
    this known to be of some class, last rose a quarter of the way from its `off` to its `on`, for that something begins
    is known before what it is; but not before the row's last action ended, nor more than a second before it was the
    candidate. What is there with a row's first judgement began with the clip that this rests on, before which nothing
    was seen. An action is borne out while its score is not below `off` and no candidate beats it. It is over once it
    could not be borne out again within its merge gap, or a candidate is told, and then it ended where it first was not.
    One of its maximum duration is over too, and barred until its score falls below `off`. A row whose body is unclear
    begins nothing and bears nothing out; if that lasts, what it has is over.
    """

    def __init__(
        self, rules: Rules, *, rows: int, confident: float, step_ns: int, lead_ns: int, unclear_ns: int
    ) -> None:
        """Begin with nothing.

        step_ns: from one judgement to the next. lead_ns: from a clip's first frame to the instant that a judgement
        of it speaks of. unclear_ns: how long a body may be unclear.
        """
        self._rules, self._confident = rules, confident
        self._step_ns, self._lead_ns, self._longest_unclear_ns = step_ns, lead_ns, unclear_ns
        reach = np.where(np.isfinite(rules.on), rules.on, 1) - rules.off
        self._begun = (rules.off + _BEGUN * reach).astype(np.float32)
        """(K,); what all actions together reach where one begins that may turn out to be of a class."""
        self._seen_before = np.zeros(rows, bool)
        self.label = np.zeros(rows, np.int64)
        """(R,); the class that goes on, 0 for none."""
        self.onset_ns = np.zeros(rows, np.int64)
        self.score = np.zeros(rows, np.float32)
        """(R,); of the action when it was last borne out."""
        self.peak_score = np.zeros(rows, np.float32)
        """(R,); the highest that it has been, from its detection on, where it was confirmed."""
        self._score_sum = np.zeros(rows)
        self._score_count = np.zeros(rows, np.int64)
        self._confirmed_ns = np.zeros(rows, np.int64)
        self._faded_ns = np.full(rows, _NEVER)
        self._over_ns = np.full(rows, _NEVER)
        """(R,); when the row's last action ended."""
        self._candidate = np.zeros(rows, np.int64)
        self._candidate_ns = np.zeros(rows, np.int64)
        self._rising_since_ns = np.full((rows, len(rules.off)), _NEVER)
        """(R, K); since when all actions together, were it known to be any, have been what begins the class."""
        self._unclear_ns = np.full(rows, _NEVER)
        self._barred = np.zeros((rows, len(rules.on)), bool)

    def step(self, batch: ScoreBatch) -> Sequence[End | Start | Continued]:
        """Advance the rows that are judged. Returns what changed, row by row, an end before a start."""
        rows, clear, instants_ns = batch.rows, batch.clear, batch.instants_ns
        self._barred[rows] &= (batch.scores >= self._rules.off) | ~clear[:, None]
        self._track_onset(batch)
        candidate = self._find_candidates(batch)
        continued = self._confirm(batch, candidate)
        lost = self._track_visibility(batch)
        self._candidate[rows] = candidate = np.where(continued | lost, 0, candidate)
        lasted_ns = instants_ns + self._step_ns // 2 - self._candidate_ns[rows]
        # How much of this may be unknown, `on` has weighed; waiting is for what may still turn out another class.
        confident = _of(batch.scores_if_known, candidate) >= self._confident
        confident &= _of(batch.scores, candidate) >= self._rules.on[candidate]
        detected = (
            clear & (candidate > 0) & (confident | (lasted_ns + SLACK_NS >= self._rules.min_duration_ns[candidate]))
        )
        over, too_long = self._find_ends(batch, detected)
        changes: list[End | Start | Continued] = []
        for at in np.flatnonzero(over | too_long | lost | detected | continued).tolist():
            row = int(rows[at])
            if over[at]:
                changes.extend(self.close(row, "finished"))
            elif too_long[at]:
                changes.extend(self._cut(row))
            elif lost[at]:
                changes.extend(self.close(row, "pose_unclear"))
            elif continued[at]:
                changes.append(Continued(row=row))
            if detected[at]:
                changes.append(self._start(row, float(batch.scores[at, candidate[at]]), int(instants_ns[at])))
        return changes

    def close(self, row: int, reason: EndReason) -> Sequence[End]:
        """End a row's action, if it has one, where it was last borne out or, if it was fading, began to fade."""
        faded_ns = int(self._faded_ns[row])
        return self._end(row, reason, int(self._confirmed_ns[row]) if faded_ns == _NEVER else faded_ns)

    def mean_score(self, row: int) -> float:
        """Average the scores of a row's action, from its detection on, over the judgements that confirmed it."""
        return float(self._score_sum[row] / max(int(self._score_count[row]), 1))

    def forget(self, rows: NDArray[np.bool_]) -> None:
        """Drop all that is held of some rows. rows: (R,), True for those."""
        self.label[rows] = self._candidate[rows] = 0
        self._faded_ns[rows] = self._unclear_ns[rows] = self._over_ns[rows] = _NEVER
        self._rising_since_ns[rows] = _NEVER
        self._barred[rows] = self._seen_before[rows] = False

    def _track_onset(self, batch: ScoreBatch) -> None:
        """Note since when there has been something that might turn out to be each class."""
        # How much of it may be unknown says what it is, not since when.
        rows, scores = batch.rows, batch.scores_if_known
        # In single precision a score may be a little more than all but the background's together.
        there = (1 - scores[:, :1] >= self._begun) | (scores >= self._begun)
        back_ns = np.where(self._seen_before[rows], self._step_ns // 2, self._lead_ns)
        self._seen_before[rows] = True
        begins_ns = (batch.instants_ns - back_ns)[:, None]
        since_ns = self._rising_since_ns[rows]
        rising_since_ns = np.where(there, np.where(since_ns == _NEVER, begins_ns, since_ns), _NEVER)
        self._rising_since_ns[rows] = np.where(batch.clear[:, None], rising_since_ns, since_ns)

    def _find_candidates(self, batch: ScoreBatch) -> NDArray[np.int64]:
        """Choose among the classes that reach `on`. Returns (M,), 0 for none."""
        rows, scores, clear = batch.rows, batch.scores, batch.clear
        reached = (scores >= self._rules.on) & ~self._barred[rows] & clear[:, None]
        leader = np.where(reached, scores, -1.0).argmax(axis=1)
        candidate = self._candidate[rows]
        # What was judged on an unclear body says neither that the candidate lasts nor that it does not.
        stands = (candidate > 0) & (~clear | (_of(scores, candidate) >= self._rules.off[candidate]))
        fresh = reached.any(axis=1) & (leader != self.label[rows]) & (leader != candidate)
        fresh &= ~stands | (_of(scores, leader) > _of(scores, candidate))
        begins_ns = batch.instants_ns - self._step_ns // 2
        self._candidate_ns[rows] = np.where(fresh, begins_ns, self._candidate_ns[rows])
        return np.where(fresh, leader, np.where(stands, candidate, 0))

    def _confirm(self, batch: ScoreBatch, candidate: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Note which actions are borne out and which fade. Returns (M,), the former."""
        rows, scores, clear = batch.rows, batch.scores, batch.clear
        label = self.label[rows]
        own = _of(scores, label)
        beaten = (candidate > 0) & (_of(scores, candidate) > own)
        continued = clear & (label > 0) & (own >= self._rules.off[label]) & ~beaten
        fades = clear & (label > 0) & ~continued & (self._faded_ns[rows] == _NEVER)
        faded_ns = np.where(fades, batch.instants_ns - self._step_ns // 2, self._faded_ns[rows])
        self._faded_ns[rows] = np.where(continued, _NEVER, faded_ns)
        self._confirmed_ns[rows] = np.where(continued, batch.instants_ns, self._confirmed_ns[rows])
        self.score[rows] = np.where(continued, own, self.score[rows])
        self.peak_score[rows] = np.where(continued, np.maximum(own, self.peak_score[rows]), self.peak_score[rows])
        self._score_sum[rows] += np.where(continued, own, 0)
        self._score_count[rows] += continued
        return continued

    def _track_visibility(self, batch: ScoreBatch) -> NDArray[np.bool_]:
        """Note since when bodies are unclear. Returns (M,), True where that is too long."""
        rows, instants_ns = batch.rows, batch.instants_ns
        since_ns = self._unclear_ns[rows]
        since_ns = np.where(batch.clear, _NEVER, np.where(since_ns == _NEVER, instants_ns, since_ns))
        self._unclear_ns[rows] = since_ns
        lost = ~batch.clear & (instants_ns > since_ns + self._longest_unclear_ns)
        self._rising_since_ns[rows[lost]] = _NEVER
        return lost

    def _find_ends(self, batch: ScoreBatch, detected: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Find the actions that faded for good, and those of their maximum duration. Returns (M,) of each."""
        rows, instants_ns = batch.rows, batch.instants_ns
        label, faded_ns = self.label[rows], self._faded_ns[rows]
        faded = (label > 0) & (faded_ns != _NEVER)
        # The next judgement speaks from half a hop after this one's instant on: could it still mend the gap?
        gap_ns = instants_ns + self._step_ns // 2 - np.where(faded, faded_ns, instants_ns)
        over = faded & (detected | (gap_ns - SLACK_NS > self._rules.merge_gap_ns[label]))
        lasted_ns = instants_ns - self.onset_ns[rows]
        return over, (label > 0) & ~faded & (lasted_ns >= self._rules.max_duration_ns[label])

    def _start(self, row: int, score: float, instant_ns: int) -> Start:
        self.label[row] = self._candidate[row]
        rising_since_ns, candidate_ns = self._rising_since_ns[row, self.label[row]], self._candidate_ns[row]
        # A candidate stands down to `off`: by now there may be less than what begins one.
        began_ns = candidate_ns if rising_since_ns == _NEVER else rising_since_ns
        self.onset_ns[row] = max(began_ns, self._over_ns[row], candidate_ns - _LONGEST_RISE_NS)
        self.score[row], self._confirmed_ns[row], self._faded_ns[row] = score, instant_ns, _NEVER
        self.peak_score[row] = self._score_sum[row] = score
        self._score_count[row] = 1
        self._candidate[row] = 0
        return Start(row=row)

    def _cut(self, row: int) -> Sequence[End]:
        """End an action at its maximum duration, and bar it."""
        self._barred[row, self.label[row]] = True
        return self._end(row, "too_long", int(self._confirmed_ns[row]))

    def _end(self, row: int, reason: EndReason, end_ns: int) -> Sequence[End]:
        label, onset_ns = int(self.label[row]), int(self.onset_ns[row])
        if label == 0:
            return ()
        self.label[row], self._faded_ns[row] = 0, _NEVER
        lasted_ns = min(max(end_ns - onset_ns, 0), float(self._rules.max_duration_ns[label]))
        end_ns, score = onset_ns + int(lasted_ns), float(self.score[row])
        self._over_ns[row] = end_ns
        return (
            End(
                row=row, reason=reason, label=label, onset_ns=onset_ns, end_ns=end_ns, score=score,
                peak_score=float(self.peak_score[row]), mean_score=self.mean_score(row),
            ),
        )  # fmt: skip


def _of(scores: NDArray[np.float32], label: NDArray[np.int64]) -> NDArray[np.float32]:
    """Pick one class's score a row. scores: (M, K); label: (M,). Returns (M,)."""
    return scores[np.arange(len(label)), label]
