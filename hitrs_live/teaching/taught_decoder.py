"""Find taught actions in a live stream: tokens, alignment, scores, events. It stands beside the `ActionDecoder`.

Scores become events by the rules of the built-in classes (`ActionHysteresis`), in a decoder of their own, so built-in
events do not depend on what was taught. An action's onset is where the matched path begins, and repetitions are counted
by matches that follow each other.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import ActionConfig, Config
from hitrs_live.messages import ActionEvent, EndReason, JointFrame, Prediction
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.stream_model import StreamDescription
from hitrs_live.streaming.thresholds import ClassThresholds, Thresholds
from hitrs_live.teaching.action_settings import Kind
from hitrs_live.teaching.actions_file import TaughtActions
from hitrs_live.teaching.alignment import Aligner, AlignmentState
from hitrs_live.teaching.calibration import score_logits
from hitrs_live.teaching.model_check import check_model
from hitrs_live.teaching.repetition_measures import RepetitionMeasures
from hitrs_live.teaching.tokens import TICK_FRAMES, NewTokens, TokenStream
from hitrs_live.transforms import NormaliserConfig

Floats = NDArray[np.float32]
_TIMES: Final = 1024
"""Ticks whose times are kept, 100 s: a path that began earlier is dated to the oldest of them."""
_FOR_EVER: Final = 2**31
_OVERLAP_TICKS: Final = 3
"""By how much a match may begin before the one before it ended."""


@dataclass(frozen=True, kw_only=True)
class _Matches:
    """The nearest match of each action on M rows that ends now."""

    rows: NDArray[np.int64]
    logits: Floats
    """(M, A)."""
    starts: NDArray[np.int64]
    """(M, A), the tick of the row at which it began."""


class TaughtDecoder:
    """Find the taught actions of R people, at most one per person at a time."""

    def __init__(
        self, taught: TaughtActions, model: StreamDescription, config: Config, *, source_id: str, rows: int
    ) -> None:
        """Take the actions and the model whose embeddings they are of. Raises CheckpointMismatch for another model."""
        check_model(taught, model)
        normaliser = NormaliserConfig(rate_hz=model.rate_hz)
        self._taught = taught
        self._tokens = TokenStream(
            taught.space, normaliser, rows=rows, span_frames=taught.span_frames,
            min_joint_confidence=config.pose.min_joint_confidence,
        )  # fmt: skip
        self._aligner = Aligner(taught.templates)
        self._state = AlignmentState.empty(taught.templates, rows)
        actions = len(taught.actions)
        self._own = [taught.templates.of_action(action) for action in range(actions)]
        # An update of an exercise follows on the best match, with what was measured of it.
        update_ticks = math.ceil(config.action.update_every_s * model.rate_hz / TICK_FRAMES)
        rest_ticks: dict[Kind, int] = {"gesture": 0, "exercise": update_ticks, "pose": _FOR_EVER}
        self._rest_ticks = np.array([rest_ticks[action.kind] for action in taught.actions])
        """(A,), how long an action goes on after its best match."""
        self._centres = np.array([action.centre for action in taught.actions], np.float32)
        self._slopes = np.array([action.slope for action in taught.actions], np.float32)
        on = np.array([action.on for action in taught.actions])
        self._on_logits = np.log(on / (1 - on)).astype(np.float32)
        self._decoder = _make_decoder(taught, model, config, source_id=source_id, rows=rows)
        self._tick_times_ns = np.zeros((rows, _TIMES), np.int64)
        self._track_ids = np.full(rows, -1, np.int64)
        self._running = np.full(rows, -1, np.int64)
        """(R,), the running action; -1 for none."""
        self._measures = RepetitionMeasures(taught, rows=rows, kept=_TIMES)
        self._onset_ns = np.zeros(rows, np.int64)
        self._counts = np.zeros(rows, np.int64)
        self._last_tick = np.full(rows, -1, np.int64)
        """(R,), where the newest match of the running action, or of the last one, ended; -1 for none."""

    def step(self, joint_frame: JointFrame, predictions: Sequence[Prediction]) -> Sequence[ActionEvent]:
        """Take a frame of joints, as the model sees them, and its prediction, if it has one; return events."""
        if joint_frame.reset.any():
            self._state.reset(joint_frame.reset)
        new = self._tokens.step(joint_frame, predictions[0] if predictions else None)
        if not len(new.rows) and not joint_frame.reset.any():
            return ()
        matches = self._without_overlap(self._match(new, joint_frame))
        self._count(matches)
        found = self._decoder.step(self._prediction(joint_frame, self._until_best(matches)))
        # Before the new ids: an action that ends because its track did has the old one.
        events = [self._complete(event, matches) for event in found if isinstance(event, ActionEvent)]
        self._track_ids[joint_frame.active] = joint_frame.track_ids[joint_frame.active]
        self._counts[joint_frame.reset] = 0
        self._last_tick[joint_frame.reset] = self._running[joint_frame.reset] = -1
        return events

    def running_actions(self) -> dict[int, tuple[str, float]]:
        """Return each track's running action and its score, for a view."""
        return self._decoder.running_actions()

    def close_all(self, reason: EndReason) -> Sequence[ActionEvent]:
        """End every action that is running."""
        return [self._complete(event, None) for event in self._decoder.close_all(reason)]

    def take_over(self, before: "TaughtDecoder", same: Collection[str]) -> Sequence[ActionEvent]:
        """Go on from where a decoder of other actions is: some run on; return the ends of the others.

        before: has as many rows; it must not be used again. same: names of the actions that both have alike.
        """
        ends = [before._complete(event, None) for event in self._decoder.take_over(before._decoder, same)]
        self._tokens.take_over(before._tokens)
        pairs = [(self._taught.names.index(name), before._taught.names.index(name)) for name in same]
        for now, was in pairs:
            self._state.take_over(before._state, self._own[now], before._own[was])
        self._state.ticks[:] = before._state.ticks
        for name in ("_tick_times_ns", "_track_ids", "_onset_ns", "_counts", "_last_tick"):
            getattr(self, name)[:] = getattr(before, name)
        self._measures.take_over(before._measures)
        for now, was in pairs:
            self._running[before._running == was] = now
        return ends

    def _match(self, new: NewTokens, joint_frame: JointFrame) -> _Matches:
        """Align the new tokens, and take the nearest template of each action."""
        if not len(new.rows):
            nothing = np.zeros((0, len(self._own)))
            return _Matches(rows=new.rows, logits=nothing.astype(np.float32), starts=nothing.astype(np.int64))
        ticks = self._state.ticks[new.rows]
        self._tick_times_ns[new.rows, ticks % _TIMES] = joint_frame.time_ns[new.rows]
        self._measures.observe(new.rows, ticks.astype(np.int64), new.values)
        distances, began = self._aligner.step(new.values, new.rows, self._state)
        nearest = np.empty((len(new.rows), len(self._own)), np.float32)
        starts = np.empty(nearest.shape, np.int64)
        every = np.arange(len(new.rows))
        for action, own in enumerate(self._own):
            best = own[distances[:, own].argmin(axis=1)]
            nearest[:, action], starts[:, action] = distances[every, best], began[every, best]
        return _Matches(rows=new.rows, logits=score_logits(nearest, self._centres, self._slopes), starts=starts)

    def _without_overlap(self, matches: _Matches) -> _Matches:
        """Score matches that begin before the last one ended as nothing: two actions share no movement."""
        begins_early = matches.starts < self._last_tick[matches.rows, None] - _OVERLAP_TICKS
        others = np.arange(len(self._own)) != self._running[matches.rows, None]
        return replace(matches, logits=np.where(begins_early & others, np.float32(-30), matches.logits))

    def _until_best(self, matches: _Matches) -> _Matches:
        """Score running actions but poses as nothing after their best match: they are over, or wait for the next.

        A match may be slower by any amount, so a person who then rests as in the last pose would prolong it.
        """
        running = self._running[matches.rows]
        now = self._state.ticks[matches.rows] - 1
        lasted = now - self._measures.newest[matches.rows]
        over = np.flatnonzero((running >= 0) & (lasted > self._rest_ticks[running]))
        logits = matches.logits.copy()
        logits[over, running[over]] = -30
        return replace(matches, logits=logits)

    def _prediction(self, joint_frame: JointFrame, matches: _Matches) -> Prediction:
        rows = len(joint_frame.active)
        logits = np.zeros((rows, len(self._own) + 1), np.float32)
        logits[matches.rows, 1:] = matches.logits
        has_output = np.zeros(rows, bool)
        has_output[matches.rows] = True
        nothing = np.zeros((rows, 0, 25), np.float32)
        return Prediction(
            joint_frame=joint_frame, has_output=has_output, logits=logits,
            future_joints_m=np.zeros((rows, 0, 25, 3), np.float32), scales_m=nothing,
        )  # fmt: skip

    def _count(self, matches: _Matches) -> None:
        """Count and measure the matches of running actions that begin after the previous one ended."""
        rows = matches.rows
        running = self._running[rows]
        at = np.flatnonzero(running >= 0)
        rows, running = rows[at], running[at]
        near = matches.logits[at, running] >= self._on_logits[running]
        rows, running, at = rows[near], running[near], at[near]
        fresh = matches.starts[at, running] >= self._last_tick[rows]
        self._counts[rows] += fresh
        self._last_tick[rows[fresh]] = self._state.ticks[rows[fresh]] - 1
        starts, logits = matches.starts[at, running], matches.logits[at, running]
        for number, row in enumerate(rows.tolist()):
            now = int(self._state.ticks[row]) - 1
            if fresh[number]:
                self._measures.begin(row, int(starts[number]), now, float(logits[number]))
            elif starts[number] >= self._measures.ticks(row)[0]:
                self._measures.go_on(row, now, float(logits[number]))

    def _complete(self, event: ActionEvent, matches: _Matches | None) -> ActionEvent:
        """Date the onset of an event by its match, and add how many repetitions there were."""
        row = int(np.flatnonzero(self._track_ids == event.track_id)[0])
        if event.state == "start" and matches is not None:
            self._begin(event, row, matches)
        onset_ns = int(self._onset_ns[row])
        end_ns = event.end_time_ns
        if end_ns is not None:
            if self._taught.actions[self._taught.names.index(event.label)].kind != "pose":
                end_ns = min(end_ns, self._tick_time_ns(row, self._measures.ticks(row)[1]))
            end_ns = max(end_ns, onset_ns)
        delay_s = event.detection_delay_s + (event.onset_time_ns - onset_ns) / 1e9
        event = msgspec.structs.replace(
            event, onset_time_ns=onset_ns, end_time_ns=end_ns, detection_delay_s=round(delay_s, 4)
        )
        if event.state == "end":
            self._running[row] = -1
        return event if event.state == "start" else self._with_repetitions(event, row)

    def _with_repetitions(self, event: ActionEvent, row: int) -> ActionEvent:
        """Add to an update or an end how many repetitions there were; of an exercise also what the newest was like."""
        number = self._taught.names.index(event.label)
        kind = self._taught.actions[number].kind
        if kind == "pose":
            return event
        event = msgspec.structs.replace(event, count=max(int(self._counts[row]), 1))
        if kind != "exercise":
            return event
        first_ns, last_ns = (self._tick_time_ns(row, tick) for tick in self._measures.ticks(row))
        ratio = self._measures.range_ratio(row, number)
        return msgspec.structs.replace(
            event, repetition_s=round((last_ns - first_ns) / 1e9, 2),
            range_ratio=None if ratio is None else round(ratio, 2),
        )  # fmt: skip

    def _tick_time_ns(self, row: int, tick: int) -> int:
        """Return the time of a tick, or of the oldest that is kept."""
        oldest = int(self._state.ticks[row]) - _TIMES
        return int(self._tick_times_ns[row, max(tick, oldest) % _TIMES])

    def _begin(self, event: ActionEvent, row: int, matches: _Matches) -> None:
        action = self._taught.names.index(event.label)
        start = int(matches.starts[np.searchsorted(matches.rows, row), action])
        newest = int(self._state.ticks[row]) - 1
        start = max(start, newest - _TIMES + 1, 0)
        self._running[row], self._counts[row], self._last_tick[row] = action, 1, newest
        self._measures.begin(row, start, newest, float(matches.logits[np.searchsorted(matches.rows, row), action]))
        # Not before the previous event ended, whose time the decoder's own onset respects only by score.
        self._onset_ns[row] = self._tick_time_ns(row, start)


def _make_decoder(
    taught: TaughtActions, model: StreamDescription, config: Config, *, source_id: str, rows: int
) -> ActionDecoder:
    """Return a decoder whose classes are the taught actions."""
    longest = int(taught.templates.lengths.max()) * TICK_FRAMES
    description = StreamDescription(
        labels=("background", *taught.names), rate_hz=model.rate_hz, step_frames=TICK_FRAMES,
        span_frames=taught.span_frames, window_frames=longest + taught.span_frames, label_lag_frames=0,
        horizon_frames=0, independent=True,
    )  # fmt: skip
    thresholds = Thresholds(
        checkpoint="taught actions", sha256="0" * 64,
        classes={
            action.name: ClassThresholds(
                on=action.on, off=action.off, min_duration_s=0.0, merge_gap_s=action.merge_gap_s
            )
            for action in taught.actions
        },
    )  # fmt: skip
    action = ActionConfig(
        update_every_s=config.action.update_every_s, min_pose_confidence=config.action.min_pose_confidence
    )
    return ActionDecoder(
        description,
        action,
        source_id=source_id,
        rows=rows,
        thresholds=thresholds,
        bridge_s=config.track.bridge_s,
        legs=np.array([True, *(one.needs_legs for one in taught.actions)]),
    )
