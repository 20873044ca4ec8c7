"""Quantise exported graphs to int8 with explicit ranges (`int8_ranges`), which are stored in the graph.

Quantised are the matrix products that have a range. A node of a graph is matched to its layer by the name scope that
the exporter writes into it.
"""

import ast
import platform
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.errors import EngineUnavailable
from hitrs_live.inference.export import INPUTS, SUBMODULES, example_inputs, quiet_exporter
from hitrs_live.inference.int8_ranges import ProductRange, Products, recording_ranges
from hitrs_live.inference.parity import windows_of
from hitrs_live.inference.probe_streams import probe_streams
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.model.detector import HitrsDetector
from hitrs_live.model.hitrs import gather_clips

if TYPE_CHECKING:
    import onnx

_STREAMS, _CLIPS = 8, 6
_SCOPES = "pkg.torch.onnx.name_scopes"
"""The metadata in which the exporter writes a node's scopes, from the outermost module to the operator itself."""


def quantise_graphs(model: HitrsDetector, folder: Path, products: Products | None = None) -> None:
    """Replace the graphs in a folder by int8 ones. products: ranges, by default of the built-in streams.

    Raises EngineUnavailable where a graph has none of the products.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    weight_type = QuantType.QUInt8 if sums_saturate() else QuantType.QInt8

    products = products or probe_ranges(model)
    for submodule in SUBMODULES:
        path = folder / f"{submodule}.onnx"
        whole = folder / f"{submodule}.float.onnx"
        path.rename(whole)
        nodes = _nodes_with_ranges(onnx.load(whole), products.get(submodule, {}))
        if not nodes:
            raise EngineUnavailable(f"int8: no product of the {submodule} graph has a range; calibrate again")
        with quiet_exporter():
            quantize_static(
                whole,
                path,
                _Still(model, submodule),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=weight_type,
                nodes_to_quantize=[node.name for node, _ in nodes],
                extra_options={"TensorQuantOverrides": _tensor_ranges(nodes)},
            )
        whole.unlink()


def sums_saturate(machine: str = "", cpu_info: str | None = None) -> bool:
    """Return whether sums of products of unsigned and signed bytes overflow: they do on x86 without VNNI.

    There they are summed in 16 bits, so weights are made unsigned as well, which ONNX Runtime sums in 32.
    machine, cpu_info: as `platform.machine()` and /proc/cpuinfo give them, by default those of this machine.
    """
    if (machine or platform.machine()).lower() not in ("x86_64", "amd64"):
        return False
    if cpu_info is None:
        path = Path("/proc/cpuinfo")
        cpu_info = path.read_text(encoding="ascii", errors="replace") if path.is_file() else ""
    return re.search(r"\bavx(512)?_vnni\b", cpu_info) is None


def probe_ranges(model: HitrsDetector) -> Products:
    """Measure ranges over the built-in streams."""
    with recording_ranges(model) as products:
        run_probe_streams(model)
    return products


@torch.inference_mode()
def run_probe_streams(model: HitrsDetector) -> None:
    """Run a model over the built-in streams in torch, for the hooks of `recording_ranges`."""
    engine = TorchEngine(model)
    grid, window = engine.grid, engine.config.window_clips
    streams = probe_streams(_STREAMS, grid.frames_of(_CLIPS))
    tokens = engine.encode_frames(streams.flatten(0, 1))
    spread = gather_clips(tokens.reshape(*streams.shape[:2], *tokens.shape[1:]), grid).flatten(0, 1)
    clips = engine.encode_clips(spread).reshape(_STREAMS, _CLIPS, -1)
    windows, valid_clips = windows_of(clips, window)
    # Invalid values would widen the ranges.
    windows[torch.arange(window) >= valid_clips[:, None]] = 0.0
    starts = torch.arange(_CLIPS) * grid.clip_stride
    spans = streams[:, starts[:, None] + torch.arange(grid.clip_span)].flatten(0, 1)
    engine.predict(windows, valid_clips, spans)


class _Still:
    """One example input, which the quantiser requires; all ranges are given, so none is measured on it."""

    def __init__(self, model: HitrsDetector, submodule: str) -> None:
        values = (value.numpy() for value in example_inputs(model.config, 1)[submodule])
        self._feeds: Iterator[dict[str, NDArray[Any]]] = iter([dict(zip(INPUTS[submodule], values, strict=True))])

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return next(self._feeds, None)


def _nodes_with_ranges(
    graph: "onnx.ModelProto", ranges: dict[str, ProductRange]
) -> list[tuple["onnx.NodeProto", ProductRange]]:
    """Return the products of many tokens whose layer has a range. Products of a single token are Gemm, not MatMul."""
    return [
        (node, ranges[layer])
        for node in graph.graph.node
        if node.op_type == "MatMul" and (layer := _layer_of(node)) in ranges
    ]


def _layer_of(node: "onnx.NodeProto") -> str:
    """Return the name of a node's module, empty where the exporter wrote none."""
    scopes = next((entry.value for entry in node.metadata_props if entry.key == _SCOPES), "[]")
    names = ast.literal_eval(scopes)
    return str(names[-2]) if len(names) > 1 else ""


def _tensor_ranges(nodes: list[tuple["onnx.NodeProto", ProductRange]]) -> dict[str, list[dict[str, Any]]]:
    """Return the range of each tensor to be quantised. For a tensor that several products read they are the same."""
    values: dict[str, tuple[float, float]] = {}
    for node, product in nodes:
        values[node.input[0]], values[node.output[0]] = product.inputs, product.outputs
    return {
        name: [{"rmin": np.float32(least), "rmax": np.float32(largest)}] for name, (least, largest) in values.items()
    }
