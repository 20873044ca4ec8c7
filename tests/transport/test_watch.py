"""Watching prints lines that people or programs can read, and ends without a fuss."""

import io
import json
import signal
import sys
from subprocess import PIPE, Popen

import msgspec
import pytest
from hypothesis import given, settings
from patience import PATIENCE_S
from transport_messages import MESSAGES, a_motion, an_action, bound_publisher

from hitrs_live.messages import AnyMessage
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.watch import describe, watch

WATCHER = "import sys; from hitrs_live.transport.watch import watch; watch(sys.argv[1], True, sys.argv[2:])"


def _watcher(publisher: Publisher, *topics: str) -> "Popen[str]":
    return Popen([sys.executable, "-c", WATCHER, publisher.address, *topics], stdout=PIPE, stderr=PIPE, text=True)


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
    assert list(action)[:8] == [
        *("topic", "type", "schema", "session_id", "source_id", "seq", "capture_time_ns", "publish_time_ns")
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


def test_a_pipe_whose_reader_is_gone_ends_the_watch() -> None:
    with bound_publisher() as publisher, _watcher(publisher, "action") as watcher:
        assert publisher.wait_for_subscriber(PATIENCE_S)
        assert watcher.stdout is not None
        watcher.stdout.close()
        publisher.publish(an_action())
        assert watcher.stderr is not None
        assert watcher.stderr.read() == ""
        assert watcher.wait(PATIENCE_S) == 0


def test_the_watch_ends_after_its_duration_and_after_silence() -> None:
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
            self.publisher.publish(an_action())
            lost = msgspec.structs.replace(an_action(), label="\x1b[31mred\nalert", state="end", reason="finished")
            self.publisher._stamper.stamp(lost)
            self.publisher.publish(lost)


def test_people_read_plain_lines_losses_go_aside_and_labels_cannot_steer_the_terminal() -> None:
    notes = io.StringIO()
    with bound_publisher() as publisher:
        out = _Once(publisher)
        watch(publisher.address, topics="action", out=out, notes=notes)
    first, second = out.getvalue().splitlines()
    assert first == "       2.000  cam  start   front kick  0.75  track 1  told after 0.40 s"
    assert second == "       2.000  cam  end     �[31mred�alert  0.75  track 1  (finished)"
    assert notes.getvalue() == "lost 1 of action.cam.1: wanted seq 1, got 2\n"


@given(MESSAGES)
@settings(max_examples=50)
def test_every_message_can_be_described(message: AnyMessage) -> None:
    assert describe(message)


def test_a_malformed_address_is_an_error_not_a_silence() -> None:
    from hitrs_live.errors import AddressUnavailable

    with pytest.raises(AddressUnavailable):
        watch("nowhere")
