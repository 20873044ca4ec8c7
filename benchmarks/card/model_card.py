"""Write the generated parts of a model card, so that no measured value is typed by hand.

    hitrs-live evaluate reality --json reports/reality.json
    hitrs-live evaluate rendered --views runs/rendered_test --json reports/rendered.json
    hitrs-live evaluate held-out --json reports/held_out.json
    hitrs-live evaluate held-out --update clip --json reports/held_out_every_clip.json
    python benchmarks/studies/degraded.py --update clip --json reports/degraded.json
    python benchmarks/card/training_streams.py FOLDER ... --json reports/training_streams.json
    python benchmarks/card/model_card.py

The text between `<!-- NAME -->` and `<!-- /NAME -->` is replaced, NAME being facts, classes, data, training or figures;
the rest stays as it is. A report that is missing, or of other weights than the checkpoint's, is left out: the card then
says by which command it is made.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from card_facts import classes_table, data_table, facts, training_table

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.errors import DataError, HitrsLiveError
from hitrs_live.streaming.thresholds import find_thresholds

# Some tables are shared with the documents.
sys.path.append(str(next(up for up in Path(__file__).resolve().parents if (up / "pyproject.toml").is_file()) / "docs"))

from report_tables.accuracy import TITLES, faults_of, others_of
from report_tables.markdown import grid, number
from report_tables.reports import Report

REPORTS = {
    "reality": {"groups", "sets"},
    "rendered": {"sources"},
    "held_out": {"degraded", "sources"},
    "held_out_every_clip": {"degraded", "sources"},
    "degraded": {"rows"},
}
"""By name: keys that a report must have besides `checkpoint` and `update`."""
STREAMS = "training_streams"
_UPDATES = {"held_out": "frame", "held_out_every_clip": "clip"}


def read_reports(folder: Path, sha256: str) -> tuple[dict[str, Report], list[str]]:
    """Read the reports of the checkpoint with that SHA-256, and the list of training streams.

    Returns them by name, and for each other one why it is left out. Raises DataError, naming the file, where one is
    damaged, of an older form or of other settings.
    """
    reports: dict[str, Report] = {}
    left_out: list[str] = []
    for name, required in REPORTS.items():
        path = folder / f"{name}.json"
        if not path.exists():
            left_out.append(f"{path.name}: not there")
            continue
        report = _read(path, {"checkpoint", "update", *required})
        if (got := report["checkpoint"]["sha256"]) != sha256:
            left_out.append(f"{path.name}: of other weights ({got[:12]})")
            continue
        if report["update"] != (update := _UPDATES.get(name, report["update"])):
            raise DataError(
                f"{path}: predictions every {report['update']}, expected every {update}; measure it with "
                f"--update {update}"
            )
        if report.get("degraded"):
            raise DataError(f"{path}: of degraded joints; measure it without --degrade")
        reports[name] = report
    streams = folder / f"{STREAMS}.json"
    if streams.exists():
        reports[STREAMS] = _read(streams, {"sources"})
    else:
        left_out.append(f"{streams.name}: not there")
    return reports, left_out


def _read(path: Path, required: set[str]) -> Report:
    remedy = "measure it with the command in benchmarks/card/model_card.py"
    try:
        report: Report = json.loads(path.read_text(encoding="utf-8"))
        missing = required - set(report)
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); {remedy}") from None
    if missing:
        raise DataError(f"{path}: has no {', '.join(sorted(missing))}; {remedy}")
    return report


def blocks(checkpoint: Checkpoint, path: str | None, reports: dict[str, Report]) -> dict[str, str]:
    """Write every generated part of a card. path: the checkpoint, as `load_checkpoint` takes it."""
    thresholds = find_thresholds("", checkpoint, path).thresholds
    return {
        "facts": facts(checkpoint, thresholds, reports),
        "classes": classes_table(checkpoint, thresholds, reports.get("reality")),
        "data": data_table(reports.get(STREAMS)),
        "training": training_table(checkpoint),
        "figures": figures_of_sources(reports),
    }


def figures_of_sources(reports: dict[str, Report]) -> str:
    """Write the tables of every source, those of which there is a report."""
    every_frame = reports.get("held_out")
    if every_frame is None:
        return "Not measured yet: `hitrs-live evaluate held-out --json reports/held_out.json`."
    parts: list[str] = []
    for name, figures in every_frame["sources"].items():
        by_update = {
            f"every {update}": reports[report]["sources"][name]
            for report, update in _UPDATES.items()
            if report in reports
        }
        parts += [
            f"### {TITLES.get(name, name)}",
            class_table(figures),
            update_table(by_update),
            f"Reports of classes that are not labelled there: {others_of(figures)}. Experimental classes, left out: "
            f"{', '.join(figures.get('not_reported', ())) or 'none'}.",
            motion_line(figures["motion"]),
        ]
        if worse := reports.get("degraded"):
            faults = [(row["degraded"], row["sources"][name]) for row in worse["rows"]]
            parts.append(fault_table(faults, f"every {worse['update']}"))
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


def replace_blocks(card: str, written: dict[str, str]) -> str:
    """Replace the text between each pair of marks that a card has.

    Raises DataError where a mark is missing, repeated or out of order, or there is none.
    """
    for name, text in written.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        counts = (card.count(begin), card.count(end))
        if counts == (0, 0) and name != "figures":
            continue
        if counts != (1, 1) or card.index(begin) > card.index(end):
            raise DataError(f"the card needs one {begin} and, after it, one {end}; write them where the tables go")
        before, rest = card.split(begin)
        card = f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}"
    return card


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


def main() -> int:
    """Rewrite the generated parts of one card; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="folder of the reports")
    parser.add_argument("--card", type=Path, default=Path("hitrs_live/weights/MODEL_CARD.md"))
    parser.add_argument("--checkpoint", metavar="FILE", help="the card's detector (default: the one shipped)")
    options = parser.parse_args()
    try:
        card = options.card.read_text(encoding="utf-8")
        checkpoint = load_checkpoint(options.checkpoint)
        reports, left_out = read_reports(options.reports, checkpoint.fingerprint)
        written = replace_blocks(card, blocks(checkpoint, options.checkpoint, reports))
    except (HitrsLiveError, OSError) as error:
        print(f"model_card: {error}", file=sys.stderr)
        return 2
    unfinished = options.card.with_name(options.card.name + ".part")
    unfinished.write_text(written, encoding="utf-8")
    unfinished.replace(options.card)
    for line in left_out:
        print(f"left out: {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
