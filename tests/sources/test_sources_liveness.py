"""Silence alone decides what state a live source is in, and the box keeps only the newest picture."""

import numpy as np
import pytest
from patience import ManualClock

from hitrs_live.messages import Frame, SourceChange
from hitrs_live.sources.camera.latest_frame import LatestFrame
from hitrs_live.sources.camera.liveness import Liveness

S = 1_000_000_000
PICTURE = np.zeros((2, 3, 3), np.uint8)


def make_liveness(stall_after_s: float = 1.0, lost_after_s: float = 10.0) -> Liveness:
    return Liveness(name="camera x", stall_after_s=stall_after_s, lost_after_s=lost_after_s)


def states(changes: list[SourceChange]) -> list[str]:
    return [change.state for change in changes]


def test_silence_makes_a_source_stalled_then_lost_and_a_picture_brings_it_up() -> None:
    liveness = make_liveness()
    assert liveness.begin(0).state == "connecting"
    assert states(liveness.observe(2 * S, "picture")) == ["up"]
    assert liveness.check(3 * S - 1, "") == []
    (stalled,) = liveness.check(4 * S, "connection refused")
    assert (stalled.state, stalled.time_ns) == ("stalled", 3 * S)
    assert "connection refused" in stalled.detail
    assert liveness.check(5 * S, "") == []
    (lost,) = liveness.check(13 * S, "")
    assert (lost.state, lost.time_ns) == ("lost", 12 * S)
    (up,) = liveness.observe(20 * S, "picture")
    assert (up.state, up.time_ns) == ("up", 20 * S)
    assert "18.0 s of silence" in up.detail


def test_a_silence_without_a_read_is_reported_before_the_picture_that_ended_it() -> None:
    liveness = make_liveness()
    liveness.begin(0)
    liveness.observe(0, "picture")
    assert states(liveness.observe(30 * S, "picture")) == ["stalled", "lost", "up"]


def test_a_source_that_never_gave_a_picture_is_lost_without_having_stalled() -> None:
    liveness = make_liveness()
    liveness.begin(0)
    assert liveness.check(9 * S, "") == []
    assert states(liveness.check(10 * S, "")) == ["lost"]


def test_silence_counts_from_the_first_read_where_nothing_was_read_before(clock: ManualClock) -> None:
    box = LatestFrame(Liveness(name="hall", stall_after_s=1.0, lost_after_s=10.0), max_frame_age_s=5.0, clock=clock)
    box.begin()
    clock.advance(30.0)  # a model is loaded
    assert [item.state for item in box.take(0)] == ["connecting"]
    clock.advance(9.9)
    assert box.take(0) == []
    clock.advance(0.2)
    assert [item.state for item in box.take(0)] == ["lost"]


def test_a_loss_limit_below_the_stall_limit_still_stalls_first() -> None:
    liveness = make_liveness(stall_after_s=2.0, lost_after_s=1.0)
    liveness.begin(0)
    liveness.observe(0, "picture")
    changes = liveness.check(5 * S, "")
    assert states(changes) == ["stalled", "lost"]
    assert [change.time_ns for change in changes] == sorted(change.time_ns for change in changes)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def box(clock: ManualClock) -> LatestFrame:
    box = LatestFrame(make_liveness(), max_frame_age_s=0.5, clock=clock)
    box.begin()
    return box


def test_only_the_newest_picture_is_read_and_the_others_are_counted(box: LatestFrame) -> None:
    for time_ns in (1, 2, 3):
        box.put(time_ns, PICTURE)
    connecting, up, frame = box.take(0)
    assert (connecting.state, up.state) == ("connecting", "up")  # type: ignore[union-attr]
    assert isinstance(frame, Frame)
    assert (frame.index, frame.capture_time_ns, frame.received_ns) == (2, 3, 3)
    assert box.drops() == {"camera": 2, "stale": 0}
    assert box.take(0) == []


def test_a_reader_that_takes_longer_than_a_picture_leaves_out_pictures_evenly(
    box: LatestFrame, clock: ManualClock
) -> None:
    read: list[int] = []
    put, busy_until_ns = 0, 0
    # A camera of 30 Hz, and a reader that takes 80 ms for a picture; in steps of a millisecond.
    for _ in range(4000):
        clock.advance(0.001)
        if clock.now_ns >= put * S / 30:
            box.put(clock.now_ns, PICTURE)
            put += 1
        if clock.now_ns >= busy_until_ns:
            for item in box.take(0):
                if isinstance(item, Frame):
                    assert item.index == put - 1, "the newest"
                    read.append(item.index)
                    busy_until_ns = clock.now_ns + 80_000_000
    assert set(np.diff(read)) == {2, 3}
    assert box.drops() == {"camera": read[-1] + 1 - len(read) + max(put - read[-1] - 2, 0), "stale": 0}


def test_a_picture_past_its_age_is_dropped_and_counted_as_stale(box: LatestFrame, clock: ManualClock) -> None:
    box.put(0, PICTURE)
    clock.now_ns = S // 2 + 1
    assert [type(item) for item in box.take(0)] == [SourceChange, SourceChange]
    assert box.drops() == {"camera": 0, "stale": 1}


def test_pictures_of_one_clock_reading_get_different_times(box: LatestFrame) -> None:
    times = []
    for _ in range(3):
        box.put(7, PICTURE)
        times += [item.capture_time_ns for item in box.take(0) if isinstance(item, Frame)]
    assert times == [7, 8, 9]


def test_a_stall_after_an_unread_picture_is_reported_after_that_picture(clock: ManualClock) -> None:
    box = LatestFrame(make_liveness(), max_frame_age_s=60, clock=clock)
    box.begin()
    box.put(0, PICTURE)
    clock.now_ns = 2 * S
    kinds = [item.state if isinstance(item, SourceChange) else "picture" for item in box.take(0)]
    assert kinds == ["connecting", "up", "picture", "stalled"]


def test_before_the_first_picture_each_new_reason_for_its_absence_is_reported_once() -> None:
    liveness = make_liveness()
    liveness.begin(0)
    (refused,) = liveness.note_trouble(1 * S, "connection refused")
    assert (refused.state, refused.time_ns) == ("connecting", 1 * S)
    assert "connection refused; retrying" in refused.detail
    assert liveness.note_trouble(2 * S, "connection refused") == []
    (unknown,) = liveness.note_trouble(3 * S, "no host of that name")
    assert "no host of that name" in unknown.detail
    (lost,) = liveness.check(10 * S, "no host of that name")
    assert (lost.state, lost.time_ns) == ("lost", 10 * S)
    assert liveness.note_trouble(11 * S, "connection refused") == [], (
        "a lost source reports why when that changes its state"
    )
