"""Put a pipeline together from flags and settings, run it, and see it out."""

import argparse
import logging
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hitrs_live.config import Config
from hitrs_live.dashboard_process import end_dashboard, start_dashboard
from hitrs_live.errors import ConfigError, TransportError
from hitrs_live.feed import Feed, Viewer
from hitrs_live.logged_sink import LoggedSink
from hitrs_live.logs import LogOutput, logging_to
from hitrs_live.pose.intrinsics import camera_intrinsics
from hitrs_live.pose.stage import PoseStage
from hitrs_live.source_flags import make_sources
from hitrs_live.sources.base import Source
from hitrs_live.sources.opencv_quiet import quiet_opencv
from hitrs_live.stopping import stopping
from hitrs_live.terminal import why_not_drawable
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.sink import Sink
from hitrs_live.utc import SessionClock
from hitrs_live.views.plain import PlainLog
from hitrs_live.views.projection import LensFor, LensLike, imagined_lens

if TYPE_CHECKING:
    from hitrs_live.transport.recorder import Recorder

_DASHBOARD_ENDS_S = 1.0
_log = logging.getLogger(__name__)


def run_live(options: argparse.Namespace, config: Config) -> int:
    """Run the live pipeline until its sources end, its time is up or it is told to stop. Returns the exit code."""
    import torch

    from hitrs_live.checkpoint import SHIPPED, load_checkpoint
    from hitrs_live.engine.ladder import open_engine
    from hitrs_live.pipeline import Pipeline
    from hitrs_live.thresholds import find_thresholds

    torch.set_num_threads(config.model.threads)
    sources = make_sources(options, config)
    # A recording told again is the same session.
    told_again = getattr(sources[0], "session_id", "") if len(sources) == 1 else ""
    session_id = told_again or uuid.uuid4().hex
    checkpoint = load_checkpoint(config.model.checkpoint or None)
    thresholds = find_thresholds(config.action.thresholds, checkpoint, Path(config.model.checkpoint or SHIPPED))
    # Nobody who asked for no engine should wait for one to be built.
    open_model = partial(
        open_engine, checkpoint, config.model.engine, config.model.precision, threads=config.model.threads,
        build=config.model.engine != "auto",
        quantisation=Path(config.model.quantisation) if config.model.quantisation else None,
    )  # fmt: skip
    drawn = not options.plain and why_not_drawable(sys.stdout) is None
    with ExitStack() as stack, stopping() as stop:
        output = stack.enter_context(_logging(config, drawn=drawn))
        session = SessionClock.begin()
        publisher = stack.enter_context(Publisher(config.publish, session_id))
        alone = len(sources) == 1
        feeds = [_feed(options, config, source, alone=alone) for source in sources]
        if options.record:
            recorders = [
                stack.enter_context(closing(_recorder(options, session_id, source, alone=alone, session=session)))
                for source in sources
            ]
            feeds = [replace(feed, recorder=each) for feed, each in zip(feeds, recorders, strict=True)]
        gone = stack.enter_context(dashboard(publisher.address, output)) if drawn else None
        sink: Sink = LoggedSink(publisher, PlainLog(several=not alone), output=output, is_needed=gone)
        _log.info("publishing on %s, session %s", publisher.address, session_id)
        if options.wait_subscriber and not publisher.wait_for_subscriber(options.wait_subscriber):
            _log.warning("nobody subscribed within %g s; going on", options.wait_subscriber)
        Pipeline(
            feeds,
            checkpoint=checkpoint,
            config=config,
            sink=sink,
            thresholds=thresholds,
            open_model=open_model,
            session=session,
        ).run(duration_s=options.duration, stop=stop)
    return 0


