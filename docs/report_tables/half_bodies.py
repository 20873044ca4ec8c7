"""Tables of people of whom the picture shows the upper body alone."""

from typing import Final

from report_tables.markdown import Column, table
from report_tables.models import model_of
from report_tables.reports import Report, Reports

REPORT: Final = "half_bodies"
WAYS: Final = {
    "before": "upper body; legs as guessed, every action needs the whole body",
    "guessed": "upper body; legs as guessed, actions of the arms do without them",
    "shipped": "upper body; legs that are not seen stand, as shipped",
    "whole": "the same people as a whole, as shipped",
}
"""By key of the report's `ways`: what is in the picture, and what is made of the legs."""
SHORT: Final = {"guessed": "upper body, legs as guessed", "shipped": "upper body, as shipped", "whole": "whole body"}


def half_bodies(reports: Reports) -> str:
    """Lay out what is found in each way, of people who stand and of those who sit, and the false alarms."""
    report = reports[REPORT]
    minutes = report["streams"] * report["seconds"] / 60
    columns = (
        Column(f"in the picture, {model_of(report)}, {minutes:.1f} minutes", lambda way: WAYS[way[0]]),
        Column("frames with legs seen", lambda way: way[1]["legs_seen"], ".0%"),
        Column("found", lambda way: _of(way[1]["all"])),
        Column("of people who stand", lambda way: _of(way[1]["standing"])),
        Column("of people who sit", lambda way: _of(way[1]["sitting"])),
        Column("right", lambda way: way[1]["all"]["right"]),
        Column("false", lambda way: way[1]["all"]["false"]),
        Column("false alarms an hour (95 %)", lambda way: _rate(way[1]["all"])),
        Column("while no action is done", lambda way: _rate(way[1]["quiet"])),
    )
    return table(columns, report["ways"].items())


def half_bodies_classes(reports: Reports) -> str:
    """Lay out the true actions of each class, those found and the false alarms of it, as found / false."""
    report = reports[REPORT]
    per_class = {way: report["ways"][way]["per_class"] for way in SHORT}
    labels = sorted({label for of_way in per_class.values() for label in of_way})

    def column(way: str) -> Column:
        return Column(
            f"{SHORT[way]}: found, false",
            lambda label: [per_class[way].get(label, {}).get(key, 0) for key in ("found", "false")],
        )

    columns = (
        Column(f"class, {model_of(report)}", lambda label: label.replace("_", " ")),
        Column("true", lambda label: max(of_way.get(label, {}).get("true", 0) for of_way in per_class.values())),
        *map(column, SHORT),
    )
    return table(columns, labels)


def _of(figures: Report) -> str:
    share = f" ({figures['found'] / figures['true']:.0%})" if figures["true"] else ""
    return f"{figures['found']} of {figures['true']}{share}"


def _rate(figures: Report) -> str:
    rate = figures["false_alarms"]
    low, high = rate["per_hour_95"]
    return f"{rate['per_hour']:.0f} ({low:.0f} to {high:.0f})"
