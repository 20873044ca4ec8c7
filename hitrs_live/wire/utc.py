"""Convert capture times to UTC."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from hitrs_live.messages import MAX_TIME_NS, PoseFrame, SourceChange

_LEAST_JUMP_S = 1.5
"""More than a leap second."""


@dataclass(frozen=True, kw_only=True)
class SessionClock:
    """The start of a session on both clocks. All sources of a session share one."""

    monotonic_ns: int
    utc_ns: int

    @classmethod
    def begin(
        cls, monotonic: Callable[[], int] = time.monotonic_ns, utc: Callable[[], int] = time.time_ns
    ) -> "SessionClock":
        """Read both clocks now, in nanoseconds. monotonic: the clock that stamps the sources' frames."""
        before_ns, utc_ns = monotonic(), utc()
        # UTC is read between two monotonic readings, since the thread may be suspended in between.
        return cls(monotonic_ns=(before_ns + monotonic()) // 2, utc_ns=utc_ns)

    @property
    def utc_offset_ns(self) -> int:
        """UTC minus the monotonic clock."""
        return self.utc_ns - self.monotonic_ns


class ClockJump:
    """Notice that UTC was set, or that the machine was suspended: the monotonic clock does neither."""

    def __init__(self, monotonic: Callable[[], int] = time.monotonic_ns, utc: Callable[[], int] = time.time_ns) -> None:
        """Compare both clocks, in nanoseconds, from now on."""
        self._monotonic, self._utc = monotonic, utc
        self._offset_ns = SessionClock.begin(monotonic, utc).utc_offset_ns

    @property
    def notice(self) -> str:
        """What an operator should know, in one line; empty while the clocks agree to a second."""
        jump_s = (SessionClock.begin(self._monotonic, self._utc).utc_offset_ns - self._offset_ns) / 1e9
        if abs(jump_s) < _LEAST_JUMP_S:
            return ""
        return (
            f"the clock was set by {jump_s:+.1f} s since the start, or the machine was suspended: dates in UTC are off "
            "by as much until a restart, all other times are right"
        )


class SourceDates:
    """Convert one source's times to UTC.

    A source may name its clock (`SourceClock`). Otherwise its times are of this session's monotonic clock or, if the
    first one lies before the start of the session, of a file that counts from 0; then time 0 is the session's start.
    """

    def __init__(self, session: SessionClock) -> None:
        """Begin without an offset. session: the one that the source belongs to."""
        self._session = session
        self._offset_ns: int | None = None
        self._first_ns: int | None = None

    def observe(self, item: PoseFrame | SourceChange) -> None:
        """Update the offset from an item of the source; call it before dating anything of that item."""
        time_ns = item.time_ns if isinstance(item, SourceChange) else item.capture_time_ns
        if self._first_ns is None:
            from_zero = time_ns < self._session.monotonic_ns
            self._first_ns = time_ns
            self._offset_ns = self._session.utc_ns if from_zero else self._session.utc_offset_ns
        if item.clock is not None:
            self._offset_ns = item.clock.utc_offset_ns

    def utc_ns(self, time_ns: int) -> int | None:
        """Return a time of the source in UTC, nanoseconds since 1970; None if it is unknown.

        A message from before the first frame has time 0, which is not a real time unless the source counts from 0. A
        date that no message can carry, for example after a sender's clock jumped by decades, is unknown too.
        """
        if self._first_ns is None or self._offset_ns is None or (time_ns == 0 and self._first_ns > 0):
            return None
        date_ns = time_ns + self._offset_ns
        return date_ns if abs(date_ns) <= MAX_TIME_NS else None


def utc_text(utc_ns: int, digits: int = 3) -> str:
    """Write a time as ISO 8601, by default with milliseconds: 2026-03-01T12:00:00.250Z.

    digits: digits of the fraction of a second, 1 to 9; the rest is cut off. Raises ValueError past the year 9999.
    """
    seconds, rest_ns = divmod(utc_ns, 1_000_000_000)
    try:
        whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    except (OverflowError, OSError) as error:
        raise ValueError(f"{utc_ns} ns since 1970 is not a date ({error})") from None
    return f"{whole}.{f'{rest_ns:09d}'[:digits]}Z"
