"""Open the best engine that can be had: TensorRT, CUDA graphs, ONNX Runtime, torch, one after the other.

Every engine passes the gate before it runs. Where the one that was wanted cannot be had the next one does its work,
and that is told once, with the reason: on the log, and in the notice that every status then carries.
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
class Wanted:
    """What an engine is opened for."""

    checkpoint: Checkpoint
    precision: Precision
    max_rows: int
    threads: int
    folder: Path
    """Where built engines are kept."""
    build: bool
    """Whether what is not built may be built now, which takes up to a minute."""
    ranges: Ranges | None
    """What int8 is made by; None for the built-in streams."""


@dataclass(frozen=True, kw_only=True)
class OpenedEngine:
    """An engine, and what there is to say of how it came to be this one."""

    engine: Engine
    notice: str = ""
    """One line, where it is not what was wanted."""


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
    """Open an engine for a detector, or the next one down the ladder that can be had. Never raises EngineError.

    max_rows: rows in a call, at most; folder: where built engines are kept, by default `engines_folder()`;
    quantisation: the file of ranges for int8, by default what `find_ranges` finds.
    Raises DataError where that file was named and is not of this checkpoint.
    """
    found = find_ranges(quantisation, checkpoint) if precision == "int8" else LoadedRanges()
    if found.notice:
        _log.warning("int8 by %s: %s", found.origin, found.notice)
    wanted = Wanted(
        checkpoint=checkpoint, precision=precision, max_rows=max_rows, threads=threads,
        folder=folder or engines_folder(), build=build, ranges=found.ranges,
    )  # fmt: skip
    reference = TorchEngine(checkpoint.model)
    failed: list[str] = []
    for rung, rung_precision in _rungs(engine, precision):
        try:
            candidate = _OPENERS[rung](wanted, rung_precision)
            if not (rung == "torch" and rung_precision == "fp32"):
                check_parity(candidate, reference, max_rows=max_rows)
        except EngineError as error:
            failed.append(f"{rung} {rung_precision}: {error}")
            continue
        return OpenedEngine(engine=candidate, notice=_explain(candidate, failed))
    return OpenedEngine(engine=reference, notice=_explain(reference, failed))


def _rungs(engine: EngineChoice, precision: Precision) -> Iterator[tuple[str, Precision]]:
    """Go down from the engine asked for, each first in the precision asked for, then in fp32.

    Half precision on a CPU is slower than fp32, so torch is fallen to in fp32 alone.
    """
    rungs = list(_OPENERS)
    if engine != "auto":
        rungs = rungs[rungs.index(engine) :]
    elif not torch.cuda.is_available():
        rungs = [rung for rung in rungs if rung not in _ON_GPU]
    for rung in rungs:
        if rung != "torch" or engine == "torch":
            yield rung, precision
        if precision != "fp32" or (rung == "torch" and engine != "torch"):
            yield rung, "fp32"


def _explain(engine: Engine, failed: list[str]) -> str:
    if not failed:
        _log.info("engine %s in %s", engine.name, engine.precision)
        return ""
    # The first says what the user can mend; those after it failed as well, or were never wanted.
    notice = f"runs on {engine.name} in {engine.precision}; {failed[0]}"
    _log.warning("the model %s", notice)
    for other in failed[1:]:
        _log.info("engine %s", other)
    return notice


def _open_tensorrt(wanted: Wanted, precision: Precision) -> Engine:
    from hitrs_live.inference.build import open_tensorrt

    return open_tensorrt(wanted.checkpoint, precision, wanted.max_rows, wanted.folder, build=wanted.build)


def _open_cuda_graph(wanted: Wanted, precision: Precision) -> Engine:
    from hitrs_live.inference.cuda_graph_engine import CudaGraphEngine

    return CudaGraphEngine(wanted.checkpoint.model, precision, max_rows=wanted.max_rows)


def _open_onnx(wanted: Wanted, precision: Precision) -> Engine:
    from hitrs_live.inference.build import open_onnx

    return open_onnx(
        wanted.checkpoint, precision, wanted.folder, threads=wanted.threads, build=wanted.build, ranges=wanted.ranges
    )  # fmt: skip


def _open_torch(wanted: Wanted, precision: Precision) -> Engine:
    if precision not in DTYPES:
        raise EngineUnavailable(f"torch runs {', '.join(DTYPES)} here")
    return TorchEngine(wanted.checkpoint.model, precision)


_OPENERS: dict[str, Callable[[Wanted, Precision], Engine]] = {
    "tensorrt": _open_tensorrt,
    "cuda-graph": _open_cuda_graph,
    "onnx": _open_onnx,
    "torch": _open_torch,
}
_ON_GPU = ("tensorrt", "cuda-graph")
