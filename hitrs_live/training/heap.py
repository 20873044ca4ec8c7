"""Keep a training run's memory near what one step needs.

Batches differ in size, so the activations of one step rarely fit the holes that those of the step before left in the
C library's heap. With glibc the heap of a small model grew to several times what a step uses, most of it free. Two
things keep it small: free pages go back to the system once too many have gathered, and large tensors are placed on
huge pages where the system has them, which makes it cheap to fetch pages again. Neither changes a result.
"""

import ctypes
import os
import sys

_LEAST_FREE = 256 * 1024 * 1024
"""Bytes that may lie free in any case: less is not worth a call."""
_GROWTH = 1.5
"""How far what lies free after a step may grow over what the largest single step leaves free."""


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


class Heap:
    """Give free memory back to the system between steps, where the C library is glibc; elsewhere do nothing."""

    def __init__(self, least_free: int = _LEAST_FREE) -> None:
        """Find the calls. least_free: bytes that may lie free in any case."""
        self._least_free = least_free
        self._of_a_step = 0
        self._is_fresh = True
        self._library = _glibc()

    def free_bytes(self) -> int:
        """Return how many bytes of the heap lie free; 0 where that is not known."""
        return 0 if self._library is None else int(self._library.mallinfo2().fordblks)

    def after_step(self) -> bool:
        """Give back what is free where it has grown far beyond what one step leaves. Returns whether it was given."""
        if self._library is None:
            return False
        free = self.free_bytes()
        if self._is_fresh:
            self._of_a_step = max(self._of_a_step, free)
        self._is_fresh = free > max(self._least_free, _GROWTH * self._of_a_step)
        if self._is_fresh:
            self._library.malloc_trim(0)
        return self._is_fresh


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
