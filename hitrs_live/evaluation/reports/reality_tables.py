"""Print the reality benchmark's report: one table of all sets, and one by class for those before cameras."""

from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

_COUNTS = ("true", "found", "detected", "right", "near", "false", "recall", "precision")


def print_reality(console: Console, report: dict[str, Any]) -> None:
    """Print a row for each set and group, then the classes of the clips and videos."""
    table = Table(
        "set", "hours", "found", "prec.", "false/h (95 %)", "AUROC", "pieces", "reps",
        box=SIMPLE, padding=(0, 1, 0, 0), title=f"{report['checkpoint']['name']}: other people, cameras and sensors",
    )  # fmt: skip
    for name, figures in report["sets"].items():
        table.add_row(name, *_row(figures))
    for name, figures in report["groups"].items():
        table.add_row(f"all {name}s", *_row(figures))
    console.print(table)
    for figures in report["groups"].values():
        rate = figures["false_alarms"]["during_unknown_actions"]
        if rate["per_hour"] is not None:
            console.print(
                f"{figures['title']}: {rate['false']} false detections in {60 * rate['hours']:.1f} minutes of unknown "
                f"actions, {_rate(rate)} an hour"
            )
    for figures in report["sets"].values():
        if "per_view" in figures:
            console.print(_classes("class", figures["per_class"], figures["all"], figures["title"]))
            console.print(_classes("view", figures["per_view"], figures["all"], f"{figures['title']}, by view"))


def _row(figures: dict[str, Any]) -> list[str]:
    total, repetitions = figures["all"], figures["repetitions"]
    counted = "-"
    if repetitions["true"]:
        counted = f"{repetitions['counted']}/{repetitions['true']}, ±{repetitions['error']:.0%}"
    return [
        f"{figures['recorded_s'] / 3600:.2f}",
        f"{total['found']}/{total['true']}",
        _cell(total["precision"]),
        _rate(figures["false_alarms"]["all"]),
        _cell(figures["auroc"]["by_action"]),
        _cell(total["detections_per_found"]),
        counted,
    ]


def _rate(rate: dict[str, Any]) -> str:
    if rate["per_hour"] is None:
        return "-"
    low, high = rate["per_hour_95"]
    return f"{rate['per_hour']:.0f} ({low:.0f} to {high:.0f})"


def _classes(kind: str, rows: dict[str, Any], total: dict[str, Any], title: str) -> Table:
    table = Table(kind, *_COUNTS, box=SIMPLE, padding=(0, 1, 0, 0), title=title)
    for name, figures in (*rows.items(), ("all", total)):
        table.add_row(name, *(_cell(figures[column]) for column in _COUNTS))
    return table


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
