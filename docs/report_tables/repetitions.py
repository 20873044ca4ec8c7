"""Tables of the count of repetitions."""

from typing import Any

from report_tables.markdown import Column, table
from report_tables.reports import Reports

_GROUPS = ((0.02, "below 2 %"), (0.1, "2 to 10 %"), (0.2, "10 to 20 %"), (float("inf"), "20 % and more"))


def repetitions(reports: Reports) -> str:
    """Make the table of the error of the count, classes in groups of like error."""
    report = reports["repetitions"]
    rows = [("all events", report["all"]), ("events of several repetitions", report["several"])]
    left = sorted(report["classes"].items(), key=lambda item: item[1]["error"])
    for limit, name in _GROUPS:
        group = [(label, one) for label, one in left if one["error"] < limit]
        left = left[len(group) :]
        if group:
            rows.append((f"{name}: {', '.join(sorted(label for label, _ in group))}", _sum([one for _, one in group])))
    columns = (
        Column("classes by error", lambda row: row[0]),
        Column("events", lambda row: row[1]["events"]),
        Column("true", lambda row: row[1]["true"]),
        Column("counted", lambda row: row[1]["counted"]),
        Column("error", lambda row: row[1]["error"], ".0%"),
        Column("exact", lambda row: row[1]["exact"], ".0%"),
    )
    return table(columns, rows)


def _sum(some: list[dict[str, Any]]) -> dict[str, Any]:
    events, true = sum(one["events"] for one in some), sum(one["true"] for one in some)
    return {
        "events": events,
        "true": true,
        "counted": sum(one["counted"] for one in some),
        "error": sum(one["error"] * one["true"] for one in some) / true,
        "exact": sum(one["exact"] * one["events"] for one in some) / events,
    }
