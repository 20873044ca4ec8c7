"""Read shards of files in worker processes.

Each worker has a pipe of its own to the parent and nothing shared, so that it ends when its parent does, however
that ended, and a worker that dies is noticed.
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
"""Read files into a shard's file, calling back after each. Must be picklable."""
Job = tuple[Sequence[Path], Path]
_Pipe: TypeAlias = "Connection[Any, Any]"
_END_S = 5.0


def read_all(read: ShardReader, jobs: Sequence[Job], *, workers: int, file_done: FileDone) -> None:
    """Do every job, in this process where one worker is enough.

    Raises DataError where a worker could not write its shard, or died; finished shards stay.
    """
    if min(workers, len(jobs)) <= 1:
        for files, shard in jobs:
            try:
                read(files, shard, file_done)
            except OSError as error:
                raise DataError(_unwritten(shard, error)) from None
        return
    context = multiprocessing.get_context("spawn")
    crew: dict[_Pipe, SpawnProcess] = {}
    try:
        for _ in range(min(workers, len(jobs))):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, read), daemon=True)
            process.start()
            theirs.close()
            crew[ours] = process
        _hand_out(deque(jobs), set(crew), file_done)
    finally:
        for connection, process in crew.items():
            connection.close()
            process.join(_END_S)
            process.kill()


def _hand_out(jobs: deque[Job], crew: set[_Pipe], file_done: FileDone) -> None:
    busy = set(crew)
    for connection in crew:
        connection.send(jobs.popleft())
    while busy:
        for connection in cast("list[_Pipe]", wait(busy)):
            try:
                answer: str | None = connection.recv()
            except (EOFError, OSError):
                raise DataError(
                    "a reading process died, perhaps for want of memory; run the same command again with fewer "
                    "--workers: what is read already is kept"
                ) from None
            if answer is None:
                file_done()
            elif answer:
                raise DataError(answer)
            elif jobs:
                connection.send(jobs.popleft())
            else:
                busy.discard(connection)


def _work(connection: _Pipe, read: ShardReader) -> None:
    # Ctrl-C is the parent's to answer; its end of the pipe closing is what ends a worker.
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
    return f"{shard}: cannot be written ({error.strerror or error}); mend that and run the same command again"
