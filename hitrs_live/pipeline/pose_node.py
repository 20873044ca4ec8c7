"""Estimate poses and publish the joints, for a pipeline in another process."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import msgspec

from hitrs_live.config import ProcessConfig
from hitrs_live.messages import SHUTDOWN, AnyMessage, Frame, SourceChange, SourceEvent, SourceState, Status
from hitrs_live.pipeline.pose_load import PoseLoad
from hitrs_live.pose.base import PoseEstimator
from hitrs_live.process.loop_watchdog import LoopWatchdog
from hitrs_live.process.signals import interrupted_by
from hitrs_live.sources.base import Source
from hitrs_live.streaming.stage_timer import Counters, StageTimer
from hitrs_live.transport.sink import Sink
from hitrs_live.version import __version__
from hitrs_live.wire.codec import joints_event
from hitrs_live.wire.utc import SessionClock, SourceDates

_WAIT_S = 0.1


def relay_joints(
    source: Source,
    pose: PoseEstimator,
    sink: Sink,
    *,
    duration_s: float | None,
    stop: threading.Event,
    serve_subscribers: Callable[[], None] | None = None,
    status_every_s: float = 1.0,
    session: SessionClock | None = None,
    watchdog: LoopWatchdog | None = None,
    adapt_to_load: bool = True,
    on_running: Callable[[], None] | None = None,
) -> None:
    """Publish the joints of all people in every frame until the source ends, duration_s has passed or `stop` is set.

    A status is published every status_every_s seconds and at the end, after the source's "ended". serve_subscribers:
    called ten times a second or more, also while nothing is published; see `Publisher.serve_subscribers`. session: what
    messages are dated by; None for one that begins now. watchdog: watches the loop; None for one that only logs and
    counts. adapt_to_load: whether the poses of fewer pictures of a live source are estimated while the machine is too
    slow. on_running: called once everything is started.

    Raises SourceUnavailable or PoseProcessFailed where the source or the pose process cannot be started, and the error
    that ended the source, if one did.
    """
    deadline_s = None if duration_s is None else time.monotonic() + duration_s
    with ExitStack() as stack:
        # Last in, first out.
        stack.callback(sink.close)
        stack.callback(pose.close)
        stack.callback(source.close)
        if not stop.is_set():
            with interrupted_by(stop):
                source.open()
        if stop.is_set():
            return
        pose.open()
        watchdog = watchdog or LoopWatchdog(slow_s=ProcessConfig().slow_step_s, hung_s=0.0)
        load = PoseLoad(time.monotonic_ns, adapts=adapt_to_load and source.live)
        relay = _Relay(source, pose, sink, status_every_s, session or SessionClock.begin(), watchdog, load)
        stack.callback(relay.publish_status)
        stack.enter_context(watchdog.watching())
        if on_running is not None:
            on_running()
        try:
            while not relay.ended and not stop.is_set() and (deadline_s is None or time.monotonic() < deadline_s):
                watchdog.beat()
                if serve_subscribers is not None:
                    serve_subscribers()
                relay.step(stop)
                relay.maybe_publish_status()
            relay.end(SHUTDOWN)
        except Exception as error:
            relay.end(str(error), fault=True)
            raise


class _Relay:
    """Publish the joints and the changes of state of one source, and its status."""

    def __init__(
        self,
        source: Source,
        pose: PoseEstimator,
        sink: Sink,
        status_every_s: float,
        session: SessionClock,
        watchdog: LoopWatchdog,
        load: PoseLoad,
    ) -> None:
        self._source, self._pose, self._sink, self._watchdog, self._load = source, pose, sink, watchdog, load
        self._status_every_s = status_every_s
        self._dates = SourceDates(session)
        self._state: SourceState = "connecting"
        self._detail = ""
        self._timer = StageTimer()
        now_ns = time.monotonic_ns()
        self._counters = Counters(began_ns=now_ns, status_ns=now_ns)

    @property
    def ended(self) -> bool:
        return self._state == "ended"

    def step(self, stop: threading.Event) -> None:
        """Process what the source has or, where the next picture is not due yet, wait for that."""
        self._load.update()
        with self._waiting():
            if pause_s := self._load.pause_s:
                stop.wait(pause_s)
                return
            items = self._source.read(_WAIT_S)
        for item in items:
            if isinstance(item, SourceChange):
                self._on_source_change(item)
            elif isinstance(item, Frame) and not self.ended:
                self._process(item)

    def _process(self, frame: Frame) -> None:
        self._load.begin_frame()
        with self._timer.stage("pose"), self._waiting():
            pose_frame = self._pose.step(frame)
        self._timer.end_frame()
        if pose_frame is not None:
            self._dates.observe(pose_frame)
            self._counters.frames += 1
            self._counters.newest_capture_ns = pose_frame.capture_time_ns
            self._publish(joints_event(pose_frame, self._source.source_id))
        self._load.end_frame(frame.received_ns)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Count the time of the block as one in which the loop waits."""
        began_ns = time.monotonic_ns()
        try:
            yield
        finally:
            self._load.add_wait(time.monotonic_ns() - began_ns)

    def end(self, detail: str, *, fault: bool = False) -> None:
        """Publish the source's end, unless it has ended already."""
        if not self.ended:
            self._on_source_change(
                SourceChange(state="ended", time_ns=self._counters.newest_capture_ns, detail=detail, fault=fault)
            )

    def maybe_publish_status(self) -> None:
        """Publish a status when one is due."""
        now_ns = time.monotonic_ns()
        if (now_ns - self._counters.status_ns) / 1e9 >= self._status_every_s:
            self._counters.update_rate(now_ns)
            self.publish_status()

    def publish_status(self) -> None:
        now_ns, counters = time.monotonic_ns(), self._counters
        age_ms = (now_ns - counters.newest_capture_ns) / 1e6 if self._source.live and counters.frames else None
        drops = {**self._source.drops(), **self._pose.drops(), **self._sink.drops()}
        self._publish(
            Status(
                source_id=self._source.source_id,
                capture_time_ns=counters.newest_capture_ns,
                state=self._state,
                detail=self._detail,
                version=__version__,
                uptime_s=round((now_ns - counters.began_ns) / 1e9, 3),
                fps=round(counters.fps, 2),
                frames=counters.frames,
                drops={cause: count for cause, count in drops.items() if count},
                frame_age_ms=None if age_ms is None else round(age_ms, 1),
                stages=self._timer.latencies(),
                pose_restarts=self._pose.restarts,
                pose_people_limit=self._pose.people_limit,
                notices=(
                    *filter(None, (self._watchdog.notice, self._pose.notice, self._load.notice)),
                    *self._sink.notices,
                ),
                slow_steps=self._watchdog.slow_steps,
                load_steps=self._load.steps,
            )
        )

    def _on_source_change(self, change: SourceChange) -> None:
        self._dates.observe(change)
        self._state, self._detail = change.state, change.detail
        self._publish(SourceEvent.of(change, self._source.source_id))

    def _publish(self, message: AnyMessage) -> None:
        utc_ns = self._dates.utc_ns(message.capture_time_ns)
        self._sink.publish(msgspec.structs.replace(message, utc_ns=utc_ns))
