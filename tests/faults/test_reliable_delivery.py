"""No action event is lost to a reliable subscriber, whichever side is stopped or killed; what is lost is reported."""

import signal
from pathlib import Path

from live_runs import free_address
from patience import wait_until
from reliable_peers import PublisherProcess, Subscriber, a_publisher, a_subscriber, wait_for_events

MANY = 1000
"""Events that no queue has room for, neither ZeroMQ's nor the system's: 20 MB."""


def _begin(subscriber: Subscriber, publisher: PublisherProcess) -> int:
    """Let the subscriber begin; return how many events were published until then, of which it has the newest."""
    published = 0

    def has_begun() -> bool:
        nonlocal published
        publisher.publish(1)
        published += 1
        return bool(subscriber.events())

    wait_until(has_begun, "the first event", pause_s=0.2)
    wait_until(lambda: subscriber.events()[-1][1] == published - 1, "the newest event")
    return published


def _since_first(subscriber: Subscriber, session: str, until: int) -> list[tuple[str, int]]:
    return [(session, number) for number in range(subscriber.events()[0][1], until)]


def test_a_stopped_subscriber_whose_queues_overflow_then_a_restarted_one_get_every_event(tmp_path: Path) -> None:
    address = free_address()
    with a_publisher(address, "s") as publisher:
        with a_subscriber(address, tmp_path / "first") as subscriber:
            begun = _begin(subscriber, publisher)
            subscriber.send(signal.SIGSTOP)
            publisher.publish(MANY)
            subscriber.send(signal.SIGCONT)
            expected = _since_first(subscriber, "s", begun + MANY)
            wait_for_events(subscriber, len(expected), publisher)
            assert subscriber.events() == expected
            assert subscriber.gaps() == []
            position = subscriber.lines()[-1].split()[2]
        publisher.publish(300)
        with a_subscriber(address, tmp_path / "second", after=position) as subscriber:
            wait_for_events(subscriber, 300, publisher)
            assert subscriber.events() == [("s", number) for number in range(begun + MANY, begun + MANY + 300)]
            assert subscriber.gaps() == []


def test_a_publisher_killed_with_events_unsent_and_unrecorded_is_reported_and_the_next_one_is_followed(
    tmp_path: Path,
) -> None:
    address = free_address()
    with a_publisher(address, "before") as publisher, a_subscriber(address, tmp_path / "printed") as subscriber:
        begun = _begin(subscriber, publisher)
        subscriber.send(signal.SIGSTOP)
        publisher.publish(MANY)
        publisher.kill()
        with a_publisher(address, "after") as second:
            second.publish(50)
            subscriber.send(signal.SIGCONT)
            wait_until(
                lambda: (second.publish(0), ("after", 49) in subscriber.events())[1], "the event 49", pause_s=0.1
            )
    events = subscriber.events()
    before = [number for session, number in events if session == "before"]
    assert before == list(range(before[0], before[-1] + 1))
    assert begun - 1 <= before[-1] < begun + MANY
    assert events[len(before) :] == [("after", number) for number in range(50)]
    assert subscriber.gaps() == [
        f"events of session before from number {before[-1] + 1} on can no longer be recovered; "
        "whether there were any is unknown"
    ]


def test_a_publisher_killed_twice_loses_nothing_of_its_recordings(tmp_path: Path) -> None:
    address, folder = free_address(), tmp_path / "recordings"
    folder.mkdir()
    with a_publisher(address, "a", str(folder)) as publisher, a_subscriber(address, tmp_path / "printed") as subscriber:
        begun = _begin(subscriber, publisher)
        subscriber.send(signal.SIGSTOP)
        publisher.publish(MANY)
        publisher.kill()
        with a_publisher(address, "b", str(folder)) as second:
            second.publish(40)
            second.kill()
        with a_publisher(address, "c", str(folder)) as third:
            third.publish(50)
            subscriber.send(signal.SIGCONT)
            expected = [
                *_since_first(subscriber, "a", begun + MANY),
                *(("b", number) for number in range(40)),
                *(("c", number) for number in range(50)),
            ]
            wait_for_events(subscriber, len(expected), third)
        assert subscriber.events() == expected
