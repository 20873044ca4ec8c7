"""Run `hitrs-live live` and `hitrs-live pose`: assemble from flags and settings, run, close."""

import argparse
import logging
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from hitrs_live.config import Config
from hitrs_live.errors import ConfigError
from hitrs_live.pipeline.assembly import Assembly, NamedOutput, RunPlan
from hitrs_live.pipeline.log_sink import LogSink
from hitrs_live.pose.factory import check_model, make_pose_estimator
from hitrs_live.pose.intrinsics import camera_intrinsics
from hitrs_live.process import systemd
from hitrs_live.process.forced_exit import ForcedExit
from hitrs_live.process.garbage_collection import collection_paused
from hitrs_live.process.log import LogOutput, logging_to
from hitrs_live.process.loop_watchdog import LoopWatchdog
from hitrs_live.process.signals import interrupted_by, stop_on_signals
from hitrs_live.process.stop_deadline import stop_deadline
from hitrs_live.process.terminal import RESTORE, discard_output, why_not_drawable
from hitrs_live.sources.factory import make_sources
from hitrs_live.transport.multi_sink import MultiSink
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.recoverable import open_publisher
from hitrs_live.views.log_lines import PlainLog
from hitrs_live.wire.utc import SessionClock

_DASHBOARD_ENDS_S = 0.4
"""How long it may take to end with its session, and once more when it is terminated."""
_LOG_ENDS_S = 0.5
_log = logging.getLogger(__name__)


def run_live(
    options: argparse.Namespace, config: Config, *, sinks: Sequence[NamedOutput], views: Sequence[NamedOutput]
) -> int:
    """Run the live pipeline until its sources end, its duration has passed or a signal stops it. Return the exit code.

    sinks, views: beside the publisher, as `RunPlan` has them.
    """
    plan = RunPlan(
        sources=options.sources, speed=options.speed, overwrite=options.overwrite,
        sinks=sinks, views=views,
    )  # fmt: skip
    drawn = not options.plain and why_not_drawable(sys.stdout) is None
    session = SessionClock.begin()
    forced = ForcedExit()
    # The stack last: closing it is a part of stopping.
    with stop_on_signals() as stop, _stopped_in_time(config, stop, forced), ExitStack() as stack:
        output = stack.enter_context(_logging(config, session, drawn=drawn))
        forced.report_to(partial(_end_log, output, drawn=drawn))
        with interrupted_by(stop):
            assembly = stack.enter_context(Assembly(plan, config, session=session))
            publisher = stack.enter_context(
                open_publisher(config.publish, assembly.session_id, recordings=plan.recordings, kept=assembly.kept)
            )
            assembly.open()
            view = _DashboardView(publisher.address, output, config.publish.secret_key)
            log = PlainLog(several=not assembly.alone)
            log_sink = LogSink(log, output=output, is_needed=view.is_gone if drawn else None)
            with collection_paused():
                pipeline = assembly.build(MultiSink(publisher, [log_sink]))
        if stop.is_set():
            return 0
        forced.before(pipeline.close_recordings)
        if drawn:
            stack.enter_context(view.shown())
        _log.info("publishing on %s, session %s", publisher.address, assembly.session_id)
        _wait_for_subscriber(options, publisher, stop)
        pipeline.run(
            duration_s=options.duration, stop=stop, serve_subscribers=publisher.serve_subscribers,
            watchdog=_watchdog(config, forced), on_running=partial(systemd.notify, "READY=1"),
        )  # fmt: skip
    return 0


