"""The program's log: one line per record, UTC, as text or JSON; and a sink that logs its messages."""

import io
import json
import logging
import os
import re
import signal
import sys
import threading
from datetime import UTC, datetime
from functools import partial

import msgspec
import pytest
from patience import PATIENCE_S

from hitrs_live.messages import ActionEvent, SourceEvent, Status
from hitrs_live.pipeline.log_sink import LogSink
from hitrs_live.process.log import JsonFormatter, TextFormatter, log_extra
from hitrs_live.process.log import logging_to as logging_to_briefly
from hitrs_live.process.signals import stop_on_signals
from hitrs_live.process.terminal import why_not_drawable
from hitrs_live.transport.multi_sink import MultiSink
from hitrs_live.transport.sink import ListSink
from hitrs_live.views.log_lines import PlainLog
from hitrs_live.wire.utc import SessionClock

logging_to = partial(logging_to_briefly, close_wait_s=PATIENCE_S)
"""Waits long enough at the end for a slow machine."""
NOON = int(datetime(2026, 3, 1, 12, 0, tzinfo=UTC).timestamp() * 1e9)


def record(text: str, **extra: object) -> logging.LogRecord:
    built = logging.LogRecord("hitrs_live.action", logging.WARNING, __file__, 1, text, None, None)
    built.__dict__.update(log_extra(**extra))  # type: ignore[arg-type]
    return built


def started(seconds: float) -> ActionEvent:
    return ActionEvent(
        source_id="door", state="start", label="squat", score=0.9, track_id=3, onset_time_ns=round(seconds * 1e9),
        capture_time_ns=round((seconds + 0.3) * 1e9), detection_delay_s=0.3, window_start_ns=0, window_end_ns=0,
    )  # fmt: skip


def status(seconds: float, **more: object) -> Status:
    fields = {"version": "0.2", "uptime_s": seconds, "fps": 30.0, "frames": 10, "drops": {"camera": 2}} | more
    return Status(source_id="door", capture_time_ns=round(seconds * 1e9), state="up", **fields)  # type: ignore[arg-type]


def up() -> SourceEvent:
    return SourceEvent(source_id="door", capture_time_ns=0, state="up")


def test_a_line_begins_with_the_utc_of_when_it_became_known() -> None:
    line = TextFormatter(SessionClock(monotonic_ns=0, utc_ns=NOON)).format(
        record("a\nb\x1b[2J\u202e\u2028c", monotonic_ns=61_234_000_000)
    )
    assert line == "2026-03-01T12:01:01.234Z  warning  a b\ufffd[2J\ufffd c"


def test_a_json_line_has_the_records_own_fields() -> None:
    line = JsonFormatter(SessionClock(monotonic_ns=0, utc_ns=NOON)).format(
        record("a  b", monotonic_ns=10**9, fields={"source_id": "door"})
    )
    assert json.loads(line) == {
        "time": "2026-03-01T12:00:01.000000Z",
        "level": "warning",
        "logger": "hitrs_live.action",
        "message": "a b",
        "source_id": "door",
    }


def test_a_log_is_dated_by_the_clock_of_its_session() -> None:
    out = io.StringIO()
    with logging_to(out, session=SessionClock(monotonic_ns=10**9, utc_ns=NOON)):
        logging.getLogger("hitrs_live.pipeline.app").info("then", extra=log_extra(monotonic_ns=2 * 10**9))
    assert out.getvalue() == "2026-03-01T12:00:01.000Z  info     then\n"


def test_an_event_in_json_carries_the_whole_message() -> None:
    out = io.StringIO()
    with logging_to(out, format="json") as output:
        sink = MultiSink(ListSink("s1"), [LogSink(PlainLog(), output=output)])
        sink.publish(up())
        sink.publish(started(3.0))
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["logger"] for line in lines] == ["hitrs_live.source", "hitrs_live.action"]
    event = lines[1]["event"]
    assert (event["topic"], event["label"], event["track_id"]) == ("action.door.3", "squat", 3)
    assert lines[1]["source_time_s"] == 3.3


