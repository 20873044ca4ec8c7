"""Turn the logits of each row into action events: start, update, end.

The decision itself, onset and offset thresholds with hysteresis, is in `hysteresis`; this stage adds scores, track ids
and times, and makes the messages.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import ActionConfig, TrackConfig
from hitrs_live.messages import ActionEvent, EndReason, JointFrame, Prediction, ScoreEvent
from hitrs_live.streaming.body_confidence import LEG_PARTS, part_confidence
from hitrs_live.streaming.hysteresis import ActionHysteresis, End, Start
from hitrs_live.streaming.onset import ScoreBatch
from hitrs_live.streaming.scores import share_with_unknown
from hitrs_live.streaming.stream_model import StreamDescription
from hitrs_live.streaming.thresholds import Thresholds, make_threshold_arrays
from hitrs_live.visible_classes import needs_legs

_TOP = 5
"""Classes that a ScoreEvent names."""


class ActionDecoder:
    """Detect at most one action per row at a time, by the rules of `ActionHysteresis`.

    While a row's body is unclear (a part of it below `min_pose_confidence`), no action starts and a running one is
    not confirmed; after `bridge_s` it ends. Of a body of which only hips or knees are unclear, actions that need no
    legs are detected.
    """

    def __init__(
        self,
        model: StreamDescription,
        config: ActionConfig,
        *,
        source_id: str,
        rows: int,
        thresholds: Thresholds | None = None,
        bridge_s: float = TrackConfig().bridge_s,
        of_pairs: bool | None = False,
        legs: NDArray[np.bool_] | None = None,
    ) -> None:
        """Take the model's numbers, the settings and the thresholds.

        thresholds: take precedence over the model's own and the settings. bridge_s: how long a body may be unclear
        before its action ends. of_pairs: True where the rows are pairs, on which only actions of two people are
        detected; False where they are single people, on which only the others are; None to detect all, for recordings
        of which it is not known. legs: (K,), the classes that are detected only on people whose legs are seen; None
        for those of `visible_classes.needs_legs`, by their names.
        """
        self._labels, self._config, self._source_id = model.labels, config, source_id
        rules = make_threshold_arrays(model, config, thresholds)
        if of_pairs is not None:
            takes_two = np.isin(model.labels, model.pair_labels)
            rules = replace(
                rules,
                onset_threshold=np.where(takes_two == of_pairs, rules.onset_threshold, np.float32(np.inf)),
            )
        self._rules = rules
        self._needs_legs = needs_legs(model.labels) if legs is None else legs
        self._lag_ns = model.duration_ns(model.label_lag_frames)
        self._window_ns = model.duration_ns(model.window_frames - 1)
        self._hysteresis = ActionHysteresis(
            self._rules,
            rows=rows,
            confident_threshold=config.sure,
            step_ns=model.duration_ns(model.step_frames),
            lead_ns=model.duration_ns(model.span_frames - 1) - self._lag_ns,
            max_unclear_ns=round(bridge_s * 1e9),
        )
        self._track_ids = np.full(rows, -1, np.int64)
        self._other_track_ids = np.full(rows, -1, np.int64)
        self._track_start_ns = np.zeros(rows, np.int64)
        self._newest_ns = np.zeros(rows, np.int64)
        self._updated_ns = np.zeros(rows, np.int64)
        self._delay_s = np.zeros(rows)

    def scores(self, prediction: Prediction) -> NDArray[np.float32]:
        """Return the scores that decisions are made on, (R, K)."""
        return self._rules.scores(prediction.logits)

    def step(self, prediction: Prediction) -> Sequence[ActionEvent | ScoreEvent]:
        """Advance by one prediction; return the scores of its rows, then starts, updates and ends of actions."""
        joint_frame = prediction.joint_frame
        events: list[ActionEvent | ScoreEvent] = []
        if joint_frame.reset.any():
            events.extend(self._restart_rows(joint_frame))
        rows = np.flatnonzero(prediction.has_output)
        if not len(rows):
            return events
        logits = prediction.logits[rows]
        if_known = self._rules.scores_if_known(logits)
        scores = share_with_unknown(if_known, logits, self._rules.energy_threshold)
        self._track_ids[rows], self._newest_ns[rows] = joint_frame.track_ids[rows], joint_frame.time_ns[rows]
        if joint_frame.other_track_ids is not None:
            self._other_track_ids[rows] = joint_frame.other_track_ids[rows]
        events.extend(self._score_events(rows, scores))
        batch = ScoreBatch(
            rows=rows,
            scores=scores,
            scores_if_known=if_known,
            instants_ns=joint_frame.time_ns[rows] - self._lag_ns,
            visible=self._visible(joint_frame.confidence[rows]),
        )
        for change in self._hysteresis.step(batch):
            if isinstance(change, End):
                events.append(self._end_event(change))
            elif isinstance(change, Start):
                events.append(self._start_event(change.row))
            elif self._newest_ns[change.row] - self._updated_ns[change.row] >= self._config.update_every_s * 1e9:
                events.append(self._update_event(change.row))
        return events

    def _visible(self, confidence: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which classes can be recognised on what is seen of each body. confidence: (M, 25). Returns (M, K)."""
        seen = part_confidence(confidence) >= self._config.min_pose_confidence
        whole, without_legs = seen.all(axis=1, keepdims=True), (seen | LEG_PARTS).all(axis=1, keepdims=True)
        visible: NDArray[np.bool_] = whole | (without_legs & ~self._needs_legs)
        return visible

    def running_actions(self) -> dict[int, tuple[str, float]]:
        """Return each track's running action and its score, for a view."""
        running = self._hysteresis
        return {
            int(self._track_ids[row]): (self._labels[running.label[row]], float(running.score[row]))
            for row in np.flatnonzero(running.label)
        }

    def close_all(self, reason: EndReason) -> Sequence[ActionEvent]:
        """End every open action, where the source or the program ends."""
        every = np.ones(len(self._track_ids), bool)
        events = [self._end_event(end) for row in range(len(every)) for end in self._hysteresis.close(row, reason)]
        self._hysteresis.forget(every)
        return events

    def take_over(self, before: "ActionDecoder", same: Collection[str]) -> Sequence[ActionEvent]:
        """Go on from where a decoder with other classes is: some run on; return the ends of the others.

        before: has as many rows; it must not be used again. same: names of the classes that both have and that mean
        the same in both; the background always does.
        """
        labels = list(before._labels)
        classes = np.array([labels.index(one) if one in same else -1 for one in self._labels], np.int64)
        classes[0] = 0
        gone = ~np.isin(before._hysteresis.label, classes)
        ends = [
            before._end_event(end)
            for row in np.flatnonzero(gone).tolist()
            for end in before._hysteresis.close(row, "shutdown")
        ]
        self._hysteresis.take_over(before._hysteresis, classes)
        for name in ("_track_ids", "_other_track_ids", "_track_start_ns", "_newest_ns", "_updated_ns", "_delay_s"):
            getattr(self, name)[:] = getattr(before, name)
        return ends

    def _restart_rows(self, joint_frame: JointFrame) -> Sequence[ActionEvent]:
        """End the actions of the rows whose track ended, and forget their history."""
        events = []
        for row in np.flatnonzero(joint_frame.reset).tolist():
            self._newest_ns[row] = max(self._newest_ns[row], joint_frame.time_ns[row])
            events += [self._end_event(end) for end in self._hysteresis.close(row, "track_lost")]
        self._hysteresis.forget(joint_frame.reset)
        self._track_start_ns[joint_frame.reset] = self._newest_ns[joint_frame.reset] = joint_frame.time_ns[
            joint_frame.reset
        ]
        return events

    def _start_event(self, row: int) -> ActionEvent:
        self._updated_ns[row] = self._newest_ns[row]
        self._delay_s[row] = (self._newest_ns[row] - self._hysteresis.onset_ns[row]) / 1e9
        return self._running_event("start", row)

    def _update_event(self, row: int) -> ActionEvent:
        self._updated_ns[row] = self._newest_ns[row]
        return self._running_event("update", row)

    def _running_event(self, state: Literal["start", "update"], row: int) -> ActionEvent:
        running = self._hysteresis
        score, peak_score = float(running.score[row]), float(running.peak_score[row])
        scores = (score, peak_score, running.mean_score(row))
        return self._event(state, row, int(running.label[row]), int(running.onset_ns[row]), scores)

    def _end_event(self, end: End) -> ActionEvent:
        scores = (end.score, end.peak_score, end.mean_score)
        return self._event("end", end.row, end.label, end.onset_ns, scores, end_ns=end.end_ns, reason=end.reason)

    def _event(
        self,
        state: Literal["start", "update", "end"],
        row: int,
        label: int,
        onset_ns: int,
        scores: tuple[float, float, float],
        *,
        end_ns: int | None = None,
        reason: EndReason | None = None,
    ) -> ActionEvent:
        """Build an event. scores: the newest, the highest and the mean."""
        score, peak_score, mean_score = (round(value, 4) for value in scores)
        now_ns, other = int(self._newest_ns[row]), int(self._other_track_ids[row])
        return ActionEvent(
            source_id=self._source_id,
            capture_time_ns=now_ns,
            state=state,
            label=self._labels[label],
            score=score,
            track_id=int(self._track_ids[row]),
            onset_time_ns=onset_ns,
            end_time_ns=end_ns,
            detection_delay_s=round(float(self._delay_s[row]), 4),
            window_start_ns=max(now_ns - self._window_ns, int(self._track_start_ns[row])),
            window_end_ns=now_ns,
            reason=reason,
            other_track_id=None if other < 0 else other,
            peak_score=peak_score,
            mean_score=mean_score,
        )

    def _score_events(self, rows: NDArray[np.int64], scores: NDArray[np.float32]) -> Sequence[ScoreEvent]:
        best = np.argsort(-scores, axis=1, kind="stable")[:, :_TOP]
        highest = np.take_along_axis(scores, best, axis=1).tolist()
        return [
            ScoreEvent(
                source_id=self._source_id,
                capture_time_ns=int(self._newest_ns[row]),
                track_id=int(self._track_ids[row]),
                labels=tuple(self._labels[k] for k in order),
                scores=tuple(round(score, 4) for score in row_scores),
            )
            for row, order, row_scores in zip(rows.tolist(), best.tolist(), highest, strict=True)
        ]
