"""The parts of the terminal dashboard, each drawn from the board into a given number of lines."""

from collections.abc import Sequence

from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hitrs_live.messages import MotionPrediction, SourceState, Status
from hitrs_live.views.formatting import action_length_s, action_name, at_horizon, clock_time, drops_in_words, duration
from hitrs_live.views.session_state import ActionRow, PersonState, SessionState

STATE_STYLES: dict[SourceState, str] = {
    "connecting": "bold black on yellow",
    "up": "bold black on green",
    "stalled": "bold black on yellow",
    "lost": "bold white on red",
    "ended": "bold black on grey62",
}
# Greys and the terminal's own foreground, so that it can be read on light and dark grounds.
QUIET, FRAME, STRONG, PLAIN, ACCENT = "grey58", "grey42", "bold", "default", "cyan"
_PERSON_COLOURS = ("orange1", "deep_sky_blue1", "medium_purple1", "spring_green2", "hot_pink", "khaki1")
_BACKGROUND = "background"
SOURCE_LINES = 4
"""Of one source among several, at least: its pace and one person."""
_SHOWN_MS, _TOLD_MS = (100, 200, 400, 600, 1000), 400
_MOTION_TITLE = "motion prediction error, mm"


def box(
    content: RenderableType, title: str, height: int | None = None, *, style: str = FRAME, title_style: str = QUIET
) -> Panel:
    """Frame a part of the dashboard."""
    words = Text(title, title_style)
    return Panel(content, title=words, title_align="left", box=ROUNDED, border_style=style, height=height)


def person_colour(track_id: int) -> str:
    """Give each person a colour of their own for as long as the id lives."""
    return _PERSON_COLOURS[track_id % len(_PERSON_COLOURS)]


def header(session: SessionState, silent_s: float, height: int) -> Panel:
    """Show the source, its pace and its losses in two lines, stages too where nothing else shows them."""
    status = session.status
    lines = [_pace(session, silent_s), _losses(session)]
    if height >= 5:
        lines.append(stage_line(status))
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    title = "hitrs-live" if status is None else f"hitrs-live {status.version}"
    return box(Group(*lines), title, height)


def source(session: SessionState, silent_s: float, height: int) -> RenderableType:
    """Show one source of several: its pace, its losses where there is room, and what each person does, a line each."""
    lines = [_pace(session, silent_s)]
    people = sorted(
        sorted(session.people.values(), key=doing_first)[: max(0, height - 4)], key=lambda each: each.track_id
    )
    if height > SOURCE_LINES:
        lines.append(_losses(session))
    for state in people:
        colour = person_colour(state.track_id)
        line = Text.assemble((f" person {state.track_id:<4} ", colour))
        lines.append(line.append_text(_headline(state, session.now_ns, 0, colour)))
    if len(people) < len(session.people):
        _item(lines[0], f"{len(session.people)} people", PLAIN)
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return box(Group(*lines), "", height)


def doing_first(person: PersonState) -> tuple[bool, int]:
    """Sort those who do something before those who do not."""
    return person.action is None, -person.seen_ns


def _pace(session: SessionState, silent_s: float) -> Text:
    status = session.status
    line = Text.assemble(
        (f" {session.state} ", STATE_STYLES[session.state]), " ", (session.source_id or "waiting", STRONG)
    )
    if status is not None:
        _item(line, f"{status.fps:.1f} fps", PLAIN)
        if status.frame_age_ms is not None:
            _item(line, f"age {status.frame_age_ms:.0f} ms", PLAIN if status.frame_age_ms < 250 else "yellow")
        _item(line, f"up {duration(status.uptime_s)}", QUIET)
        if status.memory_mb is not None:
            _item(line, f"{status.memory_mb:.0f} MB", QUIET)
    if silent_s > 3:
        _item(line, f"silent for {duration(silent_s)}", "bold yellow")
    return line


def _losses(session: SessionState) -> Text:
    status = session.status
    if status is None:
        return Text(session.detail or "no message yet; waiting for a pipeline", QUIET)
    lost = sum(status.drops.values())
    line = Text.assemble(("drops ", QUIET), (drops_in_words(status.drops), "yellow" if lost else "green"))
    # Why it does not go on matters more than any number.
    if session.state != "up" and session.detail:
        _item(line, session.detail, "yellow")
    if status.pose_restarts:
        _item(line, f"pose restarts {status.pose_restarts}", "yellow")
    if session.restarts:
        _item(line, f"publisher restarts {session.restarts}", "yellow")
    _item(line, f"frames {status.frames:,}", QUIET)
    if session.state == "up" and session.detail:
        _item(line, session.detail, QUIET)
    return line


