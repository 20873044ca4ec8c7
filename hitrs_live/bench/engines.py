"""The engines that are measured side by side, and the clock each is timed by."""

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
class Contender:
    """An engine to be timed."""

    engine: Engine

    @property
    def name(self) -> str:
        """Back-end and precision."""
        return f"{self.engine.name} {self.engine.precision}"

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU computes it."""
        return self.engine.name in {name for name, _ in _ON_GPU}

    @property
    def clock(self) -> Callable[[], int]:
        """Nanoseconds: CPU time of this process, so that others on the machine count little; of a GPU, real time."""
        return time.perf_counter_ns if self.on_gpu else time.process_time_ns


def open_contenders(checkpoint: Checkpoint) -> tuple[dict[str, Contender], tuple[str, ...]]:
    """Open every engine that is built for a checkpoint and passes its gate; none is built. The reference comes first.

    Returns them by name, and why others are missing.
    """
    found = {REFERENCE: Contender(engine=TorchEngine(checkpoint.model))}
    notices = []
    for name, precision in (*_ON_CPU, *(_ON_GPU if torch.cuda.is_available() else ())):
        opened = open_engine(checkpoint, name, precision, build=False)
        contender = Contender(engine=opened.engine)
        found.setdefault(contender.name, contender)
        notices += [opened.notice] if opened.notice else []
    return found, tuple(notices)


def build_contenders(checkpoint: Checkpoint, folder: Path) -> tuple[dict[str, Contender], tuple[str, ...]]:
    """Build ONNX Runtime's engines in a folder, past the gate: of random weights, names of actions mean nothing."""
    found = {REFERENCE: Contender(engine=TorchEngine(checkpoint.model))}
    notices = []
    for _, precision in _ON_CPU:
        try:
            contender = Contender(engine=open_onnx(checkpoint, precision, folder))
        except EngineError as error:
            notices.append(f"onnx {precision}: {error}")
        else:
            found[contender.name] = contender
    return found, tuple(notices)
