"""Build the files of the compiled back-ends where they are missing, and open engines on them."""

import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import torch

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Precision
from hitrs_live.errors import EngineStale, EngineUnavailable
from hitrs_live.inference.base import Engine
from hitrs_live.inference.engine_cache import EngineKey, read_engine, write_engine
from hitrs_live.inference.export import SUBMODULES, export_graphs
from hitrs_live.inference.graph_sources import graph_sources
from hitrs_live.inference.int8_ranges import Ranges

_log = logging.getLogger(__name__)


def open_onnx(
    checkpoint: Checkpoint,
    precision: Precision,
    folder: Path,
    *,
    threads: int = 1,
    build: bool = True,
    ranges: Ranges | None = None,
) -> Engine:
    """Open ONNX Runtime on a detector's graphs: those of the package in fp32, else built ones, built where missing.

    ranges: for int8, by default those of the built-in streams.
    Raises EngineUnavailable or EngineStale where it cannot be opened.
    """
    if precision not in ("fp32", "int8"):
        raise EngineUnavailable("ONNX Runtime runs fp32 and int8 on a CPU; half precision is for GPUs")
    import onnxruntime

    from hitrs_live.inference.onnx_engine import OPSET, OnnxEngine

    if precision == "fp32":
        try:
            return open_packaged(checkpoint, threads=threads)
        except EngineStale as stale:
            # With a checkpoint of one's own this is as expected; what follows is logged.
            _log.debug("%s", stale)
    key = EngineKey(
        weights=_weights(checkpoint), backend="onnx", precision="fp32", max_rows=0, version=onnxruntime.__version__,
        graphs=graph_sources(checkpoint.model),
    )  # fmt: skip
    files = _built(
        folder, key, lambda place: export_graphs(checkpoint.model, place, opset=OPSET), build_now=build
    )  # fmt: skip
    if precision == "int8":
        from hitrs_live.inference.quantise import quantise_graphs

        whole = files

        def quantise(place: Path) -> None:
            for name, content in whole.items():
                (place / name).write_bytes(content)
            quantise_graphs(checkpoint.model, place, None if ranges is None else ranges.products)

        key = msgspec.structs.replace(
            key, precision="int8", graphs=graph_sources(checkpoint.model, "int8"),
            ranges="" if ranges is None else ranges.fingerprint,
        )  # fmt: skip
        files = _built(folder, key, quantise, build_now=build)
    graphs = {submodule: files[f"{submodule}.onnx"] for submodule in SUBMODULES}
    return OnnxEngine(checkpoint.model.config, graphs, precision=precision, threads=threads)


def open_packaged(checkpoint: Checkpoint, *, threads: int = 1) -> Engine:
    """Open ONNX Runtime on the graphs that come with the package.

    Raises EngineStale where they are of another checkpoint or of other code, EngineUnavailable where they cannot run.
    """
    from hitrs_live.inference.onnx_engine import OnnxEngine
    from hitrs_live.inference.packaged_graphs import read_packaged

    filled = read_packaged(checkpoint)
    return OnnxEngine(checkpoint.model.config, filled.graphs, initialisers=filled.initialisers, threads=threads)


def open_tensorrt(
    checkpoint: Checkpoint, precision: Precision, max_rows: int, folder: Path, *, build: bool = True
) -> Engine:
    """Open TensorRT on a detector's plans, built for this GPU first where missing.

    Raises EngineUnavailable or EngineStale where it cannot be opened.
    """
    from hitrs_live.inference.tensorrt_engine import TensorRtEngine
    from hitrs_live.inference.tensorrt_plan import OPSET, build_plan, find_tensorrt

    if precision == "int8":
        raise EngineUnavailable("int8 is for ONNX Runtime; TensorRT runs fp32, fp16 and bf16")
    api = find_tensorrt()
    if not torch.cuda.is_available():
        raise EngineUnavailable("no GPU that torch can use; TensorRT needs one, and a torch build with CUDA")

    def make_plans(place: Path) -> None:
        with tempfile.TemporaryDirectory() as graphs:
            export_graphs(checkpoint.model, Path(graphs), precision=precision, opset=OPSET)
            for submodule in SUBMODULES:
                plan = build_plan(api, Path(graphs) / f"{submodule}.onnx", max_rows=max_rows)
                (place / f"{submodule}.plan").write_bytes(plan)

    major, minor = torch.cuda.get_device_capability()
    key = EngineKey(
        weights=_weights(checkpoint), backend="tensorrt", precision=precision, max_rows=max_rows,
        version=f"{api.__name__} {api.__version__}", cuda=torch.version.cuda or "", gpu=f"sm_{major}{minor}",
        graphs=graph_sources(checkpoint.model),
    )  # fmt: skip
    files = _built(folder, key, make_plans, build_now=build)
    plans = {submodule: files[f"{submodule}.plan"] for submodule in SUBMODULES}
    return TensorRtEngine(checkpoint.model.config, plans, api, precision=precision, max_rows=max_rows)


def _built(folder: Path, key: EngineKey, build: Callable[[Path], None], *, build_now: bool) -> dict[str, bytes]:
    """Read an engine's files, built first where there are none that may be loaded."""
    try:
        return read_engine(folder, key)
    except EngineStale as stale:
        if not build_now:
            raise
        _log.warning("%s: this takes up to a minute, once", stale)
    began = time.monotonic()
    write_engine(folder, key, build)
    _log.warning("engine %s: built in %.0f s", folder / key.name, time.monotonic() - began)
    return read_engine(folder, key)


def _weights(checkpoint: Checkpoint) -> str:
    if not checkpoint.fingerprint:
        raise EngineUnavailable("the model came from no file, whose SHA-256 names a built engine; save it first")
    return checkpoint.fingerprint
