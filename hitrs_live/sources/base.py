"""What every source of the world's input is."""

from collections.abc import Sequence
from typing import Protocol

from hitrs_live.messages import Frame, PoseFrame, SourceChange

SourceItem = Frame | PoseFrame | SourceChange


class Source(Protocol):
    """Hand over what came in since the last call, oldest first.

    Life: open, read until a SourceChange "ended" (a source of finite length) or as long as one likes (a live
    one), close. open and close may each be called once; close is safe at any time, also twice.
    A source that gives pictures yields Frame; one that already has joints yields PoseFrame.
    Every change of state, the first "up" included, arrives as a SourceChange among the items, in order. A live
    source begins with "connecting". An "up" that follows an "up" is a notice: its detail says what is new, such
    as the next file's name; so is a "connecting" that follows one, such as why there is no camera yet. Items are
    ordered by time; no two frames share a capture time.
    After the end and after close, read returns ().
    """

    source_id: str
    """Names the source in every topic: letters, digits, '-' and '_' only."""
    has_pictures: bool
    live: bool
    """True where the world does not wait: what is not read in time is dropped and counted."""

    def open(self) -> None:
        """Begin. Raise SourceUnavailable, in one line with the way out, where that cannot be done at all."""

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        """Return what there is; wait up to timeout_s for the first item, then return ()."""

    def drops(self) -> dict[str, int]:
        """Count what was lost since the start, by cause; an empty dict for a source that loses nothing."""

    def close(self) -> None:
        """Let go of devices, files, sockets and threads within one second."""
