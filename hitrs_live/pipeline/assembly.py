"""Assemble a pipeline: first everything that can be refused cheaply, then what takes seconds to load."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hitrs_live.config import Config
from hitrs_live.errors import ConfigError, HitrsLiveError, TransportError, ViewUnavailable
from hitrs_live.files.checkpoint_file import check_detector_file, checkpoint_path
from hitrs_live.files.output_files import is_one_of, why_unwritable
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pose.factory import check_model, check_model_file, make_pose_estimator
from hitrs_live.pose.intrinsics import camera_intrinsics
from hitrs_live.sources.base import Source
from hitrs_live.sources.camera.opencv_quiet import quiet_opencv
from hitrs_live.sources.factory import NamedSource, make_sources
from hitrs_live.sources.kinds import SOURCES
from hitrs_live.sources.pacing import Speed
from hitrs_live.streaming.thresholds import check_thresholds_file
from hitrs_live.transport.kept_minutes import KeptMinutes, KeptMinutesSink
from hitrs_live.transport.kinds import SINKS, SinkOptions
from hitrs_live.transport.multi_sink import ContainedSink, MultiSink
from hitrs_live.transport.recoverable import NO_RECOVERY
from hitrs_live.transport.sink import Sink
from hitrs_live.views.base import Viewer
from hitrs_live.views.kinds import VIEWS, ViewOptions
from hitrs_live.views.projection import LensFor, LensLike, default_lens
from hitrs_live.wire.utc import SessionClock

if TYPE_CHECKING:
    from hitrs_live.pipeline.pipeline import Pipeline

NamedOutput = tuple[str, str]
"""A sink's or view's kind, a key of SINKS or VIEWS, and its value; "" for a kind without one."""


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """What a run reads, and where its messages and pictures go beside the main sink."""

    sources: Sequence[NamedSource]
    speed: Speed = "real"
    """Of files."""
    sinks: Sequence[NamedOutput] = ()
    """A file that each source has of its own is named after the source where there are several; likewise for views."""
    overwrite: bool = False
    """Whether a sink's file may replace another."""
    views: Sequence[NamedOutput] = ()
    publishes: bool = True
    """Whether there is a publisher, at which the last minutes can be asked for."""

    @property
    def recordings(self) -> Path | None:
        """The folder that the run records in; None if it does not record."""
        return next((Path(value).parent for kind, value in self.sinks if kind == "record"), None)


