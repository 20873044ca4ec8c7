"""One MCAP file of a recording: whole chunks, whatever happens while they are written."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from mcap.writer import CompressionType, Writer

from hitrs_live.files.output_files import create_private, is_in_place
from hitrs_live.messages import AnyMessage
from hitrs_live.version import __version__
from hitrs_live.wire.json_codec import RECORDING_GAP, RECORDING_METADATA, json_schema, message_types, to_json

CHUNK_BYTES: Final = 256 * 1024
_LATEST_NS: Final = 2**64 - 1
"""Latest time that the file format can store."""


class RecordingFile:
    """Append messages to one file. Every method raises OSError where the file cannot be written."""

    def __init__(
        self,
        path: Path,
        source_id: str,
        metadata: Mapping[str, str],
        *,
        gap: Mapping[str, str] | None,
        overwrite: bool,
    ) -> None:
        """Create the file, private to the user, with its description.

        gap: what is missing before it, where something is.
        """
        self.path = path
        self._file = _WholeWrites(path, overwrite=overwrite)
        self._channels: dict[type[AnyMessage], int] = {}
        try:
            self._writer = Writer(self._file, chunk_size=CHUNK_BYTES, compression=CompressionType.ZSTD)  # type: ignore[arg-type]
            self._writer.start(profile="", library=f"hitrs_live {__version__}")
            self._writer.add_metadata(RECORDING_METADATA, dict(metadata))
            if gap is not None:
                self._writer.add_metadata(RECORDING_GAP, dict(gap))
            for name, kind in message_types().items():
                schema = msgspec.json.encode(json_schema(kind))
                schema_id = self._writer.register_schema(f"hitrs_live.{kind.__name__}", "jsonschema", schema)
                self._channels[kind] = self._writer.register_channel(f"{name}.{source_id}", "json", schema_id)
            self.flush()
        except OSError:
            self.abandon()
            raise

    @property
    def size_bytes(self) -> int:
        """Size up to the last whole chunk."""
        return self._whole_bytes

    def add(self, message: AnyMessage, *, log_time_ns: int, publish_time_ns: int) -> None:
        """Append a message. Times: UTC."""
        self._writer.add_message(
            channel_id=self._channels[type(message)],
            log_time=min(max(0, log_time_ns), _LATEST_NS),
            data=to_json(message, omit_none=True),
            publish_time=min(max(0, publish_time_ns), _LATEST_NS),
            sequence=message.seq & 0xFFFFFFFF,
        )

    def flush(self, *, to_disk: bool = False) -> None:
        """Pass the messages so far to the operating system as a whole chunk. to_disk: wait until the disk has them."""
        self._writer.flush()  # type: ignore[no-untyped-call]
        self._whole_bytes = self._file.tell()
        if to_disk:
            self._file.sync()

    def is_in_place(self) -> bool:
        """Whether the file still has its name: another program may have removed it, or its folder."""
        return self._file.is_at(self.path)

    def finish(self, *, to_disk: bool) -> None:
        """Write the remaining messages and the index, and close the file. to_disk: as in `flush`."""
        try:
            self._writer.finish()  # type: ignore[no-untyped-call]
            if to_disk:
                self._file.sync()
        except OSError:
            self.abandon()
            raise
        self._file.close()

    def abandon(self) -> None:
        """Cut the file after its last whole chunk and close it."""
        with contextlib.suppress(OSError):
            self._file.cut(getattr(self, "_whole_bytes", 0))
        self._file.close()


class _WholeWrites:
    """A file without a buffer, so that nothing of a failed write is written later."""

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self._raw = create_private(path, overwrite=overwrite, buffering=0)

    def write(self, data: bytes) -> int:
        left = memoryview(data)
        while left:
            left = left[self._raw.write(left) :]
        return len(data)

    def tell(self) -> int:
        return self._raw.tell()

    def flush(self) -> None:
        """Do nothing: there is no buffer."""

    def sync(self) -> None:
        os.fsync(self._raw.fileno())

    def cut(self, size: int) -> None:
        os.ftruncate(self._raw.fileno(), size)

    def is_at(self, path: Path) -> bool:
        return is_in_place(self._raw, path)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._raw.close()
