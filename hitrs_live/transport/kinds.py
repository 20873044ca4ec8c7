"""The table of sinks that a run can have beside its publisher. A new one is a module here and one line of SINKS.

Importing this is cheap: a sink's own module is imported when one is opened.
"""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hitrs_live.config import Config
    from hitrs_live.transport.sink import Sink
    from hitrs_live.wire.utc import SessionClock


@dataclass(frozen=True, kw_only=True)
class SinkOptions:
    """Options of a sink beside its value."""

    session_id: str
    session: "SessionClock"
    """The clock that dates messages."""
    config: "Config"
    source_id: str = ""
    """The source whose messages it gets; empty for a sink that gets those of all sources."""
    overwrite: bool = False
    """Whether its file may replace an existing one."""


@dataclass(frozen=True, kw_only=True)
class SinkKind:
    """One kind of sink on the command line."""

    factory: str
    """`module.function` within this package: takes (value, SinkOptions) and returns an open sink."""
    metavar: str | None
    """Placeholder of the value in the help; None for a flag without a value."""
    text: str
    """Text of the help."""
    each_source: bool = False
    """Whether each source has its own, which also gets the joints of every frame; otherwise all sources share one."""
    file_of: str = ""
    """Name of the file's kind in errors; empty if the value is not a file."""

    def make(self, value: str, options: SinkOptions) -> "Sink":
        """Open a sink of this kind. Raises TransportError if it cannot be opened."""
        maker: Callable[[str, SinkOptions], Sink] = pkgutil.resolve_name(f"hitrs_live.transport.{self.factory}")
        return maker(value, options)


SINKS: dict[str, SinkKind] = {
    "record": SinkKind(
        factory="recorder.make_recorder", metavar="FILE", each_source=True, file_of="recording",
        text="record joints and events, never pixels, in an MCAP file, one per source",
    ),
}  # fmt: skip
"""Sinks by the name of their flag, in the order of the help."""
