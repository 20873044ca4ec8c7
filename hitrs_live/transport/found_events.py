"""Events that were found by their number."""

from dataclasses import dataclass

from hitrs_live.messages import LoggedMessage


@dataclass(frozen=True, kw_only=True)
class FoundEvents:
    """The events of one recording within a range of numbers."""

    events: tuple[LoggedMessage, ...]
    """In order of their numbers."""
    until: int
    """The file has no other event below this number, from the requested one on."""


def number_of(event: LoggedMessage) -> int:
    """Return the number of an event that is known to have one."""
    assert event.log_seq is not None
    return event.log_seq
