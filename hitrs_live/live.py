"""Put a pipeline together from flags and settings, run it, and see it out."""

import argparse
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from hitrs_live.assembly import Assembly, Plan
from hitrs_live.config import Config
from hitrs_live.dashboard_process import start_dashboard
from hitrs_live.errors import ConfigError
from hitrs_live.messages import AnyMessage
from hitrs_live.pose.intrinsics import camera_intrinsics
from hitrs_live.pose.stage import PoseStage
from hitrs_live.source_flags import make_sources
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.sink import Sink
from hitrs_live.views.plain import PlainLog

_DASHBOARD_ENDS_S = 1.0


def run_live(options: argparse.Namespace, config: Config) -> int:
    """Run the live pipeline until its sources end, its time is up or it is told to stop. Returns the exit code."""
    plan = Plan(
        sources=options.sources, speed=options.speed, record=options.record, overwrite=options.overwrite,
        show=options.show, save_video=options.save_video,
    )  # fmt: skip
    with ExitStack() as stack, stopping() as stop:
        assembly = stack.enter_context(Assembly(plan, config))
        publisher = stack.enter_context(Publisher(config.publish, assembly.session_id))
        assembly.open()
        drawn = sys.stdout.isatty() and not options.plain
        sink: Sink = publisher if drawn else LoggedSink(publisher, PlainLog(several=not assembly.alone))
        pipeline = assembly.build(sink)
        if drawn:
            stack.enter_context(dashboard(publisher.address))
        else:
            print(f"publishing on {publisher.address}, session {assembly.session_id}", flush=True)
        if options.wait_subscriber and not publisher.wait_for_subscriber(options.wait_subscriber):
            print(f"nobody subscribed within {options.wait_subscriber:g} s; going on", file=sys.stderr)
        pipeline.run(duration_s=options.duration, stop=stop)
    return 0


def run_pose(options: argparse.Namespace, config: Config) -> int:
    """Run a source and the pose stage alone, publishing joints for `live --joints`. Returns the exit code."""
    from hitrs_live.relay import relay_joints

    sources = make_sources(options.sources, config, speed=options.speed)
    if len(sources) > 1:
        raise ConfigError(f"got {len(sources)} sources, wanted one; run `hitrs-live pose` once a camera")
    source = sources[0]
    pose = PoseStage(config.pose, camera_intrinsics(config.camera, source.source_id))
    with Publisher(config.publish, uuid.uuid4().hex) as publisher, stopping() as stop:
        print(f"publishing joints on {publisher.address}", flush=True)
        if options.wait_subscriber:
            publisher.wait_for_subscriber(options.wait_subscriber)
        relay_joints(source, pose, publisher, duration_s=options.duration, stop=stop)
    return 0


class LoggedSink:
    """Pass messages on and print what of them is worth a line."""

    def __init__(self, sink: Sink, log: PlainLog) -> None:
        self._sink, self._log = sink, log

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Publish, then print."""
        stamped = self._sink.publish(message)
        line = self._log.update(stamped)
        if line is not None:
            print(line, flush=True)
        return stamped

    def close(self) -> None:
        """Close what is behind."""
        self._sink.close()

    @property
    def drops(self) -> int:
        """Count what the sink behind could not send."""
        return self._sink.drops


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C or SIGTERM into an event that ends the run in order; a second one breaks it off."""
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def dashboard(address: str) -> Iterator[None]:
    """Show the dashboard in a process of its own, a subscriber like any other, until the run is over."""
    process = start_dashboard(address)
    try:
        yield
    finally:
        try:
            process.wait(_DASHBOARD_ENDS_S)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
