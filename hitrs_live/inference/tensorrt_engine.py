"""The engine on TensorRT: one plan per submodule, inputs and outputs in buffers that are allocated once.

It was written against the documented API without a GPU to run it on, so every load depends on the parity gate.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from hitrs_live.config import Precision
from hitrs_live.errors import EngineUnavailable
from hitrs_live.inference.base import SubmoduleEngine
from hitrs_live.inference.export import INPUTS, OUTPUTS, example_inputs
from hitrs_live.model.detector import DetectorConfig


class TensorRtEngine(SubmoduleEngine):
    """Run a detector's three plans."""

    name = "tensorrt"

    def __init__(
        self,
        config: DetectorConfig,
        plans: Mapping[str, bytes],
        api: ModuleType,
        *,
        precision: Precision,
        max_rows: int,
    ) -> None:
        """Load plans, by submodule. Plans are code: pass only plans that were built on this machine.

        Raises EngineUnavailable for a plan that does not fit this GPU, driver or version.
        """
        super().__init__(config, precision)
        runtime = api.Runtime(api.Logger(api.Logger.ERROR))
        examples = example_inputs(config, max_rows)
        self._submodules = {
            name: _Plan(runtime, name, plan, examples[name], max_rows=max_rows) for name, plan in plans.items()
        }

    def _run(self, submodule: str, *inputs: Tensor) -> list[Tensor]:
        return self._submodules[submodule].run(*inputs)


class _Plan:
    """One plan, its execution context and its buffers on the GPU."""

    def __init__(self, runtime: Any, name: str, plan: bytes, examples: tuple[Tensor, ...], *, max_rows: int) -> None:
        engine = runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise EngineUnavailable(f"TensorRT cannot load the {name} plan here; delete it to have it rebuilt")
        self._engine = engine
        self._context = engine.create_execution_context()
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._max_rows = max_rows
        self._inputs = {key: value.cuda() for key, value in zip(INPUTS[name], examples, strict=True)}
        self._outputs = {
            key: torch.empty((max_rows, *tuple(engine.get_tensor_shape(key))[1:]), device="cuda")
            for key in OUTPUTS[name]
        }
        for key, buffer in (self._inputs | self._outputs).items():
            self._context.set_tensor_address(key, buffer.data_ptr())

    def run(self, *inputs: Tensor) -> list[Tensor]:
        """Run on any number of rows, in batches of at most what the plan was built for."""
        batches = zip(*(torch.split(value, self._max_rows) for value in inputs), strict=True)
        parts = [self._run_batch(batch) for batch in batches]
        return parts[0] if len(parts) == 1 else [torch.cat(column) for column in zip(*parts, strict=True)]

    def _run_batch(self, inputs: tuple[Tensor, ...]) -> list[Tensor]:
        rows = len(inputs[0])
        with torch.cuda.stream(self._stream):
            for (key, buffer), value in zip(self._inputs.items(), inputs, strict=True):
                buffer[:rows].copy_(value, non_blocking=True)
                self._context.set_input_shape(key, tuple(value.shape))
            if not self._context.execute_async_v3(self._stream.cuda_stream):
                raise RuntimeError("TensorRT failed to run a plan that it had run before")
            outputs = [buffer[:rows].to("cpu", non_blocking=True) for buffer in self._outputs.values()]
        self._stream.synchronize()
        return outputs
