"""The straight line, written down: source, pose, track, resample, predict, decode, publish.

Sources are read, and people found in their pictures, in a thread each, whose pose estimator is a process of its own
(`intake`). From there on everything runs in one thread: a line for each source (`source`), and one batch of the model
for all of them. The terminal dashboard is another process: a subscriber like any other.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from hitrs_live.config import Config
from hitrs_live.messages import JointFrame
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.multiplexer import FrameMultiplexer, SourceFrame
from hitrs_live.pipeline.source_pipeline import SourcePipeline
from hitrs_live.streaming.batching import RowBatch
from hitrs_live.streaming.predictor import Predictor
from hitrs_live.streaming.stream_model import ModelLoader
from hitrs_live.streaming.thresholds import LoadedThresholds
from hitrs_live.transport.sink import Sink
from hitrs_live.wire.utc import SessionClock

_WAIT_S = 0.1


class Pipeline:
    """Carry every frame of all sources from the camera to events."""

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
    ) -> None:
        """Lay a line for each feed; no two sources may have one name.

        model: loads the model, once the sources are open. thresholds: of this model; None for its own and the
        settings'. session: what messages are dated by; None for one that begins now.
        """
        found, session = thresholds or LoadedThresholds(), session or SessionClock.begin(clock)
        self._model, self._config, self._sink, self._clock = model, config, sink, clock
        self._multiplexer = FrameMultiplexer(inputs, batch_timeout_s=config.model.gather_ms / 1e3)
        self._sources = [
            SourcePipeline(
                input_stream,
                model.description,
                config,
                sink=sink,
                thresholds=found.thresholds,
                clock=clock,
                session=session,
            )
            for input_stream in inputs
        ]
        self._batch = RowBatch(len(inputs), config.pose.max_people)
        self._notices = [found.notice] if found.notice else []
        self._information: list[str] = []
        self._failure: Exception | None = None

    def run(
        self,
        *,
        duration_s: float | None = None,
        stop: threading.Event | None = None,
        attend: Callable[[], None] | None = None,
    ) -> None:
        """Run until all sources end, the time is up or `stop` is set; then close everything, open actions first.

        attend: called some ten times a second or more, also while nothing happens; see `Publisher.attend`.
        Raises SourceUnavailable or PoseProcessFailed where a source or a pose process cannot be started, and, once
        all have ended, what ended one against its will.
        """
        stop = stop or threading.Event()
        try:
            # The sources first: a camera that is not there is told of at once, whatever else takes its time.
            self._multiplexer.open()
            predictor = self._prepare_model()
            self._multiplexer.start()
            for source in self._sources:
                source.begin(self._information)
            deadline_ns = None if duration_s is None else self._clock() + int(duration_s * 1e9)
            self._loop(predictor, deadline_ns, stop, attend or _nothing)
        finally:
            self._close()
        if self._failure is not None:
            raise self._failure

    def _prepare_model(self) -> Predictor:
        """Load the model, which may have to be built first, and run it once."""
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
        self, predictor: Predictor, deadline_ns: int | None, stop: threading.Event, attend: Callable[[], None]
    ) -> None:
        while not all(source.ended for source in self._sources):
            attend()
            self._step(predictor, self._multiplexer.collect_batch(_WAIT_S))
            for source in self._sources:
                source.maybe_publish_status(self._notices)
            if stop.is_set() or (deadline_ns is not None and self._clock() >= deadline_ns):
                for source in self._sources:
                    source.shut_down()

    def _step(self, predictor: Predictor, arrivals: Sequence[SourceFrame]) -> None:
        """Carry all that came in to its end, side by side: the n-th ticks of all sources are one batch.

        Of each frame, the model's time is that of the batches that it had a tick in, which is how long it waited.
        What a line raises ends its source alone.
        """
        self._failure = self._failure or next((each.error for each in arrivals if each.error is not None), None)
        waiting: dict[int, deque[JointFrame]] = {each.input_stream: deque() for each in arrivals}
        for each in arrivals:
            with self._contained(each.input_stream):
                waiting[each.input_stream].extend(self._sources[each.input_stream].track(each))
        model_ms = dict.fromkeys(waiting, 0.0)
        while any(waiting.values()):
            joint_frames = {source: left.popleft() for source, left in waiting.items() if left}
            began_ns = self._clock()
            predictions = self._batch.split(joint_frames, predictor.step(self._batch.join(joint_frames)))
            took_ms = (self._clock() - began_ns) / 1e6
            for source, joint_frame in joint_frames.items():
                model_ms[source] += took_ms
                with self._contained(source):
                    self._sources[source].publish(joint_frame, predictions[source])
                if self._sources[source].ended:
                    waiting[source].clear()
        for each in arrivals:
            with self._contained(each.input_stream):
                self._sources[each.input_stream].finish(each, model_ms=model_ms[each.input_stream])

    @contextmanager
    def _contained(self, input_stream: int) -> Iterator[None]:
        """End one source by what its line raises, which is kept to be raised after the run; the others go on.

        A sink that fails again while the source is ended stops the run: without it the pipeline has no purpose.
        """
        try:
            yield
        except Exception as error:  # Whatever the source's data led to, it is no other source's end.
            self._failure = self._failure or error
            self._multiplexer.leave(input_stream)
            self._sources[input_stream].fail(error)

    def _close(self) -> None:
        """Close everything, the sources first."""
        with ExitStack() as stack:
            # Last in, first out; what one of them raises keeps none of the others from closing.
            stack.callback(self._sink.close)
            for source in reversed(self._sources):
                stack.callback(source.close, self._notices)
            stack.callback(self._multiplexer.close)


def _nothing() -> None:
    """Do nothing."""
