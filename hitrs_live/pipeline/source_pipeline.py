"""The way of one source's frames from joints to events: track, resample, predict, decode, publish.

The model is shared by all lines and called by the pipeline: a line gives it its ticks (`track`), takes the
predictions (`publish`) and ends the frame (`finish`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import msgspec

from hitrs_live.config import Config
from hitrs_live.messages import (
    SHUTDOWN,
    ActionEvent,
    AnyMessage,
    EndReason,
    ExtrapolatedPoses,
    Frame,
    JointFrame,
    People,
    PoseForecast,
    Prediction,
    Scene,
    SourceChange,
    SourceEvent,
    SourceState,
)
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.multiplexer import SourceFrame
from hitrs_live.pipeline.source_outputs import SourceOutputs
from hitrs_live.pipeline.status import StatusBuilder
from hitrs_live.streaming.compensator import LatencyCompensator
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.last_seen import LastSeen
from hitrs_live.streaming.motion_scorer import MotionScorer
from hitrs_live.streaming.pair_decoder import PairDecoder
from hitrs_live.streaming.pose_events import pose_events
from hitrs_live.streaming.resampler import Resampler
from hitrs_live.streaming.stage_timer import Counters, StageTimer
from hitrs_live.streaming.stream_model import StreamDescription
from hitrs_live.streaming.thresholds import Thresholds
from hitrs_live.streaming.throttle import Throttle
from hitrs_live.tracking.tracker import Tracker
from hitrs_live.transport.sink import Sink
from hitrs_live.wire.codec import joints_event
from hitrs_live.wire.utc import SessionClock, SourceDates

_LATER_NS = 400_000_000
"""How far ahead of their frame the views show people."""
_LATEST_NS = 2_000_000_000
"""An older frame is not late: its file is not read at the pace it was taken at, or its clock is another machine's."""
_LONGEST_DETAIL = 240


