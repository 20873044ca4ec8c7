"""A program asks a running pipeline for its last minutes, and gets them, or one line that says why not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from kept_messages import all_kept, keep_noise, keeping
from key_folders import Keys
from transport_messages import a_status, bound_publisher

from hitrs_live.cli import main
from hitrs_live.config import PublishConfig
from hitrs_live.errors import AddressUnavailable, TransportError
from hitrs_live.sources.recording import Recording
from hitrs_live.transport.fetch_last_minutes import fetch_last_minutes
from hitrs_live.transport.kept_minutes import KeptMinutes
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.recoverable import RecoverablePublisher


@contextmanager
def in_turn(publisher: Publisher) -> Iterator[Publisher]:
    """Publish statuses without end, as a pipeline does; close the publisher at the end of the block."""
    over = Event()

    def publish() -> None:
        while not over.wait(0.02):
            publisher.publish(a_status())
        publisher.close()

    thread = Thread(target=publish)
    thread.start()
    try:
        yield publisher
    finally:
        over.set()
        thread.join()


def a_pipeline(kept: KeptMinutes | None = None, **settings: object) -> RecoverablePublisher:
    config = PublishConfig(**{"bind": "tcp://127.0.0.1:*", **settings})  # type: ignore[arg-type]
    return RecoverablePublisher(config, "s", kept=kept)


def test_everything_that_is_kept_arrives_in_order() -> None:
    kept = keeping()
    keep_noise(kept, 3000)
    with in_turn(a_pipeline(kept)) as publisher:
        found = fetch_last_minutes(publisher.address)
    assert list(found.messages) == all_kept(kept)
    assert (found.session_id, found.minutes, found.sources) == ("s", 10, ["cam"])
    assert found.asked_ns > found.messages[-1].publish_time_ns
    assert [one.log_seq for one in found.actions] == list(range(30))


def test_it_is_saved_as_a_recording_of_each_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = keeping()
    keep_noise(kept, 300)
    with in_turn(a_pipeline(kept)) as publisher:
        assert main(["watch", publisher.address, "--save-last", str(tmp_path / "one.mcap")]) == 0
        assert capsys.readouterr().out == f"{tmp_path / 'one.mcap'}: 10 s of cam, 300 frames, 3 actions\n"
        recording = Recording(tmp_path / "one.mcap")
        assert list(recording.messages()) == all_kept(kept)
        assert (recording.session_id, recording.source_id) == ("s", "cam")
        keep_noise(kept, 60, "hall")
        assert main(["watch", publisher.address, "--save-last", str(tmp_path / "both.mcap")]) == 0
        assert main(["watch", publisher.address, "--save-last", str(tmp_path / "both.mcap")]) == 2
    assert sorted(file.name for file in tmp_path.iterdir()) == ["both-cam.mcap", "both-hall.mcap", "one.mcap"]
    assert "it exists already" in capsys.readouterr().err


def test_keys_are_those_of_the_publisher(keys: Keys) -> None:
    keys.allow("client")
    kept = keeping()
    keep_noise(kept, 30)
    publisher = a_pipeline(
        kept, secret_key=str(keys.secret("publisher")), allowed_clients=str(keys.allowed)
    )  # fmt: skip
    with in_turn(publisher):
        assert len(fetch_last_minutes(publisher.address, keys=keys.of("client")).messages) == 31
        with pytest.raises(TransportError, match="does not allow this key"):
            fetch_last_minutes(publisher.address, keys=keys.of("other"))


@pytest.mark.parametrize("settings", [{"kept": None}, {"recovery": "none"}])
def test_a_pipeline_that_keeps_nothing_is_one_line_with_the_setting(settings: dict[str, object]) -> None:
    publisher = bound_publisher(**settings) if "recovery" in settings else a_pipeline()
    with (
        in_turn(publisher),
        pytest.raises(TransportError, match=r"keeps nothing.* start it with another \S+\.\S+") as no,
    ):
        fetch_last_minutes(publisher.address)
    assert "\n" not in str(no.value)


def test_no_pipeline_is_one_line_at_once() -> None:
    with pytest.raises(AddressUnavailable, match=r"no publisher at tcp://127.0.0.1:9 .* start hitrs-live live there"):
        fetch_last_minutes("tcp://127.0.0.1:9")
    with pytest.raises(AddressUnavailable, match="malformed"):
        fetch_last_minutes("here")
