"""List the classes of a detector: which are reported by default, and how many of them are found."""

from collections.abc import Iterator
from pathlib import Path

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.config import ActionConfig
from hitrs_live.streaming.thresholds import find_thresholds, recall_key, reported_classes


def describe_classes(path: str | Path | None) -> Iterator[str]:
    """Give lines of text on a detector's classes, with the thresholds that the live path would find.

    path: as `load_checkpoint` takes it. Raises CheckpointMismatch or ConfigError.
    """
    checkpoint = load_checkpoint(path)
    labels = checkpoint.info.labels
    found = find_thresholds("", checkpoint, path)
    reported = frozenset(reported_classes(labels, ActionConfig(), found.thresholds))
    recalls = {} if found.thresholds is None else found.thresholds.provenance
    yield (
        f"{checkpoint.info.name}: {len(labels) - 1} classes, {len(reported)} reported by default; the experimental "
        "ones are reported where --classes or the setting action.classes names them"
    )
    if found.notice:
        yield found.notice
    width = max(map(len, labels))
    yield f"{'class':<{width}}  {'by default':<12}  found of left-out people"
    for label in labels[1:]:
        state = "reported" if label in reported else "experimental"
        yield f"{label:<{width}}  {state:<12}  {recalls.get(recall_key(label), '-')}"
