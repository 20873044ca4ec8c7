"""Print a pipeline's messages: lines for people, or one JSON object per line for pipes."""

import contextlib
import sys
import time
from collections.abc import Sequence
from typing import Final, TextIO

from rich.console import Console
from rich.text import Text

from hitrs_live.messages import (
    ActionEvent,
    AnyMessage,
    JointsEvent,
    MotionPrediction,
    PoseEvent,
    ScoreEvent,
    SourceEvent,
    Status,
)
from hitrs_live.process.line_writer import forget_unless_writable, printable, redirect_to_devnull
from hitrs_live.process.signals import interrupted_by_signals
from hitrs_live.transport.reliable import ReliableSubscription
from hitrs_live.transport.subscriber import Subscription
from hitrs_live.wire.addresses import show_address
from hitrs_live.wire.curve import ClientKeys
from hitrs_live.wire.json_codec import to_json
from hitrs_live.wire.sequence_numbers import Gap
from hitrs_live.wire.utc import utc_text

POLL_S: Final = 0.25
"""Interval at which a watch without messages checks its time limits."""
ALONE_AFTER_S: Final = 2.0
"""Time without a publisher after which this is reported; the watch then continues to wait."""
USUAL_TOPICS: Final = ("action", "source")
"""Topics printed by default; the others are hundreds of lines per second."""
_TIME_WIDTH: Final = len("2026-03-01T12:00:00.250Z")
STYLES: Final = {
    "start": "bold green",
    "update": "green",
    "end": "yellow",
    "stalled": "bold yellow",
    "lost": "bold red",
}


def watch(
    url: str,
    json_lines: bool = False,
    topics: str | Sequence[str] = (),
    out: TextIO | None = None,
    *,
    notes: TextIO | None = None,
    duration_s: float | None = None,
    idle_s: float | None = None,
    reliable: bool = False,
    after: str | None = None,
    keys: ClientKeys | None = None,
) -> None:
    """Print messages as they arrive, until Ctrl-C, until the reader closes the pipe, or until a time limit.

    SIGTERM and SIGHUP end it as Ctrl-C does.

    Args:
        url: address that the pipeline publishes on.
        json_lines: print JSON, the fields of `hitrs_live.messages` after `topic`.
        topics: as for `subscribe`; none for all.
        out: stream for the messages, standard output by default; coloured only on a terminal.
        notes: stream for reports of lost messages and of a missing publisher, standard error by default.
        duration_s: end after this long, seconds.
        idle_s: end after this long without a message, seconds.
        reliable, after: as for `subscribe`.
        keys: for a publisher that uses keys. That it refuses them is logged.

    Raises:
        AddressUnavailable: if the address is malformed.
        TransportError: with reliable, if the publisher has no address for recovery.
    """
    out, notes = out or sys.stdout, notes or sys.stderr
    printer = _JsonPrinter(out) if json_lines else _PeoplePrinter(out)

    def report(gap: Gap) -> None:
        _write_note(str(gap), notes)

    subscription: Subscription[AnyMessage]
    if reliable:
        subscription = ReliableSubscription(url, topics, on_gap=report, after=after, keys=keys)
    else:
        subscription = Subscription(url, topics, on_gap=report, keys=keys)
    with subscription:
        try:
            with interrupted_by_signals():
                _pump(subscription, printer, out, _Absence(subscription, notes), duration_s, idle_s)
        except KeyboardInterrupt:
            forget_unless_writable(out)
        except BrokenPipeError:
            redirect_to_devnull(out)


def _pump(
    subscription: Subscription[AnyMessage],
    printer: "_JsonPrinter | _PeoplePrinter",
    out: TextIO,
    absence: "_Absence",
    duration_s: float | None,
    idle_s: float | None,
) -> None:
    begun_s = last_s = time.monotonic()
    while True:
        now_s = time.monotonic()
        left_s = POLL_S
        if duration_s is not None:
            left_s = min(left_s, begun_s + duration_s - now_s)
        if idle_s is not None:
            left_s = min(left_s, last_s + idle_s - now_s)
        if left_s <= 0:
            return
        absence.check(now_s)
        messages = subscription.read(left_s)
        if messages:
            last_s = time.monotonic()
        for message in messages:
            printer.show(message)
        out.flush()


