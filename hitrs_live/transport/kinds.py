"""Every kind of sink that a run can have beside its publisher. A new one is a module here and one line of SINKS.

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
    """What a sink may need beside its value."""

    session_id: str
    session: "SessionClock"
    """What messages are dated by."""
    config: "Config"
    source_id: str = ""
    """Of which source it gets the messages; empty for a sink that gets those of all."""
    overwrite: bool = False
    """Whether its file may replace another."""


@dataclass(frozen=True, kw_only=True)
class SinkKind:
    """One kind of sink, as the command line offers it."""

    makes: str
    """`module.function` within this package: takes (value, SinkOptions) and returns an open sink."""
    metavar: str | None
    """What stands for the value in the help; None for a flag without a value."""
    text: str
    each_source: bool = False
    """Whether each source has one of its own, which also gets the joints of every frame; otherwise all share one."""
    file_of: str = ""
    """What the file that the value names is called in errors; empty for a value that names none."""

    def make(self, value: str, options: SinkOptions) -> "Sink":
        """Open one. Raises TransportError where it cannot be opened."""
        maker: Callable[[str, SinkOptions], Sink] = pkgutil.resolve_name(f"hitrs_live.transport.{self.makes}")
        return maker(value, options)


SINKS: dict[str, SinkKind] = {
    "record": SinkKind(
        makes="recorder.make_recorder", metavar="FILE", each_source=True, file_of="recording",
        text="keep joints and events, never pixels, as MCAP; of several sources, a file each",
    ),
}  # fmt: skip
"""By kind, which is the name of the flag; in the order of the help."""
