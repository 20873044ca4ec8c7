"""The engine on ONNX Runtime, on the CPU."""

from collections.abc import Mapping
from typing import Any

import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.config import Precision
from hitrs_live.errors import EngineUnavailable
from hitrs_live.inference.base import SubmoduleEngine
from hitrs_live.inference.export import INPUTS
from hitrs_live.model.detector import DetectorConfig

OPSET = 23
"""The first with attention as one operator, for which the run-time has one kernel."""
_ERRORS_ONLY = 3


class OnnxEngine(SubmoduleEngine):
    """Run a detector's three graphs."""

    name = "onnx"

    def __init__(
        self,
        config: DetectorConfig,
        graphs: Mapping[str, bytes],
        *,
        initialisers: Mapping[str, Mapping[str, NDArray[Any]]] | None = None,
        precision: Precision = "fp32",
        threads: int = 1,
    ) -> None:
        """Load graphs, by submodule. initialisers: by submodule and name, those that it names but does not contain.

        Raises EngineUnavailable where ONNX Runtime cannot load them.
        """
        super().__init__(config, precision)
        # `hitrs_live.telemetry` sets an environment variable, which Windows' event tracing does not read.
        onnxruntime.disable_telemetry_events()
        # Sessions read initialisers in place, so they are kept as long as the sessions.
        self._initialisers = initialisers or {}
        try:
            self._sessions = {
                name: onnxruntime.InferenceSession(
                    graphs[name],
                    session_options(threads, self._initialisers.get(name)),
                    providers=["CPUExecutionProvider"],
                )
                for name in INPUTS
            }
        except Exception as error:  # The run-time has a dozen kinds, none of which is exported.
            raise EngineUnavailable(f"ONNX Runtime cannot load the graphs ({str(error).splitlines()[0]})") from None

    def _run(self, submodule: str, *inputs: Tensor) -> list[Tensor]:
        """Run one graph. Inputs are read in place, and outputs are tensors on the run-time's own memory."""
        feed = {name: value.numpy() for name, value in zip(INPUTS[submodule], inputs, strict=True)}
        return [torch.from_numpy(output) for output in self._sessions[submodule].run(None, feed)]


def session_options(threads: int, initialisers: Mapping[str, NDArray[Any]] | None = None) -> onnxruntime.SessionOptions:
    """Return session options. initialisers: by name, those that the graph does not contain."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = _ERRORS_ONLY
    # Idle threads must not occupy the core that the pose process needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if initialisers:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in initialisers.values()]
        options.add_external_initializers(list(initialisers), values)
    return options
