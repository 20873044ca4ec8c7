"""Turn logits into actions that begin, go on and end."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import CheckpointInfo
from hitrs_live.config import ActionConfig, TrackConfig
from hitrs_live.messages import ActionEvent, EndReason, JointFrame, Prediction, ScoreEvent
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.hysteresis import ActionHysteresis, End, ScoreBatch, Start
from hitrs_live.streaming.thresholds import Thresholds, make_rules

_TOP = 5
"""Classes that a ScoreEvent names."""
_BODY = np.array(
    [
        [NTU25.index(side.format(part)) for side in ("left_{}", "right_{}")]
        for part in ("shoulder", "elbow", "hip", "knee")
    ]
    + [[NTU25.index("head")] * 2]
)
"""(5, 2): the joints without which there is no telling what a body does, both sides of each."""


class ActionDecoder:
    """Tell one action a row at a time, by the rules of `ActionHysteresis`.

    Where a row's body is not clear, as `body_confidence` says, nothing begins and nothing is borne out; after the
    gap that tracks are bridged over, what goes on ends.
    """

    def __init__(
        self,
        info: CheckpointInfo,
        config: ActionConfig,
        *,
        source_id: str,
        rows: int,
        thresholds: Thresholds | None = None,
        step_frames: int | None = None,
        bridge_s: float = TrackConfig().bridge_s,
        of_pairs: bool | None = False,
    ) -> None:
        """Take the checkpoint's description, the settings and what was tuned.

        thresholds: over the checkpoint's own and the settings. step_frames: frames from one judgement on a row to the
        next, by default the clip stride. bridge_s: how long a body may be unclear before its action ends.
        of_pairs: whether the rows are pairs, who are told the actions of two, or single people, who are told the rest;
        None for recordings of which that is not known, which are told all.
        """
        self._labels, self._config, self._source_id = info.labels, config, source_id
        rules = make_rules(info, config, thresholds)
        if of_pairs is not None:
            takes_two = np.isin(info.labels, info.pair_labels)
            rules = replace(rules, on=np.where(takes_two == of_pairs, rules.on, np.float32(np.inf)))
        self._rules = rules
        grid, frame_ns = info.detector.encoder, 1e9 / info.normaliser.rate_hz
        self._lag_ns = round(info.label_lag_frames * frame_ns)
        self._window_ns = round((grid.frames_of(info.detector.window_clips) - 1) * frame_ns)
        self._rows = ActionHysteresis(
            self._rules,
            rows=rows,
            confident=config.sure,
            step_ns=round((step_frames or grid.clip_stride) * frame_ns),
            lead_ns=round((grid.clip_span - 1) * frame_ns) - self._lag_ns,
            unclear_ns=round(bridge_s * 1e9),
        )
        self._track_ids = np.full(rows, -1, np.int64)
        self._other_track_ids = np.full(rows, -1, np.int64)
        self._begun_ns = np.zeros(rows, np.int64)
        self._newest_ns = np.zeros(rows, np.int64)
        self._updated_ns = np.zeros(rows, np.int64)
        self._delay_s = np.zeros(rows)

    def scores(self, prediction: Prediction) -> NDArray[np.float32]:
        """Return the scores that decisions rest on, (R, K)."""
        return class_scores(prediction.logits, self._rules.temperature, self._rules.energy_threshold)

    def step(self, prediction: Prediction) -> Sequence[ActionEvent | ScoreEvent]:
        """Take what the model says of the rows that it judged; return their scores and what changed."""
        joint_frame = prediction.joint_frame
        events: list[ActionEvent | ScoreEvent] = []
        if joint_frame.reset.any():
            events.extend(self._restart_rows(joint_frame))
        rows = np.flatnonzero(prediction.completed)
        if not len(rows):
            return events
        logits = prediction.logits[rows]
        if_known = class_scores(logits, self._rules.temperature)
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
            clear=body_confidence(joint_frame.confidence[rows]) >= self._config.min_pose_confidence,
        )
        for change in self._rows.step(batch):
            if isinstance(change, End):
                events.append(self._end_event(change))
            elif isinstance(change, Start):
                events.append(self._start_event(change.row))
            elif self._newest_ns[change.row] - self._updated_ns[change.row] >= self._config.update_every_s * 1e9:
                events.append(self._update_event(change.row))
        return events

    def running_actions(self) -> dict[int, tuple[str, float]]:
        """Tell each track's running action and its score, for a view."""
        rows = self._rows
        return {
            int(self._track_ids[row]): (self._labels[rows.label[row]], float(rows.score[row]))
            for row in np.flatnonzero(rows.label)
        }

    def close_all(self, reason: EndReason) -> Sequence[ActionEvent]:
        """End every open action, where the source or the program ends."""
        every = np.ones(len(self._track_ids), bool)
        events = [self._end_event(end) for row in range(len(every)) for end in self._rows.close(row, reason)]
        self._rows.forget(every)
        return events

    def _restart_rows(self, joint_frame: JointFrame) -> Sequence[ActionEvent]:
        """Close the rows whose history ended, and forget it."""
        events = []
        for row in np.flatnonzero(joint_frame.reset).tolist():
            self._newest_ns[row] = max(self._newest_ns[row], joint_frame.time_ns[row])
            events += [self._end_event(end) for end in self._rows.close(row, "track_lost")]
        self._rows.forget(joint_frame.reset)
        self._begun_ns[joint_frame.reset] = self._newest_ns[joint_frame.reset] = joint_frame.time_ns[joint_frame.reset]
        return events

    def _start_event(self, row: int) -> ActionEvent:
        self._updated_ns[row] = self._newest_ns[row]
        self._delay_s[row] = (self._newest_ns[row] - self._rows.onset_ns[row]) / 1e9
        return self._running_event("start", row)

    def _update_event(self, row: int) -> ActionEvent:
        self._updated_ns[row] = self._newest_ns[row]
        return self._running_event("update", row)

    def _running_event(self, state: Literal["start", "update"], row: int) -> ActionEvent:
        rows = self._rows
        score, peak_score = float(rows.score[row]), float(rows.peak_score[row])
        scores = (score, peak_score, rows.mean_score(row))
        return self._event(state, row, int(rows.label[row]), int(rows.onset_ns[row]), scores)

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
        """Make an event. scores: the newest, the highest and the mean."""
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
            window_start_ns=max(now_ns - self._window_ns, int(self._begun_ns[row])),
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


