"""The engine on CUDA graphs: torch on a GPU, each submodule recorded once per batch size and replayed as one launch.

For GPUs without TensorRT. It was written without a GPU to run it on, so every recording is compared with the eager
submodule before it is used, and a batch size whose recording fails runs eagerly.
"""

import logging
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hitrs_live.config import Precision
from hitrs_live.errors import EngineUnavailable
from hitrs_live.inference.base import SubmoduleEngine
from hitrs_live.inference.export import example_inputs
from hitrs_live.inference.submodules import in_precision, run_submodule, submodules_of
from hitrs_live.inference.torch_engine import DTYPES
from hitrs_live.model.detector import DetectorConfig, HitrsDetector

_log = logging.getLogger(__name__)
_WARM_UPS = 3
_SAME = 1e-3


class CudaGraphEngine(SubmoduleEngine):
    """Run a detector's submodules on a GPU."""

    name = "cuda-graph"

    def __init__(self, model: HitrsDetector, precision: Precision = "fp32", *, max_rows: int = 16) -> None:
        """Copy the model to the GPU and record every submodule. Raises EngineUnavailable where there is no GPU."""
        if precision not in DTYPES:
            raise EngineUnavailable(f"torch runs {', '.join(DTYPES)} on a GPU")
        if not torch.cuda.is_available():
            raise EngineUnavailable("no GPU that torch can use")
        super().__init__(model.config, precision)
        on_gpu = HitrsDetector(model.config)
        on_gpu.load_state_dict(model.state_dict())
        on_gpu = in_precision(on_gpu.eval(), DTYPES[precision]).cuda()
        self._submodules = {
            name: _RecordedSubmodule(submodule, name, model.config, max_rows)
            for name, submodule in submodules_of(on_gpu).items()
        }

    def _run(self, submodule: str, *inputs: Tensor) -> tuple[Tensor, ...]:
        return self._submodules[submodule].run(*inputs)


@dataclass(frozen=True, kw_only=True)
class _Recording:
    """A submodule at one batch size, with its input and output buffers."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class _RecordedSubmodule:
    """One submodule and its recordings, at 1, 2, 4 ... rows."""

    def __init__(self, submodule: nn.Module, name: str, config: DetectorConfig, max_rows: int) -> None:
        self._submodule = submodule
        self._recordings: dict[int, _Recording] = {}
        for rows in batch_sizes(max_rows):
            try:
                self._recordings[rows] = self._record(
                    tuple(value.cuda() for value in example_inputs(config, rows)[name])
                )
            except RuntimeError as error:
                _log.warning("CUDA graph of %s at %d rows: %s; runs eagerly", name, rows, str(error).splitlines()[0])

    @torch.inference_mode()
    def run(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Run on any number of rows, by the smallest recording with at least so many."""
        rows = len(inputs[0])
        recording = next((self._recordings[size] for size in sorted(self._recordings) if size >= rows), None)
        if recording is None:
            eager = run_submodule(self._submodule, [value.cuda() for value in inputs])
            return tuple(output.cpu() for output in eager)
        for buffer, value in zip(recording.inputs, inputs, strict=True):
            buffer[:rows].copy_(value, non_blocking=True)
        recording.graph.replay()
        return tuple(output[:rows].cpu() for output in recording.outputs)

    @torch.inference_mode()
    def _record(self, inputs: tuple[Tensor, ...]) -> _Recording:
        """Record, then compare a replay with the eager submodule. Raises RuntimeError where either fails."""
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UPS):
                run_submodule(self._submodule, inputs)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = run_submodule(self._submodule, inputs)
        for value in inputs:
            if value.is_floating_point():
                value.normal_()
        graph.replay()
        for got, expected in zip(outputs, run_submodule(self._submodule, inputs), strict=True):
            if not torch.allclose(got, expected, atol=_SAME, rtol=_SAME):
                raise RuntimeError("its replay differs from the eager run")
        return _Recording(graph=graph, inputs=inputs, outputs=outputs)


def batch_sizes(max_rows: int) -> tuple[int, ...]:
    """Return the batch sizes to record: powers of two up to the largest, and the largest."""
    sizes = {max_rows}
    size = 1
    while size < max_rows:
        sizes.add(size)
        size *= 2
    return tuple(sorted(sizes))
