"""Read many files in shards that are kept until all are there, so that a run that was broken off goes on."""

import functools
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from hitrs_live.data.array_format import BROKEN
from hitrs_live.data.dataset import Sample
from hitrs_live.errors import DataError
from hitrs_live.prepare.reading import Findings, Plan, Reading, Recorded
from hitrs_live.prepare.worker_processes import FileDone, read_all
from hitrs_live.version import __version__

LARGEST_SHARD_FILES = 500
_SHARDS = "shards"
_MANIFEST = "manifest.txt"


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    """What a shard has beside its numbers."""

    samples: list[Sample]
    findings: Findings


def read_shards(plan: Plan, part: Path, *, workers: int, file_done: FileDone) -> tuple[list[Path], int]:
    """Read every file of a plan that no finished shard in `part` has.

    Returns the shards in order, and how many files were read now.

    `file_done` is called for each file, also those read by an earlier run. Where the files, their dates or sizes, or
    what the plan rests on changed since, all begins anew. Raises DataError where shards cannot be written.
    """
    folder = part / _SHARDS
    _begin_anew_if_changed(plan, part)
    size = shard_files(len(plan.files))
    jobs, shards = [], []
    for number, start in enumerate(range(0, len(plan.files), size)):
        files, shard = plan.files[start : start + size], folder / f"{number:05}.npz"
        shards.append(shard)
        if not shard.exists():
            jobs.append((files, shard))
            continue
        for _ in files:
            file_done()
    read_all(functools.partial(_read_shard, plan.read, plan.folder), jobs, workers=workers, file_done=file_done)
    return shards, sum(len(files) for files, _ in jobs)


def shard_files(files: int) -> int:
    """Choose how many files a shard has: it rests on their number alone, so that --workers may change between runs."""
    return min(LARGEST_SHARD_FILES, max(8, -(-files // 32)))


def load_shards(shards: Sequence[Path], findings: Findings) -> Iterator[Recorded]:
    """Yield the sequences of shards one after another, and add what was met in them to `findings`.

    Raises DataError for a damaged shard, after putting it away: the next run reads its files again.
    """
    for shard in shards:
        try:
            with shard.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                joints, labels, text = archive["joints"], archive["labels"], archive["text"].tobytes()
            content = msgspec.json.decode(text, type=_Content)
        except (*BROKEN, KeyError, msgspec.DecodeError) as error:
            shard.unlink(missing_ok=True)
            raise DataError(f"{shard} was damaged ({error}) and is put away; run the same command again") from None
        findings.add(content.findings)
        row = 0
        for sample in content.samples:
            rows = sum(body.frames for body in sample.bodies)
            yield Recorded(sample=sample, joints=joints[row : row + rows], labels=labels[row : row + rows])
            row += rows


def drop_shards(part: Path) -> None:
    """Remove what only a restart needs."""
    shutil.rmtree(part / _SHARDS, ignore_errors=True)
    (part / _MANIFEST).unlink(missing_ok=True)


def _begin_anew_if_changed(plan: Plan, part: Path) -> None:
    kept = part / _MANIFEST
    try:
        manifest = _fingerprint(plan)
        if not (kept.is_file() and kept.read_text(encoding="utf-8", errors="replace") == manifest):
            drop_shards(part)
            (part / _SHARDS).mkdir(parents=True)
            kept.write_text(manifest, encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"{error.filename or part}: {error.strerror}; mend that and run the same command again"
        ) from None


def _fingerprint(plan: Plan) -> str:
    digest = hashlib.sha256()
    for path in plan.files:
        status = path.stat()
        digest.update(f"{path.relative_to(plan.folder)} {status.st_size} {status.st_mtime_ns}\n".encode())
    for text in (plan.depends_on, msgspec.json.encode(plan.index).decode()):
        digest.update(text.encode() + b"\0")
    return f"hitrs_live {__version__}\n{len(plan.files)} files\n{digest.hexdigest()}\n"


def _read_shard(
    read: Callable[[Path], Reading], folder: Path, files: Sequence[Path], shard: Path, file_done: FileDone
) -> None:
    recorded: list[Recorded] = []
    findings = Findings()
    for path in files:
        try:
            reading = read(path)
        except DataError as error:
            findings.broken[str(path.relative_to(folder))] = str(error)
        else:
            recorded += reading.recorded
            findings.add(reading.findings)
        file_done()
    text = msgspec.json.encode(_Content([one.sample for one in recorded], findings))
    # Under its own name only when whole: a run killed while it writes leaves no half shard.
    growing = shard.with_suffix(f".{os.getpid()}")
    with growing.open("wb") as file:
        np.savez(
            file,
            joints=np.concatenate([np.zeros((0, 25, 3), np.float32), *(one.joints for one in recorded)]),
            labels=np.concatenate([np.zeros(0, np.int16), *(one.labels for one in recorded)]),
            text=np.frombuffer(text, np.uint8),
        )
    growing.rename(shard)
