"""`watch` prints lines for people or programs, and ends cleanly."""

import io
import json
import queue
import signal
import socket
import sys
import threading
from subprocess import PIPE, Popen

import msgspec
import pytest
from hypothesis import given, settings
from patience import PATIENCE_S
from transport_messages import MESSAGES, a_motion, a_status, an_action, bound_publisher

from hitrs_live.cli import main
from hitrs_live.commands.watch_printer import _PeoplePrinter, describe, watch
from hitrs_live.config import PublishConfig
from hitrs_live.messages import AnyMessage, SourceEvent
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.recoverable import RecoverablePublisher

WATCHER = "import sys; from hitrs_live.commands.watch_printer import watch; watch(sys.argv[1], True, sys.argv[2:])"


def _watcher(publisher: Publisher, *topics: str) -> "Popen[str]":
    return Popen([sys.executable, "-c", WATCHER, publisher.address, *topics], stdout=PIPE, stderr=PIPE, text=True)


@pytest.mark.slow
def test_json_lines_keep_the_contract_and_ctrl_c_ends_them() -> None:
    with bound_publisher() as publisher, _watcher(publisher) as watcher:
        assert publisher.wait_for_subscriber(PATIENCE_S)
        publisher.publish(an_action())
        publisher.publish(a_motion())
        assert watcher.stdout is not None
        # Each line is there while the watch goes on: nothing waits in a buffer.
        action, motion = (json.loads(watcher.stdout.readline()) for _ in range(2))
        watcher.send_signal(signal.SIGINT)
        rest, complaints = watcher.communicate(timeout=PATIENCE_S)
    assert (watcher.returncode, rest, complaints) == (0, "", "")
    assert list(action)[:9] == [
        *("topic", "type", "schema", "session_id", "source_id", "seq", "capture_time_ns", "publish_time_ns", "utc_ns")
    ]
    assert action["topic"] == "action.cam.1"
    assert {key: action[key] for key in ("type", "state", "label", "score", "track_id", "reason", "end_time_ns")} == {
        "type": "action",
        "state": "start",
        "label": "front kick",
        "score": 0.75,
        "track_id": 1,
        "reason": None,
        "end_time_ns": None,
    }
    assert (action["onset_time_ns"], action["session_id"], action["schema"]) == (1_600_000_000, "session-1", 1)
    assert len(motion["joints_m"]) == 30


@pytest.mark.slow
def test_a_closed_pipe_ends_the_watch() -> None:
    with bound_publisher() as publisher, _watcher(publisher, "action") as watcher:
        assert publisher.wait_for_subscriber(PATIENCE_S)
        assert watcher.stdout is not None
        watcher.stdout.close()
        publisher.publish(an_action())
        assert watcher.stderr is not None
        assert watcher.stderr.read() == ""
        assert watcher.wait(PATIENCE_S) == 0


def test_the_watch_ends_after_its_duration_and_after_time_without_messages() -> None:
    out = io.StringIO()
    watch("tcp://127.0.0.1:9", out=out, duration_s=0.1)
    watch("tcp://127.0.0.1:9", out=out, idle_s=0.1)
    assert out.getvalue() == ""


class _Once(io.StringIO):
    """Publish when first asked to flush nothing, and press Ctrl-C after two lines: to act while the watch runs."""

    def __init__(self, publisher: Publisher) -> None:
        super().__init__()
        self.publisher = publisher
        self.published = False

    def flush(self) -> None:
        if self.getvalue().count("\n") == 2:
            raise KeyboardInterrupt
        if not self.published and self.publisher.wait_for_subscriber(PATIENCE_S):
            self.published = True
            self.publisher.publish(an_action(utc_ns=1_772_366_400_250_999_999))
            lost = msgspec.structs.replace(an_action(), label="\x1b[31mred\nhot\u202e", state="end", reason="finished")
            self.publisher._stamper.stamp(lost)
            self.publisher.publish(lost)


@pytest.mark.slow
def test_lines_are_plain_losses_go_to_standard_error_and_labels_cannot_control_the_terminal() -> None:
    notes = io.StringIO()
    with bound_publisher() as publisher:
        out = _Once(publisher)
        watch(publisher.address, topics="action", out=out, notes=notes)
    first, second = out.getvalue().splitlines()
    assert first == "2026-03-01T12:00:00.250Z  cam  start   front kick  0.75  track 1  delay 0.40 s"
    assert second == "                   2.000  cam  end     �[31mred hot�  0.75  track 1  (finished)"
    assert notes.getvalue() == "lost 1 of action.cam.1: expected seq 1, got 2\n"


@pytest.mark.slow
@given(MESSAGES)
@settings(max_examples=50)
def test_every_message_can_be_described(message: AnyMessage) -> None:
    assert describe(message)
    out = io.StringIO()
    _PeoplePrinter(out).show(message)
    assert out.getvalue()


