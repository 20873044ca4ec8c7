"""The conversion of TensorFlow Lite networks, on small ones made here."""

import zipfile
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
import torch
from mediapipe.tasks.metadata import schema_py_generated as schema
from numpy.typing import NDArray

from hitrs_live.errors import PoseModelMissing
from hitrs_live.pose.blazepose.graph.conversion import convert
from hitrs_live.pose.blazepose.graph.flatbuffer import Table
from hitrs_live.pose.blazepose.graph.tflite import UnknownNetwork, read_network
from hitrs_live.pose.blazepose.networks import BlazePoseNetworks
from hitrs_live.pose.mediapipe.task_bundle import CONTENT

RNG = np.random.default_rng(0)
CODES = schema.BuiltinOperator
OPTIONS = schema.BuiltinOptions


class Builder:
    """Write a network step by step with the format's own generated code."""

    def __init__(self, *shape: int) -> None:
        self.model, self.graph = schema.ModelT(), schema.SubGraphT()
        self.model.version, self.model.buffers, self.model.operatorCodes = 3, [schema.BufferT()], []
        self.graph.tensors, self.graph.operators = [], []
        self.graph.inputs = [self.tensor(shape)]

    def tensor(self, shape: tuple[int, ...], values: NDArray[Any] | None = None, sparsity: Any = None) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.buffer, tensor.sparsity = list(shape), 0, sparsity
        if values is not None:
            kinds = {"float32": 0, "float16": 1, "int32": 2}
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer, tensor.type = len(self.model.buffers) - 1, kinds[values.dtype.name]
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def step(self, kind: int, inputs: list[int], shape: tuple[int, ...], options: Any = None, union: int = 0) -> int:
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode, code.deprecatedBuiltinCode = kind, min(kind, 127)
        self.model.operatorCodes.append(code)
        operator.opcodeIndex, operator.inputs = len(self.model.operatorCodes) - 1, inputs
        operator.outputs, operator.builtinOptions, operator.builtinOptionsType = [self.tensor(shape)], options, union
        self.graph.operators.append(operator)
        return operator.outputs[0]

    def file(self, *outputs: int) -> bytes:
        self.graph.outputs, self.model.subgraphs = list(outputs), [self.graph]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def run(file: bytes, picture: NDArray[np.uint8], *, scale: float = 1.0, offset: float = 0.0) -> list[NDArray[Any]]:
    network = read_network(file)
    converted = convert(network, outputs=network.outputs, scale=scale, offset=offset)
    # After hitrs_live, which turns its telemetry off.
    import onnxruntime

    session = onnxruntime.InferenceSession(converted, providers=["CPUExecutionProvider"])
    return list(session.run(None, {"picture": picture}))


def picture(*shape: int) -> NDArray[np.uint8]:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("deep", [False, True])
def test_a_convolution_with_same_padding_and_relu6_is_that_of_torch(stride: int, deep: bool) -> None:
    weights = RNG.normal(size=(1, 3, 3, 3) if deep else (5, 3, 3, 3)).astype(np.float32)
    bias = RNG.normal(size=weights.shape[3] if deep else 5).astype(np.float32)
    size = 8 // stride
    network = Builder(1, 8, 8, 3)
    options: Any = schema.DepthwiseConv2DOptionsT() if deep else schema.Conv2DOptionsT()
    options.padding, options.strideH, options.strideW, options.fusedActivationFunction = 0, stride, stride, 3
    options.depthMultiplier = 1
    output = network.step(
        CODES.DEPTHWISE_CONV_2D if deep else CODES.CONV_2D,
        [0, network.tensor(weights.shape, weights), network.tensor(bias.shape, bias)], (1, size, size, len(bias)),
        options, OPTIONS.DepthwiseConv2DOptions if deep else OPTIONS.Conv2DOptions,
    )  # fmt: skip
    shown = picture(2, 8, 8, 3)
    (got,) = run(network.file(output), shown, scale=1 / 100, offset=-1.0)
    # With a stride of two the one row and column of zeros that SAME needs comes after the picture.
    before = 1 if stride == 1 else 0
    padded = torch.nn.functional.pad(
        torch.from_numpy(shown).permute(0, 3, 1, 2).float() / 100 - 1, (before, 1, before, 1)
    )
    kernel = torch.from_numpy(weights.transpose((3, 0, 1, 2) if deep else (0, 3, 1, 2)).copy())
    expected = torch.nn.functional.conv2d(
        padded, kernel, torch.from_numpy(bias), stride=stride, groups=3 if deep else 1
    )
    np.testing.assert_allclose(got, expected.clamp(0, 6).permute(0, 2, 3, 1).numpy(), rtol=1e-4, atol=1e-4)


