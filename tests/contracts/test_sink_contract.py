"""What every sink does, wherever it sends messages. A new sink joins by a line in CASES."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
import zmq
from patience import PATIENCE_S
from transport_messages import an_action

from hitrs_live.config import PublishConfig
from hitrs_live.messages import AnyMessage
from hitrs_live.pipeline.log_sink import LogSink
from hitrs_live.transport.callback_sink import CallbackSink
from hitrs_live.transport.message_queue import MessageQueue
from hitrs_live.transport.multi_sink import ContainedSink, MultiSink
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.queue_sink import QueueSink
from hitrs_live.transport.recorder import Recorder
from hitrs_live.transport.sink import ListSink, Sink
from hitrs_live.views.log_lines import PlainLog
from hitrs_live.wire.zmq_sockets import connect_subscriber

CAPACITY = 4
"""Messages kept for a slow reader."""


@dataclass
class Case:
    """A sink, and whether it numbers messages that come without a number."""

    sink: Sink
    numbers: bool
    release: Callable[[], object] = field(default=lambda: None)
    """Lets a reader that is stuck continue."""


Maker = Callable[[Path], contextlib.AbstractContextManager[Case]]


@contextlib.contextmanager
def publisher(_folder: Path) -> Iterator[Case]:
    """A publisher with a subscriber that never reads."""
    config = PublishConfig(bind="tcp://127.0.0.1:*", high_water_mark=CAPACITY, linger_ms=0)
    sink = Publisher(config, "s")
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = connect_subscriber(context, sink.address, [""], high_water_mark=1)
    try:
        assert sink.wait_for_subscriber(PATIENCE_S)
        yield Case(sink, numbers=True)
    finally:
        socket.close(0)
        context.term()


@contextlib.contextmanager
def kept_list(_folder: Path) -> Iterator[Case]:
    yield Case(ListSink("s"), numbers=True)


def stuck_callback() -> tuple[CallbackSink, threading.Event]:
    """A function that returns from its first message only when it is released."""
    released = threading.Event()
    queue = MessageQueue(CAPACITY, waits=False, stop=threading.Event())
    return CallbackSink(lambda _message: released.wait(PATIENCE_S), queue), released


@contextlib.contextmanager
def callback(_folder: Path) -> Iterator[Case]:
    sink, released = stuck_callback()
    yield Case(sink, numbers=False, release=released.set)
    released.set()


@contextlib.contextmanager
def queue(_folder: Path) -> Iterator[Case]:
    """A queue that a live source fills and that is never read."""
    messages = MessageQueue(CAPACITY, waits=False, stop=threading.Event())
    yield Case(QueueSink("s", messages), numbers=True)


@contextlib.contextmanager
def recorder(folder: Path) -> Iterator[Case]:
    yield Case(Recorder(folder / "a.mcap", session_id="s", source_id="camera"), numbers=True)


@contextlib.contextmanager
def log(_folder: Path) -> Iterator[Case]:
    yield Case(LogSink(PlainLog()), numbers=False)


@contextlib.contextmanager
def several(folder: Path) -> Iterator[Case]:
    """A list, a recording and a function that is stuck."""
    stuck, released = stuck_callback()
    others = (Recorder(folder / "b.mcap", session_id="s", source_id="camera"), stuck)
    yield Case(MultiSink(ListSink("s"), others), numbers=True, release=released.set)
    released.set()


@contextlib.contextmanager
def contained(_folder: Path) -> Iterator[Case]:
    yield Case(ContainedSink(ListSink("s"), cause="sink"), numbers=True)


CASES: dict[str, Maker] = {
    "publisher": publisher,
    "list": kept_list,
    "callback": callback,
    "queue": queue,
    "recorder": recorder,
    "log": log,
    "several": several,
    "contained": contained,
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    with CASES[request.param](tmp_path) as case:
        yield case
        case.release()
        case.sink.close()


def test_a_message_is_returned_as_it_was_sent_with_its_topics_next_number(case: Case) -> None:
    first, second, other = (case.sink.publish(an_action(track_id=track)) for track in (1, 1, 2))
    assert [first.track_id, second.track_id, other.track_id] == [1, 1, 2]  # type: ignore[union-attr]
    if case.numbers:
        assert [(m.session_id, m.seq) for m in (first, second, other)] == [("s", 0), ("s", 1), ("s", 0)]
        assert first.publish_time_ns <= second.publish_time_ns <= other.publish_time_ns
    else:
        assert (first, second, other) == (an_action(track_id=1), an_action(track_id=1), an_action(track_id=2))


def test_a_reader_that_takes_nothing_holds_no_publishing_up(case: Case) -> None:
    # It hangs, or this ends: nothing here depends on how fast the machine is.
    for number in range(50 * CAPACITY):
        case.sink.publish(an_action(track_id=number))


def test_drops_are_counted_by_cause_and_only_grow(case: Case) -> None:
    before: dict[str, int] = {}
    for number in range(20 * CAPACITY):
        case.sink.publish(an_action(track_id=number))
        after = case.sink.drops()
        assert all(isinstance(count, int) and count >= before.get(cause, 0) for cause, count in after.items())
        assert before.keys() <= after.keys()
        before = after


def test_a_sink_that_works_has_no_notice_and_a_name(case: Case) -> None:
    case.sink.publish(an_action())
    assert list(case.sink.notices) == []
    assert case.sink.name


def test_close_may_be_called_twice(case: Case) -> None:
    case.sink.publish(an_action())
    case.release()
    case.sink.close()
    case.sink.close()


@pytest.mark.parametrize("name", ["recorder", "queue"])
def test_a_message_that_another_sink_has_numbered_keeps_its_number(name: str, tmp_path: Path) -> None:
    with CASES[name](tmp_path) as case:
        numbered = msgspec.structs.replace(an_action(), session_id="elsewhere", seq=41)
        assert case.sink.publish(numbered) == numbered
        case.sink.close()


class Failing(ListSink):
    """A sink that takes two messages, and raises at the third and when it is closed."""

    name = "the fragile one"

    def __init__(self) -> None:
        super().__init__("s")
        self.closed = 0

    def publish(self, message: AnyMessage) -> AnyMessage:
        if len(self.messages) == 2:
            raise ConnectionError("the broker\nis gone")
        return super().publish(message)

    def close(self) -> None:
        self.closed += 1
        raise OSError("cannot be closed either")


def test_one_of_several_sinks_that_raises_is_left_out_and_counted_and_the_others_continue() -> None:
    first, failing, last = ListSink("s"), Failing(), ListSink("s")
    sink = MultiSink(first, [failing, last])
    for _ in range(10):
        sink.publish(an_action())
    assert (len(first.messages), len(failing.messages), len(last.messages)) == (10, 2, 10)
    assert sink.drops() == {"sink": 8}
    assert sink.notices == (
        "the fragile one ended by ConnectionError: the broker is gone",
        "the fragile one ended by OSError: cannot be closed either",
    )
    sink.close()
    assert failing.closed == 1


def test_what_the_first_of_several_sinks_raises_is_passed_on_and_the_others_are_closed_all_the_same() -> None:
    failing, closed = Failing(), []

    class Last(ListSink):
        def close(self) -> None:
            closed.append(self)

    sink = MultiSink(failing, [Last("s")])
    sink.publish(an_action())
    sink.publish(an_action())
    with pytest.raises(ConnectionError):
        sink.publish(an_action())
    with pytest.raises(OSError, match="cannot be closed either"):
        sink.close()
    assert len(closed) == 1


def test_losses_of_several_sinks_are_summed_by_cause() -> None:
    class Losing(ListSink):
        def drops(self) -> dict[str, int]:
            return {"publish": 2, "queue": 1}

    assert MultiSink(Losing(), [Losing(), ListSink()]).drops() == {"publish": 4, "queue": 2, "sink": 0}