class _Announced(io.StringIO):
    """Publish a status at each flush, and press Ctrl-C after two lines."""

    def __init__(self, publisher: Publisher) -> None:
        super().__init__()
        self.publisher = publisher

    def flush(self) -> None:
        if self.getvalue().count("\n") == 2:
            raise KeyboardInterrupt
        self.publisher.publish(a_status())


def test_a_reliable_watch_continues_after_a_position_and_reports_what_is_lost() -> None:
    notes = io.StringIO()
    config = PublishConfig(bind="tcp://127.0.0.1:*", recovery_events=2)
    with RecoverablePublisher(config, "s") as publisher:
        for _ in range(5):
            publisher.publish(an_action())
        out = _Announced(publisher)
        watch(publisher.address, True, "action", out=out, notes=notes, reliable=True, after="s:1")
    assert [json.loads(line)["log_seq"] for line in out.getvalue().splitlines()] == [3, 4]
    # On a slow machine it also says that there is no publisher yet.
    assert "lost an event of session s: number 2" in notes.getvalue().splitlines()


@pytest.mark.parametrize(
    "flags", [["--after", "s:1"], ["--reliable", "--after", "1"], ["--reliable", "--after", "s:x"]]
)
def test_a_position_that_cannot_be_used_is_refused_in_one_line(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["watch", *flags])
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert "--after" in capsys.readouterr().err.splitlines()[-1]


class _Notes(io.StringIO):
    """Standard error whose lines can be waited for; a closed one records them and then raises."""

    def __init__(self, *, closed: bool = False) -> None:
        super().__init__()
        self.lines = queue.SimpleQueue[str]()
        self._closed = closed

    def write(self, text: str) -> int:
        if text.strip():
            self.lines.put(text)
        if self._closed:
            raise ValueError("I/O operation on closed file.")
        return len(text)

    def line(self) -> str:
        return self.lines.get(timeout=PATIENCE_S)


def _watch_aside(address: str, notes: _Notes) -> tuple[threading.Thread, _Notes]:
    out = _Notes()
    thread = threading.Thread(
        target=watch, args=(address,), kwargs={"out": out, "notes": notes, "duration_s": 10 * PATIENCE_S}, daemon=True
    )
    thread.start()
    return thread, out


def _free_address() -> str:
    with bound_publisher() as publisher:
        return publisher.address


@pytest.mark.slow
def test_the_watch_reports_a_missing_publisher_once_continues_and_reports_its_return() -> None:
    notes, address = _Notes(), _free_address()
    watcher, _ = _watch_aside(address, notes)
    assert notes.line().startswith(f"no publisher at {address}; waiting")
    with bound_publisher(bind=address) as publisher:
        assert publisher.wait_for_subscriber(PATIENCE_S)
        assert notes.line() == f"connected to a publisher at {address}"
    assert notes.line().startswith("no publisher"), "it went away again"
    assert watcher.is_alive()


@pytest.mark.slow
def test_a_server_that_does_not_speak_zeromq_is_not_a_publisher() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        notes = _Notes()
        _watch_aside(f"tcp://127.0.0.1:{server.getsockname()[1]}", notes)
        assert notes.line().startswith("no publisher")


@pytest.mark.slow
def test_a_closed_standard_error_does_not_end_the_watch() -> None:
    notes, address = _Notes(closed=True), _free_address()
    watcher, out = _watch_aside(address, notes)
    notes.line()
    with bound_publisher(bind=address) as publisher:
        publisher.publish(an_action())
        assert publisher.wait_for_subscriber(PATIENCE_S)
        publisher.publish(an_action())
        assert "front kick" in out.line()
    assert watcher.is_alive()


@pytest.mark.parametrize(
    ("flags", "prefixes", "printed"),
    [
        ((), 2, ["source", "action"]),
        (("--all",), 1, ["motion", "source", "action"]),
        (("--topics",), 1, ["motion", "source", "action"]),
        (("--topics", "motion.cam"), 1, ["motion"]),
    ],
)
def test_the_command_prints_actions_and_source_states_unless_asked_otherwise(
    flags: tuple[str, ...], prefixes: int, printed: list[str]
) -> None:
    with bound_publisher() as publisher:
        command = [sys.executable, "-m", "hitrs_live.cli", "watch", publisher.address, "--json", *flags]
        with Popen(command, stdout=PIPE, stderr=PIPE, text=True) as watcher:
            assert watcher.stdout is not None
            # One more subscription asks for the snapshot.
            while publisher._subscriptions <= prefixes:
                assert publisher.wait_for_subscriber(PATIENCE_S)
            publisher.publish(a_motion())
            publisher.publish(SourceEvent(source_id="cam", capture_time_ns=1, state="up"))
            publisher.publish(an_action())
            assert [json.loads(watcher.stdout.readline())["type"] for _ in printed] == printed
            watcher.send_signal(signal.SIGINT)
            assert watcher.communicate(timeout=PATIENCE_S) == ("", "")


def test_a_malformed_address_is_an_error() -> None:
    from hitrs_live.errors import AddressUnavailable

    with pytest.raises(AddressUnavailable):
        watch("nowhere")
