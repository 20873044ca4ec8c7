"""Write a prepared data set: in a folder of its own that gets its name only when all is there."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from hitrs_live.data.dataset import INDEX, JOINTS, LABELS, Body, Dataset, Index, Sample, open_prepared
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.prepare.reading import Findings, Recorded
from hitrs_live.skeleton import NTU25

REPORT = "report.json"


def begin(out: Path, *, overwrite: bool) -> Path:
    """Make the folder OUT.part, or find the one that a run broken off left, and return it.

    Raises ConfigError where OUT exists and may not be replaced, or is no prepared data set, or cannot be written.
    """
    if out.name in ("", ".."):
        raise ConfigError(f"--out {out}: expected the name of a folder to make")
    if out.exists() and not overwrite:
        raise ConfigError(f"--out {out}: it exists already; give another name, or replace it with --overwrite")
    if out.exists() and not (out.is_dir() and ((out / INDEX).is_file() or not any(out.iterdir()))):
        raise ConfigError(f"--out {out}: it is no prepared data set, so --overwrite leaves it alone; give another name")
    part = out.with_name(out.name + ".part")
    try:
        part.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {out}: {part} cannot be made ({error.strerror}); give another folder") from None
    return part


def write_dataset(part: Path, index: Index, recorded: Iterable[Recorded], findings: Findings) -> None:
    """Write sequences, one at a time in memory, and the report. `recorded` may add to `findings` as it goes.

    Raises DataError where the disk does not take them, or, after removing the folder, where there is no sequence.
    """
    try:
        samples = _write_arrays(part, recorded)
        if not samples:
            shutil.rmtree(part, ignore_errors=True)
            raise DataError(_nothing(findings))
        finished = msgspec.structs.replace(index, samples=tuple(samples))
        (part / INDEX).write_bytes(msgspec.json.encode(finished) + b"\n")
        report = msgspec.json.format(msgspec.json.encode(findings, order="sorted"), indent=1)
        (part / REPORT).write_bytes(report + b"\n")
    except OSError as error:
        raise DataError(f"{part}: cannot be written ({error.strerror or error}); mend that and run it again") from None


def finish(part: Path, out: Path) -> Dataset:
    """Give the folder its name, in the place of what stood there, and open it.

    Raises DataError where that fails.
    """
    old = out.with_name(out.name + ".old")
    try:
        if out.exists():
            out.rename(old)
        part.rename(out)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise DataError(f"{out}: {part} cannot be renamed to it ({error.strerror}); rename it by hand") from None
    return open_prepared(out)


def _nothing(findings: Findings) -> str:
    troubles = [f"{name}: {why}" for name, why in (findings.broken | findings.left_out).items()]
    return f"no sequence in {len(troubles)} files, the first of them: {troubles[0] if troubles else 'there is none'}"


def _write_arrays(part: Path, recorded: Iterable[Recorded]) -> list[Sample]:
    """Append every sequence to both arrays; the headers, whose length is fixed, are written again at the end."""
    samples, rows = [], 0
    with (part / JOINTS).open("wb") as joints_file, (part / LABELS).open("wb") as labels_file:
        _write_headers(joints_file, labels_file, 0)
        for one in recorded:
            joints_file.write(np.ascontiguousarray(one.joints, "<f4").tobytes())
            labels_file.write(np.ascontiguousarray(one.labels, "<i2").tobytes())
            bodies = tuple(
                Body(first_row=rows + body.first_row, frames=body.frames, first_frame=body.first_frame)
                for body in one.sample.bodies
            )
            samples.append(msgspec.structs.replace(one.sample, bodies=bodies))
            rows += len(one.joints)
        _write_headers(joints_file, labels_file, rows)
    return samples


def _write_headers(joints_file: BinaryIO, labels_file: BinaryIO, rows: int) -> None:
    # The format itself leaves room in a header for the first axis to grow.
    for file, kind, shape in ((joints_file, "<f4", (rows, len(NTU25), 3)), (labels_file, "<i2", (rows,))):
        before = file.tell() if rows else 0
        file.seek(0)
        np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
        if before:
            file.seek(before)
