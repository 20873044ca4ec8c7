"""Write the first page of a model card: what is known of the model, its classes, its data and its training."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import ActionConfig
from hitrs_live.data.shipped_classes import LEFT_OUT_SUBJECTS
from hitrs_live.streaming.thresholds import Thresholds, recall_key, reported_classes
from hitrs_live.training.run_settings import CONVOLUTIONS_RECORD

sys.path.append(str(next(up for up in Path(__file__).resolve().parents if (up / "pyproject.toml").is_file()) / "docs"))

from report_tables.accuracy import SHORT_TITLES
from report_tables.markdown import grid, number
from report_tables.reports import Report

SETTINGS = ("loop.steps", "batch", "loop.learning_rate", "loop.seed", "detector.window_clips", "begins_from")
"""Lines of a training's settings that the card repeats."""
_SEEN_BY = {"camera": "people before cameras", "sensor": "data sets of other sensors"}
_PARTS = (("clips ", "frames and clips"), ("", "actions"), ("motion ", "motion prediction"))
"""Parts of a detector, in the order of training: what the keys of their provenance begin with, and a name."""


def facts(checkpoint: Checkpoint, thresholds: Thresholds | None, reports: dict[str, Report]) -> str:
    """Write what a user has to know first, a line each, as far as it was measured."""
    return "\n".join(f"- {line}" for line in _facts(checkpoint, thresholds, reports))


def _facts(checkpoint: Checkpoint, thresholds: Thresholds | None, reports: dict[str, Report]) -> Iterator[str]:
    labels = checkpoint.info.labels
    reported = reported_classes(labels, ActionConfig(), thresholds)
    networks = [checkpoint.model, *([checkpoint.convolutions] if checkpoint.convolutions else [])]
    parameters = sum(weight.numel() for network in networks for weight in network.parameters()) / 1e6
    yield (
        f"{len(labels) - 1} classes, {len(reported)} of them reported by default; {parameters:.2f} million parameters."
        if thresholds is not None
        else f"{len(labels) - 1} classes, all reported; {parameters:.2f} million parameters. No tuned thresholds yet."
    )
    if thresholds is not None and "recall_of_starts" in thresholds.provenance:
        yield (
            "On the left-out streams that the thresholds were tuned on (recall of starts within 0.5 s "
            f"{thresholds.provenance['recall_of_starts']}), false alarms in background: "
            f"{thresholds.provenance.get('false_alarms', 'not known')}."
        )
    if "reality" not in reports:
        yield "On real people: not measured yet (`hitrs-live evaluate reality --json reports/reality.json`)."
    for group, figures in reports.get("reality", {}).get("groups", {}).items():
        yield _reality_line(_SEEN_BY.get(group, group), figures)
    if "rendered" in reports:
        yield (
            "Held-out people of its data sets, rendered and seen by the pose stage, frame mAP: "
            f"{_maps({name: both['rendered'] for name, both in reports['rendered']['sources'].items()})}."
        )
    if "held_out" in reports:
        yield (
            "Frame mAP of left-out people of its data sets, on the joints that their sensors recorded: "
            f"{_maps(reports['held_out']['sources'])}. "
            "These figures do not predict the accuracy in your room."
        )


def _reality_line(seen: str, figures: Report) -> str:
    every, alarms = figures["all"], figures["false_alarms"]["all"]
    return (
        f"On {seen} that no model here was trained on: {every['found']} of {every['true']} actions found, precision "
        f"{number(every['precision'], '.2f')}, {alarms['false']} false reports in {alarms['hours']:.2f} h, "
        f"{alarms['per_hour']:.0f} an hour ({alarms['per_hour_95'][0]:.0f} to {alarms['per_hour_95'][1]:.0f})."
    )


def _maps(sources: dict[str, Report]) -> str:
    return ", ".join(
        f"{number(figures['frame_map'], '.2f')} on {SHORT_TITLES.get(name, name)}" for name, figures in sources.items()
    )


def classes_table(checkpoint: Checkpoint, thresholds: Thresholds | None, reality: Report | None) -> str:
    """Lay out every class: whether it is reported by default, and how often it is found; the experimental ones last."""
    labels = checkpoint.info.labels
    reported = frozenset(reported_classes(labels, ActionConfig(), thresholds))
    recalls = {} if thresholds is None else thresholds.provenance
    cameras = (reality or {}).get("groups", {}).get("camera", {}).get("per_class", {})

    def row(label: str) -> Sequence[str]:
        seen: dict[str, Any] = cameras.get(label, {})
        found = f"{seen['found']} of {seen['true']}" if seen.get("true") else "-"
        return (
            f"`{label}`", "reported" if label in reported else "experimental", recalls.get(recall_key(label), "-"),
            found, str(seen.get("false", 0)) if cameras else "-",
        )  # fmt: skip

    ordered = sorted(labels[1:], key=lambda label: label not in reported)
    heads = ("class", "by default", "found in left-out streams", "before cameras, found", "false reports")
    return grid(heads, map(row, ordered))


def data_table(streams: Report | None) -> str:
    """Lay out the sources of the training streams, with hours, licences and the people left out."""
    if streams is None:
        return (
            "Not listed yet: `python benchmarks/card/training_streams.py FOLDER ... --json "
            "reports/training_streams.json`."
        )
    rows = [
        [name, f"{one['hours']:.2f}", str(one["streams"]), one["licence"], _left_out(name)]
        for name, one in streams["sources"].items()
    ]
    count = sum(one["streams"] for one in streams["sources"].values())
    total = ["**all**", f"{streams['hours']:.2f}", str(count), "", ""]
    return grid(("source", "hours", "streams", "licence", "people left out"), [*rows, total])


def _left_out(source: str) -> str:
    return ", ".join(sorted(LEFT_OUT_SUBJECTS.get(source, ()))) or "-"


def _convolutions(provenance: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    """List the trainings of the convolutions, the first one first, as `_PARTS` has the others."""
    prefix, found = CONVOLUTIONS_RECORD, list[str]()
    while f"{prefix}made by" in provenance:
        found.insert(0, prefix)
        prefix = f"{CONVOLUTIONS_RECORD}before {prefix.removeprefix(CONVOLUTIONS_RECORD)}"
    return [(one, f"convolutions, training {number} of {len(found)}") for number, one in enumerate(found, start=1)]


def training_table(checkpoint: Checkpoint) -> str:
    """Lay out how the weights were trained, as the checkpoint records it, in the order of training."""
    provenance = checkpoint.info.provenance
    rows = []
    for prefix, what in (*_PARTS, *_convolutions(provenance)):
        text = provenance.get(f"{prefix}settings", "")
        found = dict(line.split(" = ", 1) for line in text.splitlines() if re.match(r"[\w.]+ = ", line))
        chosen = ", ".join(f"{name} {found[name]}" for name in SETTINGS if name in found)
        if f"{prefix}made by" in provenance:
            rows.append([what, f"`{provenance[f'{prefix}made by']}`", provenance.get(f"{prefix}data", "-"), chosen])
    return grid(("part", "command", "data", "settings"), rows)
