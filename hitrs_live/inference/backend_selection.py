"""Open the best available engine, in the order TensorRT, CUDA graphs, ONNX Runtime, torch.

Every engine must pass the parity gate before it runs. Where the requested one is unavailable the next one is used, and
the reason is reported once on the log and in the notice of every status.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import EngineChoice, Precision
from hitrs_live.errors import EngineError, EngineUnavailable
from hitrs_live.inference.base import Engine
from hitrs_live.inference.engine_cache import engines_folder
from hitrs_live.inference.int8_ranges import LoadedRanges, Ranges, find_ranges
from hitrs_live.inference.parity import check_parity
from hitrs_live.inference.torch_engine import DTYPES, TorchEngine

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class EngineRequest:
    """What is asked of an engine."""

    checkpoint: Checkpoint
    precision: Precision
    max_rows: int
    threads: int
    folder: Path
    """Where built engines are stored."""
    build: bool
    """Whether a missing engine may be built now, which takes up to a minute."""
    ranges: Ranges | None
    """The ranges for int8; None for those of the built-in streams."""


@dataclass(frozen=True, kw_only=True)
class OpenedEngine:
    """An engine, and a notice where it is not the requested one."""

    engine: Engine
    notice: str = ""
    """One line with the reason, where it is not the requested engine; else empty."""


def open_engine(
    checkpoint: Checkpoint,
    engine: EngineChoice = "auto",
    precision: Precision = "fp32",
    *,
    max_rows: int = 16,
    threads: int = 1,
    folder: Path | None = None,
    build: bool = True,
    quantisation: Path | None = None,
) -> OpenedEngine:
    """Open the requested engine for a detector, or the next available one. Never raises EngineError.

    max_rows: rows in a call, at most; folder: where built engines are stored, by default `engines_folder()`;
    quantisation: the file of ranges for int8, by default what `find_ranges` finds.
    Raises DataError where that file was named and belongs to another checkpoint.
    """
    loaded = find_ranges(quantisation, checkpoint) if precision == "int8" else LoadedRanges()
    if loaded.notice:
        _log.warning("int8 by %s: %s", loaded.origin, loaded.notice)
    request = EngineRequest(
        checkpoint=checkpoint, precision=precision, max_rows=max_rows, threads=threads,
        folder=folder or engines_folder(), build=build, ranges=loaded.ranges,
    )  # fmt: skip
    reference = TorchEngine(checkpoint.model)
    failed: list[str] = []
    for backend, backend_precision in _fallback_order(engine, precision):
        try:
            candidate = _OPENERS[backend](request, backend_precision)
            if not (backend == "torch" and backend_precision == "fp32"):
                check_parity(candidate, reference, max_rows=max_rows)
        except EngineError as error:
            failed.append(f"{backend} {backend_precision}: {error}")
            continue
        return OpenedEngine(engine=candidate, notice=_explain(candidate, failed))
    return OpenedEngine(engine=reference, notice=_explain(reference, failed))


def _fallback_order(engine: EngineChoice, precision: Precision) -> Iterator[tuple[str, Precision]]:
    """Yield back-ends from the requested one down, each first in the requested precision, then in fp32.

    Half precision on a CPU is slower than fp32, so torch as the fallback is used in fp32 alone.
    """
    backends = list(_OPENERS)
    if engine != "auto":
        backends = backends[backends.index(engine) :]
    elif not torch.cuda.is_available():
        backends = [backend for backend in backends if backend not in _ON_GPU]
    for backend in backends:
        if backend != "torch" or engine == "torch":
            yield backend, precision
        if precision != "fp32" or (backend == "torch" and engine != "torch"):
            yield backend, "fp32"


def _explain(engine: Engine, failed: list[str]) -> str:
    if not failed:
        _log.info("engine %s in %s", engine.name, engine.precision)
        return ""
    # The first is what the user can fix; those after it failed as well, or were not requested.
    notice = f"runs on {engine.name} in {engine.precision}; {failed[0]}"
    _log.warning("the model %s", notice)
    for other in failed[1:]:
        _log.info("engine %s", other)
    return notice


def _open_tensorrt(request: EngineRequest, precision: Precision) -> Engine:
    from hitrs_live.inference.build import open_tensorrt

    return open_tensorrt(request.checkpoint, precision, request.max_rows, request.folder, build=request.build)


def _open_cuda_graph(request: EngineRequest, precision: Precision) -> Engine:
    from hitrs_live.inference.cuda_graph_engine import CudaGraphEngine

    return CudaGraphEngine(request.checkpoint.model, precision, max_rows=request.max_rows)


def _open_onnx(request: EngineRequest, precision: Precision) -> Engine:
    from hitrs_live.inference.build import open_onnx

    return open_onnx(
        request.checkpoint, precision, request.folder, threads=request.threads, build=request.build,
        ranges=request.ranges,
    )  # fmt: skip


def _open_torch(request: EngineRequest, precision: Precision) -> Engine:
    if precision not in DTYPES:
        raise EngineUnavailable(f"torch runs {', '.join(DTYPES)} here")
    return TorchEngine(request.checkpoint.model, precision)


_OPENERS: dict[str, Callable[[EngineRequest, Precision], Engine]] = {
    "tensorrt": _open_tensorrt,
    "cuda-graph": _open_cuda_graph,
    "onnx": _open_onnx,
    "torch": _open_torch,
}
_ON_GPU = ("tensorrt", "cuda-graph")
