"""The dashboard's panels of a source, its stages, the actions and the notices, each in a given number of lines."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hitrs_live.messages import Status
from hitrs_live.views.formatting import action_length_s, action_name, clock_time, drops_in_words, duration
from hitrs_live.views.panel_style import (
    PLAIN,
    QUIET,
    STATE_STYLES,
    STRONG,
    add_item,
    box,
    on_one_line,
    person_colour,
    two_part_bar,
)
from hitrs_live.views.person_panel import doing_first, headline
from hitrs_live.views.session_state import ActionRow, SessionState

SOURCE_LINES = 4
"""Fewest lines for one source among several: its rate and one person."""


def header(session: SessionState, silent_s: float, height: int) -> Panel:
    """Show the source, its rate and its losses in two lines; with room, the stages in a third."""
    status = session.status
    lines = [_pace(session, silent_s), _losses(session)]
    if height >= 5:
        lines.append(stage_line(status))
    title = "hitrs-live" if status is None else f"hitrs-live {status.version}"
    return box(Group(*on_one_line(lines)), title, height)


def source(session: SessionState, silent_s: float, height: int) -> RenderableType:
    """Show one of several sources: its rate, its losses if there is room, and a line for each person's action."""
    lines = [_pace(session, silent_s)]
    people = sorted(
        sorted(session.people.values(), key=doing_first)[: max(0, height - 4)], key=lambda each: each.track_id
    )
    if height > SOURCE_LINES:
        lines.append(_losses(session))
    for state in people:
        colour = person_colour(state.track_id)
        line = Text.assemble((f" person {state.track_id:<4} ", colour))
        lines.append(line.append_text(headline(state, session.now_ns, 0, colour)))
    if len(people) < len(session.people):
        add_item(lines[0], f"{len(session.people)} people", PLAIN)
    return box(Group(*on_one_line(lines)), "", height)


def _pace(session: SessionState, silent_s: float) -> Text:
    status = session.status
    line = Text.assemble(
        (f" {session.state} ", STATE_STYLES[session.state]), " ", (session.source_id or "waiting", STRONG)
    )
    if status is not None:
        if session.state != "ended":
            add_item(line, f"{status.fps:.1f} fps", PLAIN)
        if status.frame_age_ms is not None:
            add_item(line, f"age {status.frame_age_ms:.0f} ms", PLAIN if status.frame_age_ms < 250 else "yellow")
        add_item(line, f"up {duration(status.uptime_s)}", QUIET)
        if status.memory_mb is not None:
            add_item(line, f"{status.memory_mb:.0f} MB", QUIET)
    if silent_s > 3:
        add_item(line, f"no message for {duration(silent_s)}", "bold yellow")
    return line


def _losses(session: SessionState) -> Text:
    status = session.status
    if status is None:
        return Text(session.detail or "no message yet; waiting for a pipeline", QUIET)
    lost = sum(status.drops.values())
    line = Text.assemble(("drops ", QUIET), (drops_in_words(status.drops), "yellow" if lost else "green"))
    # The reason for an interruption matters more than any number.
    if session.state != "up" and session.detail:
        add_item(line, session.detail, "yellow")
    if status.pose_restarts:
        add_item(line, f"pose restarts {status.pose_restarts}", "yellow")
    if session.restarts:
        add_item(line, f"publisher restarts {session.restarts}", "yellow")
    add_item(line, f"frames {status.frames:,}", QUIET)
    if session.state == "up" and session.detail:
        add_item(line, session.detail, QUIET)
    return line


def stage_line(status: Status | None) -> Text:
    """Show the stages' median latencies in one line."""
    line = Text("ms", QUIET)
    known = (status.stages if status else {}).items()
    # The slowest first: the line may be cut.
    for name, stage in sorted(known, key=lambda item: -item[1].p50_ms):
        line.append(f"  {name.replace('_', ' ')} ", QUIET)
        line.append(f"{stage.p50_ms:.1f}", PLAIN)
    return line


