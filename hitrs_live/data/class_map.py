"""Read recordings with a detector's classes: map the labels of a data set to them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND, IGNORE, LabelledSequence
from hitrs_live.data.dataset import UNLABELLED, Body, Dataset
from hitrs_live.data.formats.ui_prmd import join_repetitions, keep_rising, trim_rest
from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.data.protocols import has_single_repetitions
from hitrs_live.data.shipped_classes import LABELS, SHIP_CLASSES, SOURCES, ship_class
from hitrs_live.errors import DataError

_RISING = "sit_to_stand"


def map_labels(data: Dataset, labels: tuple[str, ...], unknown: int = IGNORE) -> NDArray[np.int64]:
    """Map each label of a data set to a class of a detector.

    labels: the detector's classes, background first. A label is looked up by its name; the shipped data's names are
    first translated by `ship_class`. Returns (L,), `unknown` where the detector has no such class.
    """
    table = np.full(len(data.index.labels), unknown, np.int64)
    for number, name in enumerate(data.index.labels):
        known = ship_class(data.index.name, name, labels) if data.index.name in SHIP_CLASSES else name
        if number == data.index.background:
            table[number] = BACKGROUND
        elif known in labels:
            table[number] = labels.index(known)
    return table


def labelled_classes(data: Dataset, labels: tuple[str, ...]) -> frozenset[str]:
    """Return the classes of a detector that a data set labels wherever they occur. Of the others it says nothing."""
    return frozenset(labels[number] for number in map_labels(data, labels).tolist() if number > BACKGROUND)


def read_classes(data: Dataset, labels: tuple[str, ...], unknown: int = IGNORE) -> list[LabelledSequence]:
    """Read every body of a data set with the classes of a detector.

    unknown: class of labels that the detector does not have. IGNORE for training and for measuring detections;
    BACKGROUND for measuring false alarms.

    Raises DataError where the detector has none of the labels.
    """
    table = map_labels(data, labels, unknown)
    if not (table >= BACKGROUND).any():
        raise DataError(
            f"{data.path}: none of its labels ({', '.join(data.index.labels[:5])}, ...) is one of the detector's "
            f"classes ({', '.join(labels[1:6])}, ...); give data of the same classes"
        )
    sequences = _read_bodies(data, lambda body: _mapped(data.labels_of(body), table))
    if not has_single_repetitions(data.index.name):
        return sequences
    trimmed = [trim_rest(one) for one in sequences]
    return [keep_rising(one, labels.index(_RISING)) for one in trimmed] if _RISING in labels else trimmed


def read_streams(data: Dataset, labels: tuple[str, ...], unknown: int = IGNORE) -> list[LabelledSequence]:
    """Read one stream per person: as `read_classes`, but single repetitions are concatenated.

    Raises DataError as `read_classes` does.
    """
    return as_streams(data.index.name, read_classes(data, labels, unknown))


def as_streams(name: str, sequences: list[LabelledSequence]) -> list[LabelledSequence]:
    """Join the sequences of a data set of that name into streams where they are single repetitions."""
    return join_repetitions(sequences) if has_single_repetitions(name) else sequences


def read_background(data: Dataset) -> list[LabelledSequence]:
    """Read every body of a data set with all frames labelled background, whatever its labels."""
    return _read_bodies(data, lambda body: np.full(body.frames, BACKGROUND, np.int64))


def _read_bodies(data: Dataset, labels_of: Callable[[Body], NDArray[np.int64]]) -> list[LabelledSequence]:
    return [
        LabelledSequence(
            name=sample.name if len(sample.bodies) == 1 else f"{sample.name}/{number}",
            subject=sample.subject,
            joints_m=data.joints_m(body),
            labels=labels_of(body),
            valid_mask=np.array(data.index.valid),
        )
        for sample in data.samples
        for number, body in enumerate(sample.bodies)
    ]


def read_ship(folder: Path, *, test: bool, labels: tuple[str, ...] = LABELS) -> dict[str, list[LabelledSequence]]:
    """Read the labelled files of the data folder with the classes of a detector, by default those of the files alone.

    test: the test subjects, else the others. Raises DataError where a file is missing or damaged.
    """
    halves = {name: open_dataset(folder / "ship" / f"{name}.npz").split() for name in SOURCES}
    return {name: read_classes(half[test], labels) for name, half in halves.items()}


def _mapped(labels: NDArray[np.int16], table: NDArray[np.int64]) -> NDArray[np.int64]:
    mapped: NDArray[np.int64] = np.where(labels == UNLABELLED, IGNORE, table[labels])
    return mapped
