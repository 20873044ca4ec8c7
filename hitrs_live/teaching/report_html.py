"""The report of a fit as one HTML file: tables and curves, with no script and nothing from elsewhere."""

from html import escape
from pathlib import Path
from typing import Final

from hitrs_live.errors import ConfigError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.files.output_files import create_private, why_unwritable
from hitrs_live.teaching.advice import share
from hitrs_live.teaching.evidence import ActionEvidence
from hitrs_live.teaching.fit import Fitted
from hitrs_live.teaching.report import curve, report_lines, shown_rate

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .3rem .8rem; text-align: left }
tr { border-bottom: 1px solid #ddd } th { background: #f4f4f6 } svg { background: #fafafa; border: 1px solid #ddd }
text { font: 11px system-ui, sans-serif; fill: #444 }
"""
_WIDTH, _HEIGHT, _EDGE = 460, 240, 44


def save_html(path: Path, fitted: Fitted) -> None:
    """Write the report to a file of its owner's alone. Raises ConfigError if that fails."""
    if reason := why_unwritable(path):
        raise ConfigError(f"report {path}: {reason}")
    try:
        with whole_file(path) as unfinished, create_private(unfinished, overwrite=True) as file:
            file.write(render_html(fitted).encode())
    except OSError as error:
        raise ConfigError(f"report {path}: cannot be written ({error.strerror or error}); give another path") from None


def render_html(fitted: Fitted) -> str:
    """Return the report as HTML."""
    head = ("action", "kind", "examples", "people", "found (95 %)", "false alarms an hour, generated", "quiet", "after")
    rows = "".join(_row(one) for one in fitted.evidence)
    lines = "".join(f"<li>{escape(line)}</li>" for line in report_lines(fitted))
    curves = "".join(f"<h2>{escape(one.name)}</h2>{_curve(one)}{_confusions(one)}" for one in fitted.evidence)
    about = "".join(
        f"<tr><td>{escape(key)}</td><td>{escape(value)}</td></tr>" for key, value in fitted.taught.provenance.items()
    )
    heads = "".join(f"<th>{escape(name)}</th>" for name in head)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Taught actions</title>'
        f"<style>{_STYLE}</style></head><body><h1>Taught actions</h1><table><tr>{heads}</tr>{rows}</table>"
        f"<ul>{lines}</ul>{curves}<h2>Made of</h2><table>{about}</table></body></html>\n"
    )


def _row(one: ActionEvidence) -> str:
    distance = one.calibration.distance
    cells = (
        one.name, one.settings.kind, str(one.examples), ", ".join(one.people) or "unknown", share(*one.recall()),
        shown_rate(one.background, distance), shown_rate(one.quiet, distance), f"{one.duration_s:.1f} s",
    )  # fmt: skip
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _confusions(one: ActionEvidence) -> str:
    near = {name: counts for name, counts in one.confusions().items() if counts[0]}
    if not near:
        return ""
    items = "".join(f"<li>{near} of {of} examples of {escape(name)}</li>" for name, (near, of) in near.items())
    return f"<p>Would also begin with:</p><ul>{items}</ul>"


def _curve(one: ActionEvidence) -> str:
    """Draw the share that is missed against the false alarms an hour, with the chosen point."""
    points = [(rate, 1 - recall) for _, recall, rate in curve(one)]
    chosen = one.calibration.distance
    found, of, *_ = one.recall()
    here = (one.background.rate(chosen)[0], 1 - found / of if of else 1.0)
    most = max(*(rate for rate, _ in points), here[0], 1.0)

    def place(rate: float, missed: float) -> tuple[float, float]:
        return _EDGE + (_WIDTH - 2 * _EDGE) * rate / most, _HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * missed

    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
    x, y = place(*here)
    axis = f"false alarms an hour, 0 to {most:.1f}"
    low, high = _HEIGHT - _EDGE, _WIDTH - _EDGE
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="missed against false alarms an hour">'
        f'<polyline points="{_EDGE},{_EDGE} {_EDGE},{low} {high},{low}" fill="none" stroke="#999"/>'
        f'<polyline points="{line}" fill="none" stroke="#2563eb" stroke-width="2"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#dc2626"/>'
        f'<text x="{_WIDTH / 2:.0f}" y="{_HEIGHT - 10}" text-anchor="middle">{axis}</text>'
        f'<text x="14" y="{_EDGE}">missed</text><text x="14" y="{_EDGE + 14}">100 %</text>'
        f'<text x="14" y="{low}">0 %</text></svg>'
    )
