"""The live pipeline inside a user's program: `for event in hitrs_live.run(camera=0): ...`.

It has the same parts as `hitrs-live live` (`assembly`), run by a thread that a `LiveRun` owns. A socket is opened only
where an address to bind is given.
"""

import difflib
import inspect
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hitrs_live.config import Config, load_config, override
from hitrs_live.messages import AnyMessage
from hitrs_live.pipeline.assembly import Assembly, RunPlan
from hitrs_live.sources.factory import NamedSource
from hitrs_live.sources.pacing import Speed
from hitrs_live.transport.callback_sink import CallbackSink
from hitrs_live.transport.message_queue import MessageQueue
from hitrs_live.transport.multi_sink import MultiSink
from hitrs_live.transport.queue_sink import QueueSink
from hitrs_live.transport.recoverable import open_publisher
from hitrs_live.transport.sink import Sink

FilePath = str | os.PathLike[str]
_END_WAIT_S = 15.0
"""How long closing waits for the pipeline's thread, which may be loading a model."""
_LOOK_UP_S = 0.1
_log = logging.getLogger(__name__)


def run(
    *,
    camera: int | str | Sequence[int | str] | None = None,
    video: FilePath | Sequence[FilePath] | None = None,
    replay: FilePath | Sequence[FilePath] | None = None,
    joints: str | Sequence[str] | None = None,
    demo: bool = False,
    sources: Sequence[NamedSource] = (),
    speed: Speed = "real",
    config: Config | FilePath | None = None,
    sink: Callable[[AnyMessage], object] | None = None,
    bind: str | None = None,
    record: FilePath | None = None,
    overwrite: bool = False,
    save_video: FilePath | None = None,
    duration_s: float | None = None,
    capacity: int = 1000,
    **settings: object,
) -> "LiveRun":
    """Run the live pipeline in a thread of this process and iterate over its messages.

    Sources are numbered in the order cameras, videos, replays, joints, demo, `sources`, which is the order of the names
    in the setting `source_id`. Without `require_sources=True` a missing camera is tried again without end.

    Args:
        camera: a number, a device path or a URL, or several of them; video, replay, joints: likewise, as the flags
            of `hitrs-live live`.
        demo: whether the synthetic person is a source.
        sources: sources of any kind of the table `hitrs_live.sources.kinds.SOURCES`, each as (kind, value), such as
            ("camera", "0"); "" for a kind without a value.
        speed: of files; "real" for their own pace, "max" for as fast as they can be read.
        config: settings, or the TOML file that has them; by default the default ones.
        sink: called with every message, in a thread of its own. What it raises is logged, counted (`sink_errors`) and
            reported in `Status.notices`; it is called with the next message all the same.
        bind: where to publish over ZeroMQ as well, such as tcp://127.0.0.1:5556; None for no socket at all.
        record: a file for joints and events, save_video: one for the picture, as the flags; of several sources, a
            file each.
        overwrite: whether a recording may replace a file.
        duration_s: seconds after which the run ends; None for no limit.
        capacity: messages kept for an iterator, and for a sink, that is busy. Beyond that, a live source
            loses messages, which are counted (`drops`); a run of files alone waits. With a sink or an address to
            bind, it waits for an iterator only once there is one.
        **settings: single settings over `config`, `pose__max_people=1` for `pose.max_people`.

    The run sets how many threads torch uses in this process (`model.threads`), and resets it at its end.

    Returns:
        An iterator of messages, each of its own class of `hitrs_live.messages`; also a context manager. It ends with
        the sources, after `stop()` or after duration_s, and raises the error that ended the pipeline, if one did.

    Raises:
        TypeError: for a name that is neither an argument nor a setting, and for values of the wrong kind.
        ValueError: for a call that names no source, or one of an unknown kind, and for a capacity below 1.
        HitrsLiveError: of the kind that fits, for files, addresses and settings that can be refused without loading
            a model.
    """
    _check_arguments(settings, sink=sink, config=config, camera=camera, sources=sources, capacity=capacity)
    named: list[NamedSource] = [
        *(("camera", str(each)) for each in _several(camera)),
        *(("video", os.fspath(each)) for each in _several(video)),
        *(("replay", os.fspath(each)) for each in _several(replay)),
        *(("joints", each) for each in _several(joints)),
        *([("demo", "")] if demo else []),
        *sources,
    ]
    if not named:
        raise ValueError("run: no source; give camera=0, video=FILE, replay=PATH, joints=URL or demo=True")
    plan = RunPlan(
        sources=named, speed=speed, overwrite=overwrite,
        sinks=[] if record is None else [("record", os.fspath(record))],
        views=[] if save_video is None else [("save-video", os.fspath(save_video))], publishes=bind is not None,
    )  # fmt: skip
    return LiveRun(
        plan, _settings(config, settings, bind), sink=sink, publishes=bind is not None, duration_s=duration_s,
        capacity=capacity,
    )  # fmt: skip


