"""Put a pipeline together from flags and settings, run it, and see it out."""

import argparse
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from hitrs_live.config import Config
from hitrs_live.dashboard_process import start_dashboard
from hitrs_live.errors import SourceUnavailable, TransportError
from hitrs_live.messages import AnyMessage
from hitrs_live.pose.intrinsics import camera_intrinsics
from hitrs_live.pose.stage import PoseStage
from hitrs_live.sources.base import Source
from hitrs_live.sources.opencv_quiet import quiet_opencv
from hitrs_live.sources.pacing import Speed
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.sink import Sink
from hitrs_live.views.plain import PlainLog
from hitrs_live.views.projection import LensLike

if TYPE_CHECKING:
    from hitrs_live.pipeline import Viewer
    from hitrs_live.transport.recorder import Recorder

_DASHBOARD_ENDS_S = 1.0


def run_live(options: argparse.Namespace, config: Config) -> int:
    """Run the live pipeline until its source ends, its time is up or it is told to stop. Returns the exit code."""
    import torch

    from hitrs_live.checkpoint import SHIPPED, load_checkpoint
    from hitrs_live.engine.ladder import open_engine
    from hitrs_live.pipeline import Pipeline
    from hitrs_live.thresholds import find_thresholds

    torch.set_num_threads(config.model.threads)
    source = open_source(options, config)
    session_id = getattr(source, "session_id", "") or uuid.uuid4().hex
    checkpoint = load_checkpoint(config.model.checkpoint or None)
    thresholds = find_thresholds(config.action.thresholds, checkpoint, Path(config.model.checkpoint or SHIPPED))
    # Nobody who asked for no engine should wait for one to be built.
    open_model = partial(
        open_engine, checkpoint, config.model.engine, config.model.precision, threads=config.model.threads,
        build=config.model.engine != "auto",
        quantisation=Path(config.model.quantisation) if config.model.quantisation else None,
    )  # fmt: skip
    with ExitStack() as stack, stopping() as stop:
        publisher = stack.enter_context(Publisher(config.publish, session_id))
        viewers = list(_viewers(options, config, source))
        recorder = _recorder(options, session_id, source, stack)
        sink: Sink = publisher
        if sys.stdout.isatty() and not options.plain:
            stack.enter_context(dashboard(publisher.address))
        else:
            sink = LoggedSink(publisher)
            print(f"publishing on {publisher.address}, session {session_id}", flush=True)
        if options.wait_subscriber and not publisher.wait_for_subscriber(options.wait_subscriber):
            print(f"nobody subscribed within {options.wait_subscriber:g} s; going on", file=sys.stderr)
        Pipeline(
            source=source,
            pose=PoseStage(config.pose, camera_intrinsics(config.camera)) if source.has_pictures else None,
            checkpoint=checkpoint,
            config=config,
            sink=sink,
            recorder=recorder,
            viewers=viewers,
            thresholds=thresholds,
            open_model=open_model,
        ).run(duration_s=options.duration, stop=stop)
    return 0


def run_pose(options: argparse.Namespace, config: Config) -> int:
    """Run a source and the pose stage alone, publishing joints for `live --joints`. Returns the exit code."""
    from hitrs_live.relay import relay_joints

    source = open_source(options, config)
    with Publisher(config.publish, uuid.uuid4().hex) as publisher, stopping() as stop:
        print(f"publishing joints on {publisher.address}", flush=True)
        if options.wait_subscriber:
            publisher.wait_for_subscriber(options.wait_subscriber)
        pose = PoseStage(config.pose, camera_intrinsics(config.camera))
        relay_joints(source, pose, publisher, duration_s=options.duration, stop=stop)
    return 0


def open_source(options: argparse.Namespace, config: Config) -> Source:
    """Make the source that the flags name; nothing of it is opened yet, but a file that is not there is told of.

    Raises SourceUnavailable.
    """
    name, speed = config.source_id, options.speed
    if options.camera is not None:
        from hitrs_live.sources.camera import CameraSource

        return CameraSource(options.camera, config.camera, source_id=name)
    if options.video is not None:
        from hitrs_live.sources.video import VideoSource

        return VideoSource(options.video, speed, source_id=name)
    if options.joints is not None:
        from hitrs_live.sources.joints import JointsSource

        return JointsSource(options.joints, config.camera, source_id=name)
    if options.replay is not None:
        return _open_replay(Path(options.replay), speed, name)
    from hitrs_live.sources.demo import DemoSource

    return DemoSource(speed, source_id=name)


def _open_replay(path: Path, speed: Speed, name: str) -> Source:
    from hitrs_live.sources.ntu import NtuReplaySource
    from hitrs_live.sources.recording import RecordingSource, is_recording

    if not path.exists():
        raise SourceUnavailable(
            f"replay {path}: no such file or folder; give .skeleton files or an .mcap recording, or try --demo"
        )
    if is_recording(path):
        return RecordingSource(path, speed)
    return NtuReplaySource(path, speed, source_id=name)


def _recorder(options: argparse.Namespace, session_id: str, source: Source, stack: ExitStack) -> "Recorder | None":
    if not options.record:
        return None
    from hitrs_live.transport.recorder import Recorder

    if options.replay and Path(options.record).resolve() == Path(options.replay).resolve():
        raise TransportError(f"recording {options.record}: it is the file being replayed; give another name")
    recorder = Recorder(options.record, session_id=session_id, source_id=source.source_id, overwrite=options.overwrite)
    stack.callback(recorder.close)
    return recorder


def _viewers(options: argparse.Namespace, config: Config, source: Source) -> Iterator["Viewer"]:
    def lens_for(width: int, height: int) -> LensLike:
        return camera_intrinsics(config.camera).scaled(width=width, height=height)

    if options.show or options.save_video:
        # Before OpenCV first encodes or decodes: later, it no longer listens.
        quiet_opencv()
    if options.show:
        from hitrs_live.views.window import Window

        yield Window(f"hitrs-live {source.source_id}", lens_for=lens_for)
    if options.save_video:
        from hitrs_live.views.save_video import SaveVideo

        yield SaveVideo(options.save_video, lens_for=lens_for)


class LoggedSink:
    """Pass messages on and print what of them is worth a line."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._log = PlainLog()

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
