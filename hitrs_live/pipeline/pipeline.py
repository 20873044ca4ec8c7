"""The live pipeline: source, pose, track, resample, predict, decode, publish.

Each source is read by a thread of its own, which also runs its pose estimator (`multiplexer`). Everything after that
runs in one thread: the stages of each source (`source_pipeline`), and the model, on one batch for all sources. The
terminal dashboard is another process, and subscribes like any other program.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext

from hitrs_live.config import Config
from hitrs_live.messages import JointFrame
from hitrs_live.pipeline.actions_reload import ActionsReload
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.load_control import LoadControl
from hitrs_live.pipeline.multiplexer import FrameMultiplexer, SourceFrame
from hitrs_live.pipeline.shared_state import SharedState
from hitrs_live.pipeline.source_pipeline import SourcePipeline
from hitrs_live.process.loop_watchdog import LoopWatchdog
from hitrs_live.streaming.batching import RowBatch
from hitrs_live.streaming.predictor import Predictor
from hitrs_live.streaming.stream_model import ModelLoader
from hitrs_live.streaming.thresholds import LoadedThresholds
from hitrs_live.teaching.actions_file import TaughtActions
from hitrs_live.transport.sink import Sink
from hitrs_live.wire.utc import ClockJump, SessionClock

_WAIT_S = 0.1


class Pipeline:
    """Process every frame of all sources, from the camera to events."""

    def __init__(
        self,
        inputs: Sequence[InputStream],
        *,
        model: ModelLoader,
        config: Config,
        sink: Sink,
        thresholds: LoadedThresholds | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
        session: SessionClock | None = None,
        taught: TaughtActions | None = None,
        reload: ActionsReload | None = None,
    ) -> None:
        """Set up the stages of each input; no two sources may have the same name.

        model: loads the model, once the sources are open. thresholds: those loaded for this model; None for its own and
        the settings'. session: what messages are dated by; None for one that begins now. taught: a user's own actions,
        if there are. reload: gives others while the pipeline runs, as their files are replaced.
        """
        loaded, session = thresholds or LoadedThresholds(), session or SessionClock.begin(clock)
        self._model, self._config, self._sink, self._clock = model, config, sink, clock
        self._multiplexer = FrameMultiplexer(inputs, batch_timeout_s=config.model.gather_ms / 1e3)
        self._sources = [
            SourcePipeline(
                input_stream,
                model.description,
                config,
                sink=sink,
                thresholds=loaded.thresholds,
                clock=clock,
                session=session,
                taught=taught,
            )
            for input_stream in inputs
        ]
        self._rows = RowBatch(len(inputs), config.pose.max_people)
        self._notices = [loaded.notice] if loaded.notice else []
        self._information: list[str] = []
        # What is found in a file does not depend on the machine.
        self._adapts = config.process.adapt_to_load and all(each.source.live for each in inputs)
        self._has_poses = any(each.pose is not None for each in inputs)
        self._load: LoadControl | None = None
        self._reload = reload
        self._clock_jump = ClockJump()
        self._watchdog = LoopWatchdog(slow_s=config.process.slow_step_s, hung_s=0.0)
        self._failure: Exception | None = None

    def run(
        self,
        *,
        duration_s: float | None = None,
        stop: threading.Event | None = None,
        serve_subscribers: Callable[[], None] | None = None,
        watchdog: LoopWatchdog | None = None,
        on_running: Callable[[], None] | None = None,
    ) -> None:
        """Run until all sources end, duration_s has passed or `stop` is set; then close everything, open actions first.

        serve_subscribers: called ten times a second or more, also while nothing is published; see
        `Publisher.serve_subscribers`. watchdog: watches the loop; None for one that only logs and counts. on_running:
        called once everything is loaded and started.

        Raises SourceUnavailable or PoseProcessFailed where a source or a pose process cannot be started, and, once all
        sources have ended, the first error that ended one.
        """
        stop = stop or threading.Event()
        self._watchdog = watchdog or self._watchdog
        try:
            # The sources first: a missing camera is reported before the model takes its time to load.
            self._multiplexer.open()
            predictor = self._prepare_model()
            self._multiplexer.start()
            if self._adapts:
                self._load = LoadControl(
                    self._sources, self._multiplexer, predictor, clock=self._clock, has_poses=self._has_poses
                )
            for source in self._sources:
                source.begin(self._information)
            deadline_ns = None if duration_s is None else self._clock() + int(duration_s * 1e9)
            (on_running or _nothing)()
            with self._watchdog.watching(), nullcontext() if self._reload is None else self._reload.watching():
                self._loop(predictor, deadline_ns, stop, serve_subscribers or _nothing)
        finally:
            self._close()
        if self._failure is not None:
            raise self._failure

    def _prepare_model(self) -> Predictor:
        """Load the model, whose engine may have to be built first, and run it once."""
        people = len(self._sources) * self._config.pose.max_people
        loaded = self._model.load(people)
        predictor = Predictor(
            loaded.model,
            rows=people,
            min_joint_confidence=self._config.pose.min_joint_confidence,
            mirror=self._config.model.mirror,
        )
        predictor.warm_up()
        self._notices = [notice for notice in (loaded.notice, *self._notices) if notice]
        self._information = [loaded.information] if loaded.information else []
        return predictor

    def _loop(
        self,
        predictor: Predictor,
        deadline_ns: int | None,
        stop: threading.Event,
        serve_subscribers: Callable[[], None],
    ) -> None:
        while not all(source.ended for source in self._sources):
            self._watchdog.beat()
            serve_subscribers()
            began_ns = self._clock()
            batch = self._multiplexer.collect_batch(_WAIT_S)
            if self._load is not None:
                self._load.add_wait(self._clock() - began_ns)
                self._load.update()
            self._replace_taught()
            self._step(predictor, batch)
            for source in self._sources:
                source.maybe_publish_status(self._shared)
            if stop.is_set() or (deadline_ns is not None and self._clock() >= deadline_ns):
                for source in self._sources:
                    source.shut_down()

    def _step(self, predictor: Predictor, frames: Sequence[SourceFrame]) -> None:
        """Process the items of all sources side by side: the n-th joint frames of all sources are one batch.

        The model's time for a frame is that of the batches with a joint frame of it, the time that it waited.
        What a source's stages raise ends that source alone.
        """
        self._failure = self._failure or next((each.error for each in frames if each.error is not None), None)
        waiting: dict[int, deque[JointFrame]] = {each.source_index: deque() for each in frames}
        for each in frames:
            with self._contained(each.source_index):
                waiting[each.source_index].extend(self._sources[each.source_index].track(each))
        model_ms = dict.fromkeys(waiting, 0.0)
        while any(waiting.values()):
            joint_frames = {index: left.popleft() for index, left in waiting.items() if left}
            began_ns = self._clock()
            predictions = self._rows.split(joint_frames, predictor.step(self._rows.join(joint_frames)))
            took_ms = (self._clock() - began_ns) / 1e6
            for index, joint_frame in joint_frames.items():
                model_ms[index] += took_ms
                with self._contained(index):
                    self._sources[index].publish(joint_frame, predictions[index])
                if self._sources[index].ended:
                    waiting[index].clear()
        for each in frames:
            with self._contained(each.source_index):
                self._sources[each.source_index].finish(each, model_ms=model_ms[each.source_index])

    def _replace_taught(self) -> None:
        """Find the actions of files that were replaced in the place of those before."""
        new = None if self._reload is None else self._reload.take()
        if new is not None:
            for index, source in enumerate(self._sources):
                with self._contained(index):
                    source.replace_taught(new)

    @contextmanager
    def _contained(self, source_index: int) -> Iterator[None]:
        """End one source where its stages raise; the others continue, and the error is raised after the run.

        A sink that raises again while the source is ended stops the run: without it the pipeline has no purpose.
        """
        try:
            yield
        except Exception as error:  # Whatever it is, it ends this source alone.
            self._failure = self._failure or error
            self._multiplexer.abandon(source_index)
            self._sources[source_index].fail(error)

    def close_recordings(self) -> None:
        """Close every source's own sinks, from any thread, because the process is about to end."""
        for source in self._sources:
            source.close_recordings()

    def _shared(self) -> SharedState:
        load_notice, steps = ("", ()) if self._load is None else (self._load.notice, self._load.steps)
        of_run = filter(None, (self._watchdog.notice, load_notice, self._clock_jump.notice))
        notices = (*self._notices, *of_run, *(() if self._reload is None else self._reload.notices))
        return SharedState(notices=notices, slow_steps=self._watchdog.slow_steps, load_steps=steps)

    def _close(self) -> None:
        """Close everything, the sources first."""
        with ExitStack() as stack:
            # Last in, first out; an error of one does not keep the others from closing.
            stack.callback(self._sink.close)
            for source in reversed(self._sources):
                stack.callback(source.close, self._shared)
            stack.callback(self._multiplexer.close)


def _nothing() -> None:
    """Do nothing."""
