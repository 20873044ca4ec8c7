"""Record joints and events, never pixels, in an MCAP file."""

import contextlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec
from mcap.writer import CompressionType, Writer

from hitrs_live.errors import TransportError
from hitrs_live.messages import SCHEMA_VERSION, AnyMessage
from hitrs_live.skeleton import NTU25
from hitrs_live.transport.kinds import SinkOptions
from hitrs_live.transport.sink import Clock, Stamper
from hitrs_live.version import __version__
from hitrs_live.wire.json_codec import RECORDING_METADATA, json_schema, message_types, to_json
from hitrs_live.wire.utc import SessionClock

FLUSH_EVERY_NS: Final = 1_000_000_000
"""A killed process loses at most this much of the recording."""
CHUNK_BYTES: Final = 256 * 1024
_LATEST_NS: Final = 2**64 - 1
"""Latest time that the file format can store."""
CLOCK_NOTE: Final = (
    "log_time and publish_time are UTC, nanoseconds since 1970. log_time is the message's utc_ns or, where it has "
    "none, publish_time. publish_time is publish_time_ns plus utc_offset_ns. Times in the messages themselves are "
    "monotonic nanoseconds of the capturing machine, or from 0 for a file that was not paced."
)


def make_recorder(path: str, options: SinkOptions) -> "Recorder":
    """Open the sink of `--record`. Raises TransportError as `Recorder` does."""
    return Recorder(
        path,
        session_id=options.session_id,
        source_id=options.source_id,
        overwrite=options.overwrite,
        session=options.session,
    )


class Recorder:
    """Append messages to an MCAP file that Foxglove opens and `RecordingSource` replays.

    There is one channel per message type rather than per track, because MCAP allows at most 65535 channels and tracks
    are many. Messages are JSON, in chunks of at most a second. Each complete chunk is passed to the operating system,
    so that a killed process leaves a file that is readable up to its last chunk. (A power cut may lose what the system
    had not yet written to the disk.) A disk that fails while recording ends the recording, not the program.
    """

    name = "the recording"

    def __init__(
        self,
        path: str | Path,
        *,
        session_id: str,
        source_id: str,
        overwrite: bool = False,
        clock: Clock = time.monotonic_ns,
        session: SessionClock | None = None,
    ) -> None:
        """Create the file.

        session: the clock that dates messages without UTC; None for one that begins now.

        Raises:
            TransportError: if it cannot be written, or exists and overwrite is not set.
        """
        self.path = Path(path)
        self.source_id = source_id
        self._failure = ""
        self._lost = 0
        self._clock = clock
        self._utc_offset_ns = (session or SessionClock.begin(clock)).utc_offset_ns
        self._stamper = Stamper(session_id, clock)
        self._unwritten = 0
        self._closed = False
        self._channels: dict[type[AnyMessage], int] = {}
        try:
            self._file = self.path.open("wb" if overwrite else "xb")
        except FileExistsError:
            raise TransportError(f"recording {path}: it exists already; give another name or --overwrite") from None
        except OSError as error:
            raise TransportError(f"recording {path}: {error.strerror}; give a path that can be written") from None
        try:
            self._begin()
        except OSError as error:
            self._abandon(error)
            raise TransportError(f"recording {path}: {error.strerror}; give a path that can be written") from None
        self._flushed_ns = clock()

    @property
    def notices(self) -> Sequence[str]:
        """Reason why recording ended early; empty if it did not."""
        return (self._failure,) if self._failure else ()

    def drops(self) -> dict[str, int]:
        """Return the number of messages lost since recording ended early, as "record".

        Those of the chunk that could not be written are included.
        """
        return {"record": self._lost}

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Append a message, stamping it if no other sink has; return it as written.

        Waits for the file system. Raises ValueError after close.
        """
        if self._closed:
            raise ValueError(f"recording {self.path} is closed; make a new Recorder")
        if self._failure:
            self._lost += 1
            return message
        if not message.session_id:
            message = self._stamper.stamp(message)
        self._unwritten += 1
        publish_utc_ns = message.publish_time_ns + self._utc_offset_ns
        log_time_ns = publish_utc_ns if message.utc_ns is None else message.utc_ns
        try:
            self._writer.add_message(
                channel_id=self._channels[type(message)],
                log_time=min(max(0, log_time_ns), _LATEST_NS),
                data=to_json(message, omit_none=True),
                publish_time=min(max(0, publish_utc_ns), _LATEST_NS),
                sequence=message.seq & 0xFFFFFFFF,
            )
            now_ns = self._clock()
            if now_ns - self._flushed_ns >= FLUSH_EVERY_NS:
                self._flushed_ns = now_ns
                self._flush()
        except OSError as error:
            self._abandon(error)
        return message

    def close(self) -> None:
        """Write the remaining messages and the file's index. Safe at any time, and to repeat."""
        if self._closed:
            return
        self._closed = True
        if self._failure:
            return
        try:
            self._writer.finish()  # type: ignore[no-untyped-call]
            self._file.close()
        except OSError as error:
            self._abandon(error)

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self) -> None:
        self._writer = Writer(self._file, chunk_size=CHUNK_BYTES, compression=CompressionType.ZSTD)
        self._writer.start(profile="", library=f"hitrs_live {__version__}")
        self._writer.add_metadata(
            RECORDING_METADATA,
            {
                "session_id": self._stamper.session_id,
                "source_id": self.source_id,
                "version": __version__,
                "schema": str(SCHEMA_VERSION),
                "layout": NTU25.name,
                "clock": CLOCK_NOTE,
                "utc_offset_ns": str(self._utc_offset_ns),
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )
        for name, kind in message_types().items():
            schema_id = self._writer.register_schema(
                f"hitrs_live.{kind.__name__}", "jsonschema", msgspec.json.encode(json_schema(kind))
            )
            self._channels[kind] = self._writer.register_channel(f"{name}.{self.source_id}", "json", schema_id)
        self._flush()

    def _flush(self) -> None:
        self._writer.flush()  # type: ignore[no-untyped-call]
        self._unwritten = 0

    def _abandon(self, error: OSError) -> None:
        self._failure = f"recording {self.path} ended early: {error.strerror or error}"
        self._lost += self._unwritten
        # Closing tries once more to write what failed; the descriptor is released in any case.
        with contextlib.suppress(OSError):
            self._file.close()
