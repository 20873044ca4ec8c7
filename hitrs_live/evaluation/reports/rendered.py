"""Measure a detector on held-out people as a camera sees them, beside the same recordings' own joints."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import ActionConfig
from hitrs_live.data.array_format import LabelledSequence, load_archive
from hitrs_live.data.class_map import as_streams, labelled_classes, read_classes
from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.data.shipped_classes import SOURCES
from hitrs_live.errors import DataError
from hitrs_live.evaluation.reports.held_out import source_figures
from hitrs_live.streaming.thresholds import Thresholds

ARRAYS: Final = "arrays"
"""Folder of `hitrs-live render`'s output that has one file for each source."""
_VIEW: Final = re.compile(r"_v\d+$")


def evaluate_rendered(
    checkpoint: Checkpoint,
    data: Path,
    rendered: Path,
    *,
    config: ActionConfig | None = None,
    thresholds: Thresholds | None = None,
    step_frames: int | None = None,
    mirror: bool = True,
) -> dict[str, Any]:
    """Measure the rendered test subjects of every source, and the recordings that they were rendered from.

    data: the data folder; rendered: a folder of `hitrs-live render`. Returns by source `rendered` and `own_joints`,
    with the metrics of `detection_report`, the views that were measured and those in which the person was hardly seen.
    Raises DataError where the folder has no views of the test subjects.
    """
    report: dict[str, Any] = {}
    labels = checkpoint.info.labels
    for name in SOURCES:
        file = rendered / ARRAYS / f"{name}.npz"
        if not file.exists():
            continue
        views = read_classes(open_dataset(file).split()[True], labels)
        shown = {_VIEW.sub("", view.name) for view in views}
        recorded = open_dataset(data / "ship" / f"{name}.npz")
        recordings = read_classes(recorded.split()[True], labels)
        own = [recording for recording in recordings if recording.name in shown]

        def measured(
            sequences: Sequence[LabelledSequence],
            name: str = name,
            labelled: frozenset[str] = labelled_classes(recorded, labels),
        ) -> dict[str, Any]:
            return source_figures(
                checkpoint, as_streams(name, list(sequences)), labelled=labelled, config=config, thresholds=thresholds,
                step_frames=step_frames, mirror=mirror,
            )  # fmt: skip

        report[name] = {
            "views": len(views),
            "views_hardly_seen": len(load_archive(file).meta.get("left_out", [])),
            "own_joints": measured(own),
            "rendered": measured(views),
        }
    if not report:
        raise DataError(
            f"{rendered}: no {ARRAYS}/NAME.npz of {', '.join(SOURCES)}; make them with "
            "`hitrs-live render --split test`, or `make rendered-test`"
        )
    return report
