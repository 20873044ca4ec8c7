"""Play recordings made with --record as a source of joints."""

import contextlib
import io
import os
import struct
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

import lz4.frame
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Message, Metadata
from mcap.stream_reader import breakup_chunk
from mcap.writer import MCAP0_MAGIC

from hitrs_live.errors import DataError, MessageMalformed, SourceUnavailable
from hitrs_live.messages import AnyMessage, JointsEvent, SourceChange, SourceClock, SourceEvent, SourceState
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.naming import name_source
from hitrs_live.sources.pacing import MonotonicClock, Pacer, Speed
from hitrs_live.wire.codec import pose_frame, utc_offset_ns
from hitrs_live.wire.json_codec import RECORDING_GAP, RECORDING_METADATA, from_json

MAX_RECORD_BYTES: Final = 64 * 2**20
"""A recording's chunks are of a second each; a longer record is damage, or an attempt to fill the memory."""
_MOST_WINDOW: Final = 8 * 2**20
"""Memory that a compressed chunk may ask for beside its content."""
BROKEN: Final = (McapError, zstandard.ZstdError, RuntimeError, struct.error, ValueError, OverflowError)
"""What reading damaged MCAP raises; RuntimeError is lz4's, ValueError a wrong checksum or invalid text, OverflowError
an absurd length."""


def is_recording(path: str | Path) -> bool:
    """Check by its first bytes whether a file is MCAP; False where it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(MCAP0_MAGIC)) == MCAP0_MAGIC
    except OSError:
        return False


class Recording:
    """Read the messages of a recording in the order in which they were written.

    A file that ends too soon, because its writer was killed, is read up to its last complete chunk.
    """

    def __init__(self, path: str | Path) -> None:
        """Read the session and the source that it was recorded from.

        Raises:
            SourceUnavailable: where it cannot be read or is no recording of this package.
        """
        self.path = Path(path)
        self.cut = False
        """True once reading has shown that the file ends too soon."""
        self.gap: dict[str, str] = {}
        """What is missing before this file, where its recording had paused; empty where nothing is."""
        metadata = self._metadata()
        self.session_id = metadata.get("session_id", "")
        try:
            self.source_id = name_source(metadata.get("source_id", ""), self.path.stem)
        except ValueError as error:
            raise self._unavailable(str(error)) from None

    def messages(self, *kinds: type[AnyMessage]) -> Generator[AnyMessage, None, None]:
        """Yield the messages of these classes, of all where none is named.

        Raises:
            DataError: where the file is damaged rather than cut.
        """
        tags = {str(kind.__struct_config__.tag) for kind in kinds}
        topics: dict[int, str] = {}
        with self.path.open("rb") as file:
            try:
                for opcode, record in self._records(file):
                    for part in _chunk_parts(record) if opcode == Opcode.CHUNK else ():
                        if isinstance(part, Channel):
                            topics[part.id] = part.topic
                        elif not tags or topics[part.channel_id].split(".")[0] in tags:
                            yield from_json(part.data)
            except MessageMalformed as error:
                raise DataError(f"recording {self.path}: {error}") from None
            except (*BROKEN, KeyError, OSError) as error:
                raise self._damaged(f"{type(error).__name__} {error}") from None

    def _metadata(self) -> dict[str, str]:
        found: dict[str, str] | None = None
        try:
            with self.path.open("rb") as file:
                for opcode, record in self._records(file):
                    if opcode == Opcode.METADATA:
                        metadata = Metadata.read(ReadDataStream(io.BytesIO(record)))
                        if metadata.name == RECORDING_METADATA:
                            found = dict(metadata.metadata)
                        elif metadata.name == RECORDING_GAP:
                            self.gap = dict(metadata.metadata)
                    # Ours are before the first chunk, so the rest of any other program's file need not be read.
                    elif opcode == Opcode.CHUNK:
                        break
        except OSError as error:
            raise self._unavailable(error.strerror or str(error)) from None
        except (*BROKEN, DataError) as error:
            raise self._unavailable(f"is no MCAP file ({error})") from None
        if found is None:
            raise self._unavailable("is no recording made with --record")
        return found

    def _records(self, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
        size = os.fstat(file.fileno()).st_size
        if file.read(len(MCAP0_MAGIC)) != MCAP0_MAGIC:
            raise self._damaged("it does not begin as MCAP does")
        while True:
            head = file.read(9)
            opcode, length = struct.unpack("<BQ", head) if len(head) == 9 else (0, 0)
            # A loss of power may leave zeros where the end should be.
            if opcode == 0 or length > size - file.tell():
                self.cut = True
                return
            if length > MAX_RECORD_BYTES:
                raise self._damaged(f"a record of {length} bytes, expected at most {MAX_RECORD_BYTES}")
            yield opcode, file.read(length)
            if opcode == Opcode.DATA_END:
                return

    def _damaged(self, reason: str) -> DataError:
        return DataError(f"recording {self.path} is damaged: {reason}; record it again")

    def _unavailable(self, reason: str) -> SourceUnavailable:
        return SourceUnavailable(f"recording {self.path}: {reason}; give another --replay FILE, or try --demo")


def _chunk_parts(record: bytes) -> Iterator[Channel | Message]:
    chunk = Chunk.read(ReadDataStream(io.BytesIO(record)))
    if chunk.uncompressed_size > MAX_RECORD_BYTES:
        raise ValueError(f"a chunk of {chunk.uncompressed_size} bytes, expected at most {MAX_RECORD_BYTES}")
    # Expanded here: the library has no limit of its own.
    plain = replace(chunk, compression="", data=_expanded(chunk))
    for part in breakup_chunk(plain, validate_crc=True):
        if isinstance(part, (Channel, Message)):
            yield part


def _expanded(chunk: Chunk) -> bytes:
    """Expand a chunk's data, no further than to the size that it states."""
    size = chunk.uncompressed_size
    match chunk.compression:
        case "":
            data = chunk.data
        case "zstd":
            with zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW).stream_reader(chunk.data) as reader:
                data = reader.read(size + 1)
        case "lz4":
            data = lz4.frame.LZ4FrameDecompressor().decompress(chunk.data, max_length=size + 1)
        case _:
            raise ValueError(f"a chunk compressed with {chunk.compression[:20]!r}, expected zstd or lz4")
    if len(data) != size:
        found = "more" if len(data) > size else f"{len(data)}"
        raise ValueError(f"a chunk of {found} bytes, it states {size}")
    return data


