"""Limit a training run's memory to about what one step needs.

Batches differ in size, so the activations of one step rarely fit the free blocks that the step before left in the
C library's heap. With glibc the heap of a small model grew to several times what a step uses, most of it free. Two
measures keep it small: free pages are returned to the system every few steps, and large tensors are placed on
huge pages where the system has them, which makes it cheap to fetch pages again. Neither changes a result.
"""

import ctypes
import os
import sys

_EVERY = 4
"""Steps between trims. After a trim the next step fetches its pages again: trimming at every step cost a fifth of the
step time, every few steps nothing that could be measured."""
_LEAST_FREE = 256 * 1024 * 1024
"""Free bytes below which a trim is not worth the call."""


def use_huge_pages() -> None:
    """Let torch place large tensors on huge pages. Has an effect only before torch allocates its first tensor."""
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
    """Return free memory to the system between steps, where the C library is glibc; elsewhere do nothing."""

    def __init__(self, *, every: int = _EVERY, least_free: int = _LEAST_FREE) -> None:
        """Load the C library's functions. every: steps between trims; least_free: free bytes that do not matter."""
        self._every, self._least_free = every, least_free
        self._steps = 0
        self._library = _glibc()

    def free_bytes(self) -> int:
        """Return how many bytes of the heap are free; 0 where that is not known."""
        return 0 if self._library is None else int(self._library.mallinfo2().fordblks)

    def after_step(self) -> bool:
        """Count a step, and trim the heap when a trim is due. Returns whether it was trimmed."""
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
