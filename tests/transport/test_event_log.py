"""The event log keeps the newest events within its bounds, and replies state exactly what is kept."""

from transport_messages import a_motion, a_status, an_action

from hitrs_live.messages import AnyMessage
from hitrs_live.transport.event_log import EventLog
from hitrs_live.transport.sink import Stamper
from hitrs_live.wire.codec import encode
from hitrs_live.wire.recovery import PAGE_BYTES, PAGE_EVENTS, unpack_event


def _numbers(log: EventLog, first: int) -> list[int | None]:
    return [unpack_event(parts).log_seq for parts in log.page(first)]


def _append(log: EventLog, message: AnyMessage) -> None:
    log.append(message, encode(message))


def _filled(log: EventLog, events: int, **fields: object) -> EventLog:
    stamper = Stamper("s")
    for number in range(events):
        _append(log, stamper.stamp(an_action(number % 7, **fields)))
        _append(log, stamper.stamp(a_motion()))
        _append(log, stamper.stamp(a_status()))
    return log


def test_events_are_numbered_over_all_topics_and_other_messages_are_not() -> None:
    log = _filled(EventLog(100), 10)
    assert log.span == (0, 10)
    assert _numbers(log, 0) == list(range(10))
    assert _numbers(log, 7) == [7, 8, 9]
    assert _numbers(log, 10) == _numbers(log, 2**63 - 1) == []


def test_the_oldest_events_give_way_to_new_ones() -> None:
    log = _filled(EventLog(4), 10)
    assert log.span == (6, 10)
    assert _numbers(log, 6) == [6, 7, 8, 9]
    assert _numbers(log, 5) == []


def test_large_events_are_bounded_by_their_bytes() -> None:
    log = _filled(EventLog(1000, max_bytes=10_000), 100, label="x" * 2000)
    first, head = log.span
    assert head == 100
    assert 3 <= head - first <= 4
    assert log._bytes <= 10_000


def test_a_page_is_bounded_in_events_and_in_bytes() -> None:
    assert len(_filled(EventLog(1000), 600).page(0)) == PAGE_EVENTS
    page = _filled(EventLog(1000), 100, label="x" * 50_000).page(0)
    assert sum(map(len, page[0])) < sum(len(part) for parts in page for part in parts) < PAGE_BYTES + 110_000


def test_the_state_is_the_newest_event_of_each_running_action() -> None:
    log, stamper = EventLog(100), Stamper("s")
    for event in (an_action(1), an_action(2), an_action(1, state="update"), an_action(2, state="end")):
        _append(log, stamper.stamp(event))
    head, events = log.state()
    assert head == 4
    assert [unpack_event(parts).log_seq for parts in events] == [2]
