"""Run all measurements of `hitrs-live bench`, one after the other, into one report."""

import platform
import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np
import psutil
import torch

from hitrs_live.bench.engines import REFERENCE, BenchEngine
from hitrs_live.bench.latency import measure_latency
from hitrs_live.bench.matmul_baseline import measure_arithmetic, stride_ratio
from hitrs_live.bench.results import BenchReport, Capacity, Memory, StepTimes
from hitrs_live.bench.step_timing import find_capacity, summarise_steps, time_frames
from hitrs_live.bench.window_recompute import MODEL, compare_recomputing, time_histories
from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Precision
from hitrs_live.inference.parity import measure_parity
from hitrs_live.streaming.encoder_stream import StreamState

_BATCH = 16
_BUDGET_MS = 1500.0
"""CPU time spent on one number of people: fewer strides are timed where each is slow, at least one."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is timed."""

    turns: int
    """Turns of what is timed in turns."""
    persons: tuple[int, ...]
    """Numbers of people in a step."""
    strides: int
    """Strides that are timed for one number of people, at most."""
    capacity_strides: int
    """Strides of seven frames, from which the p99 of the capacity is computed."""
    latency_s: float
    """Duration of the latency measurement."""


QUICK = Effort(turns=3, persons=(1, 16), strides=6, capacity_strides=2, latency_s=3.0)
FULL = Effort(
    turns=9, persons=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024), strides=40, capacity_strides=10, latency_s=20.0
)


def measure(
    checkpoint: Checkpoint,
    engines: Mapping[str, BenchEngine],
    effort: Effort,
    *,
    weights: str = "trained",
    notices: tuple[str, ...] = (),
    loaded_mb: float = 0.0,
) -> BenchReport:
    """Measure every engine, the reference among them, and the pipeline with the engine that is fastest on this CPU.

    loaded_mb: resident memory before any engine was opened; weights, notices: for the report.
    """
    engines_mb, reference = resident_mb(), engines[REFERENCE]
    on_cpu = {name: each for name, each in engines.items() if not each.on_gpu}
    on_gpu = {name: each for name, each in engines.items() if each.on_gpu}
    fp32 = {name: each for name, each in on_cpu.items() if each.engine.precision == "fp32"}
    stream_ms = _time_streams(checkpoint, engines, turns=effort.turns)
    best = min(on_cpu, key=lambda name: stream_ms[name])
    recomputing = compare_recomputing(checkpoint, engines, stream_ms, turns=max(2, effort.turns // 2))
    spread, at_once = (_find_capacities(checkpoint, engines, effort, at_once=at_once) for at_once in (False, True))
    arithmetic = measure_arithmetic(fp32, reference.engine, persons=_BATCH, turns=effort.turns)
    onnx, window_ms = engines.get("onnx fp32"), recomputing.window_ms[MODEL]
    return BenchReport(
        checkpoint=checkpoint.info.name,
        weights=weights,
        parameters=sum(parameter.numel() for parameter in checkpoint.model.parameters()),
        window_clips=checkpoint.info.detector.window_clips,
        quick=effort is QUICK,
        machine=_describe_machine(),
        notices=notices,
        speedup_over_recompute=round(window_ms / stream_ms[REFERENCE], 1),
        speedup_over_recompute_best=round(window_ms / stream_ms[best], 1),
        onnx_over_torch_batch1=None if onnx is None else round(stride_ratio(reference, onnx, turns=effort.turns), 2),
        persons_at_30fps=_by_precision(spread, on_cpu),
        persons_at_30fps_at_once=_by_precision(at_once, on_cpu),
        persons_at_30fps_gpu=_by_precision(spread, on_gpu) or None,
        matmul_share_batch16=max(arithmetic.hop_over_product.values()),
        stream_ms_per_frame={name: round(ms, 3) for name, ms in stream_ms.items()},
        recomputing=recomputing,
        arithmetic=arithmetic,
        crowds=spread,
        crowds_at_once=at_once,
        steps={name: _time_steps(checkpoint, each, effort) for name, each in engines.items()},
        history=time_histories(checkpoint, turns=max(2, effort.turns // 3)),
        pipeline=measure_latency(checkpoint, engines[best], duration_s=effort.latency_s),
        memory=_memory(checkpoint, loaded_mb=loaded_mb, engines_mb=engines_mb),
        parity_max_abs={
            name: measure_parity(each.engine, reference.engine).logit_error for name, each in engines.items()
        },
    )


def resident_mb() -> float:
    """Return this process's resident memory in MB."""
    return round(float(psutil.Process().memory_info().rss) / 2**20, 1)


def _time_streams(checkpoint: Checkpoint, engines: Mapping[str, BenchEngine], *, turns: int) -> dict[str, float]:
    """Time one person's stream in turns. Returns ms a frame by engine: the mean of two strides, the median of turns."""
    took: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(turns):
        for name, each in engines.items():
            took[name].append(float(time_frames(each, checkpoint.info.normaliser, persons=1, strides=2).mean()))
    return {name: float(np.median(each)) for name, each in took.items()}


def _time_steps(checkpoint: Checkpoint, engine: BenchEngine, effort: Effort) -> tuple[StepTimes, ...]:
    """Time growing numbers of people, with fewer strides where a step takes longer."""
    steps: list[StepTimes] = []
    stride = engine.engine.grid.clip_stride
    for persons in effort.persons:
        expected_ms = steps[-1].mean_ms * persons / steps[-1].persons if steps else 1.0
        strides = int(np.clip(_BUDGET_MS / (expected_ms * stride), 1, effort.strides))
        took_ms = time_frames(engine, checkpoint.info.normaliser, persons=persons, strides=strides)
        steps.append(summarise_steps(took_ms, persons=persons))
    return tuple(steps)


def _find_capacities(
    checkpoint: Checkpoint, engines: Mapping[str, BenchEngine], effort: Effort, *, at_once: bool
) -> dict[str, Capacity]:
    return {
        name: find_capacity(each, checkpoint.info.normaliser, strides=effort.capacity_strides, at_once=at_once)
        for name, each in engines.items()
    }


def _by_precision(capacities: Mapping[str, Capacity], engines: Mapping[str, BenchEngine]) -> dict[str, int]:
    """Return the number of people of the best engine of each precision."""
    best: dict[str, int] = {}
    for precision in get_args(Precision):
        persons = [capacities[name].persons for name, each in engines.items() if each.engine.precision == precision]
        if persons:
            best[precision] = max(persons)
    return best


def _memory(checkpoint: Checkpoint, *, loaded_mb: float, engines_mb: float) -> Memory:
    config = checkpoint.info.detector
    state = StreamState.empty(config.encoder, 1, window_clips=config.window_clips)
    kept = (state.joints, state.tokens, state.clips, state.frame_count, state.clip_count)
    # The unit is kB, on macOS bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Memory(
        loaded_mb=loaded_mb, engines_mb=engines_mb, peak_mb=round(peak, 1),
        state_kb_per_person=round(sum(each.nbytes for each in kept) / 2**10, 1),
    )  # fmt: skip


def _describe_machine() -> dict[str, str]:
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "processor": _processor(), "cores": str(psutil.cpu_count(logical=False)), "gpu": gpu,
        "torch": str(torch.__version__), "python": platform.python_version(), "threads": str(torch.get_num_threads()),
        "load_1min": f"{psutil.getloadavg()[0]:.1f}",
    }  # fmt: skip


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
