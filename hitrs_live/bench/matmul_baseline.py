"""Count the FLOPs of one clip stride and compare its FLOP/s with those of a large matrix product on the same thread.

A stride is what one person costs from one clip's end to the next: the frames of a clip stride, one clip, one
prediction. The report's keys call it a hop.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from hitrs_live.bench.engines import BenchEngine
from hitrs_live.bench.interleaved_timing import Timing, in_turns, timed
from hitrs_live.bench.results import Arithmetic
from hitrs_live.inference.base import Engine
from hitrs_live.inference.export import example_inputs

PRODUCT_SIZE = 1024
_OPSET = 21


def run_stride(engine: Engine, inputs: dict[str, tuple[Tensor, ...]]) -> None:
    """Make the calls of one stride. inputs: by submodule, as `example_inputs` returns them."""
    for _ in range(engine.grid.clip_stride):
        engine.encode_frames(*inputs["frame"])
    engine.encode_clips(*inputs["clip"])
    engine.predict(*inputs["head"])


def _count_attention(
    query: tuple[int, ...], key: tuple[int, ...], value: tuple[int, ...], *_: object, **__: object
) -> int:
    """Count the two products of attention, which torch's counter omits on a CPU. Shapes: (B, H, S, D)."""
    batch, heads, queries, depth = query
    return 2 * batch * heads * queries * key[2] * (depth + value[3])


def count_stride_flops(reference: Engine) -> int:
    """Count the matrix products and the attention of one person's stride, reduced as every engine runs it."""
    attention = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _count_attention}
    with FlopCounterMode(display=False, custom_mapping=attention) as counter:
        run_stride(reference, example_inputs(reference.config, 1))
    return int(counter.get_total_flops())


def stride_ratio(slow: BenchEngine, fast: BenchEngine, *, turns: int) -> float:
    """Time one person's stride on two engines in turns. Returns the median of slow over fast."""
    took = in_turns(_strides({"slow": slow, "fast": fast}, persons=1), turns=5 * turns)
    return float(np.median(np.array(took["slow"]) / np.array(took["fast"])))


def measure_arithmetic(
    engines: Mapping[str, BenchEngine], reference: Engine, *, persons: int, turns: int
) -> Arithmetic:
    """Time strides of `persons` people and square matrix products in turns. reference: for counting the FLOPs."""
    stride_flops, strides = count_stride_flops(reference), _strides(engines, persons=persons)
    products = {name: timed(work, time.process_time_ns) for name, work in _products(PRODUCT_SIZE).items()}
    took_ms = {name: float(np.median(each)) for name, each in in_turns(products | strides, turns=turns).items()}
    product_gflops = {name: 2 * PRODUCT_SIZE**3 / took_ms[name] / 1e6 for name in products}
    best = max(product_gflops.values())
    stride_gflops = {name: stride_flops * persons / took_ms[name] / 1e6 for name in strides}
    return Arithmetic(
        hop_mflop_per_person=round(stride_flops / 1e6, 1),
        product_size=PRODUCT_SIZE,
        product_gflops={name: round(rate, 1) for name, rate in product_gflops.items()},
        hop_gflops={name: round(rate, 1) for name, rate in stride_gflops.items()},
        hop_over_product={name: round(rate / best, 3) for name, rate in stride_gflops.items()},
    )


def _products(size: int) -> dict[str, Callable[[], Any]]:
    """Return functions that multiply two square matrices, by library; the fastest is the baseline."""
    left, right = torch.randn(2, size, size, generator=torch.Generator().manual_seed(0)).unbind()
    left_array, right_array = left.numpy(), right.numpy()
    ways: dict[str, Callable[[], Any]] = {
        "torch": lambda: left @ right,
        "numpy": lambda: left_array @ right_array,
    }
    session = _onnx_product(right)
    if session is not None:
        ways["onnx runtime"] = lambda: session.run(None, {"left": left_array})
    return ways


def _onnx_product(right: Tensor) -> Any:
    """Open an ONNX Runtime session that multiplies by a constant matrix; None where the package onnx is missing."""
    try:
        from onnx import TensorProto, helper, numpy_helper
    except ImportError:
        return None
    import onnxruntime

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(right.shape)) for name in ("left", "product")]
    node = helper.make_node("MatMul", ["left", "right"], ["product"])
    graph = helper.make_graph([node], "product", ends[:1], ends[1:], [numpy_helper.from_array(right.numpy(), "right")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _strides(engines: Mapping[str, BenchEngine], *, persons: int) -> dict[str, Timing]:
    inputs = example_inputs(next(iter(engines.values())).engine.config, persons)
    return {name: timed(partial(run_stride, each.engine, inputs), each.clock) for name, each in engines.items()}
