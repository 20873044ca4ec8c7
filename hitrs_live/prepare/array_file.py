"""Write sequences in the array format: one `.npz` of all of them, as `data.arrays` reads it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from hitrs_live.data.dataset import UNLABELLED, Index
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.prepare.reading import Findings, Recorded

ENDING: Final = ".npz"
OTHER_BODIES: Final = "further bodies left out"


def check_target(out: Path, *, overwrite: bool) -> None:
    """Raise ConfigError where the file exists and may not be replaced, or is no file."""
    if out.exists() and (not overwrite or not out.is_file()):
        raise ConfigError(f"--out {out}: it exists already; give another name, or replace it with --overwrite")


def report_path(out: Path) -> Path:
    """Name the report that is written beside an array file."""
    return out.with_name(f"{out.stem}.report.json")


def write_array_file(out: Path, index: Index, recorded: Iterable[Recorded], findings: Findings) -> None:
    """Write the first body of every sequence, float16 metres, and the findings beside it; all or nothing.

    Class numbers are the index's where it has a background, which is 0, and from 1 where it has none. `recorded` may
    add to `findings` as it goes. Raises DataError where there is no sequence, or the disk does not take it.
    """
    joints, labels, lengths, subjects, names = [], [], [], [], []
    others = 0
    for one in recorded:
        body = one.sample.bodies[0]
        rows = slice(body.first_row, body.first_row + body.frames)
        joints.append(one.joints[rows].astype(np.float16))
        labels.append(one.labels[rows])
        lengths.append(body.frames)
        subjects.append(one.sample.subject)
        names.append(one.sample.name)
        others += len(one.sample.bodies) - 1
    if not names:
        troubles = [f"{name}: {why}" for name, why in (findings.broken | findings.left_out).items()]
        raise DataError(
            f"no sequence in {len(troubles)} files, the first of them: {(troubles or ['there is none'])[0]}"
        )
    findings.add(Findings(counts={OTHER_BODIES: others}))
    first = 0 if index.background == 0 else 1
    y = np.concatenate(labels)
    meta = {
        "source": index.source,
        "labels": {str(number + first): name for number, name in enumerate(index.labels)},
        "valid": list(index.valid),
        "rate_hz": index.rate_hz,
    }
    try:
        with whole_file(out) as unfinished, unfinished.open("wb") as file:
            np.savez_compressed(
                file, x=np.concatenate(joints), y=np.where(y == UNLABELLED, UNLABELLED, y + first).astype(np.int16),
                length=np.array(lengths, np.int32), subject=np.array(subjects), seq=np.array(names),
                meta=np.array(json.dumps(meta)),
            )  # fmt: skip
        with whole_file(report_path(out)) as unfinished:
            report = msgspec.json.format(msgspec.json.encode(findings, order="sorted"), indent=1)
            unfinished.write_bytes(report + b"\n")
    except OSError as error:
        raise DataError(f"{out}: cannot be written ({error.strerror or error}); give another --out") from None