def run_pose(options: argparse.Namespace, config: Config) -> int:
    """Run a source and the pose stage alone, publishing joints for `live --joints`. Returns the exit code."""
    from hitrs_live.relay import relay_joints

    sources = make_sources(options, config)
    if len(sources) > 1:
        raise ConfigError(f"got {len(sources)} sources, wanted one; run `hitrs-live pose` once a camera")
    source = sources[0]
    with (
        stopping() as stop,
        _logging(config, drawn=False) as output,
        Publisher(config.publish, uuid.uuid4().hex) as publisher,
    ):
        _log.info("publishing joints on %s", publisher.address)
        if options.wait_subscriber and not publisher.wait_for_subscriber(options.wait_subscriber):
            _log.warning("nobody subscribed within %g s; going on", options.wait_subscriber)
        pose = PoseStage(config.pose, camera_intrinsics(config.camera, source.source_id))
        sink = LoggedSink(publisher, PlainLog(), output=output)
        relay_joints(source, pose, sink, duration_s=options.duration, stop=stop)
    return 0


def _feed(options: argparse.Namespace, config: Config, source: Source, *, alone: bool) -> Feed:
    """Give a source its pose stage and views."""
    video = _own_file(options.save_video, source, alone=alone) if options.save_video else None
    # A file that is read as fast as it can be waits for the encoder; whoever keeps time must not.
    wait = not source.live and options.speed == "max"
    if not source.has_pictures:
        return Feed(
            source=source, viewers=tuple(_viewers(imagined_lens, source, show=options.show, video=video, wait=wait))
        )
    lens = camera_intrinsics(config.camera, source.source_id)

    def lens_for(width: int, height: int) -> LensLike:
        return lens.scaled(width=width, height=height)

    viewers = tuple(_viewers(lens_for, source, show=options.show, video=video, wait=wait))
    return Feed(source=source, pose=PoseStage(config.pose, lens), viewers=viewers)


def _own_file(path: str, source: Source, *, alone: bool) -> Path:
    """Name a source's own file: as it was given, or with the source's name where there are others."""
    file = Path(path)
    return file if alone else file.with_name(f"{file.stem}-{source.source_id}{file.suffix}")


def _recorder(
    options: argparse.Namespace, session_id: str, source: Source, *, alone: bool, session: SessionClock
) -> "Recorder":
    from hitrs_live.transport.recorder import Recorder

    file = _own_file(options.record, source, alone=alone)
    if any(kind == "replay" and file.resolve() == Path(value).resolve() for kind, value in options.sources):
        raise TransportError(f"recording {file}: it is the file being replayed; give another name")
    return Recorder(
        file, session_id=session_id, source_id=source.source_id, overwrite=options.overwrite, session=session
    )


def _viewers(lens_for: LensFor, source: Source, *, show: bool, video: Path | None, wait: bool) -> Iterator[Viewer]:
    if show or video:
        # Before OpenCV first encodes or decodes: later, it no longer listens.
        quiet_opencv()
    if show:
        from hitrs_live.views.window import Window

        yield Window(f"hitrs-live {source.source_id}", lens_for=lens_for)
    if video:
        from hitrs_live.views.save_video import WEBM, SaveVideo

        if video.suffix.lower() != WEBM:
            _log.info("video %s: players read it, browsers do not; a name in %s gives one that both do", video, WEBM)
        yield SaveVideo(video, lens_for=lens_for, wait=wait)


@contextmanager
def _logging(config: Config, *, drawn: bool) -> Iterator[LogOutput]:
    """Log to standard output; while a dashboard is drawn there, keep what is logged until it is over."""
    with logging_to(sys.stdout, format=config.log.format, level=config.log.level, paused=drawn) as output:
        yield output


@contextmanager
def dashboard(address: str, output: LogOutput) -> Iterator[Callable[[], bool]]:
    """Show the dashboard in a process of its own, a subscriber like any other, until the run is over.

    Gives what says whether it is gone: it could not start, or ended before the run; then the log is written instead.
    """
    try:
        process = start_dashboard(address)
    except OSError as error:
        output.resume()
        _log.warning("the dashboard could not be started (%s); log lines instead, publishing on %s", error, address)
        yield lambda: True
        return

    def gone() -> bool:
        code = process.poll()
        if code is None:
            return False
        output.resume()
        _log.warning("the dashboard ended with code %d; log lines from here on, publishing on %s", code, address)
        return True

    try:
        yield gone
    finally:
        end_dashboard(process, _DASHBOARD_ENDS_S)