def _item(line: Text, words: str, style: str) -> None:
    line.append("   ")
    line.append(words, style)


def stage_line(status: Status | None) -> Text:
    """Show the stages' median latencies in one line."""
    line = Text("ms", QUIET)
    known = (status.stages if status else {}).items()
    # The costliest first: the line may be cut.
    for name, stage in sorted(known, key=lambda item: -item[1].p50_ms):
        line.append(f"  {name.replace('_', ' ')} ", QUIET)
        line.append(f"{stage.p50_ms:.1f}", PLAIN)
    return line


def stages(status: Status | None, height: int) -> Panel:
    """Show what each stage takes, median and worst of a hundred, as numbers and as a bar."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False, expand=True, header_style=QUIET)
    table.add_column("stage", no_wrap=True)
    table.add_column("", no_wrap=True, ratio=1)
    table.add_column("p50", justify="right", no_wrap=True, width=5)
    table.add_column("p99", justify="right", no_wrap=True, width=5)
    known = list((status.stages if status else {}).items())
    slowest = max((stage.p99_ms for _, stage in known), default=1.0) or 1.0
    for name, stage in known[: max(0, height - 3)]:
        bar = _two_part_bar(stage.p50_ms / slowest, stage.p99_ms / slowest, 10)
        table.add_row(Text(name.replace("_", " ")), bar, f"{stage.p50_ms:.1f}", Text(f"{stage.p99_ms:.1f}", QUIET))
    return box(table, "latency, ms", height)


def _two_part_bar(strong: float, weak: float, width: int) -> Text:
    # A share that is not a number, from a publisher of another version, counts as 0.
    whole, rest = (round(min(1.0, max(0.0, share)) * width) for share in (strong, weak))
    return Text.assemble(("━" * whole, ACCENT), ("─" * max(0, rest - whole), QUIET))


def score_bar(share: float, width: int, style: str) -> Text:
    """Draw a share of 1 as a bar of so many columns, half a column being the finest."""
    halves = round(min(1.0, max(0.0, share)) * width * 2)
    full, half = divmod(halves, 2)
    return Text.assemble(("━" * full + "╸" * half, style), ("─" * (width - full - half), "grey27"))


def person(state: PersonState, now_ns: int, width: int, height: int) -> Panel:
    """Show one person: what they do, how sure that is, what else it might be, how well they are predicted."""
    colour = person_colour(state.track_id)
    inner, room = width - 4, height - 2
    lines = [_headline(state, now_ns, inner, colour)]
    motion = _motion(state.motion)
    keep = 1 if motion is not None and room >= 4 else 0
    shown = state.scores[: max(0, room - 1 - keep)]
    names = max((len(action_name(label)) for label, _ in shown), default=0)
    doing = state.action.label if state.action else None
    for label, score in shown:
        style = colour if label == doing else QUIET if label == _BACKGROUND else "grey62"
        line = Text(f"{action_name(label):<{names}} ", PLAIN if label == doing else QUIET)
        line.append_text(score_bar(score, max(4, inner - names - 6), style))
        line.append(f" {score:.2f}", PLAIN if label == doing else QUIET)
        lines.append(line)
    if keep and motion is not None:
        lines.append(motion)
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    style = colour if state.action else FRAME
    return box(Group(*lines), f"person {state.track_id}", height, style=style, title_style=colour)


def _headline(state: PersonState, now_ns: int, width: int, colour: str) -> Text:
    if state.action is None:
        line = Text("no action", QUIET)
        if state.last_end_ns is not None:
            _item(line, f"for {duration(max(0, now_ns - state.last_end_ns) / 1e9)}", QUIET)
        return line
    action = state.action
    name = action_name(action.label).upper()
    # Letters apart from each other are as large as a terminal's get.
    if 2 * len(name) + 22 <= width:
        name = " ".join(name)
    line = Text.assemble((name, f"bold {colour}"), "   ", (f"{action.score:.2f}", STRONG))
    _item(line, f"for {duration(max(0, now_ns - action.onset_time_ns) / 1e9)}", QUIET)
    if action.other_track_id is not None:
        _item(line, f"with person {action.other_track_id}", QUIET)
    return line


def _motion(motion: MotionPrediction | None) -> Text | None:
    """Say how far one person's predictions were off 400 ms ahead, and the pose held still; None where unknown."""
    if motion is None:
        return None
    found = at_horizon(motion.horizons_ms, motion.errors_mm, motion.held_errors_mm, _TOLD_MS)
    line = _in_words("motion", motion.error_mm, motion.held_error_mm)
    if found is not None:
        line = _in_words(f"motion {found[0]:.0f} ms", *found[1:])
    if line is None:
        return None
    if motion.reliable is False:
        _item(line, "unreliable", "yellow")
    return line


