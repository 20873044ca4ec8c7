"""Read TOML files of any content within bounds of size and depth."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from hitrs_live.files.text_file import TextUnreadable, read_text

MOST_BYTES: Final = 2**20
"""Files of settings, thresholds and calibrations have some kilobytes."""
_NO_KEY: Final = re.compile(r"""\"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?|\#[^\n]*+""")
"""Strings and comments."""
_MOST_DOTS: Final = 64
"""In one key. The parser's time grows with their square."""
_DEEPEST: Final = 16
"""Tables in tables. Deeper trees exceed the recursion limit of whatever checks or prints them."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file as a tree of tables.

    Raises TextUnreadable, in one line, where it cannot be read, is no TOML, or is too large or too deep.
    """
    try:
        text = read_text(path, most_bytes=MOST_BYTES)
        if any(part.count(".") > _MOST_DOTS for part in re.split(r"[=\n]", _NO_KEY.sub("", text))):
            raise TextUnreadable(f"a key has more than {_MOST_DOTS} dots")
        tree: dict[str, Any] = msgspec.toml.decode(text)
    except TextUnreadable as error:
        raise TextUnreadable(f"cannot be read ({error})") from None
    except OSError as error:
        raise TextUnreadable(f"cannot be read ({error.strerror or error})") from None
    except RecursionError:
        raise TextUnreadable("not TOML that can be read: too many brackets in brackets") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise TextUnreadable(f"not TOML ({' '.join(str(error).split())})") from None
    if _is_deeper(tree, _DEEPEST):
        raise TextUnreadable(f"tables are nested more than {_DEEPEST} deep")
    return tree


def _is_deeper(tree: dict[str, Any], most: int) -> bool:
    """Look level by level, without recursion."""
    level: list[Any] = [tree]
    for _ in range(most):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def _children(node: Any) -> Sequence[Any]:
    if isinstance(node, Mapping):
        return list(node.values())
    return node if isinstance(node, list) else ()
