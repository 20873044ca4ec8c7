"""Write the tables of a model card from the reports, so that no measured value is typed by hand.

    hitrs-live evaluate held-out --checkpoint FILE --json reports/held_out.json
    hitrs-live evaluate held-out --checkpoint FILE --update clip --json reports/held_out_every_clip.json
    python benchmarks/studies/degraded.py --checkpoint FILE --json reports/degraded.json
    python benchmarks/studies/false_alarms.py --checkpoint FILE --json reports/false_alarms.json
    python benchmarks/card/model_card.py --reports reports --card hitrs_live/weights/MODEL_CARD.md

The text between `<!-- figures -->` and `<!-- /figures -->` is replaced; the rest stays as it is.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hitrs_live.errors import DataError, HitrsLiveError

# Some tables are shared with the documents.
sys.path.append(str(next(up for up in Path(__file__).resolve().parents if (up / "pyproject.toml").is_file()) / "docs"))

from report_tables.accuracy import TITLES, everyday_table, faults_of, video_table
from report_tables.markdown import grid, number
from report_tables.reports import Report

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
FILES = {
    "frame": "held_out.json",
    "clip": "held_out_every_clip.json",
    "degraded": "degraded.json",
    "alarms": "false_alarms.json",
}
REQUIRED = {
    "frame": {"degraded", "sources"},
    "clip": {"degraded", "sources"},
    "degraded": {"rows"},
    "alarms": {"video", "everyday"},
}
"""Keys that each report must have besides `checkpoint` and `update`."""


def read_reports(folder: Path) -> dict[str, Report]:
    """Read the four reports, which must be of one checkpoint and of the expected updates.

    Raises DataError, naming the file, where one is missing, broken or of another model.
    """
    reports = {key: _read(folder / name, REQUIRED[key]) for key, name in FILES.items()}
    for key, update in (("frame", "frame"), ("clip", "clip")):
        if reports[key]["update"] != update:
            raise DataError(
                f"{folder / FILES[key]}: predictions every {reports[key]['update']}, expected every {update}; "
                f"measure it with --update {update}"
            )
        if reports[key]["degraded"]:
            raise DataError(f"{folder / FILES[key]}: of degraded joints; measure it without --degrade")
    for key, name in FILES.items():
        got, expected = (report["checkpoint"]["sha256"] for report in (reports[key], reports["frame"]))
        if got != expected:
            raise DataError(
                f"{folder / name}: of checkpoint {got[:12]}, {FILES['frame']} of {expected[:12]}; measure one again"
            )
    return reports


def _read(path: Path, required: set[str]) -> Report:
    try:
        report: Report = json.loads(path.read_text(encoding="utf-8"))
        missing = {"checkpoint", "update", *required} - set(report)
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); measure it with the command in benchmarks/card/model_card.py"
        ) from None
    if missing:
        raise DataError(
            f"{path}: has no {', '.join(sorted(missing))}; measure it with the command in benchmarks/card/model_card.py"
        )
    return report


def tables(reports: dict[str, Report]) -> str:
    """Write every table in Markdown: for each source, then the false alarms."""
    parts: list[str] = []
    for name in reports["frame"]["sources"]:
        by_update = {f"every {key}": reports[key]["sources"][name] for key in ("frame", "clip")}
        faults = [(row["degraded"], row["sources"][name]) for row in reports["degraded"]["rows"]]
        figures = by_update["every frame"]
        parts += [
            f"### {TITLES.get(name, name)}",
            class_table(figures),
            update_table(by_update),
            motion_line(figures["motion"]),
            fault_table(faults, f"every {reports['degraded']['update']}"),
        ]
    update = reports["alarms"]["update"]
    parts += [
        f"### Real video, whole live path, a prediction every {update}",
        video_table(reports["alarms"]["video"]),
        "### Everyday actions that were not trained on (UTKinect, ten people)",
        everyday_text(reports["alarms"]["everyday"]),
    ]
    return "\n\n".join(parts)


def class_table(figures: Report) -> str:
    """Build the table of a source's classes, with a row for all of them."""
    columns = ("starts", "precision", "start_recall", "f1", "delay_p50_s", "frames", "ap", "ap_later")
    rows = [[label, *(_number(row[key]) for key in columns)] for label, row in figures["per_class"].items()]
    starts = sum(row["starts"] for row in figures["per_class"].values())
    total = (
        starts, figures["start_precision"], figures["start_recall"], figures["start_f1"]["0.5"],
        figures["delay_p50_s"], figures["frames"], figures["frame_map"], figures["frame_map_later"],
    )  # fmt: skip
    heads = (
        "class", "starts", "start precision", "start recall", "start F1", "delay p50 s", "frames", "frame AP",
        "at 0.2 s lookahead",
    )  # fmt: skip
    return grid(heads, [*rows, ["**all**", *map(_number, total)]])


