"""From a checkpoint to scores of a data set's classes, whatever turns a summed-up sequence into them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.checkpoint import EncoderCheckpoint, load_recogniser
from hitrs_live.data.dataset import Dataset
from hitrs_live.errors import CheckpointMismatch
from hitrs_live.model.recogniser import Readout

_NAMED = 4
"""Classes that an error names before it counts the rest."""


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """An encoder, what it sums a sequence up to, and what names it by that."""

    file: Path
    reader: EncoderCheckpoint
    score: Callable[[Tensor], Tensor]
    """(..., C_video) -> (..., K) scores of the data set's classes, which sum to one."""
    readout: Readout = "token"
    mirror: bool = False
    """Whether it names a sequence by what it says of it and of its mirror image."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What was chosen for it, for the report."""


def class_numbers(dataset: Dataset) -> NDArray[np.int64]:
    """Return the class of every sequence as a place in the data set's `classes`, (S,)."""
    return np.array([dataset.class_of(sample) for sample in dataset.samples], np.int64)


def open_head(file: Path, dataset: Dataset) -> Classifier:
    """Open a recogniser and put its answers into the order of a data set's classes, by name.

    Raises CheckpointMismatch where it is no recogniser or names other classes.
    """
    checkpoint = load_recogniser(file)
    columns = _columns(file, checkpoint.info.labels, dataset)
    head = checkpoint.model.head

    def score(tokens: Tensor) -> Tensor:
        scores: Tensor = head(tokens)[..., columns].softmax(-1)
        return scores

    return Classifier(
        file=file,
        reader=EncoderCheckpoint(info=checkpoint.info, model=checkpoint.model.encoder),
        score=score,
        readout=checkpoint.info.readout,
        mirror=checkpoint.info.mirror,
    )


def _columns(file: Path, labels: tuple[str, ...], dataset: Dataset) -> list[int]:
    """Find each of the data set's classes among a checkpoint's labels."""
    wanted = dataset.classes
    missing = [name for name in wanted if name not in labels]
    besides = [name for name in labels if name not in wanted]
    if missing or besides:
        differences = [
            f"{word} {_list(names)}" for word, names in (("lacks", missing), ("has besides", besides)) if names
        ]
        raise CheckpointMismatch(
            f"checkpoint {file}: its {len(labels)} labels are not the {len(wanted)} classes of {dataset.path}, it "
            f"{' and '.join(differences)}; fine-tune it on this data set, or measure its encoder with --protocol linear"
        )
    return [labels.index(name) for name in wanted]


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:_NAMED]))
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
