"""Read shards of files in worker processes.

Each worker has its own pipe to the parent and shares nothing. So it ends when its parent ends, for whatever reason,
and the parent detects a worker that died.
"""

import contextlib
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, TypeAlias, cast

from hitrs_live.errors import DataError

FileDone = Callable[[], None]
ShardReader = Callable[[Sequence[Path], Path, FileDone], None]
"""Reads files into a shard's file, and calls back after each. Must be picklable."""
Job = tuple[Sequence[Path], Path]
_Pipe: TypeAlias = "Connection[Any, Any]"
_END_S = 5.0


def read_all(read: ShardReader, jobs: Sequence[Job], *, workers: int, file_done: FileDone) -> None:
    """Do every job, in this process where one worker is enough.

    read: reads the files of one job into its shard. Raises DataError where a worker could not write its shard, or
    died; finished shards stay.
    """
    if min(workers, len(jobs)) <= 1:
        for files, shard in jobs:
            try:
                read(files, shard, file_done)
            except OSError as error:
                raise DataError(_unwritten(shard, error)) from None
        return
    context = multiprocessing.get_context("spawn")
    pool: dict[_Pipe, SpawnProcess] = {}
    try:
        for _ in range(min(workers, len(jobs))):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, read), daemon=True)
            process.start()
            theirs.close()
            pool[ours] = process
        _distribute(deque(jobs), set(pool), file_done)
    finally:
        for connection, process in pool.items():
            connection.close()
            process.join(_END_S)
            process.kill()


def _distribute(jobs: deque[Job], pool: set[_Pipe], file_done: FileDone) -> None:
    """Send a job to every idle worker until all are done. A worker replies None per file, then an error or ""."""
    busy = set(pool)
    for connection in pool:
        connection.send(jobs.popleft())
    while busy:
        for connection in cast("list[_Pipe]", wait(busy)):
            try:
                reply: str | None = connection.recv()
            except (EOFError, OSError):
                raise DataError(
                    "a reading process died, perhaps out of memory; run the same command again with fewer "
                    "--workers: finished shards are kept"
                ) from None
            if reply is None:
                file_done()
            elif reply:
                raise DataError(reply)
            elif jobs:
                connection.send(jobs.popleft())
            else:
                busy.discard(connection)


def _work(connection: _Pipe, read: ShardReader) -> None:
    # The parent handles Ctrl-C; a worker ends when the parent's end of the pipe is closed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            files, shard = connection.recv()
            try:
                read(files, shard, lambda: connection.send(None))
            except (BrokenPipeError, ConnectionResetError):
                return
            except OSError as error:
                connection.send(_unwritten(shard, error))
            else:
                connection.send("")


def _unwritten(shard: Path, error: OSError) -> str:
    return f"{shard}: cannot be written ({error.strerror or error}); fix that and run the same command again"