class Assembly:
    """Check, open and build the parts of one run, in the order in which they can fail.

    Nothing that takes long is loaded before `build`. Close it after any of these steps; closing a part that the
    pipeline has closed already does nothing.
    """

    def __init__(self, plan: RunPlan, config: Config, *, session: SessionClock | None = None) -> None:
        """Make the sources and their views, and check what can be checked without opening anything.

        session: what messages are dated by; None for one that begins now.

        Raises SourceUnavailable, ConfigError, CheckpointMismatch, ViewUnavailable or TransportError.
        """
        self._plan, self._config, self._session = plan, config, session or SessionClock.begin()
        self._stack = ExitStack()
        self._shared: Sequence[Sink] = ()
        _check_files(config)
        self._sources = make_sources(plan.sources, config, speed=plan.speed)
        self.alone = len(self._sources) == 1
        # A replayed recording is the same session.
        recorded_id = getattr(self._sources[0], "session_id", "") if self.alone else ""
        self.session_id: str = recorded_id or uuid.uuid4().hex
        self.kept = self._keep_minutes()
        """What is kept of the last minutes; None where nothing is, or no one could ask for it."""
        self._check_outputs()
        with ExitStack() as views:
            self._inputs = [self._make_input(source, views) for source in self._sources]
            self._stack.push(views.pop_all())

    @property
    def is_live(self) -> bool:
        """Whether any source is live, so that it does not wait for its reader."""
        return any(source.live for source in self._sources)

    def open(self) -> None:
        """Open the sinks that all sources share, then the sources; check the pose model where it is needed.

        Raises TransportError, SourceUnavailable or PoseModelMissing.
        """
        self._shared = self._open_sinks(None)
        for input_stream in self._inputs:
            self._stack.callback(input_stream.source.close)
            input_stream.source.open()
        self._inputs = [replace(input_stream, opened=True) for input_stream in self._inputs]
        if any(input_stream.pose is not None for input_stream in self._inputs):
            check_model(self._config.pose)

    def build(self, sink: Sink) -> "Pipeline":
        """Load the model and build the pipeline, which must run in the calling thread.

        Raises CheckpointMismatch, ConfigError or TransportError.
        """
        import torch

        from hitrs_live.checkpoint import load_checkpoint
        from hitrs_live.inference.backend_selection import open_engine
        from hitrs_live.pipeline.actions_reload import ActionsReload
        from hitrs_live.pipeline.pipeline import Pipeline
        from hitrs_live.streaming.hitrs_stream import HitrsLoader
        from hitrs_live.streaming.thresholds import find_thresholds, reported_classes
        from hitrs_live.teaching.loading import TaughtFiles
        from hitrs_live.teaching.running_model import RunningModel

        config = self._config
        # It is set for the whole process, which may be a user's program.
        self._stack.callback(torch.set_num_threads, torch.get_num_threads())
        torch.set_num_threads(config.model.threads)
        checkpoint = load_checkpoint(config.model.checkpoint or None)
        thresholds = find_thresholds(config.action.thresholds, checkpoint, config.model.checkpoint)
        reported = reported_classes(checkpoint.info.labels, config.action, thresholds.thresholds)
        # An engine that was not asked for is not built, which would take minutes.
        open_configured = partial(
            open_engine, checkpoint, config.model.engine, config.model.precision, threads=config.model.threads,
            build=config.model.engine != "auto",
            quantisation=Path(config.model.quantisation) if config.model.quantisation else None,
        )  # fmt: skip
        self._inputs = [
            replace(input_stream, sinks=(*self._kept_sinks(), *self._open_sinks(input_stream.source)))
            for input_stream in self._inputs
        ]
        taught: TaughtFiles | None = None
        if config.action.taught:
            taught = TaughtFiles(config.action.taught, RunningModel.of(checkpoint, reported))
        return Pipeline(
            self._inputs, model=HitrsLoader(checkpoint, config.model, open_configured), config=config,
            sink=MultiSink(sink, self._shared), thresholds=thresholds, session=self._session,
            taught=None if taught is None else taught.actions,
            reload=None if taught is None else ActionsReload(taught),
        )  # fmt: skip

    def close(self) -> None:
        """Close everything that was opened; safe at any time, also twice."""
        self._stack.close()

    def __enter__(self) -> "Assembly":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep_minutes(self) -> KeptMinutes | None:
        keep, publish = self._config.keep, self._config.publish
        if not (self._plan.publishes and keep.minutes and publish.recovery != NO_RECOVERY):
            return None
        return KeptMinutes(keep, self.session_id, utc_offset_ns=self._session.utc_offset_ns)

    def _kept_sinks(self) -> Sequence[Sink]:
        return () if self.kept is None else (KeptMinutesSink(self.kept, self.session_id),)

    def _check_outputs(self) -> None:
        """Refuse files that cannot be written, or would replace what is read or written elsewhere in this run.

        Nothing is written yet. Raises TransportError (sinks) or ViewUnavailable (views).
        """
        inputs = [Path(value) for kind, value in self._plan.sources if SOURCES[kind].reads_file]
        written: list[tuple[str, Path]] = []
        for what, file, must_be_new, fault in self._output_files():
            other = next((name for name, taken in written if is_one_of(file, [taken])), "")
            trouble = why_unwritable(file)
            if is_one_of(file, inputs):
                trouble = "it is a file that is read; give another name"
            elif other:
                trouble = f"{other} and {what} cannot be one file; give another name"
            elif trouble is None and file.exists() and not file.is_file():
                trouble = "it is a device or pipe; give the name of a file"
            elif trouble is None and must_be_new and file.exists():
                trouble = "it exists already; give another name or --overwrite"
            if trouble is not None:
                raise fault(f"{what} {file}: {trouble}")
            written.append((what, file))

    def _output_files(self) -> Iterator[tuple[str, Path, bool, type[HitrsLiveError]]]:
        """Yield each file to be written: what it is called, its path, whether it must be new, the error to raise."""
        plan = self._plan
        sinks = [(SINKS[kind], value) for kind, value in plan.sinks if SINKS[kind].file_of]
        views = [(VIEWS[kind], value) for kind, value in plan.views if VIEWS[kind].file_of]
        for source in self._sources:
            for sink, value in sinks:
                if sink.each_source:
                    yield sink.file_of, self._own_file(value, source), not plan.overwrite, TransportError
            for view, value in views:
                yield view.file_of, self._own_file(value, source), False, ViewUnavailable
        for sink, value in sinks:
            if not sink.each_source:
                yield sink.file_of, Path(value), not plan.overwrite, TransportError

    def _make_input(self, source: Source, stack: ExitStack) -> InputStream:
        """Give a source its pose estimator and views."""
        lens_for: LensFor = default_lens
        pose = None
        if source.has_pictures:
            lens = camera_intrinsics(self._config.camera, source.source_id)
            pose = make_pose_estimator(self._config.pose, lens)

            def lens_for(width: int, height: int) -> LensLike:
                return lens.scaled(width=width, height=height)

        viewers = []
        for viewer in self._make_viewers(source, lens_for):
            stack.callback(viewer.close)
            viewers.append(viewer)
        return InputStream(source=source, pose=pose, viewers=tuple(viewers))

    def _make_viewers(self, source: Source, lens_for: LensFor) -> Iterator[Viewer]:
        plan = self._plan
        if plan.views:
            # Before OpenCV first encodes or decodes: later, it ignores the setting.
            quiet_opencv()
        # A file that is read as fast as possible waits for a slow view; a source that keeps time must not.
        options = ViewOptions(
            source_id=source.source_id, lens_for=lens_for, may_wait=plan.speed == "max" and not source.live
        )
        for kind, value in plan.views:
            line = VIEWS[kind]
            yield line.make(str(self._own_file(value, source)) if line.file_of else value, options)

    def _open_sinks(self, source: Source | None) -> Sequence[Sink]:
        """Open the sinks of one source, or those that all share. Raises TransportError."""
        options = SinkOptions(
            session_id=self.session_id, session=self._session, config=self._config, overwrite=self._plan.overwrite,
            source_id="" if source is None else source.source_id,
        )  # fmt: skip
        opened: list[Sink] = []
        for kind, value in self._plan.sinks:
            line = SINKS[kind]
            if line.each_source == (source is not None):
                if source is not None and line.file_of:
                    value = str(self._own_file(value, source))
                opened.append(line.make(value, options))
                self._stack.callback(ContainedSink(opened[-1], cause="").close)
        return opened

    def _own_file(self, path: str, source: Source) -> Path:
        """Return the path of a source's own file: as it was given, or with the source's name where there are others."""
        file = Path(path)
        return file if self.alone else file.with_name(f"{file.stem}-{source.source_id}{file.suffix}")


def check_taught_files(paths: Sequence[str]) -> None:
    """Check that files of taught actions can be read, without importing torch. Raises ConfigError."""
    for path in paths:
        try:
            Path(path).open("rb").close()
        except OSError as error:
            raise ConfigError(
                f"actions {path}: cannot be read ({error.strerror}); make one with hitrs-live teach fit"
            ) from None


def _check_files(config: Config) -> None:
    """Check the files that the settings name. Raises ConfigError or CheckpointMismatch."""
    check_detector_file(checkpoint_path(config.model.checkpoint))
    check_thresholds_file(config.action.thresholds)
    check_taught_files(config.action.taught)
    check_model_file(config.pose)
    if config.model.precision == "int8" and config.model.quantisation:
        try:
            Path(config.model.quantisation).open("rb").close()
        except OSError as error:
            raise ConfigError(
                f"ranges {config.model.quantisation}: cannot be read ({error.strerror}); "
                "make one with hitrs-live calibrate quantisation"
            ) from None
