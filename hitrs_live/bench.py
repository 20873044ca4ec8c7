"""`hitrs-live bench`: what the model costs on this machine, every figure a ratio or a count taken in one run.

Times are CPU times on one thread, so that what else the machine does counts little, and engines take turns.
"""

import time
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.config import EngineChoice, Precision
from hitrs_live.engine.base import Engine
from hitrs_live.engine.export import example_inputs
from hitrs_live.engine.ladder import open_engine
from hitrs_live.engine.parity import measure_parity
from hitrs_live.engine.torch_engine import TorchEngine
from hitrs_live.streaming.step_cost import ms_per_frame, time_steps

_CANDIDATES: tuple[tuple[EngineChoice, Precision], ...] = (("onnx", "fp32"), ("onnx", "int8"))
_GPU_CANDIDATES: tuple[tuple[EngineChoice, Precision], ...] = (
    ("tensorrt", "fp32"), ("tensorrt", "fp16"), ("cuda-graph", "fp32"), ("cuda-graph", "fp16"),
)  # fmt: skip
_FRAME_MS = 1000 / 30
_CROWD = 64
_PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::_scaled_dot_product_flash_attention_for_cpu")


class BenchReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured; engines are named by back-end and precision, such as "onnx int8"."""

    checkpoint: str
    speedup_over_recompute: float
    """A stream's step against the whole window recomputed at every frame, one person, both in torch."""
    onnx_over_torch_batch1: float | None
    """Torch's time over that of ONNX Runtime in fp32, for the calls of one hop; None where that cannot be had."""
    stream_ms_per_frame: dict[str, float]
    """One person, everything from metres to logits, an answer every clip."""
    persons_at_30fps: dict[str, int]
    """How many people one thread keeps up with, by what 64 cost."""
    matmul_share_batch16: float
    """Of torch's time at 16 rows, the part spent in matrix products and attention."""
    parity_max_abs: dict[str, float]
    """Largest difference of any logit from torch's in fp32."""


def bench(checkpoint_path: Path | None, *, quick: bool, json_path: Path | None) -> BenchReport:
    """Measure, print and, if asked, write the report."""
    torch.set_num_threads(1)
    report = measure(load_checkpoint(checkpoint_path), turns=3 if quick else 15)
    text = msgspec.json.format(msgspec.json.encode(report)).decode()
    print(text)
    if json_path is not None:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        json_path.write_text(text + "\n")
    return report


def measure(checkpoint: Checkpoint, *, turns: int) -> BenchReport:
    """Measure every engine that is built, in turns; none is built for it."""
    reference = TorchEngine(checkpoint.model)
    engines: dict[str, Engine] = {"torch fp32": reference}
    for name, precision in _CANDIDATES + (_GPU_CANDIDATES if torch.cuda.is_available() else ()):
        engine = open_engine(checkpoint, name, precision, build=False).engine
        engines[f"{engine.name} {engine.precision}"] = engine
    one, crowd = (_stream_ms(checkpoint, engines, rows=rows, turns=turns) for rows in (1, _CROWD))
    onnx = engines.get("onnx fp32")
    return BenchReport(
        checkpoint=checkpoint.info.name,
        speedup_over_recompute=round(_recompute_ms(checkpoint, turns=turns) / one["torch fp32"], 1),
        onnx_over_torch_batch1=None if onnx is None else round(_hop_ratio(reference, onnx, turns=turns), 2),
        stream_ms_per_frame={name: round(ms, 3) for name, ms in one.items()},
        persons_at_30fps={name: int(_CROWD * _FRAME_MS / ms) for name, ms in crowd.items()},
        matmul_share_batch16=round(_product_share(reference, rows=16), 3),
        parity_max_abs={name: measure_parity(engine, reference).logit_error for name, engine in engines.items()},
    )


def _stream_ms(checkpoint: Checkpoint, engines: dict[str, Engine], *, rows: int, turns: int) -> dict[str, float]:
    """Time whole steps of streams. Returns milliseconds a frame for all rows, by engine."""
    hop = checkpoint.info.detector.encoder.clip_stride
    took: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(turns if rows == 1 else max(1, turns // 3)):
        for name, engine in engines.items():
            steps = time_steps(
                engine, checkpoint.info.normaliser, rows=rows, hop=hop, strides=2 if rows == 1 else 1,
                clock=time.process_time_ns,
            )  # fmt: skip
            took[name].append(ms_per_frame(steps))
    return {name: float(np.median(each)) for name, each in took.items()}


def _hop_ratio(slow: Engine, fast: Engine, *, turns: int) -> float:
    """Time the calls of one hop of one person in turns: its frames, a clip, a judgement. Returns slow over fast."""
    inputs = example_inputs(slow.config, 1)
    took: dict[Engine, list[int]] = {slow: [], fast: []}
    for _ in range(1 + 5 * turns):
        for engine, each in took.items():
            began_ns = time.process_time_ns()
            _run_hop(engine, inputs)
            each.append(time.process_time_ns() - began_ns)
    return float(np.median(np.array(took[slow][1:]) / np.array(took[fast][1:])))


def _run_hop(engine: Engine, inputs: dict[str, tuple[Tensor, ...]]) -> None:
    for _ in range(engine.grid.clip_stride):
        engine.encode_frames(*inputs["frame"])
    engine.encode_clips(*inputs["clip"])
    engine.judge(*inputs["judge"])


@torch.inference_mode()
def _recompute_ms(checkpoint: Checkpoint, *, turns: int) -> float:
    """Time the whole window, as a model without a stream's memory has to compute it at every frame."""
    config = checkpoint.info.detector
    window = torch.randn(
        1, config.encoder.frames_of(config.window_clips), config.encoder.joints, config.encoder.channels
    )
    took = []
    for _ in range(1 + turns):
        began_ns = time.process_time_ns()
        checkpoint.model(window)
        took.append((time.process_time_ns() - began_ns) / 1e6)
    return float(np.median(took[1:]))


def _product_share(engine: Engine, *, rows: int) -> float:
    """Find what share of torch's time goes into products."""
    inputs = example_inputs(engine.config, rows)
    with profile(activities=[ProfilerActivity.CPU]) as found:
        _run_hop(engine, inputs)
    spent = {event.key: event.self_cpu_time_total for event in found.key_averages()}
    return float(sum(spent.get(name, 0.0) for name in _PRODUCTS) / sum(spent.values()))
