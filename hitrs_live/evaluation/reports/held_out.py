"""Measure a detector on the held-out subjects of the data sets that the shipped model is trained on."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import ActionConfig
from hitrs_live.data.array_format import IGNORE, LabelledSequence
from hitrs_live.data.class_map import as_streams, labelled_classes, read_classes
from hitrs_live.data.corruptions import Corruption, corrupt
from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.data.shipped_classes import SOURCES
from hitrs_live.evaluation.decode_streams import decode_streams
from hitrs_live.evaluation.reports.detection import TOLERANCE_S, detection_report
from hitrs_live.evaluation.run_model import run_model
from hitrs_live.streaming.thresholds import Thresholds, reported_classes


def evaluate_held_out(
    checkpoint: Checkpoint,
    folder: Path,
    *,
    config: ActionConfig | None = None,
    thresholds: Thresholds | None = None,
    step_frames: int | None = None,
    mirror: bool = True,
    effects: tuple[Corruption, ...] = (),
) -> dict[str, Any]:
    """Run all test subjects' streams and return metrics by source and by class, ready for JSON.

    config: which classes are reported and how they are decoded, by default as live; step_frames: frames from one
    prediction to the next, by default the clip stride; mirror: whether the mirror image is predicted too and both are
    averaged; effects: degradations of the joints that the model sees, and against which its motion predictions are
    measured. Raises DataError where the data is missing.
    """
    labels = checkpoint.info.labels
    sources = {name: open_dataset(folder / "ship" / f"{name}.npz") for name in SOURCES}
    report: dict[str, Any] = {
        "start_tolerance_s": TOLERANCE_S,
        "degraded": [effect.name for effect in effects],
        "sources": {},
    }
    for name, data in sources.items():
        report["sources"][name] = source_figures(
            checkpoint, as_streams(name, read_classes(data.split()[True], labels)),
            labelled=labelled_classes(data, labels), config=config, thresholds=thresholds, step_frames=step_frames,
            mirror=mirror, effects=effects,
        )  # fmt: skip
    return report


def source_figures(
    checkpoint: Checkpoint,
    sequences: Sequence[LabelledSequence],
    *,
    labelled: Collection[str],
    config: ActionConfig | None = None,
    thresholds: Thresholds | None,
    step_frames: int | None,
    mirror: bool,
    effects: tuple[Corruption, ...] = (),
) -> dict[str, Any]:
    """Run the streams of one source through the live stages and return its metrics; arguments as above.

    labelled: the classes that the source labels wherever they occur.
    """
    config = config or ActionConfig()
    known = [corrupt(sequence, effects) for sequence in sequences if (sequence.labels != IGNORE).any()]
    streams = run_model(checkpoint, known, step_frames=step_frames, mirror=mirror)
    results = decode_streams(streams, checkpoint.info, config, thresholds=thresholds, step_frames=step_frames)
    return detection_report(
        results, checkpoint.info.labels, rate_hz=checkpoint.info.normaliser.rate_hz, labelled=labelled,
        reported=reported_classes(checkpoint.info.labels, config, thresholds),
    )  # fmt: skip
