"""Define what the capture thread needs of a camera, however it is attached."""

import socket
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

OPEN_TIMEOUT_S = 5.0
"""How long one attempt to connect may take."""


class Grabber(Protocol):
    """Get pictures, one after the other. One thread calls everything but interrupt."""

    corrupt: int
    """Pictures that arrived and could not be decoded, or were too large to be."""
    skipped: int
    """Pictures that were left out because a newer one had arrived by the time they could be decoded."""

    stream_time_ns: int | None
    """The stream's own time of the picture that `grab` returned last, by whatever clock; None where it gives none."""

    def open(self) -> None:
        """Connect. Raise SourceUnavailable with the reason alone, no advice. May be called again after close."""

    def grab(self) -> tuple[int, NDArray[np.uint8]]:
        """Wait for the next picture; return when it arrived, monotonic nanoseconds, and (height, width, 3) uint8.

        Raises SourceLost with the reason where the connection is broken or silent for too long.
        """

    def close(self) -> None:
        """Close the connection, if there is one."""

    def interrupt(self) -> None:
        """Make a grab in another thread return soon, where that is possible."""


def describe_network_error(error: OSError) -> str:
    """Describe in a few words why a host could not be reached."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "no host of that name"
    # The text of the error may quote the address.
    return error.strerror or type(error).__name__
