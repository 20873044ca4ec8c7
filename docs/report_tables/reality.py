"""Tables of the reality benchmark: people, cameras and sensors that no model was trained on."""

from collections.abc import Iterator
from typing import Any, Final

from report_tables.markdown import Column, table
from report_tables.models import model_of
from report_tables.reports import Report, Reports

REPORTS: Final = ("reality_3", "reality_8", "reality")
"""Reports of `hitrs-live evaluate reality --json`, the oldest model first. To add one: its name."""
CURRENT: Final = "reality"
"""The report of the shipped model, from which the tables by set, class and view are made."""
_GROUPS: Final = {"camera": "cameras", "sensor": "other sensors"}
_MOST = 3


def reality_models(reports: Reports) -> str:
    """Lay out every model on people before cameras, and on data sets of other sensors."""

    def rows() -> Iterator[tuple[str, str, Report]]:
        for report in reports.there(REPORTS):
            for at, (group, figures) in enumerate(report["groups"].items()):
                yield "" if at else _conditions(report), _GROUPS[group], figures

    columns = (
        Column("model", lambda row: row[0]),
        Column("seen by", lambda row: row[1]),
        Column("hours", lambda row: row[2]["recorded_s"] / 3600, ".2f"),
        Column("events found", lambda row: _of(row[2])),
        Column("precision", lambda row: row[2]["all"]["precision"], ".2f"),
        Column("false alarms an hour (95 %)", lambda row: _rate(row[2]["false_alarms"]["all"])),
        Column("during unknown actions", lambda row: _rate(row[2]["false_alarms"]["during_unknown_actions"])),
        Column("AUROC", lambda row: row[2]["auroc"]["by_action"], ".2f"),
        Column("reports per found", lambda row: row[2]["all"]["detections_per_found"], ".2f"),
        Column("repetitions counted (error)", lambda row: _repetitions(row[2]["repetitions"])),
    )
    return table(columns, rows())


def reality_short(reports: Reports) -> str:
    """Lay out how many actions every model finds before cameras, and how often it reports what did not happen."""
    columns = (
        Column("model", _conditions),
        Column("actions found", lambda report: _of(report["groups"]["camera"])),
        Column("precision", lambda report: report["groups"]["camera"]["all"]["precision"], ".2f"),
        Column("false alarms an hour (95 %)", lambda report: _rate(report["groups"]["camera"]["false_alarms"]["all"])),
    )
    return table(columns, reports.there(REPORTS))


def reality_sets(reports: Reports) -> str:
    """Lay out the shipped model on every set, with what it reports wrongly most often."""
    columns = (
        Column(f"set, {model_of(reports[CURRENT])}", lambda row: row["title"]),
        Column("hours", lambda row: row["recorded_s"] / 3600, ".2f"),
        Column("found", _of),
        Column("precision", lambda row: row["all"]["precision"], ".2f"),
        Column("false alarms an hour (95 %)", lambda row: _rate(row["false_alarms"]["all"])),
        Column("AUROC", lambda row: row["auroc"]["by_action"], ".2f"),
        Column("most frequent false reports", lambda row: _mistakes(row["mistakes"])),
    )
    return table(columns, reports[CURRENT]["sets"].values())


def reality_classes(reports: Reports) -> str:
    """Lay out recall by class, of clips and videos beside the other sensors, the classes with true actions alone."""
    groups = reports[CURRENT]["groups"]
    labels = dict.fromkeys(
        label for figures in groups.values() for label, row in figures["per_class"].items() if row["true"]
    )

    def found(group: str) -> Column:
        def cell(label: str) -> str:
            row = groups[group]["per_class"].get(label)
            return f"{row['found']} of {row['true']}" if row and row["true"] else "-"

        return Column(f"{_GROUPS[group]}, found", cell)

    def false(group: str) -> Column:
        return Column(
            f"{_GROUPS[group]}, false", lambda label: groups[group]["per_class"].get(label, {}).get("false", 0)
        )

    columns = [Column(f"class, {model_of(reports[CURRENT])}", lambda label: label.replace("_", " "))]
    for group in groups:
        columns += [found(group), false(group)]
    return table(columns, labels)


