"""Open labelled sequences wherever they lie: a prepared folder, or a file in the array format."""

import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import Archive, load_archive
from hitrs_live.data.dataset import INDEX, UNLABELLED, Body, Dataset, Index, Sample, open_prepared
from hitrs_live.data.protocols import NW_UCLA_ACTIONS, split_names, splits_of, usual_rate_hz
from hitrs_live.errors import DataError

_LOG = logging.getLogger(__name__)
BACKGROUND_NAME = "background"
_RANGE = re.compile(r"(\d+)\.\.(\d+) *= *([^\d.]*)(\d+)\.\.([^\d.]*)(\d+)")
"""Such as `1..10 = m01..m10`."""


def open_datasets(paths: Iterable[Path]) -> list[Dataset]:
    """Open several data sets; a folder that is none itself stands for all .npz files and prepared folders in it.

    Raises DataError, naming the path, where there is nothing to open or it is broken.
    """
    return [open_dataset(found) for path in paths for found in _expand(path)]


def open_dataset(path: Path) -> Dataset:
    """Open a prepared folder, memory-mapped, or an .npz in the array format, read whole.

    Of an .npz the classes are those that occur, in the order of their numbers. Its rate is meta's `rate_hz`, and
    where meta is silent the one that `protocols.py` takes the data set to have.

    Raises DataError, naming the path and what is wrong with it.
    """
    if path.is_dir():
        if not (path / INDEX).is_file():
            raise DataError(
                f"{path}: a folder without {INDEX}, expected a prepared data set or an .npz; "
                "make one with hitrs-live prepare"
            )
        return open_prepared(path)
    return _from_archive(path, load_archive(path))


def check_classes(train: Dataset, test: Dataset) -> None:
    """Refuse a split in which a class is only trained on, or only tested on.

    A class of the index without any sequence in either half is not part of the split and passes; so does background.
    Raises DataError, naming the class and the file.
    """
    trained, tested = _classes_of(train), _classes_of(test)
    for number, name in enumerate(train.index.labels):
        if number != train.index.background and (number in trained) != (number in tested):
            half = "test" if number in trained else "training"
            raise DataError(
                f"{train.path}: class {name!r} has no {half} sequence in this split; choose another split, "
                "or other test subjects with --test-subjects"
            )


def check_rates(datasets: Sequence[Dataset], rate_hz: float) -> None:
    """Refuse data sets of another frame rate than the one expected.

    Raises DataError, naming the first of them and its rate.
    """
    for dataset in datasets:
        if dataset.index.rate_hz != rate_hz:
            raise DataError(
                f"{dataset.path}: {dataset.index.rate_hz:g} frames a second, expected {rate_hz:g}; bring it to that "
                f"with hitrs-live prepare arrays {dataset.path} --rate-hz {rate_hz:g} --out OUT"
            )


def _expand(path: Path) -> list[Path]:
    if not path.is_dir() or (path / INDEX).is_file():
        return [path]
    found = sorted([*path.glob("*.npz"), *(index.parent for index in path.glob(f"*/{INDEX}"))])
    if not found:
        raise DataError(f"{path}: a folder without any .npz and not prepared; make one with hitrs-live prepare")
    return found


def _classes_of(dataset: Dataset) -> set[int]:
    return {
        int(label)
        for sample in dataset.samples
        for body in sample.bodies[:1]
        for label in np.unique(dataset.labels_of(body))
        if label != UNLABELLED
    }


def _from_archive(path: Path, archive: Archive) -> Dataset:
    names = _label_names(archive)
    numbers, labels = _contiguous(path, archive.labels, names)
    splits = split_names(path.stem, archive.names)
    samples = []
    first_row = 0
    for name, subject, length in zip(archive.names, archive.subjects, archive.lengths.tolist(), strict=True):
        test_of, left_out_of = splits_of(splits, path.stem, name, subject)
        body = Body(first_row=first_row, frames=length)
        samples.append(Sample(name=name, subject=subject, bodies=(body,), test_of=test_of, left_out_of=left_out_of))
        first_row += length
    index = Index(
        name=path.stem,
        source="; ".join(str(archive.meta[key]) for key in ("source", "licence", "note") if archive.meta.get(key)),
        rate_hz=_rate_hz(path, archive.meta, usual_rate_hz(path.stem, splits)),
        labels=tuple(names.get(number, str(number)) for number in numbers),
        background=0 if numbers and numbers[0] == 0 and names.get(0) == BACKGROUND_NAME else None,
        valid=tuple(archive.valid_mask.tolist()),
        splits=splits,
        samples=tuple(samples),
    )
    if archive.bad_joints:
        _LOG.warning("%s: %d joints without a position, filled from the frames around them", path, archive.bad_joints)
    return Dataset(path=path, index=index, joints=archive.joints, labels=labels, bad_joints=archive.bad_joints)


def _label_names(archive: Archive) -> dict[int, str]:
    """Name the labels: from the mapping, from text such as `1..10 = m01..m10`, or from Northwestern-UCLA's names.

    Where classes are named and 0 is not, 0 is background.
    """
    names = archive.label_names
    if match := _RANGE.fullmatch(str(archive.meta.get("labels", ""))):
        first, last, prefix, named_first, _, _ = match.groups()
        width, offset = len(named_first), int(named_first) - int(first)
        names = {number: f"{prefix}{number + offset:0{width}}" for number in range(int(first), int(last) + 1)}
    elif not names and split_names("", archive.names):
        starts = np.cumsum(archive.lengths) - archive.lengths
        for name, label in zip(archive.names, archive.labels[starts].tolist(), strict=True):
            names[label] = NW_UCLA_ACTIONS.get(name[1:3], str(label))
    return {0: BACKGROUND_NAME, **names} if names else {}


def _contiguous(path: Path, labels: NDArray[np.integer], names: dict[int, str]) -> tuple[list[int], NDArray[np.int16]]:
    """Renumber the labels that occur as 0, 1, ... in their order. Returns their numbers in the file, and (frames,)."""
    numbers = [int(number) for number in np.unique(labels) if number != UNLABELLED]
    if numbers == [0] and 0 not in names:
        return [], np.full(len(labels), UNLABELLED, np.int16)
    if numbers and numbers[0] < 0:
        raise DataError(f"{path}: label {numbers[0]}, expected 0 or above, or {UNLABELLED} for a frame without one")
    if len(numbers) > np.iinfo(np.int16).max:
        raise DataError(f"{path}: {len(numbers)} different labels, expected at most {np.iinfo(np.int16).max}")
    positions = np.searchsorted(numbers, labels).astype(np.int16)
    return numbers, np.where(labels == UNLABELLED, UNLABELLED, positions).astype(np.int16)


def _rate_hz(path: Path, meta: dict[str, Any], usual: float) -> float:
    rate = meta.get("rate_hz", usual)
    if not (isinstance(rate, (int, float)) and 1 <= rate <= 1000):
        raise DataError(f"{path}: meta's rate_hz is {str(rate)[:40]!r}, expected 1 to 1000 frames a second")
    return float(rate)
