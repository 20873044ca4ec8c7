"""Find events by their number in one recording, also while it is being written."""

import io
import os
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Metadata
from mcap.writer import MCAP0_MAGIC

from hitrs_live.errors import MessageMalformed
from hitrs_live.messages import LoggedMessage
from hitrs_live.transport.found_events import FoundEvents
from hitrs_live.wire.codec import INT64_MAX
from hitrs_live.wire.json_codec import RECORDING_METADATA, from_json

MAX_RECORD_BYTES: Final = 64 * 2**20
"""The recorder's chunks are far smaller; a longer record is damage, or an attempt to fill the memory."""
RECORDS_AT_ONCE: Final = 20_000
"""Most records looked at in one call, about a tenth of a second."""
MOST_OFFSETS: Final = 65_536
"""Most positions remembered of one file; beyond them every other one is forgotten, and the search is coarser."""
_BROKEN: Final = (McapError, zstandard.ZstdError, struct.error, ValueError, OverflowError, KeyError)
"""What reading damaged MCAP raises."""
_HEAD: Final = struct.Struct("<BQ")
_INDEX_HEAD: Final = struct.Struct("<HI")
_MESSAGE_HEAD_BYTES: Final = 22
"""Channel, sequence and two times, before a message's own content."""
_NUMBER: Final = re.compile(rb'"log_seq":(\d{1,19})\b')
"""Cannot occur within a text, whose quotes are escaped."""
_EVENT_TOPICS: Final = tuple(f"{kind.__struct_config__.tag}." for kind in LoggedMessage.__args__)


class RecordedEvents:
    """Read the events of one recording by number.

    A file grows while it is read. The positions of its chunks with events are remembered; each call looks at a bounded
    number of records, and the next call continues there. Only complete chunks are seen; a damaged one is left out.
    """

    def __init__(self, path: Path) -> None:
        """Read which session it is of. Raises OSError or ValueError if it is no recording of this package."""
        self.path = path
        self.complete = False
        """Whether all that was found so far ends with the mark of a recording that was closed."""
        self._offsets: list[int] = []
        """Positions of chunks with events, in order."""
        self._beginnings: dict[int, int] = {}
        """Number of the first event of some of these chunks."""
        self._newest_read: tuple[int, Sequence[tuple[int, bytes]]] = 0, ()
        """Position of the chunk that was read last, and its events."""
        self._skipped = self._every = 1
        self._frontier = len(MCAP0_MAGIC)
        self._event_channels: set[int] = set()
        metadata = self._metadata()
        self.session_id = metadata.get("session_id", "")
        self.source_id = metadata.get("source_id", "")
        self.started = metadata.get("started", "")

    def find(self, first: int, until: int, limit: int) -> FoundEvents | None:
        """Return events with numbers from `first` to `until` - 1, at most `limit` of them.

        None if the file has not been looked through to its end yet: call again. A file that cannot be read has none.
        """
        try:
            with self.path.open("rb") as file:
                if not self._advance(file):
                    return None
                return self._collect(file, first, until, limit)
        except OSError:
            return FoundEvents(events=(), until=until)

    def _metadata(self) -> dict[str, str]:
        try:
            with self.path.open("rb") as file:
                if file.read(len(MCAP0_MAGIC)) != MCAP0_MAGIC:
                    raise ValueError(f"{self.path} is no MCAP file")
                # Ours is before the first chunk.
                for opcode, position, length in _records(file, len(MCAP0_MAGIC)):
                    if opcode == Opcode.CHUNK:
                        break
                    if opcode == Opcode.METADATA:
                        file.seek(position)
                        metadata = Metadata.read(ReadDataStream(io.BytesIO(file.read(length))))
                        if metadata.name == RECORDING_METADATA:
                            return dict(metadata.metadata)
        except _BROKEN as error:
            raise ValueError(f"{self.path} is no recording ({error})") from None
        raise ValueError(f"{self.path} is no recording made with --record")

    def _advance(self, file: BinaryIO) -> bool:
        """Look through what was added since the last call; return whether the end was reached."""
        if self.complete:
            return True
        chunk: int | None = None
        for seen, (opcode, position, length) in enumerate(_records(file, self._frontier)):
            if opcode == Opcode.CHUNK:
                if seen >= RECORDS_AT_ONCE:
                    return False
                chunk = position - _HEAD.size
                # The indexes of this chunk may not be written yet; then it is looked at again.
                self._frontier = chunk
                if not self._event_channels:
                    file.seek(position)
                    self._learn_channels(file.read(length))
            elif opcode == Opcode.MESSAGE_INDEX and chunk is not None:
                channel, size = _INDEX_HEAD.unpack(_read_at(file, position, _INDEX_HEAD.size))
                if channel in self._event_channels and size:
                    self._remember(chunk)
                    chunk = None
            elif opcode == Opcode.DATA_END:
                self.complete = True
            if opcode != Opcode.CHUNK and chunk is None:
                self._frontier = position + length
        return True

    def _remember(self, offset: int) -> None:
        if self._offsets and offset <= self._offsets[-1]:
            return
        if self._skipped < self._every:
            self._skipped += 1
            return
        self._skipped = 1
        self._offsets.append(offset)
        if len(self._offsets) > MOST_OFFSETS:
            self._offsets, self._every = self._offsets[::2], 2 * self._every

    def _learn_channels(self, record: bytes) -> None:
        for opcode, content in _chunk_records(record):
            if opcode == Opcode.CHANNEL:
                channel = Channel.read(ReadDataStream(io.BytesIO(content)))
                if channel.topic.startswith(_EVENT_TOPICS):
                    self._event_channels.add(channel.id)

    def _collect(self, file: BinaryIO, first: int, until: int, limit: int) -> FoundEvents:
        events: list[LoggedMessage] = []
        for chunk in self._event_chunks(file, self._start(file, first)):
            for number, line in self._numbered(file, *chunk):
                if number >= until:
                    return FoundEvents(events=tuple(events), until=until)
                if len(events) >= limit:
                    return FoundEvents(events=tuple(events), until=number)
                if number >= first and (event := _parse(line)) is not None:
                    events.append(event)
        return FoundEvents(events=tuple(events), until=until)

    def _start(self, file: BinaryIO, first: int) -> int:
        """Return the position of the last remembered chunk that does not begin after this number, by bisection."""
        if not self._offsets:
            return self._frontier
        low, high = 0, len(self._offsets)
        while high - low > 1:
            middle = (low + high) // 2
            if self._begins_with(file, self._offsets[middle]) <= first:
                low = middle
            else:
                high = middle
        return self._offsets[low]

    def _begins_with(self, file: BinaryIO, offset: int) -> int:
        """Return the number of the first event of a remembered chunk; a high one where the chunk is damaged."""
        if offset not in self._beginnings:
            chunk = next(self._event_chunks(file, offset), None)
            numbered = () if chunk is None else self._numbered(file, *chunk)
            if len(self._beginnings) >= MOST_OFFSETS:
                self._beginnings.clear()
            self._beginnings[offset] = numbered[0][0] if numbered else INT64_MAX
        return self._beginnings[offset]

    def _event_chunks(self, file: BinaryIO, start: int) -> Iterator[tuple[int, int]]:
        """Yield position and length of the chunks with events, from a position on."""
        chunk: tuple[int, int] | None = None
        for opcode, position, length in _records(file, start):
            if opcode == Opcode.CHUNK:
                chunk = position, length
            elif opcode == Opcode.MESSAGE_INDEX and chunk is not None:
                channel, size = _INDEX_HEAD.unpack(_read_at(file, position, _INDEX_HEAD.size))
                if channel in self._event_channels and size:
                    yield chunk
                    chunk = None

    def _numbered(self, file: BinaryIO, position: int, length: int) -> Sequence[tuple[int, bytes]]:
        """Return number and JSON of each event of a chunk; recordings of older versions have none with a number."""
        # The next page is often of the same chunk.
        if position != self._newest_read[0]:
            numbered: list[tuple[int, bytes]] = []
            for opcode, content in _chunk_records(_read_at(file, position, length)):
                if opcode == Opcode.MESSAGE and int.from_bytes(content[:2], "little") in self._event_channels:
                    line = content[_MESSAGE_HEAD_BYTES:]
                    if found := _NUMBER.search(line):
                        numbered.append((int(found[1]), line))
            self._newest_read = position, numbered
        return self._newest_read[1]


