"""The stages of one source from poses to events: track, resample, decode predictions, publish.

The sources share the model, which `Pipeline` calls: `track` gives the joint frames for it, `publish` takes its
predictions, `finish` ends the frame.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import numpy as np

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
from hitrs_live.pipeline.prediction_events import PredictionEvents
from hitrs_live.pipeline.shared_state import SharedState
from hitrs_live.pipeline.source_outputs import SourceOutputs
from hitrs_live.pipeline.status import StatusBuilder
from hitrs_live.streaming.body_reasons import UnclearBodies
from hitrs_live.streaming.joint_tracker import JointTracker
from hitrs_live.streaming.last_seen import LastSeen
from hitrs_live.streaming.levelling import Leveller
from hitrs_live.streaming.pose_events import pose_events
from hitrs_live.streaming.resampler import Resampler
from hitrs_live.streaming.stage_timer import Counters, StageTimer
from hitrs_live.streaming.stream_model import StreamDescription
from hitrs_live.streaming.thresholds import Thresholds
from hitrs_live.teaching.actions_file import TaughtActions
from hitrs_live.teaching.loading import Replacement
from hitrs_live.tracking.picture_mask import parse_masks
from hitrs_live.transport.sink import Sink
from hitrs_live.wire.codec import joints_event
from hitrs_live.wire.utc import SessionClock, SourceDates

_LATER_NS = 400_000_000
"""How far ahead of their frame the views show people."""
_LONGEST_LATENCY_NS = 2_000_000_000
"""Poses that are older are not moved to now: the file is not paced, or times are those of another machine's clock."""
_LONGEST_DETAIL = 240
_AGES_KEPT = 256


