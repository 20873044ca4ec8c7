"""The terminal dashboard: what a pipeline publishes, at one glance."""

import time
from collections.abc import Callable, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.layout import Layout
from rich.segment import Segment
from rich.text import Text

from hitrs_live.messages import AnyMessage
from hitrs_live.process.line_writer import printable
from hitrs_live.views import panels
from hitrs_live.views.session_state import PersonState, SessionState, SessionStates

WIDE_COLUMNS = 100
"""From here on latencies stand beside the people; below they are one line of the header."""
_SIDE_COLUMNS = 44
_PERSON_LINES = 3
"""Fewer than these and a person is left out, and counted."""


class Dashboard:
    """Gather messages and draw them, fitted to whatever size the terminal has then.

    Not thread-safe: update and render from one thread. How often it is drawn is the caller's business.
    """

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """Take the clock, monotonic nanoseconds, by which silence is told."""
        self._clock = clock
        self._last_heard_ns: int | None = None
        self.sessions = SessionStates()

    @property
    def ended(self) -> bool:
        """True once a status says of every source that it has ended; these are the last messages of a session."""
        return all(session.status is not None and session.status.state == "ended" for session in self.sessions.all())

    def update(self, message: AnyMessage) -> None:
        """Take one message in."""
        self._last_heard_ns = self._clock()
        self.sessions.update(message)

    def render(self) -> RenderableType:
        """Return what to print; it looks at the board when it is printed, and fills the terminal."""
        return _Picture(self)

    def silent_s(self) -> float:
        """Return for how long no message came; 0 before the first."""
        return 0.0 if self._last_heard_ns is None else (self._clock() - self._last_heard_ns) / 1e9


class _Picture:
    """The boards, drawn into the console's size."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, height = options.max_width, options.height or console.size.height
        sessions = self._dashboard.sessions.all()
        picture = (
            self._one(sessions[0], width, height) if len(sessions) == 1 else self._several(sessions, width, height)
        )
        for segment in console.render(picture, options.update(width=width, height=height)):
            text = "\n".join(printable(line) for line in segment.text.split("\n"))
            yield segment if segment.control else Segment(text, segment.style)

    def _several(self, sessions: Sequence[SessionState], width: int, height: int) -> RenderableType:
        """Stack a box a source; below them the actions of all, as they were told."""
        known = [session.status for session in sessions if session.status]
        notices = list(dict.fromkeys(text for status in known for text in status.notices))
        information = list(dict.fromkeys(text for status in known for text in status.information))
        told = panels.notices(notices, 3 if height >= 30 else 1, information)
        left = height - len(told)
        action_lines = 0 if left < 12 else max(6, left * 2 // 5)
        fits = max(1, (left - action_lines) // panels.SOURCE_LINES)
        shown, silent_s = list(sessions), self._dashboard.silent_s()
        if len(sessions) > fits:
            # Who is in trouble first, then where something happens.
            shown = sorted(
                sorted(sessions, key=_source_rank)[: max(1, fits - 1)], key=lambda session: session.source_id
            )
            told = [Text(f" and {len(sessions) - len(shown)} more sources", panels.QUIET), *told]
        each, spare = divmod(max(1, height - action_lines - len(told)), len(shown))
        rows = [
            Layout(panels.source(session, silent_s, max(1, each + (row < spare))), size=max(1, each + (row < spare)))
            for row, session in enumerate(shown)
        ]
        if action_lines:
            rows.append(Layout(panels.actions(sessions, width, action_lines), size=action_lines))
        if told:
            rows.append(Layout(Group(*told), size=len(told)))
        whole = Layout()
        whole.split_column(*rows)
        return whole

    def _one(self, session: SessionState, width: int, height: int) -> RenderableType:
        wide = width >= WIDE_COLUMNS
        header_lines = 4 if wide or height < 16 else 5
        told = []
        if (status := session.status) is not None:
            told = panels.notices(status.notices, 3 if height >= 30 else 1, status.information)
        left = height - header_lines - len(told)
        # People may have a little over half; the list of actions at least three rows where there is room for it.
        action_lines = 0 if left < 9 else min(13, max(6, left * 2 // 5))
        rows = [
            Layout(panels.header(session, self._dashboard.silent_s(), header_lines), size=header_lines),
            Layout(_middle(session, width, left - action_lines), size=max(1, left - action_lines)),
        ]
        if action_lines:
            rows.append(Layout(panels.actions([session], width, action_lines), size=action_lines))
        if told:
            rows.append(Layout(Group(*told), size=len(told)))
        whole = Layout()
        whole.split_column(*rows)
        return whole


def _middle(session: SessionState, width: int, height: int) -> RenderableType:
    if width < WIDE_COLUMNS:
        return _people(session, width, height)
    status = session.status
    whole, side = Layout(), Layout(size=_SIDE_COLUMNS)
    motion_lines = 6 if height >= 14 else 5 if height >= 10 else 0
    parts = [Layout(panels.stages(status, height - motion_lines), size=max(1, height - motion_lines))]
    if motion_lines:
        parts.append(Layout(panels.motion_summary(status, motion_lines), size=motion_lines))
    side.split_column(*parts)
    whole.split_row(Layout(_people(session, width - _SIDE_COLUMNS, height)), side)
    return whole


def _people(session: SessionState, width: int, height: int) -> RenderableType:
    people = sorted(session.people.values(), key=lambda person: person.track_id)
    if not people or height < 3:
        return panels.box(Text("nobody in view", panels.QUIET), "people", max(3, height))
    fits = height // _PERSON_LINES
    if len(people) <= fits:
        return _stack(people, session.now_ns, width, height)
    # Those who do something are shown before those who do not; the last line counts the others.
    fits = max(1, (height - 1) // _PERSON_LINES)
    chosen = sorted(sorted(people, key=panels.doing_first)[:fits], key=lambda person: person.track_id)
    others = Text(f" and {len(people) - len(chosen)} more", panels.QUIET)
    return Group(_stack(chosen, session.now_ns, width, height - 1), others)


def _stack(people: list[PersonState], now_ns: int, width: int, height: int) -> RenderableType:
    each, spare = divmod(height, len(people))
    return Group(*(panels.person(person, now_ns, width, each + (row < spare)) for row, person in enumerate(people)))


def _source_rank(session: SessionState) -> tuple[bool, bool, int]:
    busy = any(person.action is not None for person in session.people.values())
    return session.state == "up", not busy, -session.now_ns
