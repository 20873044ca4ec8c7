"""Check a tree of settings, such as a parsed TOML file, against a struct, and describe what was expected.

Files of settings, thresholds and calibrations are checked this way.
"""

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN = re.compile(r"[A-Za-z0-9_.,:/+=@%-]{1,60}")
_LONGEST = 60
_LONGEST_NUMBER_BITS = 128
LARGEST: Final = 1_000_000_000
"""No number is larger, whatever its sign: seconds, pixels, bytes and counts beyond it overflow timeouts and sizes."""
_NEAR = 0.6
"""Smallest similarity, by `difflib`, of a misspelt key and a known one."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A value that is not allowed, an unknown key or a missing one."""

    key: str
    """Dotted path of the key."""
    expected: str
    """What was expected, in words."""
    value: Any = None
    kind: Literal["value", "unknown", "missing"] = "value"

    def text(self, where: str = "", *, name: str = "") -> str:
        """Describe the fault in one line. where: its file, such as "live.toml"; name: shown instead of the key."""
        place = f" in {where}" if where else ""
        match self.kind:
            case "unknown":
                return f"unknown setting {self.key}{place}; {self.expected}"
            case "missing":
                return f"{self.key} is missing{place}: expected {self.expected}"
        return f"{name or self.key} {self._shown(name)}{place}: expected {self.expected}"

    def _shown(self, name: str) -> str:
        """Return the value as written in the file, or as typed on the command line."""
        typed = name and isinstance(self.value, str) and _PLAIN.fullmatch(self.value)
        return str(self.value) if typed else show(self.value)


def find_fault(tree: Any, kind: Any, *, prefix: str = "", text: bool = False) -> Fault | None:
    """Find the first fault of a tree; None if it fits the type: a struct, a mapping of structs, or a value's type.

    prefix: dotted key of the tree itself; text: whether numbers may be given as text, as in flags.
    """
    base, limits = _unwrap(kind)
    if isinstance(base, type) and issubclass(base, msgspec.Struct):
        return _struct_fault(tree, base, prefix, text=text)
    if get_origin(base) is dict:
        return _mapping_fault(tree, get_args(base)[1], prefix)
    try:
        value = msgspec.convert(tree, kind, strict=not text)
    except msgspec.ValidationError:
        value = math.nan
    numbers = value if isinstance(value, tuple) else (value,)
    if not all(math.isfinite(number) for number in numbers if isinstance(number, float)):
        return Fault(key=prefix, value=tree, expected=_expected(base, limits, _as_number(tree) if text else tree))
    if any(abs(number) > LARGEST for number in numbers if isinstance(number, int | float)):
        return Fault(key=prefix, value=tree, expected=f"{_expected(base, limits, math.inf)}, at most {LARGEST} in size")
    return None


def _as_number(text: Any) -> Any:
    """Convert text to a number; return it unchanged if it is not one."""
    for kind in (int, float):
        try:
            return kind(text)
        except (ValueError, TypeError):
            continue
    return text


def show(value: Any) -> str:
    """Format a value as TOML, on one line, cut after 60 characters."""
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, str):
        text = msgspec.json.encode(value[: 2 * _LONGEST]).decode()
    elif isinstance(value, int) and value.bit_length() > _LONGEST_NUMBER_BITS:
        # Python refuses to write thousands of digits.
        text = f"a whole number of {value.bit_length()} bits"
    else:
        text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def _struct_fault(tree: Any, kind: type[msgspec.Struct], prefix: str, *, text: bool) -> Fault | None:
    if not isinstance(tree, dict):
        return Fault(key=prefix or "the file", value=tree, expected="a table")
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for key in tree:
        if key not in fields:
            return _unknown(str(key), kind, prefix)
    for name, field in fields.items():
        if name in tree:
            if fault := find_fault(tree[name], field.type, prefix=_join(prefix, name), text=text):
                return fault
        elif field.required:
            return Fault(key=_join(prefix, name), kind="missing", expected=_expected(*_unwrap(field.type), None))
    return None


def _mapping_fault(tree: Any, kind: Any, prefix: str) -> Fault | None:
    if not isinstance(tree, dict):
        return Fault(key=prefix, value=tree, expected="a table")
    for key, value in tree.items():
        if fault := find_fault(value, kind, prefix=_join(prefix, str(key))):
            return fault
    return None


def _unknown(key: str, kind: type[msgspec.Struct], prefix: str) -> Fault:
    names = [field.name for field in msgspec.structs.fields(kind)]
    if near := difflib.get_close_matches(key, names, n=1, cutoff=_NEAR):
        expected = f"the nearest is {_join(prefix, near[0])}"
    else:
        expected = f"{prefix or 'the file'} has {', '.join(names)}"
    return Fault(key=_join(prefix, key), kind="unknown", expected=expected)


def _join(prefix: str, key: str) -> str:
    shown = key if len(key) <= _LONGEST and _BARE_KEY.fullmatch(key) else show(key)
    return f"{prefix}.{shown}" if prefix else shown


def _unwrap(kind: Any) -> tuple[Any, dict[str, Any]]:
    """Return a type without None and annotations, and the limits in the annotations."""
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (each for each in get_args(kind) if each is not NoneType)
    if get_origin(kind) is not Annotated:
        return kind, {}
    base, *metas = get_args(kind)
    limits: dict[str, Any] = {}
    for meta in metas:
        if isinstance(meta, Meta):
            limits |= {
                name: getattr(meta, name) for name in ("ge", "gt", "le", "lt") if getattr(meta, name) is not None
            }
            limits |= meta.extra or {}
    return base, limits


def _expected(base: Any, limits: Mapping[str, Any], value: Any) -> str:
    """Describe the allowed values."""
    if "expected" in limits:
        return str(limits["expected"])
    if get_origin(base) is Literal:
        *others, last = get_args(base)
        return f"{', '.join(others)} or {last}" if others else last
    if get_origin(base) is tuple:
        return f"{len(get_args(base))} numbers"
    if base in (int, float):
        return _number_expected(base, limits, value)
    return {bool: "true or false", str: 'text, such as "hall"'}.get(base, "a table")


def _number_expected(base: type, limits: Mapping[str, Any], value: Any) -> str:
    kind = "a whole number" if base is int else "a number"
    low = f"above {_plain(limits['gt'])}" if "gt" in limits else f"{_plain(limits['ge'])}" if "ge" in limits else ""
    high = f"below {_plain(limits['lt'])}" if "lt" in limits else f"{_plain(limits['le'])}" if "le" in limits else ""
    if "ge" in limits and "le" in limits:
        # A whole number may be too large for `isfinite`.
        whole = isinstance(value, int) and not isinstance(value, bool)
        fits = whole or (base is float and isinstance(value, float) and math.isfinite(value))
        return f"{low} to {high}" if fits else f"{kind}, {low} to {high}"
    if low and high:
        return f"{kind} {low} and {high if 'lt' in limits else f'at most {high}'}"
    if "gt" in limits:
        return f"{kind} {low}"
    return f"{kind}, {low} or more" if low else kind


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"
