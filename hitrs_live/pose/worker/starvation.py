"""Tell a process that hangs from one that the machine gives no time.

A busy machine may delay a healthy process for longer than any limit. Killing it then makes things worse: the next one
has to load its network first. A process that waits for a processor, or for a page from disk, is left alone until it has
had as much processor time as a hang is given.
"""

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
    except (psutil.Error, OSError):
        return 0.0
    return float(times.user + times.system)


def waits_for_machine(pid: int) -> bool:
    """Whether any thread of a process is runnable or waits for the disk; looked at for a tenth of a second.

    False for a process that sleeps, is stopped or has ended.
    """
    for _ in range(_LOOKS):
        if _has_waiting_thread(pid):
            return True
        time.sleep(_BETWEEN_LOOKS_S)
    return False


def _has_waiting_thread(pid: int) -> bool:
    tasks = Path("/proc", str(pid), "task")
    if tasks.is_dir():
        return any(_state_of(task / "stat") in _LINUX_WAITING for task in _folders(tasks))
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