class SourcePipeline:
    """Carry every frame of one source from its people to events.

    A frame passes in three calls: `track` gives the ticks that it completes, `publish` takes each tick back with what
    the model predicted on it, and `finish` ends the frame. The caller has the model.
    """

    def __init__(
        self,
        input_stream: InputStream,
        model: StreamDescription,
        config: Config,
        *,
        sink: Sink,
        thresholds: Thresholds | None,
        clock: Callable[[], int],
        session: SessionClock,
    ) -> None:
        """Set the stages up.

        model: the numbers of the model that the predictions come from. clock: monotonic nanoseconds, also for the time
        that each stage takes. session: dates the messages.
        """
        source_id, rows, rate_hz = input_stream.source.source_id, config.pose.max_people, model.rate_hz
        horizon = model.horizon_frames
        self._source_id, self._config, self._clock = source_id, config, clock
        self._outputs = SourceOutputs(input_stream, sink)
        self._dates = SourceDates(session)
        self._last_seen = LastSeen(rows)
        self._tracker = Tracker(rows, config.track)
        self._resampler = Resampler(config.track, rows=rows, rate_hz=rate_hz)
        self._decoder = ActionDecoder(
            model, config.action, source_id=source_id, rows=rows, thresholds=thresholds,
            bridge_s=config.track.bridge_s,
        )  # fmt: skip
        self._pair_decoder: PairDecoder | None = None
        if model.pair_labels:
            self._pair_decoder = PairDecoder(model, config, source_id=source_id, rows=rows, thresholds=thresholds)
        self._motion = MotionScorer(
            source_id=source_id, rows=rows, rate_hz=rate_hz, horizon=horizon, step_frames=model.step_frames
        )
        self._compensator = LatencyCompensator(rows=rows, rate_hz=rate_hz, horizon=horizon)
        self._throttle = Throttle(rows=rows, pause_s=config.publish.predictions_every_s)
        self._timer = StageTimer(clock)
        self._counters = Counters()
        self._status = StatusBuilder(
            input_stream=input_stream,
            sink=sink,
            tracker=self._tracker,
            resampler=self._resampler,
            motion=self._motion,
            timer=self._timer,
        )
        self._state: SourceState = "connecting"
        self._detail = ""
        self._people: People | None = None
        self._own_ms = 0.0
        """Time that this line itself took for the frame under way."""

    @property
    def ended(self) -> bool:
        """Whether nothing more can come."""
        return self._state == "ended"

    def begin(self, information: Sequence[str] = ()) -> None:
        """Count time from now on. information: on what is shared with others, for the status."""
        self._status.information = tuple(information)
        self._counters.began_ns = self._counters.beat_ns = self._clock()

    def track(self, arrival: SourceFrame) -> Sequence[JointFrame]:
        """Take in what came of the source; return the instants of the model's clock that it completes, oldest first."""
        self._own_ms = 0.0
        if self.ended:
            return ()
        if arrival.pose_ms is not None:
            self._timer.add("pose", arrival.pose_ms)
        if isinstance(arrival.item, SourceChange):
            self.on_source_change(arrival.item)
            return ()
        with self._own_time():
            self._dates.observe(arrival.item)
            if self._outputs.has_recording:
                with self._timer.stage("record"):
                    self._outputs.record(self._dated(joints_event(arrival.item, self._source_id)))
            with self._timer.stage("track"):
                self._people = self._tracker.step(arrival.item)
                self._last_seen.observe(self._people)
            return self._resampler.step(self._people)

    def publish(self, joint_frame: JointFrame, predictions: Sequence[Prediction]) -> None:
        """Publish what follows from one tick and what the model predicted on it."""
        with self._own_time():
            self._motion.observe(joint_frame)
            self._compensator.observe(joint_frame)
            for prediction in predictions:
                self._publish_prediction(prediction)

    def finish(self, arrival: SourceFrame, *, model_ms: float) -> None:
        """End a frame: publish its poses, note what it cost, show it. model_ms: what the model took for it."""
        if self.ended or isinstance(arrival.item, SourceChange) or self._people is None:
            return
        with self._own_time():
            # Last, so that what this very frame led to predict is known.
            now = self._publish_poses(self._people)
        self._counters.frames += 1
        self._counters.newest_capture_ns = arrival.item.capture_time_ns
        self._timer.add("model", model_ms)
        self._timer.add("overhead", self._own_ms)
        self._timer.add("frame_to_event", (self._clock() - arrival.item.received_ns) / 1e6)
        self._view(arrival.frame, self._people, now)

    def on_source_change(self, change: SourceChange) -> None:
        """Follow the source's state: what is open cannot go on without it."""
        self._dates.observe(change)
        self._state, self._detail = change.state, change.detail
        if change.state in ("stalled", "lost", "ended"):
            self._close_actions("shutdown" if change.detail == SHUTDOWN else "source_lost")
        self._publish(SourceEvent.of(change, self._source_id))

    def shut_down(self) -> None:
        """End the source's story here, if it has not ended of itself."""
        if not self.ended:
            self.on_source_change(
                SourceChange(state="ended", time_ns=self._counters.newest_capture_ns, detail=SHUTDOWN)
            )

    def fail(self, error: Exception) -> None:
        """End the source because of a fault in its own stages, if it has not ended already."""
        if not self.ended:
            detail = " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST_DETAIL]
            newest_ns = self._counters.newest_capture_ns
            self.on_source_change(SourceChange(state="ended", time_ns=newest_ns, detail=detail, fault=True))

    def maybe_publish_status(self, notices: Sequence[str]) -> None:
        """Publish a status when one is due. notices: of what is shared with others."""
        now_ns = self._clock()
        if (now_ns - self._counters.beat_ns) / 1e9 >= self._config.publish.status_every_s:
            self._counters.beat(now_ns)
            self._publish_status(now_ns, notices)

    def close(self, notices: Sequence[str]) -> None:
        """Close views and recording; the last status is sent once nothing can follow it."""
        try:
            if self._counters.began_ns:
                # None is open after an ordinary end; a fault may have come in between.
                self._close_actions("shutdown")
            # Before the last status, which reports what could not be finished.
            self._outputs.close_views()
            if self._counters.began_ns:
                self._publish_status(self._clock(), notices)
        finally:
            self._outputs.close_views()
            self._outputs.close_recorder()

    @contextmanager
    def _own_time(self) -> Iterator[None]:
        began_ns = self._clock()
        yield
        self._own_ms += (self._clock() - began_ns) / 1e6

    def _publish_prediction(self, prediction: Prediction) -> None:
        self._compensator.step(prediction)
        due = self._throttle.step(prediction)
        for event in self._decoder.step(prediction):
            if isinstance(event, ActionEvent) or (self._config.publish.scores and event.track_id in due):
                self._publish(event)
        if self._pair_decoder is not None:
            for event in self._pair_decoder.step(prediction):
                self._publish(event)
        # Scored whether they are published or not: views and status tell of it.
        for motion in self._motion.step(prediction):
            if self._config.publish.motion and motion.track_id in due:
                self._publish(motion)

    def _publish_poses(self, people: People) -> ExtrapolatedPoses | None:
        """Publish the poses that were asked for; return those moved on to now, where that was asked for."""
        publish = self._config.publish
        now = self._extrapolate_to_now(people) if publish.now else None
        if publish.pose or publish.now:
            for event in pose_events(people, now, source_id=self._source_id):
                self._publish(event)
        return now

    def _extrapolate_to_now(self, people: People) -> ExtrapolatedPoses | None:
        now_ns = self._clock()
        if not 0 <= now_ns - people.capture_time_ns <= _LATEST_NS:
            return None
        extrapolated = self._compensator.extrapolate(people, now_ns)
        # Whoever is predicted worse than standing still had better be left where they were seen.
        return replace(extrapolated, known=extrapolated.known & self._motion.errors.reliable)

    def _publish_status(self, now_ns: int, notices: Sequence[str]) -> None:
        self._publish(
            self._status.read(
                now_ns, self._counters, self._people, state=self._state, detail=self._detail,
                notices=(*notices, *self._outputs.notices), unrecorded=self._outputs.unrecorded,
            )
        )  # fmt: skip

    def _publish(self, message: AnyMessage) -> None:
        if isinstance(message, ActionEvent):
            message = self._last_seen.locate(message)
        self._outputs.publish(self._dated(message))

    def _dated(self, message: AnyMessage) -> AnyMessage:
        return msgspec.structs.replace(message, utc_ns=self._dates.utc_ns(message.capture_time_ns))

    def _close_actions(self, reason: EndReason) -> None:
        for decoder in (self._decoder, self._pair_decoder):
            for event in decoder.close_all(reason) if decoder is not None else ():
                self._publish(event)

    def _view(self, frame: Frame | None, people: People, now: ExtrapolatedPoses | None) -> None:
        if not self._outputs.has_views:
            return
        with self._timer.stage("view"):
            actions = self._decoder.running_actions()
            if self._pair_decoder is not None:
                actions |= self._pair_decoder.running_actions()
            forecast = PoseForecast(
                later=self._compensator.extrapolate(people, people.capture_time_ns + _LATER_NS),
                now=now,
                reliable=self._motion.errors.reliable,
            )
            self._outputs.show(
                Scene(
                    frame=frame, people=people, actions=actions, forecast=forecast, state=self._state,
                    fps=self._counters.fps,
                )
            )  # fmt: skip
