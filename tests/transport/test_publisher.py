"""The publisher never waits for a subscriber, and its losses are visible."""

import re
import sys
import threading
from pathlib import Path
from subprocess import PIPE, Popen

import psutil
import pytest
import zmq
from patience import PATIENCE_S, wait_until
from transport_messages import a_motion, an_action, bound_publisher

from hitrs_live.config import PublishConfig
from hitrs_live.errors import AddressUnavailable
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.sink import ListSink, Sink, Stamper
from hitrs_live.transport.subscriber import Subscription, subscribe
from hitrs_live.wire.zmq_sockets import connect_subscriber

LISTENER = """
import sys
from hitrs_live.transport.subscriber import subscribe
for message in subscribe(sys.argv[1], "action", timeout_s=600):
    print(message.topic, message.seq, message.label, flush=True)
    if message.state == "end":
        break
"""


@pytest.mark.slow
def test_a_subscriber_in_another_process_receives_what_is_published() -> None:
    with bound_publisher() as publisher:
        with Popen([sys.executable, "-c", LISTENER, publisher.address], stdout=PIPE, text=True) as listener:
            assert publisher.wait_for_subscriber(PATIENCE_S)
            publisher.publish(a_motion())
            publisher.publish(an_action())
            publisher.publish(an_action(state="end"))
            printed, _ = listener.communicate(timeout=PATIENCE_S)
        assert listener.returncode == 0
    assert printed.splitlines() == ["action.cam.1 0 front kick", "action.cam.1 1 front kick"]


def test_messages_are_stamped_with_session_number_and_time() -> None:
    sink = ListSink("s", clock=iter([70, 80, 90]).__next__)
    first, other, second = sink.publish(an_action(1)), sink.publish(an_action(2)), sink.publish(an_action(1))
    assert [(m.session_id, m.topic, m.seq, m.publish_time_ns) for m in (first, other, second)] == [
        ("s", "action.cam.1", 0, 70),
        ("s", "action.cam.2", 0, 80),
        ("s", "action.cam.1", 1, 90),
    ]
    assert sink.messages == [first, other, second]


def test_publisher_and_list_are_both_sinks() -> None:
    def use(sink: Sink) -> str:
        stamped = sink.publish(an_action())
        sink.close()
        sink.close()
        return stamped.session_id

    assert use(bound_publisher("a")) == "a"
    assert use(ListSink("b")) == "b"


def test_sequence_numbers_of_old_topics_are_dropped_and_recent_ones_kept() -> None:
    stamper = Stamper("s", max_topics=100)
    stamper.stamp(an_action(0))
    for track_id in range(1, 5000):
        stamper.stamp(an_action(track_id))
        assert stamper.stamp(an_action(0)).seq == track_id
    assert len(stamper._next_seq) == 100


def test_a_subscriber_that_never_reads_neither_slows_the_publisher_nor_fills_memory() -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    count = 20_000
    with bound_publisher() as publisher:
        asleep = connect_subscriber(context, publisher.address, [""], high_water_mark=10)
        assert publisher.wait_for_subscriber(PATIENCE_S)
        message = a_motion()
        before_bytes = psutil.Process().memory_info().rss
        # That this loop ends shows that publishing does not wait: the sleeping subscriber never wakes.
        for _ in range(count):
            publisher.publish(message)
        grown_bytes = psutil.Process().memory_info().rss - before_bytes
        asleep.close()
    context.term()
    # 20,000 messages are 184 MB; a thousand of them may wait, and the system's own buffers contain some more.
    assert grown_bytes < 60e6


def test_a_slow_subscriber_detects_its_losses() -> None:
    gaps = []
    with (
        bound_publisher(high_water_mark=20) as publisher,
        Subscription(publisher.address, high_water_mark=20, on_gap=gaps.append) as slow,
    ):
        assert publisher.wait_for_subscriber(PATIENCE_S)
        for _ in range(3000):
            publisher.publish(a_motion())
        received = []
        while not gaps:
            received += slow.read(0.2)
            publisher.publish(a_motion())
    assert gaps[0].missed == gaps[0].got_seq - gaps[0].expected_seq > 0
    assert slow.missed == sum(gap.missed for gap in gaps)
    assert slow.missed + len(received) == received[-1].seq + 1
    assert re.fullmatch(r"lost \d+ of motion\.cam\.1: expected seq \d+, got \d+", str(gaps[0]))


def test_a_second_publisher_at_one_address_gets_an_error_of_one_line() -> None:
    with bound_publisher() as first:
        with pytest.raises(AddressUnavailable) as raised:
            Publisher(PublishConfig(bind=first.address), "session-2")
        assert str(raised.value) == (
            f"cannot bind {first.address}: it is taken; is another pipeline running? "
            "--bind tcp://127.0.0.1:0 takes a free port"
        )


def test_a_second_publisher_at_one_ipc_path_gets_an_error_and_the_first_continues(tmp_path: Path) -> None:
    url = f"ipc://{tmp_path}/events"
    with bound_publisher(bind=url) as first, subscribe(url, timeout_s=PATIENCE_S) as subscription:
        with pytest.raises(AddressUnavailable, match="another pipeline"):
            Publisher(PublishConfig(bind=url), "session-2")
        assert first.wait_for_subscriber(PATIENCE_S)
        first.publish(an_action())
        assert next(subscription).topic == "action.cam.1"


def test_a_file_at_an_ipc_path_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "diary").write_text("dear diary")
    with pytest.raises(AddressUnavailable, match="not a socket"):
        Publisher(PublishConfig(bind=f"ipc://{tmp_path}/diary"), "s")
    assert (tmp_path / "diary").read_text() == "dear diary"


@pytest.mark.parametrize(
    "url",
    ["", "5556", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "udp://127.0.0.1:5", "tcp:/x:1", "tcp://192.0.2.7:5556"],
)
def test_an_address_that_cannot_be_bound_is_an_error_of_one_line(url: str) -> None:
    with pytest.raises(AddressUnavailable) as raised:
        Publisher(PublishConfig(bind=url), "s")
    assert "\n" not in str(raised.value)
    assert repr(url)[1:-1] in str(raised.value)


def test_waiting_for_a_subscriber_ends_with_one_or_at_its_timeout() -> None:
    with bound_publisher() as publisher:
        assert not publisher.wait_for_subscriber(0.05)
        with subscribe(publisher.address, "action"):
            assert publisher.wait_for_subscriber(PATIENCE_S)
            assert publisher.has_subscriber()
        wait_until(lambda: not publisher.has_subscriber(), "the subscriber's leave")


def test_waiting_for_a_subscriber_ends_when_it_is_stopped() -> None:
    stop, came = threading.Event(), []
    with bound_publisher() as publisher:
        waiter = threading.Thread(target=lambda: came.append(publisher.wait_for_subscriber(86_400, stop)), daemon=True)
        waiter.start()
        stop.set()
        waiter.join(PATIENCE_S)
        assert came == [False]
