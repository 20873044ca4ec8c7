"""Messages between the pipeline's thread and readers in this process: bounded, in order, and every loss counted."""

import logging
import threading

import pytest

from hitrs_live.messages import AnyMessage, ScoreEvent, SourceEvent
from hitrs_live.transport.callback_sink import CallbackSink
from hitrs_live.transport.message_queue import MessageQueue

LONG_S = 60.0
"""Only catches a hang."""


def scores(number: int) -> ScoreEvent:
    return ScoreEvent(source_id="a", capture_time_ns=number, track_id=1, labels=(), scores=())


def state(number: int) -> SourceEvent:
    return SourceEvent(source_id="a", capture_time_ns=number, state="up")


def make(capacity: int, *, waits: bool) -> tuple[MessageQueue, threading.Event]:
    stop = threading.Event()
    return MessageQueue(capacity, waits=waits, stop=stop), stop


def rest(queue: MessageQueue) -> list[int]:
    queue.finish()
    return [message.capture_time_ns for message in iter(queue.get, None)]


def rest_of(queue: MessageQueue, count: int) -> list[int]:
    return [message.capture_time_ns for _ in range(count) if (message := queue.get(LONG_S)) is not None]


def test_messages_come_out_in_order_and_then_the_queue_is_over() -> None:
    queue, _ = make(10, waits=False)
    for number in range(10):
        queue.put(scores(number))
    assert not queue.is_over
    assert rest(queue) == list(range(10))
    assert queue.is_over
    assert queue.drops == 0


def test_a_full_queue_drops_the_oldest_frequent_message_before_rare_ones_and_counts_it() -> None:
    queue, _ = make(3, waits=False)
    for message in (state(0), scores(1), scores(2), scores(3), state(4)):
        queue.put(message)
    assert queue.drops == 2
    assert rest(queue) == [0, 3, 4]


def test_a_queue_full_of_rare_messages_drops_the_oldest() -> None:
    queue, _ = make(2, waits=False)
    for number in range(4):
        queue.put(state(number))
    assert (queue.drops, rest(queue)) == (2, [2, 3])


def test_a_queue_that_waits_loses_nothing_for_a_slow_reader() -> None:
    queue, _ = make(2, waits=True)

    def put_all() -> None:
        for number in range(50):
            queue.put(scores(number))
        queue.finish()

    thread = threading.Thread(target=put_all)
    thread.start()
    assert [message.capture_time_ns for message in iter(queue.get, None)] == list(range(50))
    thread.join(LONG_S)
    assert queue.drops == 0


@pytest.mark.parametrize("release", ["stop", "discard"])
def test_a_waiting_put_returns_when_the_run_stops_or_the_reader_is_gone(release: str) -> None:
    queue, stop = make(1, waits=True)
    queue.put(scores(0))
    thread = threading.Thread(target=queue.put, args=(scores(1),))
    thread.start()
    stop.set() if release == "stop" else queue.discard()
    thread.join(LONG_S)
    assert not thread.is_alive()
    assert rest(queue) == ([1] if release == "stop" else [])


def test_before_the_first_read_put_does_not_wait_and_nothing_counts_as_lost() -> None:
    queue = MessageQueue(2, waits=True, stop=threading.Event(), has_reader=False)
    for number in range(5):
        queue.put(scores(number))
    assert queue.drops == 0
    assert queue.get(0) == scores(3), "the newest are kept"
    queue.put(scores(5))
    late = threading.Thread(target=queue.put, args=(scores(6),))
    late.start()
    assert rest_of(queue, 3) == [4, 5, 6], "from the first read on, the putting thread waits for room"
    late.join(LONG_S)
    assert queue.drops == 0


def test_a_get_without_waiting_returns_none() -> None:
    queue, _ = make(1, waits=False)
    assert queue.get(timeout_s=0.0) is None


def test_a_capacity_below_one_message_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        make(0, waits=False)


def test_a_function_that_raises_is_still_called_and_its_errors_are_counted_reported_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    had: list[int] = []

    def odd_ones_fail(message: AnyMessage) -> None:
        if message.capture_time_ns % 2:
            raise RuntimeError(f"no {message.capture_time_ns}")
        had.append(message.capture_time_ns)

    queue, _ = make(100, waits=True)
    sink = CallbackSink(odd_ones_fail, queue)
    assert sink.notices == ()
    with caplog.at_level(logging.INFO):
        for number in range(10):
            sink.publish(scores(number))
        sink.close()
    assert had == [0, 2, 4, 6, 8]
    assert (sink.errors, sink.drops()) == (5, {"sink": 0})
    assert sink.notices == ("sink odd_ones_fail failed 5 times, last with RuntimeError: no 9",)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "no 1" in caplog.text


@pytest.mark.parametrize("fault", [SystemExit, KeyboardInterrupt])
def test_a_function_that_raises_system_exit_is_still_called(fault: type[BaseException]) -> None:
    def leave(_message: AnyMessage) -> None:
        raise fault("enough")

    queue, _ = make(1, waits=True)
    sink = CallbackSink(leave, queue)
    for number in range(5):
        sink.publish(scores(number))
    sink.close()
    assert (sink.errors, sink.drops()) == (5, {"sink": 0})
    assert "enough" in sink.notices[0]


def test_a_function_that_hangs_loses_messages_but_blocks_nothing() -> None:
    goes_on = threading.Event()
    entered = threading.Event()

    def hang(_message: AnyMessage) -> None:
        entered.set()
        goes_on.wait(LONG_S)

    queue, _ = make(3, waits=False)
    sink = CallbackSink(hang, queue)
    sink.publish(scores(0))
    assert entered.wait(LONG_S)
    for number in range(1, 11):
        sink.publish(scores(number))
    assert sink.drops() == {"sink": 7}
    goes_on.set()
    sink.close()