class _Records(logging.Handler):
    """Keep records as they were logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def test_a_record_carries_the_message_itself_and_only_a_json_log_encodes_it() -> None:
    handler, behind = _Records(), ListSink("s1")
    root = logging.getLogger("hitrs_live")
    root.addHandler(handler)
    try:
        MultiSink(behind, [LogSink(PlainLog())]).publish(msgspec.structs.replace(up(), fault=True))
    finally:
        root.removeHandler(handler)
    (logged,) = handler.records
    assert vars(logged)["event"] is behind.messages[0]
    session = SessionClock(monotonic_ns=0, utc_ns=NOON)
    assert "fault" not in TextFormatter(session).format(logged)
    assert json.loads(JsonFormatter(session).format(logged))["event"]["fault"] is True


def test_lines_below_the_level_are_left_out() -> None:
    out = io.StringIO()
    with logging_to(out, level="warning"):
        logging.getLogger("hitrs_live.action").info("less")
        logging.getLogger("hitrs_live.source").error("more")
    assert re.fullmatch(r"\S+Z  error    more\n", out.getvalue())


def test_lines_of_a_session_are_in_the_order_of_their_times() -> None:
    out = io.StringIO()
    with logging_to(out):
        sink = MultiSink(ListSink("s1"), [LogSink(PlainLog(several=True))])
        for number in range(20):
            sink.publish(started(float(number % 7)))
            logging.getLogger("hitrs_live.inference").info("between")
    times = [line.split()[0] for line in out.getvalue().splitlines()]
    assert len(times) == 40
    assert times == sorted(times)


def test_lines_that_the_log_lost_are_a_drop_of_its_sink() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream, logging_to(stream) as output:
        sink = LogSink(PlainLog(), output=output)
        assert sink.drops() == {"log": 0}
        sink.publish(status(1.0))
        logging.getLogger("hitrs_live.source").info("one more")
        deadline = threading.Event()
        while not output.lost:
            deadline.wait(0.01)
        assert sink.drops()["log"] > 0


def test_a_notice_that_was_logged_when_it_happened_is_not_repeated() -> None:
    out = io.StringIO()
    with logging_to(out) as output:
        sink = MultiSink(ListSink("s1"), [LogSink(PlainLog(), output=output)])
        logging.getLogger("hitrs_live.inference").warning("the model %s", "runs on torch")
        sink.publish(status(1.0, notices=("runs on torch", "the pose process was restarted")))
    assert out.getvalue().count("runs on torch") == 1
    assert out.getvalue().count("was restarted") == 1


def test_lines_lost_at_the_end_are_reported_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream, logging_to(stream):
        logging.getLogger("hitrs_live.source").info("lost")
    assert capfd.readouterr().err == "hitrs-live: 1 log lines could not be written to standard output\n"


def test_text_printed_to_standard_error_while_logging_arrives_there(capfd: pytest.CaptureFixture[str]) -> None:
    with logging_to(io.StringIO()):
        print("a library's own words", file=sys.stderr)
    assert capfd.readouterr().err == "a library's own words\n"


def test_printed_text_without_a_line_end_arrives_when_the_log_ends(capfd: pytest.CaptureFixture[str]) -> None:
    with logging_to(io.StringIO()):
        print("loading: 40 %", end="", file=sys.stderr)
    assert capfd.readouterr().err == "loading: 40 %\n"


def test_after_a_view_fails_the_log_contains_what_was_not_shown() -> None:
    out, gone = io.StringIO(), threading.Event()
    with logging_to(out, paused=True) as output:
        sink = MultiSink(ListSink("s1"), [LogSink(PlainLog(), output=output, is_needed=gone.is_set)])
        sink.publish(up())
        sink.publish(started(3.0))
        gone.set()
        output.resume()
        sink.publish(status(4.0))
    subjects = [line.split()[3] for line in out.getvalue().splitlines()]
    assert subjects == ["source", "person", "status"]


def test_while_a_dashboard_is_shown_only_warnings_are_kept_for_the_end() -> None:
    out = io.StringIO()
    with logging_to(out, paused=True):
        logging.getLogger("hitrs_live.pipeline.app").info("publishing")
        logging.getLogger("hitrs_live.pipeline.app").warning("no subscriber")
        assert out.getvalue() == ""
    assert "no subscriber" in out.getvalue()
    assert "publishing" not in out.getvalue()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_a_run_to_end(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_on_signals() as stop:
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.is_set()
    assert signal.getsignal(number) == before


def test_a_second_interrupt_stops_at_once_and_a_second_hang_up_does_not() -> None:
    with stop_on_signals() as stop:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGTERM)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_nohup_is_respected() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}, None),
        ({"TERM": "xterm", "COLUMNS": "80", "LINES": "24", "NO_COLOR": "1"}, None),
        ({"TERM": "dumb", "COLUMNS": "80", "LINES": "24"}, "TERM is dumb"),
        ({"TERM": "unknown", "COLUMNS": "80", "LINES": "24"}, "TERM is unknown"),
        ({"COLUMNS": "80", "LINES": "24"}, "TERM is not set"),
        (
            {"TERM": "xterm", "COLUMNS": "20", "LINES": "5"},
            "it has 20 columns and 5 lines, expected 40 and 10 at least",
        ),
        ({"TERM": "xterm"}, "it does not report its size"),
    ],
)
def test_only_a_suitable_terminal_is_drawn_on(environment: dict[str, str], reason: str | None) -> None:
    assert why_not_drawable(Terminal(), environment) == reason
    assert why_not_drawable(io.StringIO(), environment) == "it is not a terminal"
