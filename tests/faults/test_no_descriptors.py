"""Without a free file descriptor a pipeline goes on and says what it could not read."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from hitrs_live.pipeline.status import OwnMemory
from hitrs_live.wire.connection_guard import most_connections


@contextmanager
def _no_free_descriptor() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = os.open(os.devnull, os.O_RDONLY)
    try:
        # The lowest free number is the first that a process would get.
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken + 1, limits[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        os.close(taken)


def test_the_status_keeps_the_last_memory_and_has_a_notice() -> None:
    memory = OwnMemory()
    before_mb = memory.read_mb()
    assert before_mb > 1
    assert not memory.notice
    with _no_free_descriptor():
        assert memory.read_mb() == before_mb
        assert "Too many open files" in memory.notice
    memory.read_mb()
    assert not memory.notice


def test_connections_leave_descriptors_for_everything_else() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert psutil.Process().num_fds() < 256
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
        assert most_connections(10_000) == 64
        assert most_connections(5) == 5
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
