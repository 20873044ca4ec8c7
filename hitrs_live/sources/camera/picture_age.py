"""How old a camera's pictures are when they arrive, by the times that the stream itself gives them."""

from typing import Final

_CALIBRATION: Final = 10
"""Intervals after which a stream's clock is trusted, if it ran as ours did."""
_INTERVAL_NS: Final = 1_000_000_000
_CLOCK_TOLERANCE: Final = 0.01
"""How far apart the rates of two clocks may be. Far more than those of crystals are, since some cameras count pictures
instead; so an age that grows more slowly, 10 ms a second, is not noticed."""


class PictureAge:
    """Measure by how much a picture's way took longer than it usually does.

    The stream's clock may be any, so only differences count: a picture that arrives late by them has waited in the
    camera, in a recorder or proxy between, or in the network. The usual way is the shortest one, and it follows a clock
    that runs a little faster or slower. A stream whose times did not run as this machine's clock for ten seconds in
    succession is never late: they are made up, or in another unit. One whose times go back has a clock that was set,
    and is calibrated again.
    """

    def __init__(self) -> None:
        """Begin with a new connection."""
        self._ways_ns: list[tuple[int, int]] = []
        """Begin of each interval, and the shortest way in it, while the clock is not trusted yet."""
        self._usual_ns: int | None = None
        self._last_ns: tuple[int, int] | None = None
        """The stream's time of the last picture, and its arrival."""

    def observe(self, stream_ns: int | None, arrival_ns: int) -> int:
        """Return how old a picture was when it arrived, nanoseconds from 0; 0 where that is not known.

        stream_ns: the stream's own time of the picture, None without one. arrival_ns: this machine's clock.
        """
        if stream_ns is None:
            return 0
        if self._last_ns is not None and stream_ns < self._last_ns[0]:
            self._ways_ns, self._usual_ns, self._last_ns = [], None, None
        elapsed_ns = 0 if self._last_ns is None else arrival_ns - self._last_ns[1]
        self._last_ns = stream_ns, arrival_ns
        way_ns = arrival_ns - stream_ns
        if self._usual_ns is None:
            self._calibrate(arrival_ns, way_ns)
            return 0
        self._usual_ns = min(way_ns, self._usual_ns + round(_CLOCK_TOLERANCE * elapsed_ns))
        return way_ns - self._usual_ns

    def _calibrate(self, arrival_ns: int, way_ns: int) -> None:
        if not self._ways_ns or arrival_ns - self._ways_ns[-1][0] >= _INTERVAL_NS:
            complete = [way for _, way in self._ways_ns]
            if len(complete) == _CALIBRATION:
                if max(complete) - min(complete) <= _CLOCK_TOLERANCE * _CALIBRATION * _INTERVAL_NS:
                    self._usual_ns, self._ways_ns = min(*complete, way_ns), []
                    return
                del self._ways_ns[0]
            self._ways_ns.append((arrival_ns, way_ns))
        else:
            began_ns, shortest_ns = self._ways_ns[-1]
            self._ways_ns[-1] = began_ns, min(shortest_ns, way_ns)
