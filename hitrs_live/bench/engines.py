"""Open the engines that are measured side by side, each with the clock that times it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import EngineChoice, Precision
from hitrs_live.errors import EngineError
from hitrs_live.inference.backend_selection import open_engine
from hitrs_live.inference.base import Engine
from hitrs_live.inference.build import open_onnx
from hitrs_live.inference.torch_engine import TorchEngine

REFERENCE = "torch fp32"
_ON_CPU: tuple[tuple[EngineChoice, Precision], ...] = (("onnx", "fp32"), ("onnx", "int8"))
_ON_GPU: tuple[tuple[EngineChoice, Precision], ...] = (
    ("tensorrt", "fp32"), ("tensorrt", "fp16"), ("cuda-graph", "fp32"), ("cuda-graph", "fp16"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class BenchEngine:
    """An engine to be timed."""

    engine: Engine

    @property
    def name(self) -> str:
        """Backend and precision, such as "onnx int8"."""
        return f"{self.engine.name} {self.engine.precision}"

    @property
    def on_gpu(self) -> bool:
        """Whether it runs on a GPU."""
        return self.engine.name in {name for name, _ in _ON_GPU}

    @property
    def clock(self) -> Callable[[], int]:
        """Clock in nanoseconds: CPU time of this process, hardly affected by other processes; for a GPU, wall clock."""
        return time.perf_counter_ns if self.on_gpu else time.process_time_ns


def open_engines(checkpoint: Checkpoint) -> tuple[dict[str, BenchEngine], tuple[str, ...]]:
    """Open every engine that is already built for a checkpoint and passes its parity gate.

    Returns them by name, the reference first, and the reasons why others are missing.
    """
    engines = {REFERENCE: BenchEngine(engine=TorchEngine(checkpoint.model))}
    notices = []
    for name, precision in (*_ON_CPU, *(_ON_GPU if torch.cuda.is_available() else ())):
        opened = open_engine(checkpoint, name, precision, build=False)
        engine = BenchEngine(engine=opened.engine)
        engines.setdefault(engine.name, engine)
        notices += [opened.notice] if opened.notice else []
    return engines, tuple(notices)


def build_engines(checkpoint: Checkpoint, folder: Path) -> tuple[dict[str, BenchEngine], tuple[str, ...]]:
    """Build ONNX Runtime's engines in a folder, without the parity gate: its labels mean nothing for random weights.

    Returns the engines by name, the reference first, and the reasons why others are missing.
    """
    engines = {REFERENCE: BenchEngine(engine=TorchEngine(checkpoint.model))}
    notices = []
    for _, precision in _ON_CPU:
        try:
            engine = BenchEngine(engine=open_onnx(checkpoint, precision, folder))
        except EngineError as error:
            notices.append(f"onnx {precision}: {error}")
        else:
            engines[engine.name] = engine
    return engines, tuple(notices)
