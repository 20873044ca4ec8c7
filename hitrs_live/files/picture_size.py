"""Read a picture's size from its header, before anything is decoded: a few bytes may claim gigabytes."""

import struct
from typing import Final

MOST_PIXELS: Final = 40_000_000
"""Above 8K (33 million). Decoded, that is 120 MB."""
_MOST_WORK: Final = 10 * MOST_PIXELS
"""Pixels times scans. Every scan of a progressive JPEG passes over the whole picture, and a few bytes make one."""
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a frame's header, which has the size."""
_SOS, _EOI = 0xDA, 0xD9
_PNG: Final = b"\x89PNG\r\n\x1a\n"


def why_not_decodable(picture: bytes) -> str | None:
    """Return why a JPEG or PNG is not to be decoded, in a few words; None where its header allows it."""
    size = _png_size(picture) if picture.startswith(_PNG) else _jpeg_size(picture)
    if size is None:
        return "has no header of a JPEG or PNG picture"
    width, height = size
    if not (width and height):
        return f"has a size of {width} x {height} pixels"
    if width * height > MOST_PIXELS:
        return f"claims {width} x {height} pixels, expected at most {MOST_PIXELS // 1_000_000} million"
    if width * height * (scans := picture.count(b"\xff\xda")) > _MOST_WORK and not picture.startswith(_PNG):
        return f"has {scans} scans, expected at most {_MOST_WORK // (width * height)} of that size"
    return None


def _png_size(picture: bytes) -> tuple[int, int] | None:
    if len(picture) < 24 or picture[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def _jpeg_size(picture: bytes) -> tuple[int, int] | None:
    """Walk the segments up to the first frame header."""
    if not picture.startswith(b"\xff\xd8"):
        return None
    position = 2
    while position + 4 <= len(picture) and picture[position] == 0xFF:
        code = picture[position + 1]
        if code == 0xFF:
            position += 1
        elif code in _STANDALONE and code != _EOI:
            position += 2
        elif code in (_SOS, _EOI):
            return None
        elif code in _FRAMES:
            if position + 9 > len(picture):
                return None
            height, width = struct.unpack_from(">HH", picture, position + 5)
            return width, height
        else:
            position += 2 + max(2, int.from_bytes(picture[position + 2 : position + 4], "big"))
    return None