class LiveRun:
    """A running pipeline, and its messages. Returned by `run`.

    Owns one thread, and one more for a sink. Both end with it: when the sources end, when a `with` or a `for` over a
    run that nothing else refers to is left, and at the latest when the program ends.
    """

    def __init__(
        self,
        plan: RunPlan,
        config: Config,
        *,
        sink: Callable[[AnyMessage], object] | None,
        publishes: bool,
        duration_s: float | None,
        capacity: int,
    ) -> None:
        """Check, open and start; see `run`."""
        with ExitStack() as stack:
            assembly = stack.enter_context(Assembly(plan, config))
            stop = threading.Event()
            self._queue = MessageQueue(
                capacity, waits=not assembly.is_live, stop=stop, has_reader=sink is None and not publishes
            )
            publisher = None
            if publishes:
                publisher = stack.enter_context(
                    open_publisher(config.publish, assembly.session_id, recordings=plan.recordings, kept=assembly.kept)
                )
            assembly.open()
            self._callback: CallbackSink | None = None
            if sink is not None:
                self._callback = CallbackSink(sink, MessageQueue(capacity, waits=not assembly.is_live, stop=stop))
                stack.callback(self._callback.close)
            self.session_id = assembly.session_id
            self.address = None if publisher is None else publisher.address
            """Address that messages are published at too, with its real port; None without a publisher."""
            parts = (publisher, QueueSink(assembly.session_id, self._queue), self._callback)
            # The first one numbers the messages.
            first, *others = [part for part in parts if part is not None]
            serve_subscribers = None if publisher is None else publisher.serve_subscribers
            self._work = _PipelineThread(
                assembly, MultiSink(first, others), self._queue, stop, duration_s, serve_subscribers
            )
            self._work.start()
            stack.pop_all()
        # The thread has no reference to this object, so that it does not keep it alive.
        self._finalizer = weakref.finalize(self, _PipelineThread.shut_down, self._work)

    @property
    def drops(self) -> int:
        """Count the messages that were lost because the iterator was too slow."""
        return self._queue.drops

    @property
    def sink_errors(self) -> int:
        """Count how often the sink raised."""
        return 0 if self._callback is None else self._callback.errors

    @property
    def is_running(self) -> bool:
        """Whether the pipeline is running, or still being loaded."""
        return self._work.is_alive()

    def stop(self) -> None:
        """Stop the pipeline: running actions are ended, and the last messages can still be read. Returns at once."""
        self._work.stop.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the run has ended, for runs with a sink: messages are not kept for an iterator meanwhile.

        Returns whether it has ended. Raises the error that ended the pipeline, if one did.
        """
        if self._callback is not None and self._callback.is_current_thread:
            raise RuntimeError("wait: called by the run's own sink, which the run waits for; call stop() there")
        deadline_s = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        while self._work.is_alive():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return False
            if self._queue.get(min(left_s, _LOOK_UP_S)) is None:
                self._work.join(min(left_s, _LOOK_UP_S))
        self._work.raise_failure()
        return True

    def close(self) -> None:
        """Stop, wait for the end and close everything; unread messages are lost. Safe at any time, also twice."""
        self._finalizer()

    def __iter__(self) -> Iterator[AnyMessage]:
        return self

    def __next__(self) -> AnyMessage:
        """Wait for the next message. Once all are read, raises the error that ended the pipeline, if one did."""
        message = self._queue.get()
        if message is not None:
            return message
        self._work.raise_failure()
        raise StopIteration

    def __enter__(self) -> "LiveRun":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close. Raises the error that ended the pipeline, unless another is being raised already."""
        self.close()
        if kind is None:
            self._work.raise_failure()


