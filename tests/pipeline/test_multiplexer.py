"""Frames of several sources: each source read by its own thread, frames that arrive close together batched."""

import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pytest
from patience import PATIENCE_S, ManualClock, wait_until

from hitrs_live.messages import PoseFrame, SourceChange
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.multiplexer import FrameMultiplexer, SourceFrame
from hitrs_live.sources.base import SourceItem

LONG_S = 3600.0
"""Longer than any test waits."""


class Scripted:
    """Give one item a read; a float is a pause of so many seconds, an event one until it is set."""

    has_pictures = False
    live = False

    def __init__(self, source_id: str, script: Sequence[SourceItem | float | threading.Event | Exception]) -> None:
        self.source_id = source_id
        self._script = iter(script)
        self.read_by: set[str] = set()
        self.closed = 0

    def open(self) -> None:
        pass

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        self.read_by.add(threading.current_thread().name)
        match next(self._script, None):
            case None:
                time.sleep(0.01)
            case Exception() as error:
                raise error
            case threading.Event() as event:
                event.wait(LONG_S)
            case float() as pause_s:
                time.sleep(pause_s)
            case item:
                return (item,)
        return ()

    def drops(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        self.closed += 1


def frames(count: int) -> Iterator[PoseFrame]:
    return (PoseFrame(index=i, capture_time_ns=i, received_ns=0, poses=()) for i in range(count))


UP, ENDED = SourceChange(state="up", time_ns=0), SourceChange(state="ended", time_ns=9)


def all_batches(sources: Sequence[Scripted], batch_timeout_s: float) -> Iterator[Sequence[SourceFrame]]:
    """Collect batches until every source has ended."""
    yield from batches_of(
        FrameMultiplexer([InputStream(source=source) for source in sources], batch_timeout_s=batch_timeout_s),
        len(sources),
    )


def batches_of(multiplexer: FrameMultiplexer, sources: int) -> Iterator[Sequence[SourceFrame]]:
    """Collect batches until so many sources have ended."""
    multiplexer.open()
    multiplexer.start()
    left = sources
    try:
        while left:
            batch = multiplexer.collect_batch(PATIENCE_S)
            assert batch, f"nothing arrived in {PATIENCE_S:g} seconds"
            left -= sum(isinstance(each.item, SourceChange) and each.item.state == "ended" for each in batch)
            yield batch
    finally:
        multiplexer.close()


def indices(batches: Sequence[Sequence[SourceFrame]], source_index: int) -> list[int]:
    """Return the indices of one source's frames."""
    return [
        each.item.index
        for batch in batches
        for each in batch
        if each.source_index == source_index and hasattr(each.item, "index")
    ]


def test_every_source_is_read_in_order_by_a_thread_of_its_own() -> None:
    sources = [Scripted(name, [UP, *frames(20), ENDED]) for name in ("a", "b", "c")]
    batches = list(all_batches(sources, batch_timeout_s=0.005))
    for source_index, source in enumerate(sources):
        assert indices(batches, source_index) == list(range(20))
        assert source.read_by == {source.source_id}
        assert source.closed


def test_a_batch_has_at_most_one_item_of_each_source_in_the_order_of_the_inputs() -> None:
    sources = [Scripted(name, [UP, *frames(30), ENDED]) for name in ("a", "b")]
    for batch in all_batches(sources, batch_timeout_s=0.005):
        inputs = [each.source_index for each in batch]
        assert inputs == sorted(set(inputs))


class Gated(Scripted):
    """Give the next item when the test lets it through."""

    def __init__(self, source_id: str, script: Sequence[SourceItem]) -> None:
        super().__init__(source_id, script)
        self.gate = threading.Semaphore(0)

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        return super().read(timeout_s) if self.gate.acquire(timeout=timeout_s) else ()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("batch_timeout_s", "together"), [(1200.0, 18), (200.0, 0)], ids=["long timeout", "short timeout"]
)
def test_frames_of_sources_of_one_rate_are_batched_if_they_arrive_within_the_timeout_of_each_other(
    batch_timeout_s: float, together: int
) -> None:
    # The multiplexer reads a manual clock; a wait for it in real seconds would last longer than the whole test.
    clock, count = ManualClock(), 20
    pair = [Gated(name, [*frames(count), ENDED]) for name in ("a", "b")]
    multiplexer = FrameMultiplexer(
        [InputStream(source=each) for each in pair], batch_timeout_s=batch_timeout_s, clock=lambda: clock() / 1e9
    )
    batches: list[Sequence[SourceFrame]] = []

    def collect_batch() -> None:
        for batch in batches_of(multiplexer, 2):
            batches.append(batch)

    def delivered(source_index: int, index: int) -> bool:
        return index in indices(tuple(batches), source_index)

    collecting = threading.Thread(target=collect_batch, daemon=True)
    collecting.start()
    for index in range(count):
        clock.advance(1600.0)
        pair[0].gate.release()
        # From the third on it waits for the other source's frame, where that is due within the timeout.
        waits = together > 0 and index >= count - together
        wait_until(
            partial(lambda i, w: delivered(0, i) or (w and 0 in multiplexer._offered), index, waits), "the first frame"
        )
        clock.advance(400.0)
        pair[1].gate.release()
        wait_until(partial(lambda i: delivered(0, i) and delivered(1, i), index), "both frames")
    for source in pair:
        source.gate.release()
    collecting.join(PATIENCE_S)
    assert not collecting.is_alive()
    assert sum(len(batch) == 2 and isinstance(batch[0].item, PoseFrame) for batch in batches) == together


