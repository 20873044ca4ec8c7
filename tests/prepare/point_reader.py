"""The smallest reader: a text file per sequence, one number per frame, which is how far the whole body is to the left.

A test registers it in READERS. It shows all that a new data set needs.
"""

import functools
import re
from pathlib import Path

import numpy as np

from hitrs_live.data.dataset import Index, Sample
from hitrs_live.errors import DataError
from hitrs_live.prepare.reading import Findings, Plan, Reading, find_named, record
from hitrs_live.skeleton import NTU25

_NAME = re.compile(r"(?P<subject>p\d)_(?P<action>[a-z]+)")


def plan_points(folder: Path, *, name: str, unit_m: float = 1.0) -> Plan:
    """List the files p1_walk.txt and so on; their actions are the classes."""
    files, left_out = find_named(folder, "*.txt", _NAME, "p1_walk.txt")
    labels = tuple(sorted({path.stem.partition("_")[2] for path in files}))
    return Plan(
        folder=folder,
        files=files,
        read=functools.partial(read_points, labels=labels, unit_m=unit_m),
        index=Index(name=name, source="points", labels=labels, samples=()),
        depends_on=repr(unit_m),
        left_out=left_out,
    )


def read_points(path: Path, *, labels: tuple[str, ...], unit_m: float) -> Reading:
    """Read one file. Raises DataError where it is damaged."""
    try:
        left_m = np.array(path.read_text(encoding="utf-8").split(), float) * unit_m
    except ValueError as error:
        raise DataError(f"{path}: {error}, expected one number per line") from None
    subject, _, action = path.stem.partition("_")
    joints = np.ones((len(left_m), len(NTU25), 3), np.float32)
    joints[..., 0] = left_m[:, None]
    sample = Sample(name=path.stem, subject=subject, bodies=())
    label = np.full(len(left_m), labels.index(action), np.int16)
    return Reading(
        recorded=(record(sample, [(0, joints)], [label]),), findings=Findings(counts={"frames": len(left_m)})
    )
