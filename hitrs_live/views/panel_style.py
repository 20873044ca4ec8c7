"""Colours, frames and bars that the panels of the terminal dashboard share."""

from rich.box import ROUNDED
from rich.console import RenderableType
from rich.panel import Panel
from rich.text import Text

from hitrs_live.messages import SourceState

STATE_STYLES: dict[SourceState, str] = {
    "connecting": "bold black on yellow",
    "up": "bold black on green",
    "stalled": "bold black on yellow",
    "lost": "bold white on red",
    "ended": "bold black on grey62",
}
# Greys and the terminal's own foreground, readable on light and dark backgrounds.
QUIET, FRAME, STRONG, PLAIN, ACCENT = "grey58", "grey42", "bold", "default", "cyan"
_PERSON_COLOURS = ("orange1", "deep_sky_blue1", "medium_purple1", "spring_green2", "hot_pink", "khaki1")


def box(
    content: RenderableType, title: str, height: int | None = None, *, style: str = FRAME, title_style: str = QUIET
) -> Panel:
    """Frame a part of the dashboard."""
    words = Text(title, title_style)
    return Panel(content, title=words, title_align="left", box=ROUNDED, border_style=style, height=height)


def person_colour(track_id: int) -> str:
    """Return the colour of a person, the same for the life of the track."""
    return _PERSON_COLOURS[track_id % len(_PERSON_COLOURS)]


def add_item(line: Text, words: str, style: str) -> None:
    """Append words to a line, after a gap."""
    line.append("   ")
    line.append(words, style)


def on_one_line(lines: list[Text]) -> list[Text]:
    """Cut each of the lines at the end of its row instead of wrapping it; return them."""
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return lines


def two_part_bar(strong: float, weak: float, width: int) -> Text:
    """Draw two fractions of 1 as one bar of `width` columns: the first as a thick line, the second as a thin one."""
    # A fraction that is not a number, from a publisher of another version, counts as 0.
    whole, rest = (round(min(1.0, max(0.0, fraction)) * width) for fraction in (strong, weak))
    return Text.assemble(("━" * whole, ACCENT), ("─" * max(0, rest - whole), QUIET))


def score_bar(score: float, width: int, style: str) -> Text:
    """Draw a score in [0, 1] as a bar of `width` columns, to half a column."""
    halves = round(min(1.0, max(0.0, score)) * width * 2)
    full, half = divmod(halves, 2)
    return Text.assemble(("━" * full + "╸" * half, style), ("─" * (width - full - half), "grey27"))
