"""What a running pipeline kept of its last minutes, as a program that asked for it has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hitrs_live.errors import TransportError
from hitrs_live.messages import ActionEvent, JointsEvent
from hitrs_live.transport.recorder import Recorder
from hitrs_live.wire.kept_minutes import KeptMessage
from hitrs_live.wire.utc import SessionClock


@dataclass(frozen=True, kw_only=True)
class LastMinutes:
    """The joints and events of the last minutes of a running pipeline."""

    session_id: str
    minutes: float
    """How long the pipeline keeps messages at most."""
    asked_ns: int
    """When it was asked, by its monotonic clock, which also gave each message its `publish_time_ns`."""
    utc_offset_ns: int
    """UTC minus that clock."""
    messages: Sequence[KeptMessage]
    """Those of all sources, in the order in which recordings have them."""

    @property
    def sources(self) -> Sequence[str]:
        """Return the names of the sources that have joints, in the order of their first."""
        return list(dict.fromkeys(one.source_id for one in self.messages if isinstance(one, JointsEvent)))

    @property
    def actions(self) -> Sequence[ActionEvent]:
        """Return the action events of all sources."""
        return [one for one in self.messages if isinstance(one, ActionEvent)]

    def joints(self, source_id: str) -> Sequence[JointsEvent]:
        """Return the joints of one source, frame by frame."""
        return [one for one in self.messages if isinstance(one, JointsEvent) and one.source_id == source_id]

    def record(self, path: Path, source_id: str, *, overwrite: bool = False) -> int:
        """Write the messages of one source as `live --record` would have; return their number. Raises TransportError.

        overwrite: whether the file may replace another.
        """
        session = SessionClock(monotonic_ns=0, utc_ns=self.utc_offset_ns)
        own = [one for one in self.messages if one.source_id == source_id]
        with Recorder(
            path, session_id=self.session_id, source_id=source_id, overwrite=overwrite, session=session
        ) as recorder:
            for message in own:
                recorder.publish(message)
        if recorder.notices:
            raise TransportError(f"{recorder.notices[0]}; give a path with more room")
        return len(own)