class SourcePipeline:
    """Process every frame of one source, from its poses to events.

    A frame takes three calls: `track` returns the joint frames that it completes, `publish` takes each of them with
    the model's predictions on it, and `finish` ends the frame.
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
        taught: TaughtActions | None = None,
    ) -> None:
        """Set up the stages.

        model: describes the model that predicts. clock: monotonic nanoseconds, also for the time that each stage takes.
        session: dates the messages. taught: a user's own actions, if there are.
        """
        rows = config.pose.max_people
        self._source_id, self._config, self._clock = input_stream.source.source_id, config, clock
        self._outputs = SourceOutputs(input_stream, sink)
        self._dates = SourceDates(session)
        masks = parse_masks(config.camera.mask, self._source_id)
        self._timer = StageTimer(clock)
        self._tracker = JointTracker(config.pose, config.track, masks=masks, timer=self._timer)
        self._last_seen = LastSeen(rows)
        self._unclear_bodies = UnclearBodies(rows=rows, min_confidence=config.action.min_pose_confidence)
        self._leveller = Leveller(config.camera)
        self._resampler = Resampler(config.track, rows=rows, rate_hz=model.rate_hz)
        self._predictions = PredictionEvents(
            model, config, source_id=self._source_id, thresholds=thresholds, taught=taught
        )
        self._counters = Counters()
        self._status = StatusBuilder(
            input_stream=input_stream, outputs=self._outputs, tracker=self._tracker,
            resampler=self._resampler,
            leveller=self._leveller, motion=self._predictions.motion, unclear_bodies=self._unclear_bodies,
            timer=self._timer,
        )  # fmt: skip
        self._state: SourceState = "connecting"
        self._detail = ""
        self._people: People | None = None
        self._ages_ms: deque[float] = deque(maxlen=_AGES_KEPT)

    @property
    def ended(self) -> bool:
        """Whether the source has ended."""
        return self._state == "ended"

    def begin(self, information: Sequence[str] = ()) -> None:
        """Start counting time. information: about what the sources share, for the status."""
        self._status.information = tuple(information)
        self._counters.began_ns = self._counters.status_ns = self._clock()

    def track(self, frame: SourceFrame) -> Sequence[JointFrame]:
        """Take one item of the source; return the joint frames that it completes, oldest first, levelled."""
        if self.ended:
            return ()
        if isinstance(frame.item, SourceChange):
            self.on_source_change(frame.item)
            return ()
        pose_ms = frame.pose_ms or 0.0
        self._timer.add("wait", (self._clock() - frame.item.received_ns) / 1e6 - pose_ms)
        if frame.pose_ms is not None:
            self._timer.add("pose", pose_ms)
        with self._timer.stage("overhead"):
            self._dates.observe(frame.item)
            if self._outputs.has_own_sinks:
                with self._timer.stage("record"):
                    self._outputs.record(self._dated(joints_event(frame.item, self._source_id)))
            people = self._people = self._tracker.step(frame.item)
            self._last_seen.observe(people)
            self._unclear_bodies.observe(people)
            with self._timer.stage("resample"):
                joint_frames = self._resampler.step(people)
            with self._timer.stage("level"):
                seen = people.present
                self._leveller.observe(people.capture_time_ns, people.joints_m[seen], people.confidence[seen])
                return [self._leveller.level_frame(one) for one in joint_frames]

    def publish(self, joint_frame: JointFrame, predictions: Sequence[Prediction]) -> None:
        """Publish the events of one joint frame and the model's predictions on it."""
        with self._timer.stage("overhead"), self._timer.stage("publish"):
            self._predictions.observe(self._leveller.restore_frame(joint_frame))
            for prediction in predictions:
                for event in self._predictions.step(self._leveller.restore_prediction(prediction)):
                    self._publish(event)
            for taught in self._predictions.step_taught(joint_frame, predictions):
                self._publish(taught)

    def replace_taught(self, new: Replacement) -> None:
        """Find other taught actions from the next joint frame on, unless the source has ended."""
        if not self.ended:
            for event in self._predictions.replace_taught(new):
                self._publish(event)

    def finish(self, frame: SourceFrame, *, model_ms: float) -> None:
        """End a frame: publish its poses, count it, show it. model_ms: time that the model took for it."""
        if self.ended or isinstance(frame.item, SourceChange) or self._people is None:
            return
        with self._timer.stage("overhead"), self._timer.stage("publish"):
            # Last, so that they are moved by the predictions that this very frame led to.
            now = self._publish_poses(self._people)
        self._counters.frames += 1
        self._counters.newest_capture_ns = frame.item.capture_time_ns
        is_own_clock = frame.item.clock is None
        self._counters.newest_began_ns = frame.item.capture_time_ns if is_own_clock else frame.item.received_ns
        self._timer.add("model", model_ms)
        self._ages_ms.append((self._clock() - frame.item.received_ns) / 1e6)
        self._timer.add("frame_to_event", self._ages_ms[-1])
        self._show(frame.frame, self._people, now)
        self._timer.end_frame()

    def on_source_change(self, change: SourceChange) -> None:
        """Publish a change of state, and end running actions where the source can no longer be seen."""
        self._dates.observe(change)
        self._state, self._detail = change.state, change.detail
        if change.state in ("stalled", "lost", "ended"):
            self._close_actions("shutdown" if change.detail == SHUTDOWN else "source_lost")
        self._publish(SourceEvent.of(change, self._source_id))

    def shut_down(self) -> None:
        """End the source, unless it has ended already."""
        if not self.ended:
            self.on_source_change(
                SourceChange(state="ended", time_ns=self._counters.newest_capture_ns, detail=SHUTDOWN)
            )

    def fail(self, error: Exception) -> None:
        """End the source because its own stages raised an error, unless it has ended already."""
        if not self.ended:
            detail = " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST_DETAIL]
            newest_ns = self._counters.newest_capture_ns
            self.on_source_change(SourceChange(state="ended", time_ns=newest_ns, detail=detail, fault=True))

    def maybe_publish_status(self, shared: Callable[[], SharedState]) -> None:
        """Publish a status when one is due. shared: returns what is the same for every source."""
        now_ns = self._clock()
        if (now_ns - self._counters.status_ns) / 1e9 >= self._config.publish.status_every_s:
            self._counters.update_rate(now_ns)
            self._publish_status(now_ns, shared())

    def close(self, shared: Callable[[], SharedState]) -> None:
        """Close the views and the source's own sinks; publish the last status once nothing can follow it."""
        try:
            if self._counters.began_ns:
                # None is running after an ordinary end, but a fault may have come before it.
                self._close_actions("shutdown")
            # Before the last status, which has the notice of a view that could not be closed.
            self._outputs.close_views()
            if self._counters.began_ns:
                self._publish_status(self._clock(), shared())
        finally:
            self._outputs.close_views()
            self._outputs.close_own_sinks()

    def take_age_s(self) -> float:
        """Return the median time from a frame's arrival to its events since the last call, seconds; 0 without any."""
        median_ms = float(np.median(self._ages_ms)) if self._ages_ms else 0.0
        self._ages_ms.clear()
        return median_ms / 1e3

    def publish_fewer(self, *, fewer: bool) -> None:
        """Publish fewer scores and motion predictions, or as many as the settings say."""
        self._predictions.publish_fewer(fewer=fewer)

    def close_recordings(self) -> None:
        """Close the source's own sinks, from any thread, because the process is about to end."""
        self._outputs.close_own_sinks()

    def _publish_poses(self, people: People) -> ExtrapolatedPoses | None:
        """Publish the poses, where the settings say so; return those moved to now, where the settings say so."""
        publish = self._config.publish
        now = self._extrapolate_to_now(people) if publish.now else None
        if publish.pose or publish.now:
            for event in pose_events(people, now, source_id=self._source_id):
                self._publish(event)
        return now

    def _extrapolate_to_now(self, people: People) -> ExtrapolatedPoses | None:
        now_ns = self._clock()
        if not 0 <= now_ns - people.capture_time_ns <= _LONGEST_LATENCY_NS:
            return None
        extrapolated = self._predictions.extrapolate(people, now_ns)
        # A person whose predictions are worse than the zero-velocity baseline is better left at the measured pose.
        return replace(extrapolated, known=extrapolated.known & self._predictions.reliable)

    def _publish_status(self, now_ns: int, shared: SharedState) -> None:
        self._publish(
            self._status.build(
                now_ns, self._counters, self._people, state=self._state, detail=self._detail, shared=shared,
            )
        )  # fmt: skip

    def _publish(self, message: AnyMessage) -> None:
        if isinstance(message, ActionEvent):
            message = self._last_seen.locate(message)
        self._outputs.publish(self._dated(message))

    def _dated(self, message: AnyMessage) -> AnyMessage:
        return msgspec.structs.replace(message, utc_ns=self._dates.utc_ns(message.capture_time_ns))

    def _close_actions(self, reason: EndReason) -> None:
        for event in self._predictions.close_all(reason):
            self._publish(event)

    def _show(self, frame: Frame | None, people: People, now: ExtrapolatedPoses | None) -> None:
        if not self._outputs.has_views:
            return
        with self._timer.stage("view"):
            forecast = PoseForecast(
                later=self._predictions.extrapolate(people, people.capture_time_ns + _LATER_NS),
                now=now,
                reliable=self._predictions.reliable,
            )
            self._outputs.show(
                Scene(
                    frame=frame, people=people, actions=self._predictions.running_actions(), forecast=forecast,
                    state=self._state, fps=self._counters.fps,
                )
            )  # fmt: skip
