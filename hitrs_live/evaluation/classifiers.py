"""Turn a checkpoint into a classifier of a data set's classes: an encoder, its pooling, and a head or a probe."""

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
"""Classes that an error message lists before it counts the rest."""


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """An encoder, how it pools a sequence, and what classifies the result. K classes of the data set."""

    file: Path
    reader: EncoderCheckpoint
    score: Callable[[Tensor], Tensor]
    """(..., C_video) -> (..., K) scores of the data set's classes, which sum to one."""
    readout: Readout = "token"
    mirror: bool = False
    """Whether the scores of a sequence and of its mirror image are averaged."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Chosen hyperparameters, for the report."""


def class_numbers(dataset: Dataset) -> NDArray[np.int64]:
    """Return the class of every sequence as an index into the data set's `classes`, (S,)."""
    return np.array([dataset.class_of(sample) for sample in dataset.samples], np.int64)


def open_head(file: Path, dataset: Dataset) -> Classifier:
    """Open a recogniser and put its outputs into the order of a data set's classes, by name.

    Raises CheckpointMismatch where the file is not a recogniser or has other classes.
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
    expected = dataset.classes
    missing = [name for name in expected if name not in labels]
    additional = [name for name in labels if name not in expected]
    if missing or additional:
        differences = [
            f"{word} {_list(names)}" for word, names in (("lacks", missing), ("also has", additional)) if names
        ]
        raise CheckpointMismatch(
            f"checkpoint {file}: its {len(labels)} labels are not the {len(expected)} classes of {dataset.path}, it "
            f"{' and '.join(differences)}; fine-tune it on this data set, or measure its encoder with --protocol linear"
        )
    return [labels.index(name) for name in expected]


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:_NAMED]))
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
