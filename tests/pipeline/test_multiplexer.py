"""Frames of several sources: each read by itself, given together where that costs no one much."""

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
"""A patience that no test has: whoever waits in vain hangs."""


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


def gathered(sources: Sequence[Scripted], batch_timeout_s: float) -> Iterator[Sequence[SourceFrame]]:
    """Gather until every source has ended."""
    yield from gathered_by(
        FrameMultiplexer([InputStream(source=source) for source in sources], batch_timeout_s=batch_timeout_s),
        len(sources),
    )


def gathered_by(intake: FrameMultiplexer, sources: int) -> Iterator[Sequence[SourceFrame]]:
    """Gather until so many sources have ended."""
    intake.open()
    intake.start()
    left = sources
    try:
        while left:
            arrivals = intake.collect_batch(PATIENCE_S)
            assert arrivals, f"nothing came in {PATIENCE_S:g} seconds"
            left -= sum(isinstance(each.item, SourceChange) and each.item.state == "ended" for each in arrivals)
            yield arrivals
    finally:
        intake.close()


def indices(batches: Sequence[Sequence[SourceFrame]], input_stream: int) -> list[int]:
    return [
        each.item.index
        for batch in batches
        for each in batch
        if each.input_stream == input_stream and hasattr(each.item, "index")
    ]


def test_every_source_is_read_in_order_by_a_thread_of_its_own() -> None:
    sources = [Scripted(name, [UP, *frames(20), ENDED]) for name in ("a", "b", "c")]
    batches = list(gathered(sources, batch_timeout_s=0.005))
    for input_stream, source in enumerate(sources):
        assert indices(batches, input_stream) == list(range(20))
        assert source.read_by == {source.source_id}
        assert source.closed


def test_a_batch_holds_one_arrival_a_source_at_most_in_the_order_of_the_feeds() -> None:
    sources = [Scripted(name, [UP, *frames(30), ENDED]) for name in ("a", "b")]
    for batch in gathered(sources, batch_timeout_s=0.005):
        inputs = [each.input_stream for each in batch]
        assert inputs == sorted(set(inputs))


class Gated(Scripted):
    """Give the next item when the test lets it through."""

    def __init__(self, source_id: str, script: Sequence[SourceItem]) -> None:
        super().__init__(source_id, script)
        self.gate = threading.Semaphore(0)

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        return super().read(timeout_s) if self.gate.acquire(timeout=timeout_s) else ()


@pytest.mark.slow
@pytest.mark.parametrize(("batch_timeout_s", "together"), [(1200.0, 18), (200.0, 0)], ids=["patient", "impatient"])
def test_sources_at_one_pace_come_together_if_they_are_no_further_apart_than_the_patience(
    batch_timeout_s: float, together: int
) -> None:
    # The clock is the test's, and its seconds are long: what is waited for in earnest comes long before they are over.
    clock, count = ManualClock(), 20
    pair = [Gated(name, [*frames(count), ENDED]) for name in ("a", "b")]
    intake = FrameMultiplexer(
        [InputStream(source=each) for each in pair], batch_timeout_s=batch_timeout_s, clock=lambda: clock() / 1e9
    )
    batches: list[Sequence[SourceFrame]] = []

    def collect_batch() -> None:
        for batch in gathered_by(intake, 2):
            batches.append(batch)

    def handed_on(input_stream: int, index: int) -> bool:
        return index in indices(tuple(batches), input_stream)

    gathering = threading.Thread(target=collect_batch, daemon=True)
    gathering.start()
    for index in range(count):
        clock.advance(1600.0)
        pair[0].gate.release()
        # It waits for the other one's, where that is due within the patience.
        wait_until(partial(lambda i: handed_on(0, i) or (together and 0 in intake._offered), index), "the first frame")
        clock.advance(400.0)
        pair[1].gate.release()
        wait_until(partial(lambda i: handed_on(0, i) and handed_on(1, i), index), "both frames")
    for source in pair:
        source.gate.release()
    gathering.join(PATIENCE_S)
    assert not gathering.is_alive()
    assert sum(len(batch) == 2 and isinstance(batch[0].item, PoseFrame) for batch in batches) == together


