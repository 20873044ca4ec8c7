"""`teach missed --at` reads times of day and dates."""

from datetime import UTC, datetime, timedelta

import pytest

from hitrs_live.commands.moments import moment


def test_a_date_of_a_watch_is_read_to_the_millisecond() -> None:
    found = moment("2026-03-01T12:00:00.250Z")
    assert found == datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)


def test_a_time_of_day_is_the_last_one_that_has_been() -> None:
    for text in ("00:00:00", "12:00", "23:59:59.5", "03:00:00Z", "03:00:00+05:30", "03:00:00-05:30"):
        found = moment(text)
        assert isinstance(found, datetime)
        age = datetime.now(UTC) - found
        # A day has 25 hours when summer time ends.
        assert timedelta(0) <= age < timedelta(hours=25)


def test_a_date_without_an_offset_is_of_this_machine() -> None:
    found = moment("2026-03-01T12:00:00")
    assert isinstance(found, datetime)
    assert found == datetime(2026, 3, 1, 12).astimezone()


@pytest.mark.parametrize(("text", "seconds"), [("-8", -8.0), ("-0.5", -0.5), ("-.5", -0.5), ("12.5", 12.5)])
def test_other_numbers_are_seconds(text: str, seconds: float) -> None:
    assert moment(text) == (seconds, seconds)
