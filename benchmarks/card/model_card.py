"""Write the measured tables of a model card out of the reports, so that no figure is typed by hand.

    hitrs-live evaluate held-out --checkpoint FILE --json reports/held_out.json
    hitrs-live evaluate held-out --checkpoint FILE --update clip --json reports/held_out_every_clip.json
    python benchmarks/studies/degraded.py --checkpoint FILE --json reports/degraded.json
    python benchmarks/studies/false_alarms.py --checkpoint FILE --json reports/false_alarms.json
    python benchmarks/card/model_card.py --reports reports --card hitrs_live/weights/MODEL_CARD.md

What stands between `<!-- figures -->` and `<!-- /figures -->` is replaced; the rest is left as it is.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hitrs_live.errors import DataError, HitrsLiveError

# Tables that the documents have too.
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
HOLDS = {
    "frame": {"degraded", "sources"},
    "clip": {"degraded", "sources"},
    "degraded": {"rows"},
    "alarms": {"video", "everyday"},
}
"""What each has beside `checkpoint` and `update`."""


def read_reports(folder: Path) -> dict[str, Report]:
    """Read the four reports, which must be of one checkpoint and of the updates that they are taken for.

    Raises DataError, naming the file, where one is missing, broken or of another model.
    """
    reports = {key: _read(folder / name, HOLDS[key]) for key, name in FILES.items()}
    for key, update in (("frame", "frame"), ("clip", "clip")):
        if reports[key]["update"] != update:
            raise DataError(f"{folder / FILES[key]}: answers every {reports[key]['update']}, wanted every {update}")
        if reports[key]["degraded"]:
            raise DataError(f"{folder / FILES[key]}: of spoiled joints; measure it without --degrade")
    for key, name in FILES.items():
        got, wanted = (report["checkpoint"]["sha256"] for report in (reports[key], reports["frame"]))
        if got != wanted:
            raise DataError(
                f"{folder / name}: of checkpoint {got[:12]}, {FILES['frame']} of {wanted[:12]}; measure one anew"
            )
    return reports


def _read(path: Path, holds: set[str]) -> Report:
    try:
        report: Report = json.loads(path.read_text(encoding="utf-8"))
        missing = {"checkpoint", "update", *holds} - set(report)
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); make it as benchmarks/card/model_card.py says") from None
    if missing:
        raise DataError(
            f"{path}: has no {', '.join(sorted(missing))}; make it again as benchmarks/card/model_card.py says"
        )
    return report


def tables(reports: dict[str, Report]) -> str:
    """Write every table in Markdown: for each source, then the false alarms."""
    parts: list[str] = []
    for name in reports["frame"]["sources"]:
        answers = {f"every {key}": reports[key]["sources"][name] for key in ("frame", "clip")}
        faults = [(row["degraded"], row["sources"][name]) for row in reports["degraded"]["rows"]]
        figures = answers["every frame"]
        parts += [
            f"### {TITLES.get(name, name)}",
            class_table(figures),
            answer_table(answers),
            motion_line(figures["motion"]),
            fault_table(faults, f"every {reports['degraded']['update']}"),
        ]
    update = reports["alarms"]["update"]
    parts += [
        f"### Real video, all of the live path, an answer every {update}",
        video_table(reports["alarms"]["video"]),
        "### Everyday actions, none of them trained on (UTKinect, ten people)",
        everyday_text(reports["alarms"]["everyday"]),
    ]
    return "\n\n".join(parts)


def class_table(figures: Report) -> str:
    """Lay out a source's classes, and all of them together."""
    columns = ("starts", "precision", "start_recall", "f1", "delay_p50_s", "frames", "ap", "ap_later")
    rows = [[label, *(_number(row[key]) for key in columns)] for label, row in figures["per_class"].items()]
    starts = sum(row["starts"] for row in figures["per_class"].values())
    total = (
        starts, figures["start_precision"], figures["start_recall"], figures["start_f1"]["0.5"],
        figures["delay_p50_s"], figures["frames"], figures["frame_map"], figures["frame_map_later"],
    )  # fmt: skip
    heads = ("class", "starts", "right", "found", "F1", "delay p50 s", "frames", "frame AP", "0.2 s later")
    return grid(heads, [*rows, ["**all**", *map(_number, total)]])


def answer_table(answers: dict[str, Report]) -> str:
    """Lay out the figures that are not by class, a row for each pace of answers."""
    heads = (
        "answers", "frame mAP", "calibrated", "start F1 0.3 / 0.5 / 1 s", "delay p50, p95 s",
        "mAP at overlap 0.1 / 0.3 / 0.5", "segmental F1 10 / 25 / 50", "edit", "OAD F1, SL, EL",
        "false alarms in background",
    )  # fmt: skip
    rows = [
        [
            pace, _number(f["frame_map"]), _number(f["mcap"]), _starts(f), _delays(f),
            _join(" / ", f["map_at_overlap"]["by_action"].values()), _join(" / ", f["segmental_f1"].values()),
            _number(f["edit"]), _join(", ", f["oad"].values()), _alarms(f),
        ]
        for pace, f in answers.items()
    ]  # fmt: skip
    return grid(heads, rows)


def motion_line(motion: Report) -> str:
    """Say how far off predictions and the zero-velocity baseline are."""
    ours, held = motion["mpjpe_mm"], motion["held_mm"]
    predicted, still = (" / ".join("-" if v is None else f"{v:.0f}" for v in row.values()) for row in (ours, held))
    return f"Motion, mean joint error in mm at {' / '.join(ours)} ms: {predicted}; zero velocity {still}."


def fault_table(rows: Sequence[tuple[list[str], Report]], pace: str) -> str:
    """Lay out what worse joints cost, a row for each set of faults."""
    heads = (
        f"joints, answers {pace}", "frame mAP", "0.2 s later", "start F1 0.3 / 0.5 / 1 s", "delay p50, p95 s",
        "false alarms in background",
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
    """Say how many false alarms an hour everyday actions cause, and lay them out by what was reported."""
    said = f"{everyday['false_alarms']} false alarms in {everyday['hours']:.2f} h, {_rate(everyday['per_hour'])}"
    if everyday["near"]:
        said += (
            f"; {everyday['near']} of them name what the set calls otherwise, who sits down or stands up and who walks "
            f"with something to carry: without these {_rate(everyday['per_hour_without_near'])}"
        )
    return f"{said}.\n\n" + everyday_table(everyday)


def replace_figures(card: str, written: str) -> str:
    """Put tables between a card's marks. Raises DataError where it does not have each mark once, in order."""
    if card.count(BEGIN) != 1 or card.count(END) != 1 or card.index(BEGIN) > card.index(END):
        raise DataError(f"the card wants one {BEGIN} and, after it, one {END}; write them where the tables go")
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
