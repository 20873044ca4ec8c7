"""Which training sequences may be learned from with their labels, when only a share of them has any.

A subset is a text file, so that everyone measures on the same one:

    # share 0.1, seed 0, ntu60
    S001C001P001R001A001
    ...
"""

from pathlib import Path

import numpy as np

from hitrs_live.data.dataset import Dataset
from hitrs_live.errors import DataError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.files.text_file import TextUnreadable, read_text


def draw_subset(dataset: Dataset, share: float, seed: int) -> tuple[str, ...]:
    """Draw that share of every class, rounded, and at least one sequence of each. Returns sorted names.

    The same data set, share and seed give the same names, in whatever order the data set has its sequences.
    Raises ValueError where the share is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"got a share of {share}, expected above 0 and at most 1")
    by_class: dict[int, list[str]] = {}
    for sample in sorted(dataset.samples, key=lambda sample: sample.name):
        by_class.setdefault(dataset.label(sample), []).append(sample.name)
    rng = np.random.default_rng(seed)
    drawn: list[str] = []
    for _, names in sorted(by_class.items()):
        count = max(1, round(share * len(names)))
        drawn.extend(names[number] for number in rng.permutation(len(names))[:count])
    return tuple(sorted(drawn))


def save_subset(path: Path, names: tuple[str, ...], *, share: float, seed: int, data: str) -> None:
    """Write one name a line under a comment that says how they were drawn, all or nothing."""
    text = "\n".join((f"# share {share}, seed {seed}, {data}", *names)) + "\n"
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def read_subset(path: Path, dataset: Dataset) -> tuple[str, ...]:
    """Read the names of a subset of a data set; lines that begin with # are comments.

    Raises DataError, naming the file, where it cannot be read, names nothing, or names what the data set has not.
    """
    try:
        lines = read_text(path).splitlines()
    except (OSError, TextUnreadable) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); expected a text file with one sequence name a line"
        ) from None
    names = tuple(name for line in lines if (name := line.strip()) and not name.startswith("#"))
    if not names:
        raise DataError(f"{path}: names no sequence, expected one name a line")
    known = {sample.name for sample in dataset.samples}
    if missing := [name for name in names if name not in known]:
        raise DataError(
            f"{path}: {len(missing)} of {len(names)} names are not among the {len(known)} training sequences of "
            f"{dataset.path}, the first is {missing[0][:80]!r}; was it drawn from another data set or split?"
        )
    return names


def take_subset(path: Path, dataset: Dataset) -> Dataset:
    """Keep the sequences that a subset names.

    Raises DataError, naming the file, as `read_subset` does, and where a class is left without any.
    """
    names = frozenset(read_subset(path, dataset))
    chosen = dataset.only([sample for sample in dataset.samples if sample.name in names])
    every, kept = ({each.class_of(sample) for sample in each.samples} for each in (dataset, chosen))
    if missing := sorted(every - kept):
        raise DataError(
            f"{path}: has no sequence of {dataset.classes[missing[0]]!r}, expected one of each class at least"
        )
    return chosen