def reality(reports: Reports) -> str:
    """Lay out the events of clips of real people, by class."""
    report = reports[CURRENT]["sets"]["clips"]
    columns = (
        Column(f"class, {model_of(reports[CURRENT])}", lambda item: item[0].replace("_", " ")),
        Column("true", lambda item: item[1]["true"]),
        Column("found", lambda item: item[1]["found"]),
        Column("reported", lambda item: item[1]["detected"]),
        Column("right", lambda item: item[1]["right"]),
        Column("near", lambda item: item[1]["near"]),
        Column("false", lambda item: item[1]["false"]),
    )
    return table(columns, [*report["per_class"].items(), ("**all**", report["all"])])


def reality_views(reports: Reports) -> str:
    """Lay out the events of clips and videos by the side that the camera saw people from."""
    sets = reports[CURRENT]["sets"]
    keys = ("true", "found", "right", "false")
    views: dict[str, dict[str, int]] = {}
    for figures in sets.values():
        for view, row in figures.get("per_view", {}).items():
            total = views.setdefault(view, dict.fromkeys(keys, 0))
            for key in keys:
                total[key] += row[key]
    columns = (
        Column(f"view, {model_of(reports[CURRENT])}", lambda item: item[0]),
        *(Column(key, lambda item, key=key: item[1][key]) for key in keys),  # type: ignore[misc]
    )
    return table(columns, sorted(views.items(), key=lambda item: -item[1]["true"]))


def _conditions(report: Report) -> str:
    """Name a report's model, and what differs from the live default."""
    untuned = "" if report["tuned"] else ", without thresholds"
    return f"{model_of(report)}{untuned}{', a prediction every clip' if report['update'] == 'clip' else ''}"


def _of(figures: Report) -> str:
    total = figures["all"]
    share = f" ({total['recall']:.0%})" if total["recall"] is not None else ""
    return f"{total['found']} of {total['true']}{share}"


def _rate(rate: dict[str, Any]) -> str:
    if rate["per_hour"] is None:
        return "-"
    low, high = rate["per_hour_95"]
    return f"{rate['per_hour']:.0f} ({low:.0f} to {high:.0f})"


def _repetitions(figures: dict[str, Any]) -> str:
    if not figures["true"]:
        return "-"
    return f"{figures['counted']} of {figures['true']} ({figures['error']:.0%})"


def _mistakes(mistakes: list[dict[str, Any]]) -> str:
    shown = [f"{one['reported'].replace('_', ' ')} {_while(one['doing'])}{one['times']}" for one in mistakes[:_MOST]]
    return ", ".join(shown) or "-"


def _while(doing: str) -> str:
    return f"(during {doing.replace('_', ' ')}) " if doing else ""


RENDERED: Final = ("rendered_3", "rendered")
"""Reports of `hitrs-live evaluate rendered --json`, the oldest model first."""
_JOINTS: Final = {"own_joints": "own", "rendered": "rendered"}


def rendered(reports: Reports) -> str:
    """Lay out every model on held-out people as the virtual camera sees them, beside the recordings' own joints."""

    def rows() -> Iterator[tuple[str, str, Report, str]]:
        for report in reports.there(RENDERED):
            for source, both in report["sources"].items():
                for key in _JOINTS:
                    yield model_of(report), source, both, key

    columns = (
        Column("model", lambda row: row[0]),
        Column("source", lambda row: row[1]),
        Column("joints", lambda row: _JOINTS[row[3]]),
        Column("views (hardly seen)", lambda row: f"{row[2]['views']} ({row[2]['views_hardly_seen']})"),
        Column("frame mAP", lambda row: row[2][row[3]]["frame_map"], ".2f"),
        Column("start F1 within 0.5 s", lambda row: row[2][row[3]]["start_f1"]["0.5"], ".2f"),
        Column("start delay p50, s", lambda row: row[2][row[3]]["delay_p50_s"], ".2f"),
        Column("false alarms", lambda row: row[2][row[3]]["false_alarms"]),
        Column("background, s", lambda row: row[2][row[3]]["background_s"], ".0f"),
    )
    return table(columns, rows())
