"""Convert a BlazePose network from TensorFlow Lite to ONNX, in memory and in a fifth of a second.

TensorFlow Lite keeps maps as (1, height, width, channels), ONNX as (N, channels, height, width): the converted network
takes pictures as (N, height, width, 3) uint8, transposes and scales them itself, and gives every output in the order
of the original. Only the operators of these networks are known (`tflite.OPERATORS`).
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from hitrs_live.pose.blazepose.graph.flatbuffer import Table
from hitrs_live.pose.blazepose.graph.onnx_file import OnnxGraph
from hitrs_live.pose.blazepose.graph.tflite import Network, Operator, UnknownNetwork

_SAME = 0
_TO_CHANNELS_FIRST, _TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
_NO_ACTIVATION, _RELU, _RELU6 = 0, 1, 3


def convert(network: Network, *, outputs: Sequence[int], scale: float, offset: float) -> bytes:
    """Return the ONNX file of a network, without the operators that none of the outputs needs.

    outputs: the tensors to give, by number; their names are "output0" and so on. A value v of the picture, 0 to 255,
    enters the network as v * scale + offset. Raises UnknownNetwork.
    """
    return _Conversion(network).run(outputs, scale, offset)


class _Conversion:
    def __init__(self, network: Network) -> None:
        self._network = network
        self._graph = OnnxGraph()

    def run(self, outputs: Sequence[int], scale: float, offset: float) -> bytes:
        network, graph = self._network, self._graph
        height, width, channels = network.shapes[network.input][1:]
        floats = graph.node("Cast", ["picture"], "floats", to=1)
        scaled = graph.node("Mul", [floats, graph.constant(np.array([scale], np.float32))], "scaled")
        moved = graph.node("Add", [scaled, graph.constant(np.array([offset], np.float32))], "moved")
        graph.node("Transpose", [moved], _name(network.input), perm=_TO_CHANNELS_FIRST)
        for operator in _needed(network, outputs):
            if operator.kind not in _CONVERSIONS:
                raise UnknownNetwork(f"computes with {operator.kind} where only constants are expected")
            _CONVERSIONS[operator.kind](self, operator, _name(operator.output))
        shapes: dict[str, tuple[type[np.generic], tuple[int | str, ...]]] = {}
        for place, tensor in enumerate(outputs):
            shape = network.shapes[tensor]
            kind = "Transpose" if len(shape) == 4 else "Identity"
            order = {"perm": _TO_CHANNELS_LAST} if len(shape) == 4 else {}
            shapes[graph.node(kind, [_name(tensor)], f"output{place}", **order)] = (np.float32, ("N", *shape[1:]))
        return graph.file({"picture": (np.uint8, ("N", height, width, channels))}, shapes)

    def _convolution(self, operator: Operator, output: str) -> None:
        options = _options(operator)
        weights, bias = (self._network.constants[tensor] for tensor in operator.inputs[1:])
        deep = operator.kind == "DEPTHWISE_CONV_2D"
        weights = weights.transpose((3, 0, 1, 2) if deep else _TO_CHANNELS_FIRST)
        kernel, strides = weights.shape[2:], (options.integer(2), options.integer(1))
        dilation = (options.integer(5 + deep, 1), options.integer(4 + deep, 1))
        reach = tuple((size - 1) * apart + 1 for size, apart in zip(kernel, dilation, strict=True))
        before = self._before_activation(options.byte(3 + deep), output)
        self._graph.node(
            "Conv", [_name(operator.inputs[0]), self._graph.constant(weights), self._graph.constant(bias)], before,
            kernel_shape=kernel, strides=strides, dilations=dilation, group=len(weights) if deep else 1,
            pads=self._padding(operator, options, reach, strides),
        )  # fmt: skip
        self._activate(options.byte(3 + deep), before, output)

    def _max_pool(self, operator: Operator, output: str) -> None:
        options = _options(operator)
        kernel, strides = (options.integer(4), options.integer(3)), (options.integer(2), options.integer(1))
        before = self._before_activation(options.byte(5), output)
        self._graph.node(
            "MaxPool", [_name(operator.inputs[0])], before, kernel_shape=kernel, strides=strides,
            pads=self._padding(operator, options, kernel, strides),
        )  # fmt: skip
        self._activate(options.byte(5), before, output)

    def _padding(
        self, operator: Operator, options: Table, kernel: Sequence[int], strides: Sequence[int]
    ) -> tuple[int, ...]:
        """Return the zeros before and after in both directions. SAME has one more after where it is not even."""
        if options.byte(0) != _SAME:
            return (0, 0, 0, 0)
        size = self._network.shapes[operator.inputs[0]][1:3]
        result = self._network.shapes[operator.output][1:3]
        all_ = [
            max((out - 1) * stride + reach - into, 0)
            for into, out, reach, stride in zip(size, result, kernel, strides, strict=True)
        ]
        return (all_[0] // 2, all_[1] // 2, all_[0] - all_[0] // 2, all_[1] - all_[1] // 2)

    def _add(self, operator: Operator, output: str) -> None:
        activation = _options(operator).byte(0)
        before = self._before_activation(activation, output)
        rank = len(self._network.shapes[operator.output])
        self._graph.node("Add", [self._value(tensor, rank) for tensor in operator.inputs], before)
        self._activate(activation, before, output)

    def _value(self, tensor: int, rank: int) -> str:
        """Return the name of a tensor, be it a constant, which is broadcast to a rank: maps have channels first."""
        constant = self._network.constants.get(tensor)
        if constant is None:
            return _name(tensor)
        if rank == 4:
            constant = constant.reshape((1,) * (4 - constant.ndim) + constant.shape).transpose(_TO_CHANNELS_FIRST)
        return self._graph.constant(constant)

    def _pad(self, operator: Operator, output: str) -> None:
        pads = self._network.constants[operator.inputs[1]][list(_TO_CHANNELS_FIRST)]
        both = self._graph.constant(pads.T.reshape(-1).astype(np.int64))
        self._graph.node("Pad", [_name(operator.inputs[0]), both], output)

    def _resize(self, operator: Operator, output: str) -> None:
        options, shapes = _options(operator), self._network.shapes
        before, after = shapes[operator.inputs[0]], shapes[operator.output]
        scales = np.array([1, 1, after[1] / before[1], after[2] / before[2]], np.float32)
        mode = "align_corners" if options.byte(2) else "half_pixel" if options.byte(3) else "asymmetric"
        self._graph.node(
            "Resize", [_name(operator.inputs[0]), "", self._graph.constant(scales)], output,
            mode="linear", coordinate_transformation_mode=mode,
        )  # fmt: skip

    def _depth_to_space(self, operator: Operator, output: str) -> None:
        size = _options(operator).integer(0)
        self._graph.node("DepthToSpace", [_name(operator.inputs[0])], output, blocksize=size, mode="DCR")

    def _reshape(self, operator: Operator, output: str) -> None:
        shapes = self._network.shapes
        source, shape = _name(operator.inputs[0]), shapes[operator.output]
        if len(shape) == 4:
            raise UnknownNetwork(f"reshapes to {shape}")
        if len(shapes[operator.inputs[0]]) == 4:
            source = self._graph.node("Transpose", [source], f"{output}_last", perm=_TO_CHANNELS_LAST)
        self._graph.node("Reshape", [source, self._graph.constant(np.array([-1, *shape[1:]], np.int64))], output)

    def _concatenate(self, operator: Operator, output: str) -> None:
        axis, rank = _options(operator).integer(0), len(self._network.shapes[operator.output])
        if rank == 4:
            axis = _TO_CHANNELS_FIRST.index(axis % rank)
        self._graph.node("Concat", [_name(tensor) for tensor in operator.inputs], output, axis=axis)

    def _logistic(self, operator: Operator, output: str) -> None:
        self._graph.node("Sigmoid", [_name(operator.inputs[0])], output)

    def _before_activation(self, activation: int, output: str) -> str:
        return output if activation == _NO_ACTIVATION else f"{output}_before"

    def _activate(self, activation: int, before: str, output: str) -> None:
        if activation == _RELU:
            self._graph.node("Relu", [before], output)
        elif activation == _RELU6:
            limits = [self._graph.constant(np.array(limit, np.float32)) for limit in (0, 6)]
            self._graph.node("Clip", [before, *limits], output)
        elif activation != _NO_ACTIVATION:
            raise UnknownNetwork(f"has the activation {activation}")


_CONVERSIONS: Final[dict[str, Callable[[_Conversion, Operator, str], None]]] = {
    "CONV_2D": _Conversion._convolution, "DEPTHWISE_CONV_2D": _Conversion._convolution, "ADD": _Conversion._add,
    "MAX_POOL_2D": _Conversion._max_pool, "PAD": _Conversion._pad, "RESIZE_BILINEAR": _Conversion._resize,
    "DEPTH_TO_SPACE": _Conversion._depth_to_space, "RESHAPE": _Conversion._reshape,
    "CONCATENATION": _Conversion._concatenate, "LOGISTIC": _Conversion._logistic,
}  # fmt: skip


def _needed(network: Network, outputs: Sequence[int]) -> list[Operator]:
    """Return the operators on which the outputs depend, in their order."""
    wanted: set[int] = set(outputs)
    kept: list[Operator] = []
    for operator in reversed(network.operators):
        if operator.output in wanted:
            kept.append(operator)
            wanted.update(operator.inputs)
    return kept[::-1]


def _options(operator: Operator) -> Table:
    if operator.options is None:
        raise UnknownNetwork(f"has a {operator.kind} without options")
    return operator.options


def _name(tensor: int) -> str:
    return f"t{tensor}"