def test_a_convolution_with_gaps_is_that_of_torch() -> None:
    weights = RNG.normal(size=(5, 3, 3, 3)).astype(np.float32)
    bias = RNG.normal(size=5).astype(np.float32)
    network = Builder(1, 9, 9, 3)
    options = schema.Conv2DOptionsT()
    options.padding, options.strideH, options.strideW, options.dilationHFactor, options.dilationWFactor = 0, 1, 1, 2, 3
    output = network.step(
        CODES.CONV_2D, [0, network.tensor(weights.shape, weights), network.tensor(bias.shape, bias)], (1, 9, 9, 5),
        options, OPTIONS.Conv2DOptions,
    )  # fmt: skip
    shown = picture(2, 9, 9, 3)
    (got,) = run(network.file(output), shown, scale=1 / 255)
    expected = torch.nn.functional.conv2d(
        torch.from_numpy(shown).permute(0, 3, 1, 2).float() / 255,
        torch.from_numpy(weights.transpose(0, 3, 1, 2).copy()), torch.from_numpy(bias), padding=(2, 3), dilation=(2, 3),
    )  # fmt: skip
    np.testing.assert_allclose(got, expected.permute(0, 2, 3, 1).numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("axis", "at"), [(1, 1), (2, 2), (3, 3), (-1, 3)])
def test_maps_are_joined_along_each_of_their_axes(axis: int, at: int) -> None:
    network = Builder(1, 2, 3, 4)
    options = schema.ConcatenationOptionsT()
    options.axis = axis
    shape = [1, 2, 3, 4]
    shape[at] *= 2
    output = network.step(CODES.CONCATENATION, [0, 0], tuple(shape), options, OPTIONS.ConcatenationOptions)
    shown = picture(2, 2, 3, 4)
    (got,) = run(network.file(output), shown)
    np.testing.assert_array_equal(got, np.concatenate((shown, shown), axis=at).astype(np.float32))


@pytest.mark.parametrize("shape", [(3,), (1, 4, 4, 3), (1, 1, 1, 1)])
def test_a_constant_is_added_to_maps_as_it_is_broadcast_in_the_original(shape: tuple[int, ...]) -> None:
    values = RNG.normal(size=shape).astype(np.float32)
    network = Builder(1, 4, 4, 3)
    output = network.step(
        CODES.ADD, [0, network.tensor(shape, values)], (1, 4, 4, 3), schema.AddOptionsT(), OPTIONS.AddOptions
    )
    shown = picture(2, 4, 4, 3)
    (got,) = run(network.file(output), shown)
    np.testing.assert_allclose(got, shown + values, rtol=1e-6)


class Heads:
    """A network of a few layers with the outputs of one of BlazePose's: other layers than those of the model `full`."""

    def __init__(self, size: int) -> None:
        self.network, self.size = Builder(1, size, size, 3), size
        self.outputs: list[int] = []
        self.weights: list[NDArray[np.float32]] = []

    def add(self, cells: int, shape: tuple[int, ...]) -> None:
        """Add an output: the largest values of cells x cells parts of the picture, then a convolution."""
        stride = self.size // cells
        pool = schema.Pool2DOptionsT()
        pool.padding, pool.strideH, pool.strideW, pool.filterHeight, pool.filterWidth = (
            1,
            stride,
            stride,
            stride,
            stride,
        )
        maps = self.network.step(CODES.MAX_POOL_2D, [0], (1, cells, cells, 3), pool, OPTIONS.Pool2DOptions)
        channels = int(np.prod(shape)) // cells**2
        weights = RNG.normal(size=(channels, 1, 1, 3)).astype(np.float32)
        options = schema.Conv2DOptionsT()
        options.strideH = options.strideW = 1
        constants = [self.network.tensor(each.shape, each) for each in (weights, np.zeros(channels, np.float32))]
        last = self.network.step(
            CODES.CONV_2D, [maps, *constants], (1, cells, cells, channels), options, OPTIONS.Conv2DOptions
        )
        if len(shape) != 4:
            last = self.network.step(CODES.RESHAPE, [last], shape, schema.ReshapeOptionsT(), OPTIONS.ReshapeOptions)
        self.outputs.append(last)
        self.weights.append(weights[:, 0, 0])

    def file(self) -> bytes:
        return self.network.file(*self.outputs)


def bundle(path: Path, *, crop: int = 256) -> tuple[Heads, Heads]:
    """Write a model with both networks."""
    detector, landmarks = Heads(224), Heads(crop)
    for shape in ((1, 2254, 12), (1, 2254, 1)):
        detector.add(1, shape)
    for cells, shape in ((1, (1, 195)), (1, (1, 1)), (1, (1, 117)), (64, (1, 64, 64, 39))):
        landmarks.add(cells, shape)
    with zipfile.ZipFile(path, "w") as archive:
        for name, each in zip(CONTENT, (detector, landmarks), strict=True):
            archive.writestr(name, each.file())
    return detector, landmarks


