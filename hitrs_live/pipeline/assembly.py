"""Put a pipeline together: first all that can be refused cheaply, then what takes seconds to load."""

import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hitrs_live.config import Config
from hitrs_live.errors import ConfigError, TransportError, ViewUnavailable
from hitrs_live.files.checkpoint_file import SHIPPED, check_detector_file
from hitrs_live.files.output_files import is_one_of, why_unwritable
from hitrs_live.pipeline.input_stream import InputStream, Viewer
from hitrs_live.pose.factory import check_model, check_model_file, make_pose_estimator
from hitrs_live.pose.intrinsics import camera_intrinsics
from hitrs_live.sources.base import Source
from hitrs_live.sources.camera.opencv_quiet import quiet_opencv
from hitrs_live.sources.factory import NamedSource, make_sources
from hitrs_live.sources.pacing import Speed
from hitrs_live.streaming.thresholds import check_thresholds_file
from hitrs_live.transport.sink import Sink
from hitrs_live.views.projection import LensFor, LensLike, imagined_lens
from hitrs_live.wire.utc import SessionClock

if TYPE_CHECKING:
    from hitrs_live.pipeline.pipeline import Pipeline
    from hitrs_live.transport.recorder import Recorder

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run reads and, beside its messages, leaves behind."""

    sources: Sequence[NamedSource]
    speed: Speed = "real"
    """Of files."""
    record: str | None = None
    """Where joints and events are kept; of several sources, a file each, named after it."""
    overwrite: bool = False
    """Whether a recording may replace a file."""
    show: bool = False
    """Whether a window shows what is seen."""
    save_video: str | None = None
    """Where that picture is kept; of several sources, a file each."""


class Assembly:
    """The parts of one run, in the order in which they can fail: checked, opened, built.

    Nothing that takes long is loaded before `build`. Close it however far it came; what a pipeline has closed already
    is closed twice, which all parts bear.
    """

    def __init__(self, plan: Plan, config: Config, *, session: SessionClock | None = None) -> None:
        """Make the sources and their views, and check what can be checked without opening anything.

        session: what messages are dated by; None for one that begins now.

        Raises SourceUnavailable, ConfigError, CheckpointMismatch, ViewUnavailable or TransportError.
        """
        self._plan, self._config, self._session = plan, config, session or SessionClock.begin()
        self._stack = ExitStack()
        _check_files(config)
        self._sources = make_sources(plan.sources, config, speed=plan.speed)
        self.alone = len(self._sources) == 1
        # A replayed recording is the same session.
        told_again = getattr(self._sources[0], "session_id", "") if self.alone else ""
        self.session_id: str = told_again or uuid.uuid4().hex
        self._check_outputs()
        with ExitStack() as made:
            self._inputs = [self._make_input(source, made) for source in self._sources]
            self._stack.push(made.pop_all())

    @property
    def is_live(self) -> bool:
        """Whether any source goes on whether or not anybody keeps up with it."""
        return any(source.live for source in self._sources)

    def open(self) -> None:
        """Open the sources, and find the pose model where needed. Raises SourceUnavailable or PoseModelMissing."""
        for input_stream in self._inputs:
            self._stack.callback(input_stream.source.close)
            input_stream.source.open()
        self._inputs = [replace(input_stream, opened=True) for input_stream in self._inputs]
        if any(input_stream.pose is not None for input_stream in self._inputs):
            check_model(self._config.pose)

    def build(self, sink: Sink) -> "Pipeline":
        """Load the model and make the pipeline, which this very thread has to run.

        Raises CheckpointMismatch, ConfigError or TransportError.
        """
        import torch

        from hitrs_live.checkpoint import load_checkpoint
        from hitrs_live.inference.backend_selection import open_engine
        from hitrs_live.pipeline.pipeline import Pipeline
        from hitrs_live.streaming.hitrs_stream import HitrsLoader
        from hitrs_live.streaming.thresholds import find_thresholds

        config = self._config
        # Of the whole process, which may not be ours alone.
        self._stack.callback(torch.set_num_threads, torch.get_num_threads())
        torch.set_num_threads(config.model.threads)
        checkpoint = load_checkpoint(config.model.checkpoint or None)
        thresholds = find_thresholds(config.action.thresholds, checkpoint, Path(config.model.checkpoint or SHIPPED))
        # Nobody who asked for no engine should wait for one to be built.
        open_configured = partial(
            open_engine, checkpoint, config.model.engine, config.model.precision, threads=config.model.threads,
            build=config.model.engine != "auto",
            quantisation=Path(config.model.quantisation) if config.model.quantisation else None,
        )  # fmt: skip
        if self._plan.record:
            self._inputs = [
                replace(input_stream, recorder=self._make_recorder(input_stream.source))
                for input_stream in self._inputs
            ]
        return Pipeline(
            self._inputs, model=HitrsLoader(checkpoint, config.model, open_configured), config=config, sink=sink,
            thresholds=thresholds, session=self._session,
        )  # fmt: skip

    def close(self) -> None:
        """Let everything go that was made here; safe at any time, also twice."""
        self._stack.close()

    def __enter__(self) -> "Assembly":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_outputs(self) -> None:
        """Refuse files that cannot be written, or would replace what is read or written elsewhere in this run.

        Nothing is made yet. Raises TransportError (recording) or ViewUnavailable (video).
        """
        plan = self._plan
        outputs = (("recording", plan.record, TransportError), ("video", plan.save_video, ViewUnavailable))
        inputs = [Path(value) for kind, value in plan.sources if kind in ("video", "replay")]
        written: list[Path] = []
        for source in self._sources:
            for what, path, fault in outputs:
                if not path:
                    continue
                file = self._own_file(path, source)
                trouble = why_unwritable(file)
                if is_one_of(file, inputs):
                    trouble = "it is a file that is read; give another name"
                elif is_one_of(file, written):
                    trouble = "recording and video cannot be one file; give another name"
                elif trouble is None and what == "recording" and file.exists() and not plan.overwrite:
                    trouble = "it exists already; give another name or --overwrite"
                if trouble is not None:
                    raise fault(f"{what} {file}: {trouble}")
                written.append(file)

    def _make_input(self, source: Source, stack: ExitStack) -> InputStream:
        """Give a source its pose estimator and views."""
        lens_for: LensFor = imagined_lens
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
        if plan.show or plan.save_video:
            # Before OpenCV first encodes or decodes: later, it no longer listens.
            quiet_opencv()
        if plan.show:
            from hitrs_live.views.window import Window

            yield Window(f"hitrs-live {source.source_id}", lens_for=lens_for)
        if plan.save_video:
            from hitrs_live.views.save_video import WEBM, SaveVideo

            file = self._own_file(plan.save_video, source)
            # A file that is read as fast as it can be waits for the encoder; whoever keeps time must not.
            video = SaveVideo(file, lens_for=lens_for, wait=plan.speed == "max" and not source.live)
            if file.suffix.lower() != WEBM:
                _log.info("video %s: players read it, browsers do not; a name in %s gives one that both do", file, WEBM)
            yield video

    def _make_recorder(self, source: Source) -> "Recorder":
        from hitrs_live.transport.recorder import Recorder

        assert self._plan.record is not None
        recorder = Recorder(
            self._own_file(self._plan.record, source),
            session_id=self.session_id,
            source_id=source.source_id,
            overwrite=self._plan.overwrite,
            session=self._session,
        )
        self._stack.callback(recorder.close)
        return recorder

    def _own_file(self, path: str, source: Source) -> Path:
        """Name a source's own file: as it was given, or with the source's name where there are others."""
        file = Path(path)
        return file if self.alone else file.with_name(f"{file.stem}-{source.source_id}{file.suffix}")


def _check_files(config: Config) -> None:
    """Refuse the files that settings name where they are not what they should be."""
    check_detector_file(Path(config.model.checkpoint or SHIPPED))
    check_thresholds_file(config.action.thresholds)
    check_model_file(config.pose)
    if config.model.precision == "int8" and config.model.quantisation:
        try:
            Path(config.model.quantisation).open("rb").close()
        except OSError as error:
            raise ConfigError(
                f"ranges {config.model.quantisation}: cannot be read ({error.strerror}); "
                "make one with hitrs-live calibrate quantisation"
            ) from None
