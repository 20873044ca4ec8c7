"""Distinguish a process or thread that hangs from one that the machine gives no time.

A busy machine may delay a healthy process for longer than any limit. Killing it then makes things worse: the next one
has to load its network first. A process that waits for a processor, or for a page from disk, is left alone until it has
had as much processor time as a hang is given.
"""

import threading
import time
from pathlib import Path
from typing import Final

import psutil

_WAITING_FOR_MACHINE: Final = frozenset({psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP})
_LINUX_WAITING: Final = frozenset("RD")
_LOOKS: Final = 10
_BETWEEN_LOOKS_S: Final = 0.01


def cpu_time_s(pid: int) -> float:
    """Return the processor time that a process has used, all threads, seconds; 0 where it has ended."""
    try:
        times = psutil.Process(pid).cpu_times()
    # OSError where no file can be opened now.
    except (psutil.Error, OSError):
        return 0.0
    return float(times.user + times.system)


def waits_for_machine(pid: int, *, but: int | None = None) -> bool:
    """Whether any thread of a process is runnable or waits for the disk; looked at for a tenth of a second.

    but: native id of a thread that does not count, such as the one that looks. False for a process that sleeps, is
    stopped or has ended.
    """
    for _ in range(_LOOKS):
        if _has_waiting_thread(pid, but):
            return True
        time.sleep(_BETWEEN_LOOKS_S)
    return False


def _has_waiting_thread(pid: int, but: int | None) -> bool:
    tasks = Path("/proc", str(pid), "task")
    if tasks.is_dir():
        return any(_state_of(task / "stat") in _LINUX_WAITING for task in _folders(tasks) if task.name != str(but))
    try:
        return psutil.Process(pid).status() in _WAITING_FOR_MACHINE
    except (psutil.Error, OSError):
        return False


def _folders(tasks: Path) -> list[Path]:
    try:
        return list(tasks.iterdir())
    except OSError:
        return []


def _state_of(stat: Path) -> str:
    """Return the letter of a thread's state; empty where the thread has ended."""
    try:
        # The name before it may contain anything, also spaces and brackets.
        return stat.read_text(errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


class ThreadProgress:
    """Observe the calling thread from another one: the processor time it uses, and whether it waits for more."""

    def __init__(self) -> None:
        """Observe the calling thread."""
        self._stat = Path("/proc/self/task", str(threading.get_native_id()), "stat")
        # Only on systems that count the processor time of single threads.
        clock_of = getattr(time, "pthread_getcpuclockid", None)
        self._clock: int | None = None if clock_of is None else clock_of(threading.get_ident())

    def cpu_time_s(self) -> float:
        """Return the processor time that the thread has used, seconds; 0 where that is unknown."""
        return 0.0 if self._clock is None else time.clock_gettime(self._clock)

    def waits_for_machine(self) -> bool:
        """Whether it is runnable or waits for the disk now."""
        return _state_of(self._stat) in _LINUX_WAITING