def class_scores(
    logits: NDArray[np.float32], temperature: NDArray[np.float32], energy_threshold: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Turn logits into scores, and what is of nothing known into background, as `share_with_unknown` does.

    logits: (..., K), background first; temperature: (K,), or () for one of all; energy_threshold: (K,). Returns (...,
    K) float32.
    """
    return share_with_unknown(softmax((logits / temperature).astype(np.float32)), logits, energy_threshold)


def share_with_unknown(
    scores: NDArray[np.float32], logits: NDArray[np.float32], energy_threshold: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Give the background what is of nothing known; nothing, where there is no least energy.

    Liu et al., Energy-based Out-of-distribution Detection, NeurIPS 2020: the free energy of an input is minus the
    log of the sum of its exponentiated logits, and what a network was not trained on has a high one. `energy` here is
    its negative, equation 4 without the sign, of the logits as they come, at the paper's temperature 1. Next to the
    classes stands the unknown, whose logit is the `energy_threshold` of the action with the highest score: an input of
    just that energy is as likely unknown as not. Its share goes to the background.

    scores: (..., K), of known classes alone, background first; logits: (..., K); energy_threshold: (K,). Returns (...,
    K), and the scores as they are where the background is the only class.
    """
    if energy_threshold is None or scores.shape[-1] == 1:
        return scores
    least = energy_threshold[1 + scores[..., 1:].argmax(axis=-1)]
    # softmax((energy, least))[0], which neither overflows nor minds a least of minus infinity.
    known = np.exp(-np.logaddexp(np.float32(0), least - energy(logits)))[..., None]
    shared: NDArray[np.float32] = scores * known
    shared[..., :1] += 1 - known
    return shared


def energy(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the log of the sum of exponentiated logits along the last axis: how much of anything known there is."""
    highest = logits.max(axis=-1, keepdims=True)
    total: NDArray[np.float32] = highest[..., 0] + np.log(np.exp(logits - highest).sum(axis=-1))
    return total


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits into scores along the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scores: NDArray[np.float32] = raised / raised.sum(axis=-1, keepdims=True)
    return scores


def body_confidence(confidence: NDArray[np.float32]) -> NDArray[np.float32]:
    """Say how sure it is that a body is seen whole: as sure as of the least seen of its parts.

    Parts are head, shoulders, elbows, hips and knees, and of a pair the better seen side counts: people turn, and
    hide one arm. The mean over all of them would not do: three people in real clips, cut off at the thighs, kept one
    of 0.65 to 0.74, where whole they had 0.86 to 0.99, but of their knees 0.0 to 0.45 was left of 0.94 to 0.99.

    confidence: (..., 25). Returns (...).
    """
    least: NDArray[np.float32] = confidence[..., _BODY].max(axis=-1).min(axis=-1)
    return least
