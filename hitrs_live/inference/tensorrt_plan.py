"""Build TensorRT plans from graphs, through the API that `tensorrt` and `tensorrt_rtx` share.

Networks are strongly typed: the graph determines what is computed in half precision. Building for a named
architecture needs neither GPU nor driver; running does.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from hitrs_live.errors import EngineUnavailable

OPSET = 18
"""Attention as plain products, which TensorRT fuses; it may have no kernel for the operator of opset 23."""
_PACKAGES = ("tensorrt", "tensorrt_rtx")


def find_tensorrt() -> ModuleType:
    """Import the installed TensorRT. Raises EngineUnavailable where there is none."""
    for package in _PACKAGES:
        try:
            return importlib.import_module(package)
        except ImportError:
            continue
    raise EngineUnavailable(
        "TensorRT is not installed; pip install '.[tensorrt]' (any GPU) or '.[tensorrt-rtx]' "
        "(compute capability 8.0, 8.6, 8.9 and 12.0)"
    )


def build_plan(api: ModuleType, graph: Path, *, max_rows: int, capability: str = "") -> bytes:
    """Build one graph's plan for 1 to `max_rows` rows.

    capability: such as SM86, to build for that architecture (tensorrt_rtx alone); empty for the GPU of this machine.
    Raises EngineUnavailable where TensorRT cannot parse or build it.
    """
    logger = _LastError.of(api)
    builder = api.Builder(logger)
    strongly_typed = 1 << int(api.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(strongly_typed)
    parser = api.OnnxParser(network, logger)
    if not parser.parse(graph.read_bytes()):
        raise EngineUnavailable(f"TensorRT cannot parse {graph.name}: {parser.get_error(0)}")
    config = builder.create_builder_config()
    # The default rounds factors to 10 bits, far beyond what fp32 may differ.
    config.clear_flag(api.BuilderFlag.TF32)
    config.add_optimization_profile(_profile(builder, network, max_rows))
    if capability:
        config.num_compute_capabilities = 1
        config.set_compute_capability(getattr(api.ComputeCapability, capability), 0)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineUnavailable(f"TensorRT cannot build {graph.name}: {logger.last}")
    return bytes(plan)


def _profile(builder: Any, network: Any, max_rows: int) -> Any:
    """Return a profile of 1 to `max_rows` rows for every input, optimised for few."""
    profile = builder.create_optimization_profile()
    for number in range(network.num_inputs):
        tensor = network.get_input(number)
        shape = tuple(tensor.shape)[1:]
        profile.set_shape(tensor.name, (1, *shape), (min(2, max_rows), *shape), (max_rows, *shape))
    return profile


class _LastError:
    """Keep TensorRT's last error for our own message instead of printing all."""

    @staticmethod
    def of(api: ModuleType) -> Any:
        """Return a logger of that package's class."""

        class Logger(api.ILogger):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.last = "no reason given"

            def log(self, severity: Any, message: str) -> None:
                if severity in (api.ILogger.Severity.ERROR, api.ILogger.Severity.INTERNAL_ERROR):
                    self.last = message.splitlines()[0]

        return Logger()
