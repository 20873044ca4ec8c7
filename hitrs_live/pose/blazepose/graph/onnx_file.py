"""Write an ONNX file: protocol buffers by hand, since the onnx package is needed for nothing else at run time.

The numbers of fields are those of the published onnx.proto.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_IR_VERSION: Final = 8
_OPSET: Final = 13
_ELEMENT_TYPES: Final = {np.dtype(np.float32): 1, np.dtype(np.uint8): 2, np.dtype(np.int64): 7}
_VARINT, _BYTES, _FLOAT = 0, 2, 5
"""Wire types of protocol buffers."""
_ATTRIBUTE_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_STRING, _ATTRIBUTE_INTS = 1, 2, 3, 7
Attribute = int | float | str | Sequence[int]


@dataclass(kw_only=True)
class OnnxGraph:
    """Collect the nodes and constants of a graph."""

    _nodes: list[bytes] = field(default_factory=list)
    _constants: list[bytes] = field(default_factory=list)

    def node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Attribute) -> str:
        """Add one operator; an empty input is one that is left out. Returns the name of its output."""
        parts = [_text(1, name) for name in inputs]
        parts += [_text(2, output), _text(4, kind)]
        parts += [_message(5, _attribute(name, value)) for name, value in attributes.items()]
        self._nodes.append(b"".join(parts))
        return output

    def constant(self, values: NDArray[Any]) -> str:
        """Add a constant, float32 or int64. Returns its name."""
        name = f"c{len(self._constants)}"
        parts = [_whole(1, size) for size in values.shape]
        parts += [_whole(2, _ELEMENT_TYPES[values.dtype]), _text(8, name)]
        parts.append(_message(9, np.ascontiguousarray(values).tobytes()))
        self._constants.append(b"".join(parts))
        return name

    def file(
        self,
        inputs: Mapping[str, tuple[type[np.generic], tuple[int | str, ...]]],
        outputs: Mapping[str, tuple[type[np.generic], tuple[int | str, ...]]],
    ) -> bytes:
        """Return the finished file. inputs and outputs: type and shape by name; a size may be a name."""
        graph = [_message(1, node) for node in self._nodes]
        graph.append(_text(2, "network"))
        graph += [_message(5, constant) for constant in self._constants]
        graph += [_message(11, _value(name, *value)) for name, value in inputs.items()]
        graph += [_message(12, _value(name, *value)) for name, value in outputs.items()]
        opset = _text(1, "") + _whole(2, _OPSET)
        return _whole(1, _IR_VERSION) + _message(7, b"".join(graph)) + _message(8, opset)


def _value(name: str, kind: type[np.generic], shape: tuple[int | str, ...]) -> bytes:
    sizes = (_text(2, size) if isinstance(size, str) else _whole(1, size) for size in shape)
    tensor = _whole(1, _ELEMENT_TYPES[np.dtype(kind)]) + _message(2, b"".join(_message(1, size) for size in sizes))
    return _text(1, name) + _message(2, _message(1, tensor))


def _attribute(name: str, value: Attribute) -> bytes:
    start = _text(1, name)
    if isinstance(value, str):
        return start + _text(4, value) + _whole(20, _ATTRIBUTE_STRING)
    if isinstance(value, float):
        return start + _tag(2, _FLOAT) + struct.pack("<f", value) + _whole(20, _ATTRIBUTE_FLOAT)
    if isinstance(value, int):
        return start + _whole(3, value) + _whole(20, _ATTRIBUTE_INT)
    return start + b"".join(_whole(8, each) for each in value) + _whole(20, _ATTRIBUTE_INTS)


def _text(number: int, value: str) -> bytes:
    return _message(number, value.encode())


def _message(number: int, value: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(value)) + value


def _whole(number: int, value: int) -> bytes:
    return _tag(number, _VARINT) + _varint(value)


def _tag(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    """Return a whole number, 0 or more, seven bits a byte, the lowest first."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*parts, value))
