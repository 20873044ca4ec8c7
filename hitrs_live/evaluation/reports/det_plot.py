"""Draw misses against false alarms per hour, one curve for each group of sets. Needs matplotlib."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitrs_live.errors import DataError
from hitrs_live.files.cache_folder import cache_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _FAINT = "#1f2933", "#8a94a0"
_COLOURS = {"camera": "#1d5c82", "sensor": "#c8553d"}
_LINES = ("-", "--", ":", "-.")
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans", "font.size": 9, "text.color": _INK, "axes.labelcolor": _INK, "xtick.color": _INK,
    "ytick.color": _INK, "axes.edgecolor": _FAINT, "axes.spines.top": False, "axes.spines.right": False,
    "axes.axisbelow": True, "figure.facecolor": "white", "savefig.dpi": 130,
}  # fmt: skip


def draw_det(reports: Mapping[str, dict[str, Any]], file: Path) -> str:
    """Draw the curves of one or several models into a PNG file.

    reports: of `evaluate_reality`, by the name of the model; each model has a line style, each group a colour. Returns
    "", or one line with the reason where matplotlib is missing. Raises DataError where the file cannot be written.
    """
    # Matplotlib caches a list of fonts; by default in two folders of its own in the user's home.
    os.environ.setdefault("MPLCONFIGDIR", str(cache_folder() / "matplotlib"))
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        return "the plot is skipped: matplotlib is not installed; pip install '.[plots]'"
    with rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = figure.subplots()
        for (name, report), line in zip(reports.items(), _LINES, strict=False):
            _draw_model(axes, name, report, line)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_ylim(0, 1.02)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.set(xlabel="false alarms per hour", ylabel="true actions missed")
        axes.set_title("Misses against false alarms, all thresholds shifted together", loc="left", fontsize=10)
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.legend(frameon=False, fontsize=8, loc="best")
        try:
            figure.savefig(file)
        except OSError as error:
            raise DataError(f"{file}: cannot be written ({error}); give another file with --plot") from None
    return ""


def _draw_model(axes: "Axes", name: str, report: dict[str, Any], line: str) -> None:
    """Draw a model's curves; a ring marks the thresholds in force. A point without false alarms has no place here."""
    for group, figures in report["groups"].items():
        points = [point for point in figures["det"] if point["per_hour"] and point["miss_rate"] is not None]
        if not points:
            continue
        colour = _COLOURS.get(group, _FAINT)
        rates, misses = ([point[key] for point in points] for key in ("per_hour", "miss_rate"))
        label = f"{name}: {figures['title']}, {figures['all']['true']} actions"
        axes.plot(rates, misses, line, color=colour, marker="o", markersize=2.5, linewidth=1.4, label=label)
        in_force = [point for point in points if point["shift"] == 0]
        axes.plot(
            [point["per_hour"] for point in in_force], [point["miss_rate"] for point in in_force], "o", color=colour,
            markersize=9, markerfacecolor="none",
        )  # fmt: skip
