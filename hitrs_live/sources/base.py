"""What every source of frames or joints is."""

from collections.abc import Sequence
from typing import Protocol

from hitrs_live.messages import Frame, PoseFrame, SourceChange

SourceItem = Frame | PoseFrame | SourceChange


class Source(Protocol):
    """Return the items that arrived since the last call, oldest first.

    Life: open, read until a SourceChange "ended" (a source of finite length) or for as long as wanted (a live one),
    close. open may be called once; close is safe at any time, also twice.
    A source of pictures gives Frame; one that already has joints gives PoseFrame.
    Every change of state, the first "up" included, arrives as a SourceChange among the items, in order. A live
    source begins with "connecting". An "up" that follows an "up" is a notice: its detail is what is new, such as the
    next file's name; so is a "connecting" that follows one, such as why there is no camera yet. Items are ordered by
    time; no two frames share a capture time.
    After the end and after close, read returns ().
    """

    source_id: str
    """Names the source in every topic: letters, digits, '-' and '_' only."""
    has_pictures: bool
    live: bool
    """True where frames do not wait to be read: those not read in time are dropped and counted."""

    def open(self) -> None:
        """Begin. Raise SourceUnavailable, in one line with how to fix it, where that is impossible."""

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        """Return what there is; wait up to timeout_s for the first item, then return ()."""

    def drops(self) -> dict[str, int]:
        """Count what was lost since the start, by cause; an empty dict for a source that loses nothing."""

    def close(self) -> None:
        """Release devices, files, sockets and threads within one second."""
