"""The usual gap between a source's frames: which gaps are interpolated, and whether the source is too slow."""

from collections import deque

_WINDOW_NS = 6_000_000_000
_ROOM = 1.5
"""A slow, steady source jitters: a gap may be longer than usual by this factor."""
_SLOWEST_NS = 450_000_000
"""Interpolation between frames farther apart gives movements that did not happen: of the synthetic person's first 40 s
all 8 actions were detected at 2.2 frames a second, as at 30; at 2 frames a second 6 were, and one wrong action."""
_FEWEST = 4
"""Fewest gaps that count as a rate; fewer are a pause."""
_CHANGED = 0.15
"""Relative change of the usual gap from which on the notice is rewritten."""


class SourceRate:
    """Measure the usual gap between a source's frames over the last seconds, by capture time.

    The usual gap is the time-weighted median: half of the time lies in gaps up to it. For a steady source it is the
    frame interval; for one whose frames come in bursts, the pause between two bursts, whatever the mean rate is.
    """

    def __init__(self, bridge_s: float) -> None:
        """Take the longest gap that is bridged at ordinary rates."""
        self._base_ns = round(bridge_s * 1e9)
        self._long_ns = self._base_ns / _ROOM
        """Gaps longer than this mark a slow source."""
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
        """A warning about a source that is too slow, in one line; empty for any other."""
        usual_ns, longest_ns = self._usual_ns, max(self._base_ns, _SLOWEST_NS)
        if usual_ns is None or usual_ns <= longest_ns:
            self._reported_ns, self._notice = 0, ""
        elif abs(usual_ns - self._reported_ns) > _CHANGED * usual_ns:
            self._reported_ns, self._notice = usual_ns, self._describe(usual_ns, longest_ns)
        return self._notice

    def take(self, gap_ns: int) -> None:
        """Add the gap between two frames, nanoseconds."""
        self._count(gap_ns, 1)
        self._gaps_ns.append(gap_ns)
        while len(self._gaps_ns) > _FEWEST and self._total_ns - self._gaps_ns[0] >= _WINDOW_NS:
            self._count(self._gaps_ns.popleft(), -1)
        slow = self._long_count >= _FEWEST and 2 * self._long_total_ns > self._total_ns
        self._usual_ns = self._middle() if slow else None

    def forget(self) -> None:
        """Forget all gaps, as after the clock was reset."""
        self._gaps_ns.clear()
        self._total_ns = self._long_total_ns = self._long_count = 0
        self._usual_ns = None

    def _count(self, gap_ns: int, sign: int) -> None:
        self._total_ns += sign * gap_ns
        if gap_ns > self._long_ns:
            self._long_total_ns += sign * gap_ns
            self._long_count += sign

    def _middle(self) -> int:
        """Return the time-weighted median of the gaps, nanoseconds."""
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
