"""Find complete JPEG pictures in a stream of bytes, whatever is between them."""

import re

_START = b"\xff\xd8\xff"
_SOI, _EOI, _SOS, _TEM = 0xD8, 0xD9, 0xDA, 0x01
_RESTARTS = range(0xD0, 0xD8)
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
"""In coded data 0xff is followed by 0 or a restart number unless a marker ends the data."""

_MORE, _BROKEN = -1, -2
_LONGEST_HEAD = 4096


class JpegSplitter:
    """Cut a motion-JPEG stream into pictures by the marker structure of JPEG itself.

    Part headers, boundaries and lengths are not needed, so streams that lack or misstate them work; a preview
    picture inside a header segment is not mistaken for the picture; a picture that breaks off is left out.
    """

    def __init__(self, max_picture_bytes: int = 32 * 2**20) -> None:
        """Take the size above which a picture counts as damage."""
        self.broken = 0
        """Pictures that began as a JPEG does and did not end as one."""
        self._max_picture_bytes = max_picture_bytes
        self._buffer = bytearray()
        self._head = bytearray()
        self._inside = False
        self._in_scan = False
        self._position = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the stream's next bytes; return the pictures, from 0xffd8 to 0xffd9, that they complete."""
        return [picture for _, picture in self.feed_with_heads(chunk)]

    def feed_with_heads(self, chunk: bytes) -> list[tuple[bytes, bytes]]:
        """Do the same; return with each picture what came before it, its part's headers, at most 4 KiB of it."""
        self._buffer += chunk
        pictures = []
        while self._inside or self._find_start():
            end = self._advance()
            if end == _MORE and len(self._buffer) <= self._max_picture_bytes:
                break
            if end >= 0:
                pictures.append((bytes(self._head), bytes(self._buffer[:end])))
            else:
                self.broken += 1
                end = max(self._position, 2) if end == _BROKEN else len(self._buffer)
            del self._buffer[:end]
            self._inside = False
            self._head.clear()
        return pictures

    def _find_start(self) -> bool:
        start = self._buffer.find(_START)
        # The start marker itself may be split over two chunks.
        passed = start if start >= 0 else max(len(self._buffer) - 2, 0)
        self._head = (self._head + self._buffer[max(0, passed - _LONGEST_HEAD) : passed])[-_LONGEST_HEAD:]
        del self._buffer[:passed]
        self._inside, self._in_scan, self._position = start >= 0, False, 2
        return self._inside

    def _advance(self) -> int:
        """Parse on through the picture at the buffer's start; return its end, _MORE or _BROKEN."""
        buffer = self._buffer
        while True:
            if self._in_scan:
                marker = _MARKER_IN_SCAN.search(buffer, self._position)
                if marker is None:
                    self._position = max(self._position, len(buffer) - 1)
                    return _MORE
                self._position, self._in_scan = marker.start(), False
            position = self._position
            if len(buffer) < position + 2:
                return _MORE
            if buffer[position] != 0xFF:
                return _BROKEN
            code = buffer[position + 1]
            if code == _EOI:
                return position + 2
            if code in (_SOI, 0):
                return _BROKEN
            if code == 0xFF:
                self._position += 1
            elif code == _TEM or code in _RESTARTS:
                self._position += 2
            else:
                if len(buffer) < position + 4:
                    return _MORE
                length = int.from_bytes(buffer[position + 2 : position + 4], "big")
                if length < 2:
                    return _BROKEN
                # Where the segment reaches past the buffer, the check above waits for the rest.
                self._position += 2 + length
                self._in_scan = code == _SOS
