"""Publish messages, and let subscribers ask for the events that they missed."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from hitrs_live.config import KeepConfig, PublishConfig
from hitrs_live.messages import AnyMessage, Status
from hitrs_live.transport.event_log import EventLog
from hitrs_live.transport.kept_minutes import KeptMinutes
from hitrs_live.transport.publisher import Publisher
from hitrs_live.transport.recovery_replies import RecoveryReplies
from hitrs_live.transport.recovery_server import RecoveryServer
from hitrs_live.transport.sink import Clock

if TYPE_CHECKING:
    from hitrs_live.transport.recorded_log import RecordedLog

NO_RECOVERY: Final = "none"
"""Value of `publish.recovery` for no address."""


class RecoverablePublisher(Publisher):
    """A publisher that keeps its newest events, and a thread that sends them again to those who ask.

    Its address is announced in every `Status.recovery`.
    """

    def __init__(
        self,
        config: PublishConfig,
        session_id: str,
        *,
        recordings: Path | None = None,
        kept: KeptMinutes | None = None,
        clock: Clock = time.monotonic_ns,
    ) -> None:
        """Bind both addresses of the settings.

        recordings: folder of the run's recordings, to find older events and earlier sessions in; None for none.
        kept: the last minutes, for those who ask for them; None for none.

        Raises:
            AddressUnavailable, KeyUnusable: as for `Publisher`, in one line.
        """
        super().__init__(config, session_id, clock)
        self._log = EventLog(config.recovery_events)
        recorded = None if recordings is None else _open_recordings(recordings)
        try:
            self._server = RecoveryServer(
                _recovery_url(config), RecoveryReplies(self._log, session_id, recorded),
                kept=kept or KeptMinutes(KeepConfig(minutes=0), session_id),
                max_connections=config.max_connections, keys=self._keys, insecure=config.insecure,
            )  # fmt: skip
        except BaseException:
            super().close()
            raise

    @property
    def notices(self) -> Sequence[str]:
        """Reports of the publisher, and of missed events that can no longer be asked for."""
        return (*super().notices, *self._server.notices)

    @property
    def recovery_address(self) -> str:
        """The address to ask for missed events at; it has the real port."""
        return self._server.address

    def drops(self) -> dict[str, int]:
        """Return the drops of the publisher and of the server, and the number of requests refused, as "recovery"."""
        drops = super().drops()
        return {
            **drops,
            "peers": drops["peers"] + self._server.disconnected,
            "denied": drops["denied"] + self._server.denied,
            "recovery": self._server.refused,
        }

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Stamp a message, send it and, if it is an event, keep it; return it stamped."""
        if isinstance(message, Status):
            message = msgspec.structs.replace(message, recovery=self._server.address)
        return super().publish(message)

    def _keep(self, message: AnyMessage, parts: Sequence[bytes]) -> None:
        # After it was sent: a subscriber asks for it when it receives a later one, or nothing for a second.
        super()._keep(message, parts)
        self._log.append(message, parts)

    def close(self) -> None:
        """End the thread, then close the publisher."""
        self._server.close()
        super().close()


def _open_recordings(folder: Path) -> "RecordedLog":
    # Only a run that records needs the library that reads recordings.
    from hitrs_live.transport.recorded_log import RecordedLog

    return RecordedLog(folder)


def open_publisher(
    config: PublishConfig, session_id: str, *, recordings: Path | None = None, kept: KeptMinutes | None = None
) -> Publisher:
    """Open the publisher of a pipeline: with an address for missed events, unless `publish.recovery` is none.

    recordings, kept: as in `RecoverablePublisher`. Raises AddressUnavailable.
    """
    if config.recovery == NO_RECOVERY:
        return Publisher(config, session_id)
    return RecoverablePublisher(config, session_id, recordings=recordings, kept=kept)


def _recovery_url(config: PublishConfig) -> str:
    if config.recovery:
        return config.recovery
    if config.bind.startswith("ipc://"):
        return f"{config.bind}.recovery"
    return f"{config.bind.rpartition(':')[0]}:*"
