"""Capture times in UTC: by the session's clocks, from the start of a file, or by the clock that the items name."""

import pytest
from patience import ManualClock

from hitrs_live.messages import PoseFrame, SourceChange, SourceClock
from hitrs_live.wire.utc import ClockJump, SessionClock, SourceDates, utc_text

SESSION = SessionClock(monotonic_ns=5_000, utc_ns=1_000_000)


def _frame(time_ns: int, clock: SourceClock | None = None) -> PoseFrame:
    return PoseFrame(index=0, capture_time_ns=time_ns, received_ns=time_ns, poses=(), clock=clock)


def _dates(*items: PoseFrame | SourceChange) -> SourceDates:
    dates = SourceDates(SESSION)
    for item in items:
        dates.observe(item)
    return dates


def test_both_clocks_are_read_once_at_the_start_of_a_session() -> None:
    session = SessionClock.begin(iter([100, 110]).__next__, lambda: 9_000)
    assert (session.monotonic_ns, session.utc_ns, session.utc_offset_ns) == (105, 9_000, 8_895)


def test_monotonic_times_are_shifted_by_the_sessions_utc_offset() -> None:
    dates = _dates(SourceChange(state="connecting", time_ns=5_001), _frame(5_100))
    assert dates.utc_ns(5_100) == 1_000_100
    assert dates.utc_ns(4_900) == 999_900, "an onset may lie before all that was captured"


def test_time_zero_of_a_file_that_counts_from_zero_is_the_start_of_the_session() -> None:
    dates = _dates(_frame(0), _frame(7_000))
    assert [dates.utc_ns(time_ns) for time_ns in (0, 3, 7_000)] == [1_000_000, 1_000_003, 1_007_000]


def test_nothing_is_dated_before_the_first_frame() -> None:
    assert _dates().utc_ns(0) is None
    assert _dates(SourceChange(state="connecting", time_ns=5_001)).utc_ns(0) is None


def test_a_clock_given_by_an_item_overrides_the_sessions_until_the_next_one() -> None:
    dates = _dates(_frame(5_100, SourceClock(utc_offset_ns=50)), _frame(5_200))
    assert dates.utc_ns(5_200) == 5_250
    dates.observe(_frame(5_300, SourceClock(utc_offset_ns=60)))
    assert dates.utc_ns(5_300) == 5_360
    dates.observe(SourceChange(state="lost", time_ns=5_400, clock=SourceClock(utc_offset_ns=None)))
    assert dates.utc_ns(5_400) is None


@pytest.mark.parametrize(
    ("utc_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_772_366_400_250_999_999, "2026-03-01T12:00:00.250Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854Z"),
    ],
)
def test_dates_are_written_as_iso_8601_cut_to_the_millisecond(utc_ns: int, text: str) -> None:
    assert utc_text(utc_ns) == text


def test_a_date_can_have_more_digits() -> None:
    assert utc_text(1_772_366_400_050_000_999, digits=6) == "2026-03-01T12:00:00.050000Z"
    assert utc_text(1_772_366_400_050_000_999, digits=9) == "2026-03-01T12:00:00.050000999Z"


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 2.0])
def test_a_clock_that_is_set_is_noticed_and_one_that_leaps_a_second_is_not(step_s: float) -> None:
    monotonic, utc = ManualClock(5_000_000_000), ManualClock(1_700_000_000_000_000_000)
    jump = ClockJump(monotonic, utc)
    monotonic.advance(100.0)
    utc.advance(99.0)
    assert jump.notice == ""
    utc.advance(step_s + 1.0)
    assert f"set by {step_s:+.1f} s since the start" in jump.notice


def test_a_machine_that_was_suspended_is_noticed() -> None:
    monotonic, utc = ManualClock(5_000_000_000), ManualClock(1_700_000_000_000_000_000)
    jump = ClockJump(monotonic, utc)
    # The monotonic clock stands still meanwhile.
    utc.advance(8 * 3600.0)
    assert "+28800.0 s" in jump.notice
