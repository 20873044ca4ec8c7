"""Where the frames of all sources come in: each source has a thread that reads it and finds people in its pictures."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hitrs_live.messages import Frame, PoseFrame, SourceChange
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.sources.base import SourceItem

_READ_S = 0.1
_MEMORY = 0.9
"""Of a source's pace, a frame."""


@dataclass(frozen=True, kw_only=True)
class SourceFrame:
    """What came in of one source: a change of its state, or a frame's people."""

    input_stream: int
    """Which of the feeds."""
    item: SourceChange | PoseFrame
    frame: Frame | None = None
    """The picture, where there is one."""
    pose_ms: float | None = None
    """How long the pose stage took for it."""
    error: Exception | None = None
    """What ended the source, where it did not end of itself."""


@dataclass(kw_only=True)
class _Pace:
    """When a source's newest frame came in, and the mean time between two. Seconds."""

    last_s: float
    interval_s: float | None = None

    def take(self, now_s: float) -> None:
        gap_s, self.last_s = now_s - self.last_s, now_s
        self.interval_s = gap_s if self.interval_s is None else _MEMORY * self.interval_s + (1 - _MEMORY) * gap_s

    @property
    def next_s(self) -> float:
        """When the next frame should come in: never, while the pace is not known."""
        return float("inf") if self.interval_s is None else self.last_s + self.interval_s

    @property
    def late_s(self) -> float:
        """When it should have come long since, and is not to be counted on."""
        return self.next_s + (self.interval_s or 0.0)


class FrameMultiplexer:
    """Read all sources at once; give what came in of them together, so that one batch can take it.

    Of each source one frame at a time is under way: it is read on when `collect_batch` is called next. What a live
    source sees meanwhile it drops and counts itself, so that the next frame read is the newest.
    """

    def __init__(
        self, inputs: Sequence[InputStream], *, batch_timeout_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the feeds. batch_timeout_s: how long a frame may wait for those of other sources."""
        self._inputs, self._batch_timeout_s, self._clock = tuple(inputs), batch_timeout_s, clock
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        # All below are read and written under the condition's lock alone.
        self._offered: dict[int, SourceFrame] = {}
        self._first_s = 0.0
        self._under_way: set[int] = set()
        self._paces: dict[int, _Pace] = {}
        self._left: set[int] = set()
        self._closing = False

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
        for number, input_stream in enumerate(self._inputs):
            thread = threading.Thread(
                target=self._read, args=(number,), name=input_stream.source.source_id, daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def collect_batch(self, timeout_s: float) -> Sequence[SourceFrame]:
        """Return what came in, one arrival a source at most, in the order of the feeds; () if nothing did in time.

        What the last call returned is taken to be done with. Once something came in, sources whose next frame is due
        within the patience are waited for, but not beyond the next frame of one that came.
        """
        with self._changed:
            self._under_way.clear()
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: self._offered, timeout_s):
                return ()
            coming = (self._paces[n].next_s for n in self._offered if n in self._paces)
            until_s = min(self._first_s + self._batch_timeout_s, *coming, float("inf"))
            self._changed.wait_for(lambda: not self._is_awaited(until_s), max(0.0, until_s - self._clock()))
            arrivals = tuple(self._offered[number] for number in sorted(self._offered))
            self._under_way.update(self._offered)
            self._offered.clear()
            return arrivals

    def leave(self, input_stream: int) -> None:
        """Read a feed no further; the thread that used it closes it."""
        with self._changed:
            self._left.add(input_stream)

    def close(self) -> None:
        """Let every source and pose stage go, each by the thread that used it; safe at any time, also twice."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        for input_stream in self._inputs:
            _close(input_stream)

    def _is_awaited(self, until_s: float) -> bool:
        """Tell whether a frame of a source that has none here yet is due until then."""
        return any(
            pace.next_s <= until_s < pace.late_s for number, pace in self._paces.items() if number not in self._offered
        )

    def _read(self, number: int) -> None:
        input_stream, newest_ns = self._inputs[number], 0
        try:
            for item in self._items(number):
                newest_ns = item.time_ns if isinstance(item, SourceChange) else item.capture_time_ns
                arrival = _source_frame(number, input_stream, item)
                if arrival is not None:
                    self._offer(arrival)
        except Exception as error:  # Whatever ends one source is the pipeline's to tell, and no other source's end.
            ended = SourceChange(state="ended", time_ns=newest_ns, detail=str(error), fault=True)
            self._offer(SourceFrame(input_stream=number, item=ended, error=error))
        finally:
            _close(input_stream)

    def _items(self, number: int) -> Iterator[SourceItem]:
        """Read until the source ends, is left or this closes."""
        while not self._is_over(number):
            for item in self._inputs[number].source.read(_READ_S):
                if self._is_over(number):
                    return
                yield item
                if isinstance(item, SourceChange) and item.state == "ended":
                    return

    def _is_over(self, number: int) -> bool:
        return self._closing or number in self._left

    def _offer(self, arrival: SourceFrame) -> None:
        """Hand an arrival over and wait until it is done with."""
        number = arrival.input_stream
        with self._changed:
            if isinstance(arrival.item, SourceChange):
                # It may pause before its next frame; nobody should wait for that.
                self._paces.pop(number, None)
            elif number in self._paces:
                self._paces[number].take(self._clock())
            else:
                self._paces[number] = _Pace(last_s=self._clock())
            if not self._offered:
                self._first_s = self._clock()
            self._offered[number] = arrival
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._closing or (number not in self._offered and number not in self._under_way)
            )


def _source_frame(number: int, input_stream: InputStream, item: SourceItem) -> SourceFrame | None:
    """Find the people in a picture; None where the pose estimator failed on it."""
    if not isinstance(item, Frame):
        return SourceFrame(input_stream=number, item=item)
    assert input_stream.pose is not None
    began_ns = time.perf_counter_ns()
    people = input_stream.pose.step(item)
    pose_ms = (time.perf_counter_ns() - began_ns) / 1e6
    if people is None:
        return None
    return SourceFrame(input_stream=number, item=people, frame=item, pose_ms=pose_ms)


def _close(input_stream: InputStream) -> None:
    input_stream.source.close()
    if input_stream.pose is not None:
        input_stream.pose.close()
