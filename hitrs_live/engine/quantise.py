"""Quantise exported graphs to int8, explicitly: ranges come from a calibration run, and stand in the graph.

Quantised are the large products with weights: of queries, keys and values, of the feed-forward layers and between
levels. In float32 stay attention's output map, whose input's few large values cost the small ones most of their
8 bits, and what costs little: the input map, products of activations, the last layers' single tokens, the heads.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.engine.export import INPUTS, PIECES, quiet_exporter
from hitrs_live.engine.made_streams import made_streams
from hitrs_live.engine.parity import windows_of
from hitrs_live.engine.torch_engine import TorchEngine
from hitrs_live.model.detector import HitrsDetector
from hitrs_live.model.hitrs import gather_clips

if TYPE_CHECKING:
    import onnx

_STREAMS, _CLIPS, _ROWS = 8, 6, 8
_LEAST_DEPTH = 16
"""Products over fewer channels, such as the input map's three, are not worth it."""


def quantise_graphs(model: HitrsDetector, folder: Path) -> None:
    """Replace the graphs in a folder by ones in int8, calibrated on made people."""
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    inputs = calibration_inputs(model)
    for piece in PIECES:
        path = folder / f"{piece}.onnx"
        whole = folder / f"{piece}.float.onnx"
        path.rename(whole)
        with quiet_exporter():
            quantize_static(
                whole,
                path,
                _Reader(piece, inputs[piece]),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_quantize=_large_products(onnx.load(whole)),
            )
        whole.unlink()


def calibration_inputs(model: HitrsDetector) -> dict[str, tuple[Tensor, ...]]:
    """Run the reference over made people and keep what each piece is given, by piece."""
    engine = TorchEngine(model)
    grid, window = engine.grid, engine.config.window_clips
    streams = made_streams(_STREAMS, grid.frames_of(_CLIPS))
    tokens = engine.encode_frames(streams.flatten(0, 1))
    spread = gather_clips(tokens.reshape(*streams.shape[:2], *tokens.shape[1:]), grid).flatten(0, 1)
    clips = engine.encode_clips(spread).reshape(_STREAMS, _CLIPS, -1)
    windows, held = windows_of(clips, window)
    # No rubbish here: it would widen the ranges.
    windows[torch.arange(window) >= held[:, None]] = 0.0
    starts = torch.arange(_CLIPS) * grid.clip_stride
    spans = streams[:, starts[:, None] + torch.arange(grid.clip_span)].flatten(0, 1)
    return {"frame": (streams.flatten(0, 1),), "clip": (spread,), "judge": (windows, held, spans)}


class _Reader:
    """Hand inputs over in batches, as the calibrator reads them."""

    def __init__(self, piece: str, inputs: Sequence[Tensor]) -> None:
        self._feeds = self._batches(piece, inputs)

    @staticmethod
    def _batches(piece: str, inputs: Sequence[Tensor]) -> Iterator[dict[str, NDArray[Any]]]:
        for first in range(0, len(inputs[0]), _ROWS):
            parts = (value[first : first + _ROWS].numpy() for value in inputs)
            yield {name: np.ascontiguousarray(part) for name, part in zip(INPUTS[piece], parts, strict=True)}

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return next(self._feeds, None)


def _large_products(graph: "onnx.ModelProto") -> list[str]:
    """Name the products of many tokens with weights of some depth, but for what attention read."""
    makers = {output: node for node in graph.graph.node for output in node.output}
    depths = {tensor.name: tensor.dims[-2] for tensor in graph.graph.initializer if len(tensor.dims) == 2}
    return [
        node.name
        for node in graph.graph.node
        if node.op_type == "MatMul"
        and depths.get(node.input[1], 0) >= _LEAST_DEPTH
        and not _is_attention(makers.get(node.input[0]), makers)
    ]


def _is_attention(maker: "onnx.NodeProto | None", makers: "dict[str, onnx.NodeProto]") -> bool:
    """Tell whether a value is what attention read, laid out anew perhaps."""
    while maker is not None and maker.op_type in ("Reshape", "Transpose"):
        maker = makers.get(maker.input[0])
    return maker is not None and maker.op_type == "Attention"
