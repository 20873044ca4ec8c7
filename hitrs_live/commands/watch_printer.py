"""Print what a pipeline publishes: lines for people, or one JSON object a line for pipes."""

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
from hitrs_live.process.line_writer import forget_stream, forget_unless_writable, printable
from hitrs_live.process.signals import interrupted_by_signals
from hitrs_live.transport.subscriber import Subscription
from hitrs_live.wire.addresses import show_address
from hitrs_live.wire.json_codec import to_json
from hitrs_live.wire.sequence_numbers import Gap
from hitrs_live.wire.utc import utc_text

LOOK_UP_S: Final = 0.25
"""How often a silent watch looks whether its time is over."""
ALONE_AFTER_S: Final = 2.0
"""So long without a publisher there, and the watch says so; it waits on."""
USUAL_TOPICS: Final = ("action", "source")
"""What people want to know; the rest is hundreds of lines a second."""
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
) -> None:
    """Print messages as they come, each line at once, until Ctrl-C, the pipe's other end closes, or the time is up.

    SIGTERM and SIGHUP end it as Ctrl-C does.

    Args:
        url: where the pipeline publishes.
        json_lines: print JSON, the fields of `hitrs_live.messages` with `topic` before them.
        topics: as for `subscribe`; none for all.
        out: where lines go, standard output by default; colours only where it is a terminal.
        notes: where losses are reported and that nobody publishes, standard error by default.
        duration_s: end after this long.
        idle_s: end after this long without a message.

    Raises:
        AddressUnavailable: where the address is malformed.
    """
    out, notes = out or sys.stdout, notes or sys.stderr
    printer = _JsonPrinter(out) if json_lines else _PeoplePrinter(out)

    def tell(gap: Gap) -> None:
        _say(str(gap), notes)

    with Subscription[AnyMessage](url, topics, on_gap=tell, monitored=True) as subscription:
        try:
            with interrupted_by_signals():
                _pump(subscription, printer, out, _Absence(subscription, notes), duration_s, idle_s)
        except KeyboardInterrupt:
            forget_unless_writable(out)
        except BrokenPipeError:
            forget_stream(out)


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
        left_s = LOOK_UP_S
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
    """Say once when nobody publishes, and once when somebody does again."""

    def __init__(self, subscription: Subscription[AnyMessage], notes: TextIO) -> None:
        self._subscription, self._notes = subscription, notes
        self._alone_since_s: float | None = None
        self._reported = False

    def check(self, now_s: float) -> None:
        if self._subscription.connected:
            if self._reported:
                _say(f"a publisher is there: {show_address(self._subscription.url)}", self._notes)
            self._alone_since_s, self._reported = None, False
        elif self._alone_since_s is None:
            self._alone_since_s = now_s
        elif not self._reported and now_s - self._alone_since_s >= ALONE_AFTER_S:
            self._reported = True
            url = show_address(self._subscription.url)
            _say(f"nobody publishes at {url}; waiting (is `hitrs-live live` running there?)", self._notes)


def _say(text: str, notes: TextIO) -> None:
    # Standard error may be closed, or its reader gone: no reason to end.
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
    """Write when it happened: in UTC or, where that is not known, in seconds of the source's own clock."""
    if message.utc_ns is not None:
        with contextlib.suppress(ValueError):
            return utc_text(message.utc_ns)
    return f"{message.capture_time_ns / 1e9:{_TIME_WIDTH}.3f}"


def describe(message: AnyMessage) -> str:
    """Say in one line what a message tells, without its source and time."""
    match message:
        case ActionEvent():
            return _describe_action(message)
        case MotionPrediction():
            reach_ms = message.horizons_ms[-1] if message.horizons_ms else 0.0
            text = f"motion  track {message.track_id}  {len(message.horizons_ms)} instants up to {reach_ms:.0f} ms"
            if message.error_mm is not None:
                text += f"  error {message.error_mm:.0f} mm"
            if message.held_error_mm is not None:
                text += f"  (held still {message.held_error_mm:.0f} mm)"
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
    if event.reason is not None:
        text += f"  ({event.reason})"
    return text