def _records(file: BinaryIO, start: int) -> Iterator[tuple[int, int, int]]:
    """Yield opcode, position and length of each complete record's content; the caller may move in the file."""
    size = os.fstat(file.fileno()).st_size
    position = start
    while position + _HEAD.size <= size:
        opcode, length = _HEAD.unpack(_read_at(file, position, _HEAD.size))
        position += _HEAD.size
        # A loss of power may leave zeros where the end should be. Nothing can be found beyond damage.
        if opcode == 0 or position + length > size:
            return
        if length > MAX_RECORD_BYTES:
            return
        yield opcode, position, length
        position += length
        if opcode == Opcode.DATA_END:
            return


def _read_at(file: BinaryIO, position: int, length: int) -> bytes:
    file.seek(position)
    return file.read(length)


def _chunk_records(record: bytes) -> Sequence[tuple[int, bytes]]:
    """Return opcode and content of a chunk's records; none of a damaged one, or of another recorder."""
    try:
        chunk = Chunk.read(ReadDataStream(io.BytesIO(record)))
        # Another compression might expand without limit. zstd does not exceed the size in the chunk, if it is stated.
        size = max(chunk.uncompressed_size, zstandard.frame_content_size(chunk.data))
        if chunk.compression != "zstd" or size > MAX_RECORD_BYTES:
            return ()
        data = zstandard.decompress(chunk.data, chunk.uncompressed_size)
    except _BROKEN:
        return ()
    if chunk.uncompressed_crc and zlib.crc32(data) != chunk.uncompressed_crc:
        return ()
    records: list[tuple[int, bytes]] = []
    position = 0
    while position + _HEAD.size <= len(data):
        opcode, length = _HEAD.unpack_from(data, position)
        position += _HEAD.size
        records.append((opcode, data[position : position + length]))
        position += length
    return records


def _parse(line: bytes) -> LoggedMessage | None:
    try:
        message = from_json(line)
    except MessageMalformed:
        return None
    return message if isinstance(message, LoggedMessage) and message.log_seq is not None else None
