"""Show a recording session in a terminal: what to do now, how many repetitions were found, what is in view."""

import sys
from types import TracebackType
from typing import Final

from rich.align import Align
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hitrs_live.process.line_writer import printable
from hitrs_live.process.terminal import why_not_drawable
from hitrs_live.teaching.record_session import RecordSession

_WIDEST: Final = 76
_EVERY_S: Final = 5.0
"""Between the lines of an output that cannot be drawn on."""


class RecordScreen:
    """Draw the session while it runs; on anything but a terminal, write a line now and then."""

    def __init__(self, session: RecordSession, *, source: str) -> None:
        """Take the session and the name of its source."""
        self._session, self._source = session, printable(source)
        self._detail = ""
        self._live: Live | None = None
        self._console = Console(highlight=False)
        self._written: tuple[str, int] = ("", 0)

    def __enter__(self) -> "RecordScreen":
        if why_not_drawable(sys.stdout) is None:
            self._live = Live(self._panel(), console=self._console, refresh_per_second=8, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, detail: str = "") -> None:
        """Draw the session as it is now. detail: what the source says, such as why there is no camera yet."""
        self._detail = printable(detail) or self._detail
        if self._live is not None:
            self._live.update(self._panel())
            return
        session = self._session
        at = (session.phase, int(session.recorded_s / _EVERY_S))
        if at != self._written:
            self._written = at
            print(f"{self._source}: {self._task()}{self._count()}", flush=True)

    def _panel(self) -> Panel:
        session = self._session
        wanted, found = session.settings.repetitions, len(session.found)
        task = Text(self._task(), style="bold green" if session.phase == "recording" else "bold yellow")
        boxes = Text("  ".join("●" if number < found else "○" for number in range(max(wanted, found))), style="green")
        lines: list[RenderableType] = [Text(), Align.center(task), Text()]
        if not session.settings.until_end:
            lines += [Align.center(boxes), Text()]
        lines += [Align.center(self._state()), Text()]
        return Panel(
            Group(*lines), title=f"teach {session.settings.action}", subtitle="Ctrl-C ends it and shows what was found",
            width=min(_WIDEST, self._console.width), border_style="cyan",
        )  # fmt: skip

    def _task(self) -> str:
        """Say what the person is to do."""
        session = self._session
        if session.settings.until_end:
            return "Reading, and looking for the repetitions"
        if session.phase == "waiting":
            return "Step into the picture; actions of the arms need no legs in it"
        if session.phase == "countdown":
            return f"Get ready: {session.countdown_left_s:.0f}"
        if session.phase == "done":
            return "Looking for the repetitions"
        return f"Do it {session.settings.repetitions} times, and rest for a second each time"

    def _count(self) -> str:
        session = self._session
        if session.phase != "recording":
            return ""
        found = "" if session.settings.until_end else f", {len(session.found)} found"
        return f", {session.recorded_s:.0f} s{found}"

    def _state(self) -> Text:
        session = self._session
        parts = [self._source]
        if session.phase == "recording":
            parts += [f"{session.recorded_s:.0f} s", f"{session.person.rate_hz:.0f} frames/s"]
        people = {0: "no one in view", 1: "one person in view"}.get(session.people, f"{session.people} people in view")
        text = Text(" · ".join(parts) + " · ", style="dim", justify="center")
        text.append(people, style="dim" if session.people == 1 else "bold red")
        if session.phase == "recording" and session.person.unseen:
            text.append(f"\n{session.person.unseen} not seen: step back", style="bold red")
        elif session.phase == "recording" and session.person.legs_unseen:
            text.append("\nlegs not seen: recognised by the upper body", style="yellow")
        elif self._detail and not session.people:
            text.append(f"\n{self._detail}", style="yellow")
        return text


def show_found(rows: list[tuple[float, float, float, bool]], *, action: str) -> None:
    """Print the repetitions: time and length in seconds, likeness from 0 to 1, whether it is kept by default."""
    if why_not_drawable(sys.stdout) is not None:
        for number, (time_s, length_s, likeness, kept) in enumerate(rows, 1):
            print(
                f"{number}: {time_s:.1f} s, {length_s:.1f} s long, {100 * likeness:.0f} % like the others"
                f"{'' if kept else ', unlike'}"
            )
        return
    table = Table(title=f"{len(rows)} repetitions of {action}", title_justify="left", box=None, padding=(0, 2))
    for name in ("", "at", "length"):
        table.add_column(name, justify="right", style="bold" if not name else "")
    table.add_column("like the others")
    for number, (time_s, length_s, likeness, kept) in enumerate(rows, 1):
        bar = Text("█" * round(10 * likeness), style="green" if kept else "red")
        bar.append("░" * (10 - round(10 * likeness)), style="dim")
        bar.append(f" {100 * likeness:3.0f} %" + ("" if kept else "  unlike"))
        table.add_row(str(number), f"{time_s:.1f} s", f"{length_s:.1f} s", bar)
    Console(highlight=False).print(table)