def test_a_model_of_other_layers_with_the_same_outputs_is_run_as_well(tmp_path: Path) -> None:
    detector, landmarks = bundle(tmp_path / "lite.task")
    networks = BlazePoseNetworks(tmp_path / "lite.task")
    crops = picture(2, 256, 256, 3)
    points, presence, world, heat = networks.find_landmarks(crops)
    largest = crops.max(axis=(1, 2)) / 255
    cells = crops.reshape(2, 64, 4, 64, 4, 3).max(axis=(2, 4)) / 255
    np.testing.assert_allclose(points, (largest @ landmarks.weights[0].T).reshape(2, 39, 5), atol=1e-4)
    np.testing.assert_allclose(presence, (largest @ landmarks.weights[1].T)[:, 0], atol=1e-4)
    np.testing.assert_allclose(world, (largest @ landmarks.weights[2].T).reshape(2, 39, 3), atol=1e-4)
    np.testing.assert_allclose(heat, cells @ landmarks.weights[3].T, atol=1e-4)
    shown = picture(2, 224, 224, 3)
    boxes, logits = networks.detect(shown)
    brightest = shown.max(axis=(1, 2)) / 127.5 - 1
    np.testing.assert_allclose(boxes, (brightest @ detector.weights[0].T).reshape(2, 2254, 12), atol=1e-4)
    np.testing.assert_allclose(logits, (brightest @ detector.weights[1].T).reshape(2, 2254, 1), atol=1e-4)


def test_a_model_of_another_input_is_refused_with_both_sizes(tmp_path: Path) -> None:
    bundle(tmp_path / "other.task", crop=128)
    with pytest.raises(PoseModelMissing, match=r"takes pictures of \(1, 128, 128, 3\), expected \(1, 256, 256, 3\)"):
        BlazePoseNetworks(tmp_path / "other.task")


def test_maps_become_rows_in_the_order_of_height_width_and_channels() -> None:
    network = Builder(1, 2, 3, 3)
    options = schema.ReshapeOptionsT()
    rows = network.step(CODES.RESHAPE, [0], (1, 6, 3), options, OPTIONS.ReshapeOptions)
    shown = picture(1, 2, 3, 3)
    (got,) = run(network.file(rows), shown)
    np.testing.assert_array_equal(got, shown.reshape(1, 6, 3).astype(np.float32))


def test_weights_of_half_precision_are_read_as_they_are_and_an_output_that_needs_nothing_costs_nothing() -> None:
    weights = RNG.normal(size=(2, 1, 1, 3)).astype(np.float16)
    network = Builder(1, 4, 4, 3)
    full = network.step(CODES.DEQUANTIZE, [network.tensor(weights.shape, weights)], weights.shape)
    bias = network.tensor((2,), np.zeros(2, np.float32))
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = 1
    one = network.step(CODES.CONV_2D, [0, full, bias], (1, 4, 4, 2), options, OPTIONS.Conv2DOptions)
    other = network.step(CODES.LOGISTIC, [one], (1, 4, 4, 2))
    read = read_network(network.file(one, other))
    np.testing.assert_array_equal(read.constants[full], weights.astype(np.float32))
    assert b"Sigmoid" in convert(read, outputs=read.outputs, scale=1.0, offset=0.0)
    assert b"Sigmoid" not in convert(read, outputs=read.outputs[:1], scale=1.0, offset=0.0)


def test_sparse_weights_are_put_where_they_belong() -> None:
    # Rows of which only some columns are kept: (2, 3), the first row has columns 0 and 2, the second column 1.
    levels = [schema.DimensionMetadataT(), schema.DimensionMetadataT()]
    levels[0].format, levels[0].denseSize, levels[1].format = 0, 2, 1
    for name, values in (("Segments", [0, 2, 3]), ("Indices", [0, 2, 1])):
        vector = schema.Uint8VectorT()
        vector.values = values
        setattr(levels[1], f"array{name}", vector)
        setattr(levels[1], f"array{name}Type", schema.SparseIndexVector.Uint8Vector)
    sparsity = schema.SparsityParametersT()
    sparsity.traversalOrder, sparsity.dimMetadata = [0, 1], levels
    network = Builder(1, 1, 1, 1)
    kept = network.tensor((2, 3), np.array([1, 2, 3], np.float32), sparsity)
    read = read_network(network.file(0))
    np.testing.assert_array_equal(read.constants[kept], [[1, 0, 2], [0, 3, 0]])


def test_what_is_not_known_is_named() -> None:
    with pytest.raises(UnknownNetwork, match="no TensorFlow Lite file"):
        read_network(b"\x00" * 64)
    network = Builder(1, 4, 4, 3)
    output = network.step(CODES.HARD_SWISH, [0], (1, 4, 4, 3))
    with pytest.raises(UnknownNetwork, match="the operator 117"):
        read_network(network.file(output))


def test_a_field_that_the_file_leaves_out_is_its_default() -> None:
    root = Table.root(Builder(1, 4, 4, 3).file(0))
    assert root.integer(99, 7) == 7
    assert root.byte(99, 2) == 2
    assert root.table(99) is None
    assert root.tables(99) == []