def motion_summary(status: Status | None, height: int) -> Panel:
    """Compare the predictions of everybody with the pose held still, by how far ahead."""
    found: list[tuple[float, float, float]] = []
    if status is not None:
        by_horizon = (status.motion_horizons_ms, status.motion_errors_mm, status.motion_held_errors_mm)
        found = [at for ms in _SHOWN_MS if (at := at_horizon(*by_horizon, ms)) is not None]
    if not found:
        # A publisher of 0.1 tells one mean over all horizons.
        known = None if status is None else _in_words("all", status.motion_error_mm, status.motion_held_error_mm)
        return box(known or Text("not measured yet", QUIET), _MOTION_TITLE, height)
    table = Table.grid(padding=(0, 1, 0, 0), expand=True)
    table.add_column(no_wrap=True, style=QUIET, ratio=1)
    for _ in found:
        table.add_column(justify="right", no_wrap=True, width=5)
    table.add_row("ms ahead", *(Text(f"{ms:.0f}", QUIET) for ms, _, _ in found))
    table.add_row("predicted", *(Text(f"{error:.0f}", _rank(error, held)) for _, error, held in found))
    table.add_row("held still", *(Text(f"{held:.0f}", QUIET) for _, _, held in found))
    if height >= 6:
        table.add_row("better by", *(Text(_share(error, held), _rank(error, held)) for _, error, held in found))
    return box(table, _MOTION_TITLE, height)


def _in_words(what: str, error_mm: float | None, held_mm: float | None) -> Text | None:
    if error_mm is None or held_mm is None:
        return None
    return Text.assemble(
        (f"{what}: ", QUIET), (f"{error_mm:.0f} mm", _rank(error_mm, held_mm)), (f", held {held_mm:.0f} mm", QUIET)
    )


def _share(error_mm: float, held_mm: float) -> str:
    return f"{100 * (1 - error_mm / held_mm):.0f}%" if held_mm > 0 else ""


def _rank(error_mm: float, held_mm: float) -> str:
    return "green" if error_mm <= held_mm else "yellow"


def actions(sessions: Sequence[SessionState], width: int, height: int) -> Panel:
    """List the newest actions, newest first: onset, who, what, how sure, how long, how late it was told, why over."""
    several = len(sessions) > 1
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, expand=True, show_edge=False, header_style=QUIET)
    wide = width >= 76
    table.add_column("onset", no_wrap=True, width=8, style=QUIET)
    table.add_column("who" if wide or several else "", no_wrap=True, width=18 if several else 9 if wide else 3)
    table.add_column("action", no_wrap=True, ratio=1)
    table.add_column("score", justify="right", no_wrap=True, width=5)
    table.add_column("length", justify="right", no_wrap=True, width=8)
    if wide:
        table.add_column("delay", justify="right", no_wrap=True, width=10, style=QUIET)
        table.add_column("ended by", no_wrap=True, width=12, style=QUIET)
    told = [(session, row) for session in sessions for row in reversed(session.actions)]
    if several:
        told.sort(key=lambda each: -each[1].start.publish_time_ns)
    rows = told[: max(0, height - 3)]
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
    going = max(0.0, (session.now_ns - event.onset_time_ns) / 1e9)
    cells: list[Text | str] = [
        clock_time(session.since_start_s(event.onset_time_ns)),
        Text(f"person {event.track_id}" if wide else f"{event.track_id}", colour),
        Text(action_name(event.label), PLAIN if row.end is None else ""),
        f"{event.score:.2f}",
        Text(f"{going:.1f} s ▸", colour) if length_s is None else f"{length_s:.1f} s",
    ]
    if wide:
        cells.append(f"{row.start.detection_delay_s:.2f} s")
        cells.append("" if row.end is None else (event.reason or "").replace("_", " "))
    return cells


def notices(told: Sequence[str], count: int, information: Sequence[str] = ()) -> list[Text]:
    """Show the newest notices to the operator, a line each; below them, where there is room, information in grey."""
    lines = [
        Text.assemble((" ! ", "bold black on yellow"), f" {notice}", no_wrap=True, overflow="ellipsis")
        for notice in told[-count:]
    ]
    room = max(0, count - len(lines))
    known = information[-room:] if room else ()
    return lines + [Text(f" i  {text}", QUIET, no_wrap=True, overflow="ellipsis") for text in known]
