"""Read all sources, each in a thread that also runs its pose estimator, and batch what they give."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hitrs_live.messages import Frame, PoseFrame, SourceChange
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pose.base import Interruptible
from hitrs_live.sources.base import SourceItem

_READ_S = 0.1
_TICK_S = 0.05
_STEP_ENDS_S = 0.5
_THREAD_ENDS_S = 1.0
"""Each within the time that a camera's close may take."""
_log = logging.getLogger(__name__)
_PACE_DECAY = 0.9
"""Weight of the past in the mean interval between a source's frames, at each frame."""


@dataclass(frozen=True, kw_only=True)
class SourceFrame:
    """One item of one source: a change of its state, or the people in a frame."""

    source_index: int
    """Position of the source among the inputs."""
    item: SourceChange | PoseFrame
    frame: Frame | None = None
    """The picture, where there is one."""
    pose_ms: float | None = None
    """How long the pose estimator took for it."""
    error: Exception | None = None
    """What ended the source, where it did not end normally."""


@dataclass(kw_only=True)
class _FrameInterval:
    """When a source's newest frame arrived, and the mean interval between frames. Seconds."""

    last_s: float
    interval_s: float | None = None

    def observe(self, now_s: float) -> None:
        gap_s, self.last_s = now_s - self.last_s, now_s
        self.interval_s = (
            gap_s if self.interval_s is None else _PACE_DECAY * self.interval_s + (1 - _PACE_DECAY) * gap_s
        )

    @property
    def next_s(self) -> float:
        """When the next frame is due; infinite while the pace is not known."""
        return float("inf") if self.interval_s is None else self.last_s + self.interval_s

    @property
    def late_s(self) -> float:
        """From when on it is overdue, and no longer waited for."""
        return self.next_s + (self.interval_s or 0.0)


