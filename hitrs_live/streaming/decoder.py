"""Turn class scores into actions that begin, go on and end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import CheckpointInfo
from hitrs_live.config import ActionConfig
from hitrs_live.messages import ActionEvent, EndReason, Prediction, ScoreEvent, Tick

_TOP = 5
"""Classes that a ScoreEvent names."""


@dataclass(frozen=True, kw_only=True)
class _OpenAction:
    """An action that is going on, or, until it is `announced`, may be."""

    label: int
    track_id: int
    onset_ns: int
    announced: bool = False
    updated_ns: int = 0
    seen_ns: int = 0
    """The newest instant that bore it out: where it ended if its person is lost."""
    delay_s: float = 0.0
    score: float = 0.0


class ActionDecoder:
    """Follow one action a row with hysteresis.

    An action begins when its score reaches the class's `on`. It is told at once where the score is `sure`, else
    when it has stayed above `off` for the minimum duration; what ends sooner is never told. It ends when the score
    falls below `off`, when another class reaches its `on` and beats it, or when
    the row's history ends. Only one action of a person goes on at a time.
    """

    def __init__(self, info: CheckpointInfo, config: ActionConfig, *, source_id: str, rows: int) -> None:
        self._labels = info.labels
        self._temperature = info.temperature
        self._on = np.array([info.on.get(label, config.on) for label in info.labels], np.float32)
        self._off = np.array([info.off.get(label, config.off) for label in info.labels], np.float32)
        self._on[0] = np.inf
        self._config = config
        self._source_id = source_id
        grid, rate_hz = info.detector.encoder, info.normaliser.rate_hz
        self._frame_ns = 1e9 / rate_hz
        self._lag_ns = round(info.label_lag_frames * self._frame_ns)
        self._half_stride_ns = round(grid.clip_stride / 2 * self._frame_ns)
        self._window_ns = round((grid.frames_of(info.detector.window_clips) - 1) * self._frame_ns)
        self._open: list[_OpenAction | None] = [None] * rows
        self._begun_ns = np.zeros(rows, np.int64)

    def step(self, prediction: Prediction) -> Sequence[ActionEvent | ScoreEvent]:
        """Take what the model says of the rows that completed a clip; return what changed."""
        tick = prediction.tick
        events: list[ActionEvent | ScoreEvent] = []
        for row in np.flatnonzero(tick.reset):
            events.extend(self._close(int(row), "track_lost", told_ns=int(tick.time_ns[row])))
        self._begun_ns = np.where(tick.reset, tick.time_ns, self._begun_ns)
        scores = softmax(prediction.logits / self._temperature)
        for row in np.flatnonzero(prediction.completed):
            events.append(self._score_event(tick, int(row), scores[row]))
            events.extend(self._follow(tick, int(row), scores[row]))
        return events

    def going_on(self) -> dict[int, tuple[str, float]]:
        """Tell each track's running action and its score, for a view."""
        return {
            going.track_id: (self._labels[going.label], going.score)
            for going in self._open
            if going is not None and going.announced
        }

    def close_all(self, reason: EndReason) -> Sequence[ActionEvent]:
        """End every open action, where the source or the program ends."""
        return [event for row in range(len(self._open)) for event in self._close(row, reason)]

    def _follow(self, tick: Tick, row: int, scores: NDArray[np.float32]) -> Sequence[ActionEvent]:
        """Advance one row's action; this runs once a clip and person, four times a second."""
        events: list[ActionEvent] = []
        now_ns = int(tick.time_ns[row]) - self._lag_ns
        rival = int(np.argmax(np.where(scores >= self._on, scores, -1.0)))
        reached = scores[rival] >= self._on[rival]
        going = self._open[row]
        if going is not None:
            faded = scores[going.label] < self._off[going.label]
            beaten = reached and rival != going.label and scores[rival] > scores[going.label]
            if faded or beaten:
                told_ns = int(tick.time_ns[row])
                events.extend(self._close(row, "finished", told_ns=told_ns, end_ns=now_ns - self._half_stride_ns))
        if self._open[row] is None and reached:
            onset_ns = now_ns - self._half_stride_ns
            self._open[row] = _OpenAction(label=rival, track_id=int(tick.track_ids[row]), onset_ns=onset_ns)
        events.extend(self._tell(row, int(tick.time_ns[row]), scores))
        return events

    def _tell(self, row: int, now_ns: int, scores: NDArray[np.float32]) -> Sequence[ActionEvent]:
        going = self._open[row]
        if going is None:
            return ()
        score = float(scores[going.label])
        going = replace(going, score=score, seen_ns=now_ns - self._lag_ns)
        state: Literal["start", "update"] | None = None
        if not going.announced:
            lasted_s = (going.seen_ns + self._half_stride_ns - going.onset_ns) / 1e9
            if score >= self._config.sure or lasted_s >= self._config.min_duration_s:
                state = "start"
                going = replace(going, announced=True, delay_s=(now_ns - going.onset_ns) / 1e9)
        elif (now_ns - going.updated_ns) / 1e9 >= self._config.update_every_s:
            state = "update"
        self._open[row] = going if state is None else replace(going, updated_ns=now_ns)
        return () if state is None else (self._event(state, row, going, now_ns),)

    def _close(
        self, row: int, reason: EndReason, *, told_ns: int | None = None, end_ns: int | None = None
    ) -> Sequence[ActionEvent]:
        going, self._open[row] = self._open[row], None
        if going is None or not going.announced:
            return ()
        end_ns = max(going.seen_ns if end_ns is None else end_ns, going.onset_ns)
        newest_ns = going.seen_ns + self._lag_ns
        event = self._event("end", row, going, newest_ns if told_ns is None else max(told_ns, newest_ns))
        return (msgspec.structs.replace(event, end_time_ns=end_ns, reason=reason),)

    def _event(
        self, state: Literal["start", "update", "end"], row: int, going: _OpenAction, now_ns: int
    ) -> ActionEvent:
        return ActionEvent(
            source_id=self._source_id,
            capture_time_ns=now_ns,
            state=state,
            label=self._labels[going.label],
            score=round(going.score, 4),
            track_id=going.track_id,
            onset_time_ns=going.onset_ns,
            detection_delay_s=round(going.delay_s, 4),
            window_start_ns=max(now_ns - self._window_ns, int(self._begun_ns[row])),
            window_end_ns=now_ns,
        )

    def _score_event(self, tick: Tick, row: int, scores: NDArray[np.float32]) -> ScoreEvent:
        best = np.argsort(-scores, kind="stable")[:_TOP]
        return ScoreEvent(
            source_id=self._source_id,
            capture_time_ns=int(tick.time_ns[row]),
            track_id=int(tick.track_ids[row]),
            labels=tuple(self._labels[k] for k in best),
            scores=tuple(round(float(scores[k]), 4) for k in best),
        )


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits into scores along the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scores: NDArray[np.float32] = raised / raised.sum(axis=-1, keepdims=True)
    return scores
