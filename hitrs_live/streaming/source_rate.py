"""How far apart a source's frames are: what gap may be bridged, and whether they come too slowly to be of use."""

from collections import deque

_WINDOW_NS = 6_000_000_000
_ROOM = 1.5
"""A source that is slow but steady jitters: so much longer than usual a gap may be."""
_SLOWEST_NS = 450_000_000
"""Of frames farther apart, interpolation makes other movements than those that happened: of the synthetic person's
first 40 s all 8 actions were detected at 2.2 frames a second as at 30, 6 and a wrong one at 2."""
_FEWEST = 4
"""Gaps that make a pace: fewer are a pause."""
_CHANGED = 0.15
"""By so much a pace differs before its notice is written anew."""


class SourcePace:
    """Follow the gaps between a source's frames over the last seconds, by capture time.

    The usual gap is the one up to which half of the time lies in shorter ones: of a steady source its frame interval,
    of one whose frames come in bursts the pause between two, whatever the mean rate is.
    """

    def __init__(self, bridge_s: float) -> None:
        """Take the longest gap that is bridged at ordinary rates."""
        self._base_ns = round(bridge_s * 1e9)
        self._long_ns = self._base_ns / _ROOM
        """Gaps longer than this are what a slow source is known by."""
        self._gaps_ns: deque[int] = deque()
        self._total_ns = 0
        self._long_total_ns = 0
        self._long_count = 0
        self._usual_ns: int | None = None
        self._reported_ns = 0
        self._notice = ""

    @property
    def bridge_ns(self) -> int:
        """The longest gap to bridge now: that of the settings, or somewhat more than a slow source's usual gap."""
        if self._usual_ns is None or self._usual_ns > _SLOWEST_NS:
            return self._base_ns
        return max(self._base_ns, round(_ROOM * self._usual_ns))

    @property
    def notice(self) -> str:
        """What an operator should know of a source that is too slow, in one line; empty for any other."""
        usual_ns, longest_ns = self._usual_ns, max(self._base_ns, _SLOWEST_NS)
        if usual_ns is None or usual_ns <= longest_ns:
            self._reported_ns, self._notice = 0, ""
        elif abs(usual_ns - self._reported_ns) > _CHANGED * usual_ns:
            self._reported_ns, self._notice = usual_ns, self._describe(usual_ns, longest_ns)
        return self._notice

    def take(self, gap_ns: int) -> None:
        """Take note of the gap between two frames."""
        self._count(gap_ns, 1)
        self._gaps_ns.append(gap_ns)
        while len(self._gaps_ns) > _FEWEST and self._total_ns - self._gaps_ns[0] >= _WINDOW_NS:
            self._count(self._gaps_ns.popleft(), -1)
        slow = self._long_count >= _FEWEST and 2 * self._long_total_ns > self._total_ns
        self._usual_ns = self._middle() if slow else None

    def forget(self) -> None:
        """Begin anew, as when the clock was set."""
        self._gaps_ns.clear()
        self._total_ns = self._long_total_ns = self._long_count = 0
        self._usual_ns = None

    def _count(self, gap_ns: int, sign: int) -> None:
        self._total_ns += sign * gap_ns
        if gap_ns > self._long_ns:
            self._long_total_ns += sign * gap_ns
            self._long_count += sign

    def _middle(self) -> int:
        """Find the gap up to which half of the time lies in shorter ones."""
        passed_ns = 0
        for gap_ns in sorted(self._gaps_ns):
            passed_ns += gap_ns
            if 2 * passed_ns >= self._total_ns:
                return gap_ns
        raise AssertionError("half of a sum is reached before its end")

    def _describe(self, usual_ns: int, longest_ns: int) -> str:
        usual_s, longest_s = usual_ns / 1e9, longest_ns / 1e9
        if 2 * self._total_ns < len(self._gaps_ns) * usual_ns:
            return (
                f"frames come in bursts {usual_s:.2g} s apart, too far to detect actions; "
                f"gaps of at most {longest_s:.2g} s are needed"
            )
        return (
            f"{1 / usual_s:.2g} frames a second are too few to detect actions; at least {1 / longest_s:.2g} are needed"
        )
