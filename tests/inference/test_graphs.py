"""The graphs and plans that are built: what stands in them, and that every target can be built without a GPU."""

from pathlib import Path

import pytest

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.errors import EngineUnavailable
from hitrs_live.inference.export import INPUTS, OUTPUTS, SUBMODULES, export_graphs
from hitrs_live.inference.tensorrt_plan import OPSET, build_plan, find_tensorrt

onnx = pytest.importorskip("onnx", reason="graphs are built with the extra `export`, which is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def half_graphs(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("half")
    export_graphs(checkpoint.model, folder, precision="fp16", opset=OPSET)
    return folder


def types_of(graph: "onnx.ModelProto", op_type: str) -> set[int]:
    """Return the element types that operators of a kind read."""
    known = {value.name: value.type.tensor_type.elem_type for value in (*graph.graph.value_info, *graph.graph.input)}
    return {known[node.input[0]] for node in graph.graph.node if node.op_type == op_type}


def test_graphs_take_and_give_float32_any_number_of_rows_at_a_time(engines: Path, half_graphs: Path) -> None:
    (built,) = engines.glob("*-onnx-fp32")
    for folder in (built, half_graphs):
        for submodule in SUBMODULES:
            graph = onnx.load(folder / f"{submodule}.onnx").graph
            assert tuple(value.name for value in graph.input) == INPUTS[submodule]
            assert tuple(value.name for value in graph.output) == OUTPUTS[submodule]
            for value in (*graph.input, *graph.output):
                assert value.type.tensor_type.shape.dim[0].dim_param, "the number of rows is left open"
                wanted = onnx.TensorProto.INT64 if value.name == "valid_clips" else onnx.TensorProto.FLOAT
                assert value.type.tensor_type.elem_type == wanted


def test_half_graphs_halve_the_products_and_nothing_else(half_graphs: Path) -> None:
    for submodule in SUBMODULES:
        graph = onnx.shape_inference.infer_shapes(onnx.load(half_graphs / f"{submodule}.onnx"))
        assert types_of(graph, "Softmax") == {onnx.TensorProto.FLOAT}
        assert types_of(graph, "LayerNormalization") == {onnx.TensorProto.FLOAT}
        assert onnx.TensorProto.FLOAT16 in types_of(graph, "MatMul")


def test_int8_graphs_say_their_ranges_and_leave_the_heads_alone(engines: Path) -> None:
    (built,) = engines.glob("*-onnx-int8")
    for submodule in SUBMODULES:
        graph = onnx.load(built / f"{submodule}.onnx").graph
        kinds = [node.op_type for node in graph.node]
        assert kinds.count("QuantizeLinear") > 0
        assert "DynamicQuantizeLinear" not in kinds
        quantised = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
        gemms = [node for node in graph.node if node.op_type == "Gemm"]
        assert all(quantised.isdisjoint(node.input) for node in gemms)


def api() -> object:
    try:
        return find_tensorrt()
    except EngineUnavailable as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("capability", ["SM80", "SM86", "SM89", "SM120"])
@pytest.mark.filterwarnings("ignore")  # The package's own, at its import.
def test_tensorrt_builds_the_clip_graph_for_every_architecture_without_a_gpu(
    half_graphs: Path, capability: str
) -> None:
    tensorrt = api()
    if not hasattr(tensorrt, "ComputeCapability"):
        pytest.skip(f"{tensorrt} builds for the GPU at hand alone")
    assert len(build_plan(tensorrt, half_graphs / "clip.onnx", max_rows=16, capability=capability)) > 10_000


@pytest.mark.parametrize("submodule", ["frame", "head"])
@pytest.mark.filterwarnings("ignore")
def test_tensorrt_builds_the_other_graphs(half_graphs: Path, submodule: str) -> None:
    tensorrt = api()
    if not hasattr(tensorrt, "ComputeCapability"):
        pytest.skip(f"{tensorrt} builds for the GPU at hand alone")
    assert len(build_plan(tensorrt, half_graphs / f"{submodule}.onnx", max_rows=16, capability="SM86")) > 10_000


@pytest.mark.filterwarnings("ignore")
def test_a_file_that_is_not_a_graph_is_reported_and_not_built(tmp_path: Path) -> None:
    tensorrt = api()
    (tmp_path / "none.onnx").write_bytes(b"nothing")
    with pytest.raises(EngineUnavailable, match=r"TensorRT cannot parse none\.onnx"):
        build_plan(tensorrt, tmp_path / "none.onnx", max_rows=4, capability="SM86")