def run_pose(options: argparse.Namespace, config: Config) -> int:
    """Run a source and the pose estimator alone, publishing joints for `live --joints`. Return the exit code."""
    from hitrs_live.pipeline.pose_node import relay_joints

    sources = make_sources(options.sources, config, speed=options.speed, pictures_only=True)
    if len(sources) > 1:
        raise ConfigError(f"got {len(sources)} sources, expected one; run `hitrs-live pose` once a camera")
    source = sources[0]
    pose = make_pose_estimator(config.pose, camera_intrinsics(config.camera, source.source_id))
    check_model(config.pose)
    session, forced = SessionClock.begin(), ForcedExit()
    with (
        stop_on_signals() as stop,
        _stopped_in_time(config, stop, forced),
        _logging(config, session, drawn=False) as output,
        Publisher(config.publish, uuid.uuid4().hex) as publisher,
    ):
        forced.report_to(output.last_words)
        _log.info("publishing joints on %s", publisher.address)
        _wait_for_subscriber(options, publisher, stop)
        sink = MultiSink(publisher, [LogSink(PlainLog(), output=output)])
        relay_joints(
            source, pose, sink, duration_s=options.duration, stop=stop, serve_subscribers=publisher.serve_subscribers,
            status_every_s=config.publish.status_every_s, session=session, watchdog=_watchdog(config, forced),
            adapt_to_load=config.process.adapt_to_load, on_running=partial(systemd.notify, "READY=1"),
        )  # fmt: skip
    return 0


@contextmanager
def _stopped_in_time(config: Config, stop: threading.Event, forced: ForcedExit) -> Iterator[None]:
    """End the process where stopping takes longer than the settings say."""
    with stop_deadline(stop, config.process.stop_within_s, forced.end, partial(systemd.notify, "STOPPING=1")):
        yield


def _end_log(output: LogOutput, reason: str, *, drawn: bool) -> None:
    """Write why the process ends; drawn: on a terminal whose dashboard has been killed."""
    if drawn:
        discard_output(sys.stdout)
    output.last_words(reason, restore=RESTORE if drawn else "")


def _watchdog(config: Config, forced: ForcedExit) -> LoopWatchdog:
    return LoopWatchdog(
        slow_s=config.process.slow_step_s, hung_s=config.process.hung_step_s, on_hung=forced.end,
        ping=partial(systemd.notify, "WATCHDOG=1"), ping_every_s=systemd.ping_interval_s(),
    )  # fmt: skip


def _wait_for_subscriber(options: argparse.Namespace, publisher: Publisher, stop: threading.Event) -> None:
    if not options.wait_subscriber or publisher.wait_for_subscriber(options.wait_subscriber, stop):
        return
    if not stop.is_set():
        _log.warning("no subscriber within %g s; starting without one", options.wait_subscriber)


@contextmanager
def _logging(config: Config, session: SessionClock, *, drawn: bool) -> Iterator[LogOutput]:
    """Log to standard output; while a dashboard is drawn there, keep the lines until it ends."""
    with logging_to(
        sys.stdout,
        format=config.log.format,
        level=config.log.level,
        paused=drawn,
        session=session,
        close_wait_s=_LOG_ENDS_S,
    ) as output:
        yield output


class _DashboardView:
    """Run the dashboard in a process of its own; resume the log where it cannot start or ends early."""

    def __init__(self, address: str, output: LogOutput, secret_key: str) -> None:
        """Take the address that the dashboard subscribes to, and the log that is paused while it is drawn.

        secret_key: file of the publisher's own key, empty for no keys.
        """
        self._address, self._output, self._secret_key = address, output, secret_key
        self._process: subprocess.Popen[bytes] | None = None
        self._gone = False

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it until the block ends."""
        # Imported here: a run that logs plain lines needs nothing that draws.
        from hitrs_live.pipeline.dashboard_process import end_dashboard, restore_terminal, start_dashboard

        try:
            self._process = start_dashboard(self._address, self._output.stderr, own_secret_key=self._secret_key)
        except OSError as error:
            self._give_up(f"could not be started ({error})")
        try:
            yield
        finally:
            if self._process is not None:
                end_dashboard(self._process, _DASHBOARD_ENDS_S)
                if not self._gone and (restore := restore_terminal(self._process, sys.stdout)):
                    self._output.resume(restore)

    def is_gone(self) -> bool:
        """Whether it ended before the run; the first time, resume the log."""
        if not self._gone and self._process is not None and (code := self._process.poll()) is not None:
            from hitrs_live.pipeline.dashboard_process import restore_terminal

            self._give_up(f"ended with code {code}", restore_terminal(self._process, sys.stdout))
        return self._gone

    def _give_up(self, reason: str, restore: str = "") -> None:
        self._gone = True
        self._output.resume(restore)
        _log.warning("the dashboard %s; log lines from here on, publishing on %s", reason, self._address)
