"""Measure a detector on the people of the ship data that no training saw."""

from pathlib import Path
from typing import Any

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.data.arrays import IGNORE
from hitrs_live.data.class_map import read_ship
from hitrs_live.data.ui_prmd import NAME as UI_PRMD
from hitrs_live.data.ui_prmd import join_repetitions
from hitrs_live.evaluation.detection import TOLERANCE_S, detection_report
from hitrs_live.evaluation.streams import run_streams
from hitrs_live.thresholds import Thresholds


def evaluate_held_out(
    checkpoint: Checkpoint, folder: Path, *, thresholds: Thresholds | None = None, hop: int | None = None
) -> dict[str, Any]:
    """Run all test subjects' streams and return figures by source and by class, ready for JSON.

    hop: frames from one judgement to the next, by default the clip stride. Raises DataError where the data is missing.
    """
    sources = read_ship(folder, test=True)
    sources[UI_PRMD] = join_repetitions(sources[UI_PRMD])
    report: dict[str, Any] = {"start_tolerance_s": TOLERANCE_S, "sources": {}}
    for name, sequences in sources.items():
        known = [sequence for sequence in sequences if (sequence.labels != IGNORE).any()]
        results = list(run_streams(checkpoint, known, thresholds=thresholds, hop=hop))
        report["sources"][name] = detection_report(
            results, checkpoint.info.labels, rate_hz=checkpoint.info.normaliser.rate_hz
        )
    return report