class _Absence:
    """Report once that there is no publisher, and once that there is one again."""

    def __init__(self, subscription: Subscription[AnyMessage], notes: TextIO) -> None:
        self._subscription, self._notes = subscription, notes
        self._alone_since_s: float | None = None
        self._reported = False

    def check(self, now_s: float) -> None:
        if self._subscription.connected:
            if self._reported:
                _write_note(f"connected to a publisher at {show_address(self._subscription.url)}", self._notes)
            self._alone_since_s, self._reported = None, False
        elif self._subscription.refusal:
            # It has been logged, and there is a publisher.
            self._reported = True
        elif self._alone_since_s is None:
            self._alone_since_s = now_s
        elif not self._reported and now_s - self._alone_since_s >= ALONE_AFTER_S:
            self._reported = True
            url = show_address(self._subscription.url)
            _write_note(f"no publisher at {url}; waiting (is `hitrs-live live` running there?)", self._notes)


def _write_note(text: str, notes: TextIO) -> None:
    # A closed standard error, or one whose reader is gone, must not end the watch.
    with contextlib.suppress(OSError, ValueError):
        print(printable(text), file=notes, flush=True)


class _JsonPrinter:
    def __init__(self, out: TextIO) -> None:
        self._out = out

    def show(self, message: AnyMessage) -> None:
        self._out.write(to_json(message).decode() + "\n")


class _PeoplePrinter:
    def __init__(self, out: TextIO) -> None:
        self._console = Console(file=out, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def show(self, message: AnyMessage) -> None:
        state = getattr(message, "state", "")
        line = Text(f"{_time_text(message)}  ", style="dim")
        line.append(f"{printable(message.source_id)}  ", style="cyan")
        line.append(printable(describe(message)), style=STYLES.get(state, "default"))
        self._console.print(line)


def _time_text(message: AnyMessage) -> str:
    """Format a message's time in UTC or, if that is unknown, in seconds of the source's own clock."""
    if message.utc_ns is not None:
        with contextlib.suppress(ValueError):
            return utc_text(message.utc_ns)
    return f"{message.capture_time_ns / 1e9:{_TIME_WIDTH}.3f}"


def describe(message: AnyMessage) -> str:
    """Describe a message in one line, without its source and time."""
    match message:
        case ActionEvent():
            return _describe_action(message)
        case MotionPrediction():
            reach_ms = message.horizons_ms[-1] if message.horizons_ms else 0.0
            text = f"motion  track {message.track_id}  {len(message.horizons_ms)} instants up to {reach_ms:.0f} ms"
            if message.error_mm is not None:
                text += f"  error {message.error_mm:.0f} mm"
            if message.held_error_mm is not None:
                text += f"  (zero velocity {message.held_error_mm:.0f} mm)"
            return text
        case ScoreEvent():
            best = zip(message.labels[:3], message.scores[:3], strict=False)
            return f"scores  track {message.track_id}  " + "  ".join(f"{label} {score:.2f}" for label, score in best)
        case PoseEvent():
            return f"pose    track {message.track_id}"
        case JointsEvent():
            return f"joints  frame {message.index}  {message.joints_m.shape[0]} people"
        case SourceEvent():
            return f"source  {message.state}  {message.detail}".rstrip()
        case Status():
            dropped = "  ".join(f"{cause} {count}" for cause, count in message.drops.items() if count)
            text = f"status  {message.state}  {message.fps:.1f} fps  {len(message.people)} people"
            text += f"  dropped: {dropped}" if dropped else ""
            return text + "".join(f"  ! {notice}" for notice in message.notices[-1:])


def _describe_action(event: ActionEvent) -> str:
    text = f"{event.state:6}  {event.label}  {event.score:.2f}  track {event.track_id}"
    if event.other_track_id is not None:
        text += f" with {event.other_track_id}"
    if event.state == "start":
        text += f"  delay {event.detection_delay_s:.2f} s"
    if event.end_time_ns is not None:
        text += f"  lasted {(event.end_time_ns - event.onset_time_ns) / 1e9:.2f} s"
    if event.count is not None and event.count > 1:
        text += f"  {event.count} times"
    if event.reason is not None:
        text += f"  ({event.reason})"
    return text