def test_with_a_timeout_of_zero_a_frame_waits_for_no_other() -> None:
    first_arrived = threading.Event()
    late = Scripted("late", [first_arrived, *frames(1), ENDED])
    batches = all_batches([Scripted("early", [*frames(1), ENDED]), late], batch_timeout_s=0.0)
    assert [each.source_index for each in next(batches)] == [0]
    first_arrived.set()
    assert indices(list(batches), 1) == [0]


@pytest.mark.slow
@pytest.mark.parametrize("silence", [0, 5], ids=["never came", "stopped coming"])
def test_a_source_that_is_silent_is_not_waited_for(silence: int) -> None:
    over = threading.Event()
    silent = Scripted("silent", [*(part for frame in frames(silence) for part in (frame, 0.005)), 0.3, over, ENDED])
    talking = Scripted("talking", [0.2, *(part for frame in frames(10) for part in (frame, 0.005)), ENDED])
    batches = []
    for batch in all_batches([silent, talking], LONG_S):
        batches.append(batch)
        if any(each.source_index == 1 and isinstance(each.item, SourceChange) for each in batch):
            over.set()
    assert indices(batches, 1) == list(range(10))


def test_a_fault_of_one_source_ends_that_one_alone_and_is_delivered() -> None:
    broken = Scripted("broken", [UP, *frames(2), ValueError("a cable was pulled")])
    batches = list(all_batches([broken, Scripted("sound", [UP, *frames(50), ENDED])], batch_timeout_s=0.005))
    assert indices(batches, 1) == list(range(50))
    last = [each for batch in batches for each in batch if each.source_index == 0][-1]
    assert last.item == SourceChange(state="ended", time_ns=1, detail="a cable was pulled", fault=True)
    assert isinstance(last.error, ValueError)
    assert broken.closed


def test_a_source_is_not_read_while_its_frame_is_processed() -> None:
    source = Scripted("one", [*frames(3), ENDED])
    multiplexer = FrameMultiplexer([InputStream(source=source)], batch_timeout_s=0.0)
    multiplexer.start()
    try:
        multiplexer.collect_batch(PATIENCE_S)
        time.sleep(0.05)
        assert len(list(source._script)) == 3, "two frames and the end are still to be read"
    finally:
        multiplexer.close()


def test_closing_ends_every_thread_also_while_frames_are_offered() -> None:
    multiplexer = FrameMultiplexer(
        [InputStream(source=Scripted(name, list(frames(1000)))) for name in ("a", "b")], batch_timeout_s=0.005
    )
    multiplexer.start()
    assert multiplexer.collect_batch(PATIENCE_S)
    multiplexer.close()
    assert not any(thread.name in ("a", "b") and thread.is_alive() for thread in threading.enumerate())


def test_the_pace_of_a_source_does_not_change_its_frames() -> None:
    rng = np.random.default_rng(0)
    script = [part for frame in frames(15) for part in (float(rng.uniform(0, 0.004)), frame)]
    batches = list(all_batches([Scripted("a", [*script, ENDED]), Scripted("b", [*frames(40), ENDED])], 0.002))
    assert indices(batches, 0) == list(range(15))
    assert indices(batches, 1) == list(range(40))


def test_a_source_that_is_open_is_not_opened_again_and_pose_estimators_open_once_all_are() -> None:
    order: list[str] = []

    class Recorded(Scripted):
        def open(self) -> None:
            order.append(self.source_id)

    camera, opened, file = Recorded("camera", []), Recorded("opened", []), Recorded("file", [])
    camera.has_pictures = True  # type: ignore[misc]
    inputs = [
        InputStream(source=camera, pose=Started(order)),  # type: ignore[arg-type]
        InputStream(source=opened, opened=True),
        InputStream(source=file),
    ]
    multiplexer = FrameMultiplexer(inputs, batch_timeout_s=0.0)
    multiplexer.open()
    multiplexer.start()
    multiplexer.close()
    assert order == ["camera", "file", "pose"]


class Started:
    """Record when the pose estimator is opened."""

    def __init__(self, order: list[str]) -> None:
        self._order = order

    def open(self) -> None:
        self._order.append("pose")

    def close(self) -> None:
        pass
