"""The straight line, written down: source, pose, track, resample, predict, decode, publish.

Everything here runs in one thread. Capture threads live in the sources, the pose estimator in a process of its
own, the terminal dashboard in another: it is a subscriber like any other.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import psutil

from hitrs_live import __version__
from hitrs_live.checkpoint import Checkpoint
from hitrs_live.codec import joints_event
from hitrs_live.config import Config
from hitrs_live.engine.ladder import Opened
from hitrs_live.engine.torch_engine import TorchEngine
from hitrs_live.messages import (
    ActionEvent,
    AnyMessage,
    EndReason,
    Foreseen,
    Frame,
    Outlook,
    People,
    PoseFrame,
    Prediction,
    SourceChange,
    SourceEvent,
    SourceState,
    Status,
)
from hitrs_live.pose.stage import PoseStage
from hitrs_live.pose.tracker import Tracker
from hitrs_live.sources.base import Source
from hitrs_live.streaming.compensator import LatencyCompensator
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.forecaster import Forecaster
from hitrs_live.streaming.meter import StageMeter
from hitrs_live.streaming.pair_decoder import PairDecoder
from hitrs_live.streaming.pose_events import pose_events
from hitrs_live.streaming.predictor import Predictor
from hitrs_live.streaming.resampler import Resampler
from hitrs_live.thresholds import Found
from hitrs_live.transport.recorder import Recorder
from hitrs_live.transport.sink import Sink

SHUTDOWN = "shutdown"
"""Detail of the "ended" that the pipeline itself adds when it is told to stop, so that a replay ends alike."""
_LATER_NS = 400_000_000
"""How far ahead of their frame the views show people."""
_LATEST_NS = 2_000_000_000
"""An older frame is not late: its file is not read at the pace it was taken at, or its clock is another machine's."""


class Viewer(Protocol):
    """Show the picture with what is known of it."""

    def show(
        self,
        frame: Frame | None,
        people: People,
        actions: dict[int, tuple[str, float]],
        outlook: Outlook | None,
        state: SourceState,
        fps: float,
    ) -> None:
        """Draw one frame; `frame` is None for a source without pictures. `actions` is by track id."""

    def close(self) -> None:
        """Close the window or finish the file."""


@dataclass(kw_only=True)
class Counters:
    """What the status reports of the run so far."""

    frames: int = 0
    newest_capture_ns: int = 0
    began_ns: int = 0
    beat_ns: int = 0
    beat_frames: int = 0
    fps: float = 0.0


