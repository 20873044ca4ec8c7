"""The last minutes are kept in a bounded time and a bounded memory, and are read page by page."""

import numpy as np
import pytest
from kept_messages import FRAME_NS, all_kept, keep_noise, keeping, some_joints
from patience import ManualClock
from transport_messages import a_motion, a_status, an_action

from hitrs_live.config import KeepConfig
from hitrs_live.messages import ActionEvent, JointsEvent, SourceEvent
from hitrs_live.transport.kept_minutes import KeptMinutes, KeptMinutesSink
from hitrs_live.wire.kept_minutes import KeptRequest, unpack_block
from hitrs_live.wire.recovery import PAGE_BYTES


def test_joints_actions_and_source_states_are_kept_as_they_were_sent_and_nothing_else() -> None:
    kept = keeping()
    sink = KeptMinutesSink(kept, "s")
    state = SourceEvent(source_id="cam", capture_time_ns=0, state="up", session_id="s", log_seq=0)
    action = an_action(session_id="s", log_seq=1, seq=3, publish_time_ns=7)
    sent = [sink.publish(message) for message in (state, some_joints(0), a_motion(), a_status(), action)]
    assert all_kept(kept) == [sent[0], sent[1], sent[4]]
    assert (sent[0], sent[4]) == (state, action)
    assert sent[1].session_id == "s"


def test_joints_have_numbers_of_their_own_and_the_time_at_which_they_were_kept() -> None:
    clock = ManualClock(5)
    kept = KeptMinutes(KeepConfig(), "s", clock=clock)
    sinks = [KeptMinutesSink(kept, "s", clock), KeptMinutesSink(kept, "s", clock)]
    for index in range(3):
        for source_id, sink in zip(("cam", "hall"), sinks, strict=True):
            sink.publish(some_joints(index, source_id))
        clock.advance(1.0)
    joints = all_kept(kept)
    assert [(one.source_id, one.seq) for one in joints] == [(name, n) for n in range(3) for name in ("cam", "hall")]
    assert [one.publish_time_ns for one in joints[::2]] == [5, 1_000_000_005, 2_000_000_005]


def test_what_is_older_than_the_minutes_is_dropped_also_while_nothing_more_comes() -> None:
    clock = ManualClock()
    kept = KeptMinutes(KeepConfig(minutes=0.5), "s", clock=clock)
    sink = KeptMinutesSink(kept, "s", clock)
    for index in range(1800):
        sink.publish(some_joints(index))
        clock.now_ns += FRAME_NS
    ages_s = [(clock.now_ns - one.publish_time_ns) / 1e9 for one in all_kept(kept)]
    # A block is of a second.
    assert 30 <= max(ages_s) < 31.1
    assert ages_s == sorted(ages_s, reverse=True)
    assert len(ages_s) == pytest.approx(930, abs=30)
    clock.advance(29)
    sink.publish(a_status())
    assert 0 < len(all_kept(kept)) <= 60
    clock.advance(31)
    sink.publish(a_status())
    assert all_kept(kept) == []
    assert kept.size_bytes == 0


def test_no_more_bytes_are_kept_than_allowed_whatever_the_minutes_and_the_newest_stay() -> None:
    kept = keeping(max_mb=1)
    sink = KeptMinutesSink(kept, "s")
    for index in range(400):
        sink.publish(some_joints(index, people=16))
        assert kept.size_bytes <= 2**20
    indices = [one.index for one in all_kept(kept) if isinstance(one, JointsEvent)]
    assert indices == list(range(indices[0], 400))
    assert kept.size_bytes > 2**19


def test_a_crowd_in_one_frame_is_kept_and_read_whole() -> None:
    kept = keeping(max_mb=1)
    event = KeptMinutesSink(kept, "s").publish(some_joints(0, people=32))
    assert all_kept(kept) == [event]


def test_pages_are_small_and_together_give_everything_in_order() -> None:
    kept = keeping()
    keep_noise(kept, 3000)
    first, pages, indices = 0, 0, []
    while True:
        reply = kept.reply(KeptRequest(number=pages, first=first))
        assert (reply.number, reply.first, reply.session_id, reply.minutes) == (pages, first, "s", 10)
        assert sum(map(len, reply.blocks)) < 2 * PAGE_BYTES
        for block in reply.blocks:
            indices += [one.index for one in unpack_block(block)[0] if isinstance(one, JointsEvent)]
        first, pages = first + len(reply.blocks), pages + 1
        if first > reply.last:
            break
    assert pages > 3
    assert indices == list(range(3000))
    assert [one.log_seq for one in all_kept(kept) if isinstance(one, ActionEvent)] == list(range(30))


def test_a_request_for_what_is_gone_or_has_not_come_gets_what_there_is() -> None:
    clock = ManualClock()
    kept = KeptMinutes(KeepConfig(minutes=1), "s", clock=clock)
    sink = KeptMinutesSink(kept, "s", clock)
    for index in range(120):
        sink.publish(some_joints(index))
        clock.advance(1)
    reply = kept.reply(KeptRequest(number=1, first=3))
    assert reply.first == pytest.approx(60, abs=2)
    assert len(reply.blocks) == reply.last - reply.first + 1
    assert kept.reply(KeptRequest(number=1, first=2**62)).blocks == ()


def test_joints_that_hardly_change_take_little_memory() -> None:
    clock = ManualClock()
    kept = KeptMinutes(KeepConfig(), "s", clock=clock)
    sink = KeptMinutesSink(kept, "s", clock)
    standing = some_joints(0)
    for _ in range(300):
        sink.publish(standing)
        clock.now_ns += FRAME_NS
    joints_bytes = 300 * (np.prod(standing.joints_m.shape) + np.prod(standing.confidence.shape)) * 4
    assert kept.size_bytes < joints_bytes / 2