def test_without_patience_a_frame_waits_for_no_other() -> None:
    one_came = threading.Event()
    late = Scripted("late", [one_came, *frames(1), ENDED])
    batches = gathered([Scripted("early", [*frames(1), ENDED]), late], batch_timeout_s=0.0)
    assert [each.input_stream for each in next(batches)] == [0]
    one_came.set()
    assert indices(list(batches), 1) == [0]


@pytest.mark.slow
@pytest.mark.parametrize("silence", [0, 5], ids=["never came", "stopped coming"])
def test_a_source_that_is_silent_is_not_waited_for(silence: int) -> None:
    over = threading.Event()
    silent = Scripted("silent", [*(part for frame in frames(silence) for part in (frame, 0.005)), 0.3, over, ENDED])
    talking = Scripted("talking", [0.2, *(part for frame in frames(10) for part in (frame, 0.005)), ENDED])
    batches = []
    for batch in gathered([silent, talking], LONG_S):
        batches.append(batch)
        if any(each.input_stream == 1 and isinstance(each.item, SourceChange) for each in batch):
            over.set()
    assert indices(batches, 1) == list(range(10))


def test_a_fault_of_one_source_ends_that_one_alone_and_is_handed_on() -> None:
    broken = Scripted("broken", [UP, *frames(2), ValueError("a cable was pulled")])
    batches = list(gathered([broken, Scripted("sound", [UP, *frames(50), ENDED])], batch_timeout_s=0.005))
    assert indices(batches, 1) == list(range(50))
    last = [each for batch in batches for each in batch if each.input_stream == 0][-1]
    assert last.item == SourceChange(state="ended", time_ns=1, detail="a cable was pulled", fault=True)
    assert isinstance(last.error, ValueError)
    assert broken.closed


def test_a_source_is_not_read_on_while_its_frame_is_under_way() -> None:
    source = Scripted("one", [*frames(3), ENDED])
    intake = FrameMultiplexer([InputStream(source=source)], batch_timeout_s=0.0)
    intake.start()
    try:
        intake.collect_batch(PATIENCE_S)
        time.sleep(0.05)
        assert len(list(source._script)) == 3, "two frames and the end are still to be read"
    finally:
        intake.close()


def test_closing_ends_every_thread_also_while_frames_are_offered() -> None:
    intake = FrameMultiplexer(
        [InputStream(source=Scripted(name, list(frames(1000)))) for name in ("a", "b")], batch_timeout_s=0.005
    )
    intake.start()
    assert intake.collect_batch(PATIENCE_S)
    intake.close()
    assert not any(thread.name in ("a", "b") and thread.is_alive() for thread in threading.enumerate())


def test_pace_and_time_of_the_feeds_do_not_change_what_is_told_of_each() -> None:
    rng = np.random.default_rng(0)
    script = [part for frame in frames(15) for part in (float(rng.uniform(0, 0.004)), frame)]
    batches = list(gathered([Scripted("a", [*script, ENDED]), Scripted("b", [*frames(40), ENDED])], 0.002))
    assert indices(batches, 0) == list(range(15))
    assert indices(batches, 1) == list(range(40))


def test_a_source_that_is_open_is_not_opened_again_and_pose_estimators_open_once_all_are() -> None:
    order: list[str] = []

    class Noted(Scripted):
        def open(self) -> None:
            order.append(self.source_id)

    camera, opened, file = Noted("camera", []), Noted("opened", []), Noted("file", [])
    camera.has_pictures = True  # type: ignore[misc]
    inputs = [
        InputStream(source=camera, pose=Started(order)),  # type: ignore[arg-type]
        InputStream(source=opened, opened=True),
        InputStream(source=file),
    ]
    intake = FrameMultiplexer(inputs, batch_timeout_s=0.0)
    intake.open()
    intake.start()
    intake.close()
    assert order == ["camera", "file", "pose"]


class Started:
    """Stand where a pose estimator stands; note when it is opened."""

    def __init__(self, order: list[str]) -> None:
        self._order = order

    def open(self) -> None:
        self._order.append("pose")

    def close(self) -> None:
        pass
