"""Read a TensorFlow Lite network: its tensors, constants and operators.

The numbers of fields, types and operators are those of the published schema of the format, version 3.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.pose.blazepose.graph.flatbuffer import Table
from hitrs_live.pose.blazepose.graph.sparse import densify

_TYPES: Final[dict[int, type[np.generic]]] = {0: np.float32, 1: np.float16, 2: np.int32}
OPERATORS: Final = {
    0: "ADD", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 5: "DEPTH_TO_SPACE", 6: "DEQUANTIZE",
    14: "LOGISTIC", 17: "MAX_POOL_2D", 22: "RESHAPE", 23: "RESIZE_BILINEAR", 34: "PAD", 124: "DENSIFY",
}  # fmt: skip
"""The operators that the BlazePose networks are made of, by their number."""


class UnknownNetwork(ValueError):
    """The network's file has something that is not read here; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One step of a network."""

    kind: str
    inputs: tuple[int, ...]
    """Tensors by number; -1 for an input that is left out."""
    output: int
    options: Table | None


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network as its file describes it. Pictures and maps are (1, height, width, channels)."""

    shapes: tuple[tuple[int, ...], ...]
    """Shape of each tensor."""
    constants: dict[int, NDArray[Any]]
    """Values of the tensors that are not computed."""
    operators: tuple[Operator, ...]
    """In an order in which they can be run."""
    input: int
    outputs: tuple[int, ...]


def read_network(data: bytes) -> Network:
    """Read a network with one input.

    Weights that the file keeps sparse or in half precision are returned dense and as float32. Raises UnknownNetwork.
    """
    if data[4:8] != b"TFL3":
        raise UnknownNetwork("is no TensorFlow Lite file")
    model = Table.root(data)
    graph = model.tables(2)[0]
    codes = [max(code.byte(0), code.integer(3)) for code in model.tables(1)]
    buffers = model.tables(4)
    tensors = graph.tables(0)
    shapes = tuple(tensor.integers(0) for tensor in tensors)
    constants = {
        number: _constant(tensor, buffers[tensor.integer(2)])
        for number, tensor in enumerate(tensors)
        if len(buffers[tensor.integer(2)].numbers(0, np.uint8))
    }
    operators = []
    for step in graph.tables(3):
        kind, inputs, outputs = codes[step.integer(0)], step.integers(1), step.integers(2)
        if kind not in OPERATORS or len(outputs) != 1:
            raise UnknownNetwork(f"has the operator {kind}, which is not among those of the BlazePose networks")
        if OPERATORS[kind] in ("DEQUANTIZE", "DENSIFY") and inputs[0] in constants:
            constants[outputs[0]] = constants[inputs[0]]
            continue
        operators.append(Operator(kind=OPERATORS[kind], inputs=inputs, output=outputs[0], options=step.table(4)))
    (first,) = graph.integers(1)
    return Network(
        shapes=shapes, constants=constants, operators=tuple(operators), input=first, outputs=graph.integers(2)
    )


def _constant(tensor: Table, buffer: Table) -> NDArray[Any]:
    if tensor.byte(1) not in _TYPES:
        raise UnknownNetwork(f"has constants of type {tensor.byte(1)}, expected {sorted(_TYPES)}")
    values = buffer.numbers(0, np.uint8).view(_TYPES[tensor.byte(1)])
    shape = tensor.integers(0)
    sparsity = tensor.table(6)
    dense = values.reshape(shape) if sparsity is None else densify(values, shape, sparsity)
    return dense.astype(np.float32) if dense.dtype == np.float16 else dense