def update_table(by_update: dict[str, Report]) -> str:
    """Build the table of the metrics over all classes, a row for each update."""
    heads = (
        "prediction", "frame mAP", "calibrated mAP", "start F1 0.3 / 0.5 / 1 s", "delay p50, p95 s",
        "interval mAP at overlap 0.1 / 0.3 / 0.5", "segmental F1 10 / 25 / 50", "edit score", "OAD F1, SL, EL",
        "false alarms in background",
    )  # fmt: skip
    rows = [
        [
            update, _number(f["frame_map"]), _number(f["mcap"]), _starts(f), _delays(f),
            _join(" / ", f["map_at_overlap"]["by_action"].values()), _join(" / ", f["segmental_f1"].values()),
            _number(f["edit"]), _join(", ", f["oad"].values()), _alarms(f),
        ]
        for update, f in by_update.items()
    ]  # fmt: skip
    return grid(heads, rows)


def motion_line(motion: Report) -> str:
    """Write the errors of predicted motion and of the zero-velocity baseline as a sentence."""
    ours, baseline = motion["mpjpe_mm"], motion["held_mm"]
    errors = (" / ".join("-" if v is None else f"{v:.0f}" for v in row.values()) for row in (ours, baseline))
    predicted, zero_velocity = errors
    return f"Motion, mean joint error in mm at {' / '.join(ours)} ms: {predicted}; zero velocity {zero_velocity}."


def fault_table(rows: Sequence[tuple[list[str], Report]], update: str) -> str:
    """Build the table of degraded joints, a row for each set of effects."""
    heads = (
        f"joints, prediction {update}", "frame mAP", "at 0.2 s lookahead", "start F1 0.3 / 0.5 / 1 s",
        "delay p50, p95 s", "false alarms in background",
    )  # fmt: skip
    return grid(
        heads,
        [
            [
                faults_of(names),
                _number(f["frame_map"]),
                _number(f["frame_map_later"]),
                _starts(f),
                _delays(f),
                _alarms(f),
            ]
            for names, f in rows
        ],
    )


def everyday_text(everyday: Report) -> str:
    """Write the false alarms an hour of everyday actions, and their table by reported class."""
    text = f"{everyday['false_alarms']} false alarms in {everyday['hours']:.2f} h, {_rate(everyday['per_hour'])}"
    if everyday["near"]:
        text += (
            f"; {everyday['near']} of them are nearly right: sit_to_stand for sitting down or standing up, walk for "
            f"walking while carrying something or between actions. Without these "
            f"{_rate(everyday['per_hour_without_near'])}"
        )
    return f"{text}.\n\n" + everyday_table(everyday)


def replace_figures(card: str, written: str) -> str:
    """Replace the text between a card's marks. Raises DataError where it does not have each mark once, in order."""
    if card.count(BEGIN) != 1 or card.count(END) != 1 or card.index(BEGIN) > card.index(END):
        raise DataError(f"the card needs one {BEGIN} and, after it, one {END}; write them where the tables go")
    before, rest = card.split(BEGIN)
    return f"{before}{BEGIN}\n\n{written}\n\n{END}{rest.split(END)[1]}"


def _number(value: float | None) -> str:
    return number(value, ".2f" if isinstance(value, float) else "")


def _join(by: str, values: Any) -> str:
    return by.join(_number(value) for value in values)


def _starts(figures: Report) -> str:
    return _join(" / ", (figures["start_f1"][tolerance] for tolerance in ("0.3", "0.5", "1")))


def _delays(figures: Report) -> str:
    return _join(", ", (figures["delay_p50_s"], figures["delay_p95_s"]))


def _alarms(figures: Report) -> str:
    return f"{figures['false_alarms']} in {figures['background_s']:.0f} s"


def _rate(per_hour: float | None) -> str:
    return "no rate" if per_hour is None else f"{per_hour:.0f} an hour"


def main() -> int:
    """Rewrite the tables of one card; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="folder of the four reports")
    parser.add_argument("--card", type=Path, default=Path("hitrs_live/weights/MODEL_CARD.md"))
    options = parser.parse_args()
    try:
        card = options.card.read_text(encoding="utf-8")
        written = replace_figures(card, tables(read_reports(options.reports)))
    except (HitrsLiveError, OSError) as error:
        print(f"model_card: {error}", file=sys.stderr)
        return 2
    unfinished = options.card.with_name(options.card.name + ".part")
    unfinished.write_text(written, encoding="utf-8")
    unfinished.replace(options.card)
    return 0


if __name__ == "__main__":
    sys.exit(main())
