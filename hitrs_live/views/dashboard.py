"""Draw the terminal dashboard from the messages of a pipeline."""

import time
from collections.abc import Callable, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.layout import Layout
from rich.segment import Segment
from rich.text import Text

from hitrs_live.messages import AnyMessage
from hitrs_live.process.line_writer import printable
from hitrs_live.views import panels
from hitrs_live.views.motion_panel import motion_summary
from hitrs_live.views.panel_style import QUIET, box
from hitrs_live.views.person_panel import doing_first, person
from hitrs_live.views.session_state import PersonState, SessionState, SessionStates

WIDE_COLUMNS = 100
"""From this width on, latencies are shown beside the people; otherwise in one line of the header."""
_SIDE_COLUMNS = 48
_PERSON_LINES = 3
"""Fewest lines for a person; people without room are counted instead."""


class Dashboard:
    """Collect messages and draw the current state, fitted to the size of the terminal.

    Not thread-safe: update and render from one thread. The caller decides how often it is drawn.
    """

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """Begin empty. clock: monotonic nanoseconds, to measure the time without messages."""
        self._clock = clock
        self._last_message_ns: int | None = None
        self.sessions = SessionStates()

    @property
    def ended(self) -> bool:
        """Whether the status of every source is "ended"; these are the last messages of a session."""
        return all(session.status is not None and session.status.state == "ended" for session in self.sessions.all())

    def update(self, message: AnyMessage) -> None:
        """Update the state from one message."""
        self._last_message_ns = self._clock()
        self.sessions.update(message)

    def render(self) -> RenderableType:
        """Return an object for rich to print; it reads the state when printed, and fills the terminal."""
        return _Picture(self)

    def silent_s(self) -> float:
        """Return the time since the last message, seconds; 0 before the first one."""
        return 0.0 if self._last_message_ns is None else (self._clock() - self._last_message_ns) / 1e9


class _Picture:
    """The state of all sources, drawn to the console's size."""

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
        """Stack one box per source, and below them the actions of all sources, newest first."""
        known = [session.status for session in sessions if session.status]
        notices = list(dict.fromkeys(text for status in known for text in status.notices))
        information = list(dict.fromkeys(text for status in known for text in status.information))
        footer = panels.notices(notices, 3 if height >= 30 else 1, information)
        left = height - len(footer)
        action_lines = 0 if left < 12 else max(6, left * 2 // 5)
        fits = max(1, (left - action_lines) // panels.SOURCE_LINES)
        shown, silent_s = list(sessions), self._dashboard.silent_s()
        if len(sessions) > fits:
            # Sources with a fault first, then those with an action.
            shown = sorted(
                sorted(sessions, key=_source_rank)[: max(1, fits - 1)], key=lambda session: session.source_id
            )
            footer = [Text(f" and {len(sessions) - len(shown)} more sources", QUIET), *footer]
        each, spare = divmod(max(1, height - action_lines - len(footer)), len(shown))
        rows = [
            Layout(panels.source(session, silent_s, max(1, each + (row < spare))), size=max(1, each + (row < spare)))
            for row, session in enumerate(shown)
        ]
        if action_lines:
            rows.append(Layout(panels.actions(sessions, width, action_lines), size=action_lines))
        if footer:
            rows.append(Layout(Group(*footer), size=len(footer)))
        whole = Layout()
        whole.split_column(*rows)
        return whole

    def _one(self, session: SessionState, width: int, height: int) -> RenderableType:
        wide = width >= WIDE_COLUMNS
        header_lines = 4 if wide or height < 16 else 5
        footer = []
        if (status := session.status) is not None:
            footer = panels.notices(status.notices, 3 if height >= 30 else 1, status.information)
        left = height - header_lines - len(footer)
        # A little over half is for people; the list of actions has at least three rows if there is room.
        action_lines = 0 if left < 9 else min(13, max(6, left * 2 // 5))
        rows = [
            Layout(panels.header(session, self._dashboard.silent_s(), header_lines), size=header_lines),
            Layout(_middle(session, width, left - action_lines), size=max(1, left - action_lines)),
        ]
        if action_lines:
            rows.append(Layout(panels.actions([session], width, action_lines), size=action_lines))
        if footer:
            rows.append(Layout(Group(*footer), size=len(footer)))
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
        parts.append(Layout(motion_summary(status, motion_lines), size=motion_lines))
    side.split_column(*parts)
    whole.split_row(Layout(_people(session, width - _SIDE_COLUMNS, height)), side)
    return whole


def _people(session: SessionState, width: int, height: int) -> RenderableType:
    people = sorted(session.people.values(), key=lambda person: person.track_id)
    if not people or height < 3:
        return box(Text("no person in view", QUIET), "people", max(3, height))
    fits = height // _PERSON_LINES
    if len(people) <= fits:
        return _stack(people, session.now_ns, width, height)
    # People with an action are shown first; the last line counts those left out.
    fits = max(1, (height - 1) // _PERSON_LINES)
    chosen = sorted(sorted(people, key=doing_first)[:fits], key=lambda person: person.track_id)
    others = Text(f" and {len(people) - len(chosen)} more", QUIET)
    return Group(_stack(chosen, session.now_ns, width, height - 1), others)


def _stack(people: list[PersonState], now_ns: int, width: int, height: int) -> RenderableType:
    each, spare = divmod(height, len(people))
    return Group(*(person(state, now_ns, width, each + (row < spare)) for row, state in enumerate(people)))


def _source_rank(session: SessionState) -> tuple[bool, bool, int]:
    busy = any(person.action is not None for person in session.people.values())
    return session.state == "up", not busy, -session.now_ns
