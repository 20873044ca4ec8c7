"""Read tables of a FlatBuffers file, the format of a TensorFlow Lite network, without a schema compiler.

A table begins with the distance back to its list of fields, which has the place of each field, or 0 where the file
leaves it at its default. Vectors and other tables are stored as the distance to them.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_DISTANCE = struct.Struct("<I")
_BACK = struct.Struct("<i")
_SHORT = struct.Struct("<H")
_INT = struct.Struct("<i")
_BYTE = struct.Struct("<b")
_FIXED = 4
"""Bytes of the list of fields before the first field."""


@dataclass(frozen=True)
class Table:
    """One table of a file. Fields are numbered from 0 in the order of the schema."""

    data: bytes
    place: int

    @classmethod
    def root(cls, data: bytes) -> "Table":
        """Return the outermost table."""
        return cls(data, _DISTANCE.unpack_from(data, 0)[0])

    def integer(self, field: int, default: int = 0) -> int:
        """Read a field of four bytes."""
        place = self._field(field)
        return default if place is None else int(_INT.unpack_from(self.data, place)[0])

    def byte(self, field: int, default: int = 0) -> int:
        """Read a field of one byte: an enumeration, a truth value or the kind of a union."""
        place = self._field(field)
        return default if place is None else int(_BYTE.unpack_from(self.data, place)[0])

    def table(self, field: int) -> "Table | None":
        """Read a table, or what a union holds; None where the field is not there."""
        place = self._field(field)
        return None if place is None else Table(self.data, place + _DISTANCE.unpack_from(self.data, place)[0])

    def tables(self, field: int) -> list["Table"]:
        """Read a vector of tables."""
        start, count = self._vector(field)
        places = range(start, start + 4 * count, 4)
        return [Table(self.data, place + _DISTANCE.unpack_from(self.data, place)[0]) for place in places]

    def numbers(self, field: int, kind: type[np.generic] = np.int32) -> NDArray[np.generic]:
        """Read a vector of numbers as (n,) of that kind; (0,) where the field is not there."""
        start, count = self._vector(field)
        return np.frombuffer(self.data, kind, count=count, offset=start)

    def integers(self, field: int) -> tuple[int, ...]:
        """Read a vector of numbers of four bytes."""
        return tuple(int(value) for value in self.numbers(field))

    def _vector(self, field: int) -> tuple[int, int]:
        place = self._field(field)
        if place is None:
            return 0, 0
        start = place + _DISTANCE.unpack_from(self.data, place)[0]
        return start + 4, _DISTANCE.unpack_from(self.data, start)[0]

    def _field(self, field: int) -> int | None:
        fields = self.place - _BACK.unpack_from(self.data, self.place)[0]
        entry = _FIXED + 2 * field
        if entry >= _SHORT.unpack_from(self.data, fields)[0]:
            return None
        offset = _SHORT.unpack_from(self.data, fields + entry)[0]
        return self.place + offset if offset else None
