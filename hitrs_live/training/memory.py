"""Keep a training run's memory near what one step needs.

Batches differ in size, so the activations of one step rarely fit the holes that those of the step before left in the
C library's heap. With glibc the heap of a small model grew to several times what a step uses, most of it free. Two
things keep it small: free pages go back to the system every few steps, and large tensors are placed on
huge pages where the system has them, which makes it cheap to fetch pages again. Neither changes a result.
"""

import ctypes
import os
import sys

_EVERY = 4
"""Steps from one return to the next. Each return makes the next step fetch its pages again: of every step, that took a
fifth of its time; of every few, none that could be measured."""
_LEAST_FREE = 256 * 1024 * 1024
"""Bytes that may lie free in any case: less is not worth a call."""


def use_huge_pages() -> None:
    """Let torch place large tensors on huge pages. Has an effect only before torch makes its first tensor."""
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


class _HeapFigures(ctypes.Structure):
    """`struct mallinfo2` of glibc 2.33 and later."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    )  # fmt: skip


class HeapTrimmer:
    """Give free memory back to the system between steps, where the C library is glibc; elsewhere do nothing."""

    def __init__(self, *, every: int = _EVERY, least_free: int = _LEAST_FREE) -> None:
        """Find the calls. every: steps from one return to the next; least_free: bytes that may lie free in any case."""
        self._every, self._least_free = every, least_free
        self._steps = 0
        self._library = _glibc()

    def free_bytes(self) -> int:
        """Return how many bytes of the heap lie free; 0 where that is not known."""
        return 0 if self._library is None else int(self._library.mallinfo2().fordblks)

    def after_step(self) -> bool:
        """Count a step, and give back what lies free where it is time. Returns whether it was given."""
        self._steps += 1
        due = self._steps % self._every == 0 and self.free_bytes() > self._least_free
        if due and self._library is not None:
            self._library.malloc_trim(0)
        return due


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    if not (hasattr(library, "malloc_trim") and hasattr(library, "mallinfo2")):
        return None
    library.mallinfo2.restype = _HeapFigures
    library.mallinfo2.argtypes = []
    library.malloc_trim.argtypes = [ctypes.c_size_t]
    return library