def stages(status: Status | None, height: int) -> Panel:
    """Show the stages' latencies, median and 99th percentile, as numbers and as a bar, in the order of a frame."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False, expand=True, header_style=QUIET)
    table.add_column("stage", no_wrap=True)
    table.add_column("", no_wrap=True, ratio=1)
    table.add_column("p50", justify="right", no_wrap=True, width=5)
    table.add_column("p99", justify="right", no_wrap=True, width=5)
    known = (status.stages if status else {}).items()
    slowest = max((stage.p99_ms for _, stage in known), default=1.0) or 1.0
    # Where there is no room for all, the quickest are left out.
    shown = sorted(known, key=lambda item: -item[1].p50_ms)[: max(0, height - 3)]
    for name, stage in (item for item in known if item in shown):
        bar = two_part_bar(stage.p50_ms / slowest, stage.p99_ms / slowest, 10)
        table.add_row(Text(name.replace("_", " ")), bar, f"{stage.p50_ms:.1f}", Text(f"{stage.p99_ms:.1f}", QUIET))
    return box(table, "latency, ms", height)


def actions(sessions: Sequence[SessionState], width: int, height: int) -> Panel:
    """List the newest actions first: onset, person, class, score, length, detection delay, reason of the end."""
    several = len(sessions) > 1
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, expand=True, show_edge=False, header_style=QUIET)
    wide = width >= 76
    table.add_column("onset", no_wrap=True, width=8, style=QUIET)
    table.add_column("person" if wide or several else "", no_wrap=True, width=18 if several else 9 if wide else 3)
    table.add_column("action", no_wrap=True, ratio=1)
    table.add_column("score", justify="right", no_wrap=True, width=5)
    table.add_column("length", justify="right", no_wrap=True, width=8)
    if wide:
        table.add_column("delay", justify="right", no_wrap=True, width=10, style=QUIET)
        table.add_column("ended by", no_wrap=True, width=12, style=QUIET)
    newest = [(session, row) for session in sessions for row in reversed(session.actions)]
    if several:
        newest.sort(key=lambda each: -each[1].start.publish_time_ns)
    rows = newest[: max(0, height - 3)]
    for session, row in rows:
        cells = _action_cells(row, session, wide)
        if several:
            cells[1] = Text(f"{session.source_id} {row.start.track_id}", person_colour(row.start.track_id))
        table.add_row(*cells)
    return box(table if rows else Text("none yet", QUIET), "actions", height)


def _action_cells(row: ActionRow, session: SessionState, wide: bool) -> list[Text | str]:
    event = row.end or row.latest
    colour = person_colour(event.track_id)
    length_s = action_length_s(event)
    running_s = max(0.0, (session.now_ns - event.onset_time_ns) / 1e9)
    cells: list[Text | str] = [
        clock_time(session.since_start_s(event.onset_time_ns)),
        Text(f"person {event.track_id}" if wide else f"{event.track_id}", colour),
        Text(action_name(event.label), PLAIN if row.end is None else ""),
        f"{event.score:.2f}",
        Text(f"{running_s:.1f} s ▸", colour) if length_s is None else f"{length_s:.1f} s",
    ]
    if wide:
        cells.append(f"{row.start.detection_delay_s:.2f} s")
        cells.append("" if row.end is None else (event.reason or "").replace("_", " "))
    return cells


def notices(texts: Sequence[str], count: int, information: Sequence[str] = ()) -> list[Text]:
    """Show the newest notices, a line each, and below them, as far as `count` allows, information in grey."""
    lines = [
        Text.assemble((" ! ", "bold black on yellow"), f" {notice}", no_wrap=True, overflow="ellipsis")
        for notice in texts[-count:]
    ]
    room = max(0, count - len(lines))
    known = information[-room:] if room else ()
    return lines + [Text(f" i  {text}", QUIET, no_wrap=True, overflow="ellipsis") for text in known]