class _PipelineThread(threading.Thread):
    """Build and run the pipeline in a thread."""

    def __init__(
        self,
        assembly: Assembly,
        sink: Sink,
        queue: MessageQueue,
        stop: threading.Event,
        duration_s: float | None,
        serve_subscribers: Callable[[], None] | None,
    ) -> None:
        # A daemon: at its end the interpreter waits for other threads before it runs the finalizer that stops this one.
        super().__init__(name="hitrs-live", daemon=True)
        self.stop = stop
        self._assembly, self._sink, self._queue = assembly, sink, queue
        self._duration_s, self._attend = duration_s, serve_subscribers
        self._failure: Exception | None = None

    def run(self) -> None:
        try:
            with ExitStack() as stack:
                stack.callback(self._sink.close)
                stack.enter_context(self._assembly)
                pipeline = self._assembly.build(self._sink)
                pipeline.run(duration_s=self._duration_s, stop=self.stop, serve_subscribers=self._attend)
        except Exception as error:  # Raised in the thread that reads the messages.
            self._failure = error
        finally:
            self._queue.finish()

    def raise_failure(self) -> None:
        """Raise the error that ended the pipeline, at the first call."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def shut_down(self) -> None:
        """End the run from any thread, also from its own, where the garbage collector may run."""
        self.stop.set()
        self._queue.discard()
        if threading.current_thread() is not self:
            self.join(_END_WAIT_S)
            if self.is_alive():
                _log.warning("the pipeline did not end within %g s", _END_WAIT_S)


def _check_arguments(
    settings: dict[str, object], *, sink: object, config: object, camera: Any, sources: Any, capacity: object
) -> None:
    """Raise TypeError for unknown arguments and for values of the wrong kind."""
    arguments = [name for name in inspect.signature(run).parameters if name != "settings"]
    known = [*arguments, *Config.__struct_fields__]
    for name in settings:
        if "__" not in name and name not in Config.__struct_fields__:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"the nearest is {near[0]!r}" if near else "settings are named such as pose__max_people"
            raise TypeError(f"run: unknown argument {name!r}; {hint}")
    if sink is not None and not callable(sink):
        raise TypeError(f"run: sink is {sink!r}, expected a function that takes a message")
    if config is not None and not isinstance(config, (Config, str, os.PathLike)):
        raise TypeError(f"run: config is {type(config).__name__}, expected a Config or the path of a TOML file")
    if not isinstance(capacity, int):
        raise TypeError(f"run: capacity is {capacity!r}, expected a whole number")
    for each in _several(camera):
        if not isinstance(each, (int, str)) or isinstance(each, bool):
            raise TypeError(f"run: camera is {each!r}, expected a number, a device path or a URL")
    for each in _several(sources):
        if not (isinstance(each, tuple) and len(each) == 2 and all(isinstance(part, str) for part in each)):
            raise TypeError(f'run: sources has {each!r}, expected pairs of text such as ("camera", "0")')


def _settings(config: Config | FilePath | None, settings: dict[str, object], bind: str | None) -> Config:
    """Override the settings of a file with single ones. Raises ConfigError for invalid ones."""
    base = config if isinstance(config, Config) else Config() if config is None else load_config(Path(config))
    single: dict[str, Any] = {name.replace("__", "."): value for name, value in settings.items()}
    if bind is not None:
        single["publish.bind"] = bind
    return override(base, single) if single else base


def _several(value: Any) -> Sequence[Any]:
    """Return a sequence of one value, or of several, or of none."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
