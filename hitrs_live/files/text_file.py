"""Read text files written on any system with any editor."""

import codecs
import re
from pathlib import Path
from typing import Final

MOST_BYTES: Final = 64 * 2**20
_OTHER_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
"""Byte order marks of UTF-16 and UTF-32; little-endian UTF-32 begins as little-endian UTF-16 does."""
_NO_NUMBER: Final = re.compile(r"(?<![\w.#])[-+]?(?:1\.#(?:IND|QNAN|SNAN|INF)\d*|nan(?:\([^\s()]*\))?)", re.IGNORECASE)
"""Spellings of NaN and infinity by C libraries, which `float` does not read."""


class TextUnreadable(ValueError):
    """A file is not text in UTF-8. The message says what was found and how to fix it, without the file's name."""


def read_text(path: Path, *, most_bytes: int = MOST_BYTES) -> str:
    """Read a whole UTF-8 file, without a byte order mark and with a line feed at every line's end.

    Raises OSError if it cannot be read, TextUnreadable if it is larger than `most_bytes` or not UTF-8.
    """
    with path.open("rb") as file:
        raw = file.read(most_bytes + 1)
    if len(raw) > most_bytes:
        raise TextUnreadable(f"it has more than {most_bytes} bytes")
    return decode_text(raw)


def decode_text(raw: bytes) -> str:
    """Decode a file's bytes as `read_text` does. Raises TextUnreadable if they are not UTF-8."""
    raw = without_mark(raw)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise TextUnreadable(
            f"line {line}: byte 0x{raw[error.start]:02x} is not UTF-8, perhaps Latin-1; save the file as UTF-8"
        ) from None
    if "\0" in text:
        raise TextUnreadable("it contains zero bytes, so it is UTF-16 or not text; save it as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def without_mark(raw: bytes) -> bytes:
    """Remove a UTF-8 byte order mark. Raises TextUnreadable for the mark of UTF-16 or UTF-32."""
    if raw.startswith(_OTHER_MARKS):
        raise TextUnreadable("it is UTF-16 or UTF-32 text, expected UTF-8; save it as UTF-8")
    return raw.removeprefix(codecs.BOM_UTF8)


def with_plain_nan(text: str) -> str:
    """Replace C libraries' spellings of NaN and infinity (`-1.#IND`, `1.#QNAN`, `nan(ind)`, `1.#INF`) by `nan`."""
    # Most text has none, and this check is fast.
    return _NO_NUMBER.sub("nan", text) if "#" in text or "(" in text else text
