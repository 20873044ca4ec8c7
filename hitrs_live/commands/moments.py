"""Read from a flag when something was."""

import argparse
import re
from datetime import datetime, time, timedelta

from hitrs_live.commands.flags import not_negative

Moment = tuple[float, float] | datetime
"""Seconds, from one to the other, or a date."""


def moment(text: str) -> Moment:
    """Read seconds from a flag, which are returned twice, an interval of them, or a date.

    Seconds before now are negative.
    """
    from hitrs_live.teaching.add_examples import parse_intervals

    if re.fullmatch(r"-(\d{1,6}|\d{0,6}\.\d{1,6})", text):
        return float(text), float(text)
    if ":" in text:
        return _date(text)
    try:
        at_s = not_negative(text)
    except argparse.ArgumentTypeError:
        if "-" not in text.lstrip("-"):
            raise
    else:
        return at_s, at_s
    try:
        (interval,) = parse_intervals(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return interval


def _date(text: str) -> datetime:
    """Read a date, or a time of day, which is the last one that has been; without an offset, of this machine."""
    try:
        if text[4:5] == "-":
            return datetime.fromisoformat(text).astimezone()
        of_day = time.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(
            f"got {text[:60]!r}, expected a time such as 14:03:20, 14:03:20Z for UTC, or 2026-03-01T14:03:20Z"
        ) from None
    now = datetime.now(of_day.tzinfo).astimezone()
    found = datetime.combine(datetime.now(of_day.tzinfo).date(), of_day).astimezone()
    return found if found <= now else found - timedelta(days=1)