class RecordingSource:
    """Play a recording made with --record: the joints and the states of its source, at their recorded times.

    Capture times are those of the recording at either speed, on the clock of the recording, not on this machine's. So
    a pipeline that takes over `session_id` and `source_id` gives the same events but for the time of publishing.
    """

    has_pictures = False
    live = False

    def __init__(
        self,
        path: str | Path,
        speed: Speed = "real",
        *,
        source_id: str = "",
        clock: MonotonicClock = time.monotonic_ns,
    ) -> None:
        """Read the session and source that it was recorded from. source_id: another name than the recorded one.

        Raises:
            SourceUnavailable: where the file cannot be read or is no recording of this package.
            ValueError: for a speed that is neither "real" nor "max".
        """
        self._recording = Recording(path)
        self.session_id = self._recording.session_id
        self.source_id = name_source(source_id, self._recording.source_id)
        self._clock = clock
        self._pacer = Pacer(speed, clock)
        self._messages: Generator[AnyMessage, None, None] | None = None
        self._pending: JointsEvent | SourceEvent | None = None
        self._first_ns: int | None = None
        self._last_ns = 0
        self._frames = 0
        self._left_out = 0
        self._over = False

    def open(self) -> None:
        """Begin at the first message."""
        self._messages = self._recording.messages(JointsEvent, SourceEvent)

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        """Return one item, or () where the next is not due within timeout_s or all is over.

        Raises:
            DataError: where the file is damaged; a file that was only cut short ends there.
        """
        if self._over:
            return ()
        if self._messages is None:
            raise ValueError(f"recording {self._recording.path}: read before open; call open() first")
        if self._pending is None:
            self._pending = self._next()
        event = self._pending
        if event is None:
            return (self._change_ended(),)
        if self._first_ns is None:
            self._first_ns = event.capture_time_ns
            self._pacer.start()
            if isinstance(event, JointsEvent):
                return (_change(event, "up", self._recording.path.name),)
        if not self._pacer.wait(event.capture_time_ns - self._first_ns, timeout_s):
            return ()
        self._pending = None
        self._last_ns = event.capture_time_ns
        if isinstance(event, SourceEvent):
            self._over = event.state == "ended"
            return (_change(event, event.state, event.detail),)
        self._frames += 1
        try:
            frame = pose_frame(event, self._clock())
        except MessageMalformed as error:
            raise DataError(f"recording {self._recording.path}: {error}") from None
        self._left_out += event.joints_m.shape[0] - len(frame.poses)
        return (frame,)

    def drops(self) -> dict[str, int]:
        """Count the farthest people of crowds, who are not looked at; a file loses nothing else."""
        return {"people": self._left_out} if self._left_out else {}

    def close(self) -> None:
        """End the replay."""
        self._over = True
        self._pacer.cancel()
        # Another thread may be reading at this moment; then the file is closed with the generator.
        with contextlib.suppress(ValueError):
            if self._messages is not None:
                self._messages.close()

    def _next(self) -> JointsEvent | SourceEvent | None:
        message = next(self._messages, None) if self._messages is not None else None
        return message if isinstance(message, (JointsEvent, SourceEvent)) else None

    def _change_ended(self) -> SourceChange:
        self._over = True
        detail = f"{self._recording.path.name}: {self._frames} frames"
        if self._recording.cut:
            detail += "; the recording was cut short and is read as far as it goes"
        if self._recording.gap:
            detail += f"; it begins after a gap of {self._recording.gap.get('lost_messages', '?')[:20]} messages"
        return SourceChange(state="ended", time_ns=self._last_ns, detail=detail)


def _change(event: JointsEvent | SourceEvent, state: SourceState, detail: str) -> SourceChange:
    """Make a change of state at the time of an event, on the clock of the recording."""
    clock = SourceClock(utc_offset_ns=utc_offset_ns(event))
    return SourceChange(state=state, time_ns=event.capture_time_ns, detail=detail, clock=clock)