class Pipeline:
    """Carry every frame of one source from the camera to events."""

    def __init__(
        self,
        *,
        source: Source,
        pose: PoseStage | None,
        checkpoint: Checkpoint,
        config: Config,
        sink: Sink,
        recorder: Recorder | None = None,
        viewers: Iterable[Viewer] = (),
        thresholds: Found | None = None,
        open_model: Callable[[], Opened] | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Lay the line; `pose` may be None only for a source that has joints already.

        thresholds: what was found for the checkpoint; None for its own and the settings'. open_model: opens what
        computes the model, once the source is there; None for the reference.

        Raises ValueError for a source of pictures without a pose stage.
        """
        if source.has_pictures and pose is None:
            raise ValueError(f"source {source.source_id} gives pictures; wanted a pose stage to read them")
        rows, info = config.pose.max_people, checkpoint.info
        self._source, self._pose, self._sink, self._recorder = source, pose, sink, recorder
        self._viewers = tuple(viewers)
        self._config, self._clock = config, clock
        self._tracker = Tracker(rows, config.track)
        self._resampler = Resampler(config.track, rows=rows, rate_hz=info.normaliser.rate_hz)
        self._hop = hop = 1 if config.model.update == "frame" else info.detector.encoder.clip_stride
        self._checkpoint = checkpoint
        self._open_model = open_model or (lambda: Opened(engine=TorchEngine(checkpoint.model)))
        self._opened: Opened
        self._predictor: Predictor
        self._found = thresholds or Found()
        self._decoder = ActionDecoder(
            info,
            config.action,
            source_id=source.source_id,
            rows=rows,
            thresholds=self._found.thresholds,
            hop_frames=hop,
            bridge_s=config.track.bridge_s,
        )
        self._pair_decoder: PairDecoder | None = None
        if info.pair_labels:
            self._pair_decoder = PairDecoder(
                info, config, source_id=source.source_id, rows=rows, thresholds=self._found.thresholds, hop_frames=hop
            )
        self._forecaster = Forecaster(
            source_id=source.source_id,
            rows=rows,
            rate_hz=info.normaliser.rate_hz,
            horizon=info.detector.horizon,
            hop=hop,
        )
        self._compensator = LatencyCompensator(
            rows=rows, rate_hz=info.normaliser.rate_hz, horizon=info.detector.horizon
        )
        self._meter = StageMeter()
        self._counters = Counters()
        self._state: SourceState = "connecting"
        self._detail = ""
        self._people: People | None = None
        self._now: Foreseen | None = None
        self._process = psutil.Process()

    def run(self, *, duration_s: float | None = None, stop: threading.Event | None = None) -> None:
        """Run until the source ends, the time is up or `stop` is set; then close everything, open actions first.

        Raises SourceUnavailable or PoseProcessFailed where the source or the pose process cannot be started.
        """
        stop = stop or threading.Event()
        try:
            # The source first: a camera that is not there is told of at once, whatever else takes its time.
            self._source.open()
            self._prepare_model()
            if self._pose is not None:
                self._pose.start()
            self._counters.began_ns = self._counters.beat_ns = self._clock()
            self._loop(None if duration_s is None else self._clock() + int(duration_s * 1e9), stop)
        finally:
            self._close()

    def _prepare_model(self) -> None:
        """Open what computes the model, which may have to be built and says so, and let it find its feet."""
        self._opened = self._open_model()
        self._predictor = Predictor(
            self._checkpoint,
            rows=self._config.pose.max_people,
            min_joint_confidence=self._config.pose.min_joint_confidence,
            hop=self._hop,
            engine=self._opened.engine,
        )
        self._predictor.warm_up()

    def _loop(self, deadline_ns: int | None, stop: threading.Event) -> None:
        while self._state != "ended":
            for item in self._source.read(timeout_s=0.1):
                self._take(item)
            self._beat()
            if stop.is_set() or (deadline_ns is not None and self._clock() >= deadline_ns):
                self._change(SourceChange(state="ended", time_ns=self._counters.newest_capture_ns, detail=SHUTDOWN))

    def _take(self, item: Frame | PoseFrame | SourceChange) -> None:
        if self._state == "ended":
            return
        match item:
            case SourceChange():
                self._change(item)
            case PoseFrame():
                self._pose_frame(None, item)
            case Frame():
                assert self._pose is not None
                with self._meter.stage("pose"):
                    found = self._pose.step(item)
                for pose_frame in found:
                    self._pose_frame(item, pose_frame)

    def _pose_frame(self, frame: Frame | None, pose_frame: PoseFrame) -> None:
        """Carry everybody in one frame down the rest of the line."""
        began_ns = time.perf_counter_ns()
        model_ms = 0.0
        if self._recorder is not None:
            with self._meter.stage("record"):
                self._recorder.write(joints_event(pose_frame, self._source.source_id))
        with self._meter.stage("track"):
            tracked = self._tracker.step(pose_frame)
        for people in tracked:
            self._people = people
            for tick in self._resampler.step(people):
                self._forecaster.observe(tick)
                self._compensator.observe(tick)
                model_began_ns = time.perf_counter_ns()
                predictions = self._predictor.step(tick)
                model_ms += (time.perf_counter_ns() - model_began_ns) / 1e6
                for prediction in predictions:
                    self._publish_prediction(prediction)
            # Last, so that what this very frame led to predict is known.
            self._publish_poses(people)
        self._counters.frames += 1
        self._counters.newest_capture_ns = pose_frame.capture_time_ns
        self._meter.add("model", model_ms)
        self._meter.add("overhead", (time.perf_counter_ns() - began_ns) / 1e6 - model_ms)
        self._meter.add("frame_to_event", (self._clock() - pose_frame.received_ns) / 1e6)
        self._view(frame)

    def _publish_prediction(self, prediction: Prediction) -> None:
        self._compensator.step(prediction)
        for event in self._decoder.step(prediction):
            if isinstance(event, ActionEvent) or self._config.publish.scores:
                self._publish(event)
        if self._pair_decoder is not None:
            for event in self._pair_decoder.step(prediction):
                self._publish(event)
        # Scored whether they are published or not: views and status tell of it.
        for motion in self._forecaster.step(prediction):
            if self._config.publish.motion:
                self._publish(motion)

    def _publish_poses(self, people: People) -> None:
        publish = self._config.publish
        self._now = self._carry_to_now(people) if publish.now else None
        if publish.pose or publish.now:
            for event in pose_events(people, self._now, source_id=self._source.source_id):
                self._publish(event)

    def _carry_to_now(self, people: People) -> Foreseen | None:
        now_ns = self._clock()
        if not 0 <= now_ns - people.capture_time_ns <= _LATEST_NS:
            return None
        carried = self._compensator.carry(people, now_ns)
        # Whoever is predicted worse than standing still had better be left where they were seen.
        return replace(carried, known=carried.known & self._forecaster.errors.reliable)

    def _publish(self, message: AnyMessage) -> None:
        stamped = self._sink.publish(message)
        if self._recorder is not None:
            self._recorder.write(stamped)

    def _change(self, change: SourceChange) -> None:
        """Follow the source's state: what is open cannot go on without it."""
        self._state, self._detail = change.state, change.detail
        if change.state in ("stalled", "lost", "ended"):
            reason: EndReason = "shutdown" if change.detail == SHUTDOWN else "source_lost"
            self._close_actions(reason)
        self._publish(
            SourceEvent(
                source_id=self._source.source_id,
                capture_time_ns=change.time_ns,
                state=change.state,
                detail=change.detail,
            )
        )

    def _close_actions(self, reason: EndReason) -> None:
        for decoder in (self._decoder, self._pair_decoder):
            for event in decoder.close_all(reason) if decoder is not None else ():
                self._publish(event)

    def _view(self, frame: Frame | None) -> None:
        if not self._viewers or self._people is None:
            return
        with self._meter.stage("view"):
            actions = self._decoder.going_on()
            if self._pair_decoder is not None:
                actions |= self._pair_decoder.going_on()
            outlook = Outlook(
                later=self._compensator.carry(self._people, self._people.capture_time_ns + _LATER_NS),
                now=self._now,
                reliable=self._forecaster.errors.reliable,
            )
            for viewer in self._viewers:
                viewer.show(frame, self._people, actions, outlook, self._state, self._counters.fps)

    def _beat(self) -> None:
        """Publish a status when one is due."""
        now_ns, counters = self._clock(), self._counters
        since_s = (now_ns - counters.beat_ns) / 1e9
        if since_s >= self._config.publish.status_every_s:
            counters.fps = (counters.frames - counters.beat_frames) / since_s
            counters.beat_ns, counters.beat_frames = now_ns, counters.frames
            self._publish(self._status(now_ns))

    def _status(self, now_ns: int) -> Status:
        counters, people = self._counters, self._people
        error_mm, held_error_mm = self._forecaster.over_all()
        errors_mm, held_errors_mm = self._forecaster.over_people()
        alive = () if people is None else tuple(int(track) for track in people.track_ids if track >= 0)
        age_ms = (now_ns - counters.newest_capture_ns) / 1e6 if self._source.live and counters.frames else None
        return Status(
            source_id=self._source.source_id,
            capture_time_ns=counters.newest_capture_ns,
            state=self._state,
            detail=self._detail,
            version=__version__,
            uptime_s=round((now_ns - counters.began_ns) / 1e9, 3),
            fps=round(counters.fps, 2),
            frames=counters.frames,
            drops=self._drops(),
            frame_age_ms=None if age_ms is None else round(age_ms, 1),
            stages=self._meter.latencies(),
            people=alive,
            pose_restarts=0 if self._pose is None else self._pose.restarts,
            memory_mb=round(self._process.memory_info().rss / 2**20, 1),
            notices=self._notices(),
            motion_error_mm=error_mm,
            motion_held_error_mm=held_error_mm,
            motion_horizons_ms=self._forecaster.horizons_ms,
            motion_errors_mm=errors_mm,
            motion_held_errors_mm=held_errors_mm,
        )

    def _drops(self) -> dict[str, int]:
        drops = dict(self._source.drops())
        drops["clock"] = self._resampler.clock_faults
        if self._pose is not None:
            drops["pose_gap"] = self._pose.frames_lost
        if self._recorder is not None:
            drops["record"] = self._recorder.lost
        return {cause: count for cause, count in drops.items() if count}

    def _notices(self) -> tuple[str, ...]:
        told = (
            self._opened.notice,
            self._predictor.notice,
            self._found.notice,
            None if self._pose is None else self._pose.notice,
            None if self._recorder is None else self._recorder.failure,
        )
        return tuple(notice for notice in told if notice)

    def _close(self) -> None:
        """Close everything, the world's end first; the last status is sent once nothing can follow it."""
        self._source.close()
        if self._pose is not None:
            self._pose.close()
        if self._counters.began_ns:
            # None is open after an ordinary end; a fault may have come in between.
            self._close_actions("shutdown")
            self._publish(self._status(self._clock()))
        for viewer in self._viewers:
            viewer.close()
        if self._recorder is not None:
            self._recorder.close()
        self._sink.close()
