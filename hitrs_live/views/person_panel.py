"""The dashboard's panel of one person: current action, scores, and the error of the motion prediction."""

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from hitrs_live.messages import MotionPrediction
from hitrs_live.views.formatting import REASONS, action_name, duration
from hitrs_live.views.motion_panel import errors_at, errors_in_words
from hitrs_live.views.panel_style import (
    FRAME,
    PLAIN,
    QUIET,
    STRONG,
    add_item,
    box,
    on_one_line,
    person_colour,
    score_bar,
)
from hitrs_live.views.session_state import PersonState

_BACKGROUND = "background"
_HORIZON_MS = 400


def doing_first(person: PersonState) -> tuple[bool, int]:
    """Sort people with an action before those without, then the latest seen first."""
    return person.action is None, -person.seen_ns


def person(state: PersonState, now_ns: int, width: int, height: int) -> Panel:
    """Show one person: the current action, the highest class scores, and the error of the motion prediction."""
    colour = person_colour(state.track_id)
    inner, room = width - 4, height - 2
    lines = [headline(state, now_ns, inner, colour)]
    motion = _motion(state.motion)
    motion_lines = 1 if motion is not None and room >= 4 else 0
    shown = state.scores[: max(0, room - 1 - motion_lines)]
    names = max((len(action_name(label)) for label, _ in shown), default=0)
    current = state.action.label if state.action else None
    for label, score in shown:
        style = colour if label == current else QUIET if label == _BACKGROUND else "grey62"
        line = Text(f"{action_name(label):<{names}} ", PLAIN if label == current else QUIET)
        line.append_text(score_bar(score, max(4, inner - names - 6), style))
        line.append(f" {score:.2f}", PLAIN if label == current else QUIET)
        lines.append(line)
    if motion_lines and motion is not None:
        lines.append(motion)
    style = colour if state.action else FRAME
    return box(Group(*on_one_line(lines)), f"person {state.track_id}", height, style=style, title_style=colour)


def headline(state: PersonState, now_ns: int, width: int, colour: str) -> Text:
    """Show a person's current action with its score and duration, in capitals spread out if `width` allows it."""
    if state.action is None:
        if state.unclear is not None:
            return Text(REASONS[state.unclear], "yellow")
        line = Text("no action", QUIET)
        if state.last_end_ns is not None:
            add_item(line, f"for {duration(max(0, now_ns - state.last_end_ns) / 1e9)}", QUIET)
        return line
    action = state.action
    name = action_name(action.label).upper()
    # Spaced capitals are the largest type that a terminal has.
    if 2 * len(name) + 22 <= width:
        name = " ".join(name)
    line = Text.assemble((name, f"bold {colour}"), "   ", (f"{action.score:.2f}", STRONG))
    add_item(line, f"for {duration(max(0, now_ns - action.onset_time_ns) / 1e9)}", QUIET)
    if action.count is not None and action.count > 0:
        add_item(line, "once" if action.count == 1 else f"{action.count} times", QUIET)
    if action.other_track_id is not None:
        add_item(line, f"with person {action.other_track_id}", QUIET)
    return line


def _motion(motion: MotionPrediction | None) -> Text | None:
    """Show one person's prediction error 400 ms ahead beside the zero-velocity baseline's; None if unknown."""
    if motion is None:
        return None
    at = errors_at(motion.horizons_ms, motion.errors_mm, motion.held_errors_mm, _HORIZON_MS)
    line = errors_in_words("motion", motion.error_mm, motion.held_error_mm)
    if at is not None:
        line = errors_in_words(f"motion {at[0]:.0f} ms", *at[1:])
    if line is None:
        return None
    if motion.reliable is False:
        add_item(line, "unreliable", "yellow")
    return line