class FrameMultiplexer:
    """Read all sources in parallel; return items that arrive close together as one batch.

    Of each source one item at a time is processed: its thread reads the next one once `collect_batch` is called again.
    A live source drops and counts the frames in between, so that the next frame read is the newest.
    """

    def __init__(
        self, inputs: Sequence[InputStream], *, batch_timeout_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the inputs. batch_timeout_s: how long a frame may wait for those of other sources."""
        self._inputs, self._batch_timeout_s, self._clock = tuple(inputs), batch_timeout_s, clock
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        # Everything below is read and written only with the condition's lock.
        self._offered: dict[int, SourceFrame] = {}
        self._first_s = 0.0
        self._in_process: set[int] = set()
        self._paces: dict[int, _FrameInterval] = {}
        self._abandoned: set[int] = set()
        self._closing = False
        self._rate_hz = float("inf")

    def open(self) -> None:
        """Open every source that is not open yet. Raises SourceUnavailable."""
        for input_stream in self._inputs:
            if not input_stream.opened:
                input_stream.source.open()

    def start(self) -> None:
        """Open the pose estimators, then read. Raises PoseModelMissing or PoseProcessFailed."""
        for input_stream in self._inputs:
            if input_stream.pose is not None:
                input_stream.pose.open()
        for index, input_stream in enumerate(self._inputs):
            thread = threading.Thread(target=self._read, args=(index,), name=input_stream.source.source_id, daemon=True)
            self._threads.append(thread)
            thread.start()

    def collect_batch(self, timeout_s: float) -> Sequence[SourceFrame]:
        """Return at most one item of each source, in the order of the inputs; () if none arrived within timeout_s.

        The items of the last call count as processed. Once an item has arrived, sources whose next frame is due within
        batch_timeout_s are waited for, but not beyond the time when a source that is in the batch has its next frame.
        """
        with self._changed:
            self._in_process.clear()
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: self._offered, timeout_s):
                return ()
            next_due = (self._paces[index].next_s for index in self._offered if index in self._paces)
            until_s = min(self._first_s + self._batch_timeout_s, *next_due, float("inf"))
            self._changed.wait_for(lambda: not self._is_awaited(until_s), max(0.0, until_s - self._clock()))
            batch = tuple(self._offered[index] for index in sorted(self._offered))
            self._in_process.update(self._offered)
            self._offered.clear()
            return batch

    def abandon(self, source_index: int) -> None:
        """Stop reading a source; its own thread closes it."""
        with self._changed:
            self._abandoned.add(source_index)

    def limit_rate(self, rate_hz: float) -> None:
        """Estimate the poses of at most so many pictures a second of each live source; the newest is always next."""
        with self._changed:
            self._rate_hz = rate_hz

    def close(self) -> None:
        """Let every source and pose stage go, each by the thread that used it; safe at any time, also twice.

        A pose stage that does not finish its step soon is interrupted. A thread that hangs all the same, as in a read
        of a disk that is gone, is left to the end of the process: it is a daemon.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._join(_STEP_ENDS_S):
            for input_stream in self._inputs:
                if isinstance(input_stream.pose, Interruptible):
                    input_stream.pose.interrupt()
        hanging = self._join(_THREAD_ENDS_S)
        for index, input_stream in enumerate(self._inputs):
            if index in hanging:
                _log.warning("source %s hangs while it is closed; it is left behind", input_stream.source.source_id)
            else:
                _close(input_stream)

    def _join(self, timeout_s: float) -> frozenset[int]:
        """Wait for the threads, timeout_s at the longest; return the numbers of those that have not ended.

        Time in which this process got no processor does not count: then no thread could end.
        """
        for _ in range(round(timeout_s / _TICK_S)):
            alive = [index for index, thread in enumerate(self._threads) if thread.is_alive()]
            if not alive:
                break
            self._threads[alive[0]].join(_TICK_S)
        return frozenset(index for index, thread in enumerate(self._threads) if thread.is_alive())

    def _is_awaited(self, until_s: float) -> bool:
        """Whether a source without an item in this batch has its next frame due by then."""
        return any(
            pace.next_s <= until_s < pace.late_s for index, pace in self._paces.items() if index not in self._offered
        )

    def _read(self, index: int) -> None:
        input_stream, newest_ns = self._inputs[index], 0
        try:
            for item in self._items(index):
                newest_ns = item.time_ns if isinstance(item, SourceChange) else item.capture_time_ns
                began_s = self._clock()
                frame = _source_frame(index, input_stream, item)
                if frame is not None:
                    self._offer(frame)
                if isinstance(item, Frame) and input_stream.source.live:
                    self._pause(index, began_s)
        except Exception as error:  # Whatever it is, it ends this source alone; the pipeline reports it.
            ended = SourceChange(state="ended", time_ns=newest_ns, detail=str(error), fault=True)
            self._offer(SourceFrame(source_index=index, item=ended, error=error))
        finally:
            _close(input_stream)

    def _items(self, index: int) -> Iterator[SourceItem]:
        """Read until the source ends or is abandoned, or this is closed."""
        while not self._is_over(index):
            for item in self._inputs[index].source.read(_READ_S):
                if self._is_over(index):
                    return
                yield item
                if isinstance(item, SourceChange) and item.state == "ended":
                    return

    def _pause(self, index: int, began_s: float) -> None:
        """Wait until the next picture of a source is due by the limit of the rate; began_s: when the last one was."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over(index), max(0.0, began_s + 1 / self._rate_hz - self._clock()))

    def _is_over(self, index: int) -> bool:
        return self._closing or index in self._abandoned

    def _offer(self, frame: SourceFrame) -> None:
        """Put an item into the next batch and wait until it has been processed."""
        index = frame.source_index
        with self._changed:
            if isinstance(frame.item, SourceChange):
                # The next frame may come after a pause, which no other source should wait for.
                self._paces.pop(index, None)
            elif index in self._paces:
                self._paces[index].observe(self._clock())
            else:
                self._paces[index] = _FrameInterval(last_s=self._clock())
            if not self._offered:
                self._first_s = self._clock()
            self._offered[index] = frame
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._closing or (index not in self._offered and index not in self._in_process)
            )


def _source_frame(index: int, input_stream: InputStream, item: SourceItem) -> SourceFrame | None:
    """Estimate the poses in a picture; None where the pose estimator failed on it."""
    if not isinstance(item, Frame):
        return SourceFrame(source_index=index, item=item)
    assert input_stream.pose is not None
    began_ns = time.perf_counter_ns()
    people = input_stream.pose.step(item)
    pose_ms = (time.perf_counter_ns() - began_ns) / 1e6
    if people is None:
        return None
    return SourceFrame(source_index=index, item=people, frame=item, pose_ms=pose_ms)


def _close(input_stream: InputStream) -> None:
    input_stream.source.close()
    if input_stream.pose is not None:
        input_stream.pose.close()
