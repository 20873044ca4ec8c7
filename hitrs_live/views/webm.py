"""Write a WebM file (the subset of Matroska that browsers play) of one video track, each picture at its own time.

https://www.matroska.org/technical/elements.html. Times are whole milliseconds. The file is playable at any moment:
pictures are written in whole clusters; the index, the length and the positions of both are filled in at the end.
"""

import errno
import os
import struct
from pathlib import Path
from typing import BinaryIO, Final

from hitrs_live.files.output_files import create_private, is_in_place
from hitrs_live.version import __version__

CLUSTER_MS: Final = 1000
"""A killed process loses at most this much."""
_EBML, _SEGMENT, _SEEK_HEAD, _VOID = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x11\x4d\x9b\x74", b"\xec"
_INFO, _TRACKS, _CLUSTER, _CUES = b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75", b"\x1c\x53\xbb\x6b"
_UNKNOWN_SIZE: Final = b"\x01" + b"\xff" * 7
_SEEK_ROOM: Final = 160
_DURATION: Final = b"\x44\x89"


class WebmWriter:
    """Write one file. Every method raises OSError if the file cannot be written."""

    def __init__(self, path: Path, *, width: int, height: int, codec: str = "V_VP8") -> None:
        """Create the file, private to the user, replacing one of the same name."""
        self._path = path
        self._file: BinaryIO = create_private(path, overwrite=True, buffering=0)
        self._cluster: list[bytes] = []
        self._cluster_ms = 0
        self._cues: list[bytes] = []
        self._last_ms = -1
        self._interval_ms = 0
        # Version 2 of Matroska has simple blocks; no later feature is used.
        head = _element(_EBML, b"".join((
            _number(b"\x42\x86", 1), _number(b"\x42\xf7", 1), _number(b"\x42\xf2", 4), _number(b"\x42\xf3", 8),
            _element(b"\x42\x82", b"webm"), _number(b"\x42\x87", 2), _number(b"\x42\x85", 2),
        )))  # fmt: skip
        self._segment_at = len(head) + len(_SEGMENT) + 8
        """Start of the segment's content; positions in the file count from there."""
        application = f"hitrs_live {__version__}".encode()
        info = _element(_INFO, b"".join((
            _number(b"\x2a\xd7\xb1", 1_000_000), _element(b"\x4d\x80", application), _element(b"\x57\x41", application),
            _element(_DURATION, struct.pack(">d", 0.0)),
        )))  # fmt: skip
        self._duration_at = self._segment_at + _SEEK_ROOM + len(info) - 8
        self._info_at, self._tracks_at = _SEEK_ROOM, _SEEK_ROOM + len(info)
        video = _element(b"\xe0", _number(b"\xb0", width) + _number(b"\xba", height))
        track = _element(b"\xae", b"".join((
            _number(b"\xd7", 1), _number(b"\x73\xc5", 1), _number(b"\x83", 1), _number(b"\x9c", 0),
            _element(b"\x86", codec.encode()), video,
        )))  # fmt: skip
        seek_room = _VOID + b"\x01" + (_SEEK_ROOM - 9).to_bytes(7, "big") + bytes(_SEEK_ROOM - 9)
        try:
            self._write(head + _SEGMENT + _UNKNOWN_SIZE + seek_room + info + _element(_TRACKS, track))
        except OSError:
            self._file.close()
            raise

    def write(self, picture: bytes, time_ms: int, *, is_key: bool) -> None:
        """Add one encoded picture. Raises ValueError if it is not later than the previous one."""
        if time_ms <= self._last_ms:
            raise ValueError(f"time_ms: got {time_ms}, expected more than the previous picture's, {self._last_ms}")
        self._interval_ms = time_ms - max(self._last_ms, 0)
        self._last_ms = time_ms
        if self._cluster and time_ms - self._cluster_ms >= CLUSTER_MS:
            self._write_cluster()
        if not self._cluster:
            self._cluster_ms = time_ms
            if is_key:
                self._cue(time_ms)
        flags = 0x80 if is_key else 0
        block = struct.pack(">BhB", 0x81, time_ms - self._cluster_ms, flags) + picture
        self._cluster.append(_element(b"\xa3", block))

    def close(self) -> None:
        """Write the remaining pictures, the index and the length. Safe at any time, and to repeat."""
        if self._file.closed:
            return
        try:
            self._write_cluster()
            cues_at = self._file.tell() - self._segment_at
            if self._cues:
                self._write(_element(_CUES, b"".join(self._cues)))
            size = self._file.tell() - self._segment_at
            self._write_at(self._duration_at, struct.pack(">d", float(self._last_ms + self._interval_ms)))
            self._write_at(self._segment_at - 8, b"\x01" + size.to_bytes(7, "big"))
            places = [(_INFO, self._info_at), (_TRACKS, self._tracks_at), *([(_CUES, cues_at)] if self._cues else [])]
            seeks = b"".join(_element(b"\x4d\xbb", _element(b"\x53\xab", name) + _number(b"\x53\xac", at))
                             for name, at in places)  # fmt: skip
            head = _element(_SEEK_HEAD, seeks)
            rest = _SEEK_ROOM - len(head) - 9
            self._write_at(self._segment_at, head + _VOID + b"\x01" + rest.to_bytes(7, "big"))
        finally:
            self._file.close()

    def _cue(self, time_ms: int) -> None:
        place = _number(b"\xf7", 1) + _number(b"\xf1", self._file.tell() - self._segment_at)
        self._cues.append(_element(b"\xbb", _number(b"\xb3", time_ms) + _element(b"\xb7", place)))

    def _write_cluster(self) -> None:
        if self._cluster:
            content = _number(b"\xe7", self._cluster_ms) + b"".join(self._cluster)
            self._cluster = []
            self._write(_element(_CLUSTER, content))
            if not is_in_place(self._file, self._path):
                raise FileNotFoundError(errno.ENOENT, "the file or its folder was removed", str(self._path))

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def _write_at(self, place: int, data: bytes) -> None:
        self._file.seek(place)
        self._write(data)
        self._file.seek(0, os.SEEK_END)


def _element(name: bytes, content: bytes) -> bytes:
    return name + b"\x01" + len(content).to_bytes(7, "big") + content


def _number(name: bytes, value: int) -> bytes:
    data = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
    return _element(name, data)
