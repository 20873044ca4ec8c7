"""The drawings of the report as SVG: how near everything came, and misses against false alarms."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from hitrs_live.teaching.evidence import ActionEvidence
from hitrs_live.teaching.report import curve

_WIDTH: Final = 560
_LEFT, _RIGHT = 150, 16
_ROW: Final = 30
_TOP, _BOTTOM = 34, 46
_HEIGHT: Final = 236
"""Of the curve."""


@dataclass(frozen=True, kw_only=True)
class _Row:
    """Distances of one kind, drawn side by side."""

    name: str
    style: str
    distances: Sequence[float]


def draw_distances(one: ActionEvidence) -> str:
    """Draw how near repetitions, other actions and the background came, and up to where the action is reported."""
    rows = _rows(one)
    limit = one.calibration.distance
    shown = [distance for row in rows[:2] for distance in row.distances if distance < 2 * limit]
    most = max(1.6 * limit, 1.1 * max(shown, default=0.0))
    height = _TOP + _ROW * len(rows) + _BOTTOM

    def place(distance: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * distance / most

    edge, bottom = place(limit), height - _BOTTOM
    parts = [
        f'<rect class="inside" x="{_LEFT}" y="{_TOP}" width="{edge - _LEFT:.1f}" height="{bottom - _TOP}"/>',
        *_axis_x(most, place, _TOP, bottom),
    ]
    for number, row in enumerate(rows):
        y = _TOP + _ROW * (number + 0.5)
        parts.append(f'<text x="{_LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(row.name)}</text>')
        parts += [_mark(row.style, place(distance), y) for distance in row.distances if distance <= most]
    parts += [
        f'<line class="limit" x1="{edge:.1f}" x2="{edge:.1f}" y1="{_TOP - 8}" y2="{bottom}"/>',
        f'<text class="strong" x="{edge:.1f}" y="{_TOP - 14}" text-anchor="middle">reported up to here</text>',
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2:.0f}" y="{height - 6}" text-anchor="middle">'
        "distance from the nearest example</text>",
    ]
    return _svg(height, "distances of repetitions and of everything else", parts)


def draw_curve(one: ActionEvidence) -> str:
    """Draw the share that is missed against the false alarms an hour, with the chosen point."""
    points = [(rate, 1 - recall) for _, recall, rate in curve(one, points=60)]
    found, of, _ = one.recall()
    here = (one.background.rate(one.calibration.distance)[0], 1 - found / of if of else 1.0)
    most = max(*(rate for rate, _ in points), here[0], 1.0)
    left, bottom = 56, _HEIGHT - _BOTTOM

    def place_x(rate: float) -> float:
        return left + (_WIDTH - left - _RIGHT) * rate / most

    def place_y(missed: float) -> float:
        return bottom - (bottom - _TOP) * missed

    parts = _axis_x(most, place_x, _TOP, bottom)
    for missed in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = place_y(missed)
        parts.append(f'<line class="grid" x1="{left}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{missed:.0%}</text>')
    line = " ".join(f"{place_x(rate):.1f},{place_y(missed):.1f}" for rate, missed in points)
    x, y = place_x(here[0]), place_y(here[1])
    after = x > _WIDTH - 130
    parts += [
        f'<polyline class="curve" points="{line}"/>',
        f'<circle class="chosen" cx="{x:.1f}" cy="{y:.1f}" r="6"/>',
        f'<text class="strong" x="{x + (-12 if after else 12):.1f}" y="{y - 10:.1f}" '
        f'text-anchor="{"end" if after else "start"}">this file</text>',
        f'<text x="{left - 8}" y="{_TOP - 14}" text-anchor="end">missed</text>',
        f'<text x="{(left + _WIDTH - _RIGHT) / 2:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">'
        "false alarms an hour, generated movement</text>",
    ]
    return _svg(_HEIGHT, "missed against false alarms an hour", parts)


def _rows(one: ActionEvidence) -> list[_Row]:
    rows = [_Row(name="repetitions", style="own", distances=[distance for _, distance in one.found])]
    if one.others:
        rows.append(_Row(name="other actions", style="other", distances=[other.distance for other in one.others]))
    if one.corrections:
        rows.append(_Row(name="corrections", style="wrong", distances=one.corrections))
    rows.append(_Row(name="generated", style="tick", distances=one.background.nearest))
    if one.quiet.hours:
        rows.append(_Row(name="quiet", style="tick", distances=one.quiet.nearest))
    return rows


def _mark(style: str, x: float, y: float) -> str:
    if style == "tick":
        return f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 8:.1f}" y2="{y + 8:.1f}"/>'
    return f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'


def _axis_x(most: float, place: Callable[[float], float], top: float, bottom: float) -> list[str]:
    """Draw lines at round values from 0 on, each with its number below."""
    step = _round_step(most)
    values = [step * number for number in range(int(most / step) + 1)]
    return [
        part
        for value in values
        for part in (
            f'<line class="grid" x1="{place(value):.1f}" x2="{place(value):.1f}" y1="{top}" y2="{bottom}"/>',
            f'<text x="{place(value):.1f}" y="{bottom + 16}" text-anchor="middle">{value:g}</text>',
        )
    ]


def _round_step(most: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that divides an axis into six parts at most."""
    power = 10.0 ** math.floor(math.log10(most / 6))
    return next(round(factor * power, 9) for factor in (1, 2, 5, 10) if factor * power >= most / 6)


def _svg(height: float, label: str, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
