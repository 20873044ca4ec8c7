"""Read a text file that a person may have edited, on any system, with any editor."""

import codecs
import re
from pathlib import Path
from typing import Final

MOST_BYTES: Final = 64 * 2**20
_OTHER_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
"""UTF-32, little end first, begins as UTF-16 does."""
_NO_NUMBER: Final = re.compile(r"(?<![\w.#])[-+]?(?:1\.#(?:IND|QNAN|SNAN|INF)\d*|nan(?:\([^\s()]*\))?)", re.IGNORECASE)
"""What C libraries write for not-a-number and infinity, which `float` does not read."""


class TextUnreadable(ValueError):
    """A file is no text in UTF-8. Says what was found and how to fix it, without the file's name."""


def read_text(path: Path, *, most_bytes: int = MOST_BYTES) -> str:
    """Read a UTF-8 file whole: without a byte order mark, every line's end as a line feed.

    Raises OSError where it cannot be read, TextUnreadable where it is larger than `most_bytes` or not UTF-8.
    """
    with path.open("rb") as file:
        raw = file.read(most_bytes + 1)
    if len(raw) > most_bytes:
        raise TextUnreadable(f"it has more than {most_bytes} bytes")
    return decode_text(raw)


def decode_text(raw: bytes) -> str:
    """Decode a file's bytes as `read_text` does. Raises TextUnreadable where they are not UTF-8."""
    raw = without_mark(raw)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise TextUnreadable(
            f"line {line}: byte 0x{raw[error.start]:02x} is not UTF-8, perhaps Latin-1; save the file as UTF-8"
        ) from None
    if "\0" in text:
        raise TextUnreadable("it holds zero bytes, so it is UTF-16 or no text; save it as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def without_mark(raw: bytes) -> bytes:
    """Drop a UTF-8 byte order mark. Raises TextUnreadable for the mark of UTF-16 or UTF-32."""
    if raw.startswith(_OTHER_MARKS):
        raise TextUnreadable("it is UTF-16 or UTF-32 text, wanted UTF-8; save it as UTF-8")
    return raw.removeprefix(codecs.BOM_UTF8)


def with_plain_nan(text: str) -> str:
    """Replace what C libraries write for not-a-number (`-1.#IND`, `1.#QNAN`, `nan(ind)`, `1.#INF`) by `nan`."""
    # Most text has none, and this much is quick to see.
    return _NO_NUMBER.sub("nan", text) if "#" in text or "(" in text else text
