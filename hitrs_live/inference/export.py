"""Export the three submodules of a detector as ONNX graphs, with a dynamic number of rows.

The exporter is an extra (`pip install '.[export]'`): running built engines does not need it.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from hitrs_live.config import Precision
from hitrs_live.errors import EngineUnavailable
from hitrs_live.inference.submodules import in_precision, submodules_of
from hitrs_live.inference.torch_engine import DTYPES
from hitrs_live.model.detector import DetectorConfig, HitrsDetector

INPUTS = {"frame": ("joints",), "clip": ("tokens",), "head": ("clips", "valid_clips", "recent")}
OUTPUTS = {"frame": ("encoded",), "clip": ("embeddings",), "head": ("logits", "future", "scales")}
SUBMODULES = tuple(INPUTS)
_ROWS = 3
"""Rows of the example that is traced; any number above 1 does."""


def example_inputs(config: DetectorConfig, rows: int) -> dict[str, tuple[Tensor, ...]]:
    """Return inputs of the right shapes, by submodule."""
    grid = config.encoder
    return {
        "frame": (torch.zeros(rows, grid.joints, grid.channels),),
        "clip": (torch.zeros(rows, grid.clip_length, grid.joints, grid.frame_width),),
        "head": (
            torch.zeros(rows, config.window_clips, grid.clip_width),
            torch.ones(rows, dtype=torch.int64),
            torch.zeros(rows, grid.clip_span, grid.joints, 3),
        ),
    }


def export_graphs(model: HitrsDetector, folder: Path, *, precision: Precision = "fp32", opset: int) -> None:
    """Write frame.onnx, clip.onnx and head.onnx into a folder, checked; inputs and outputs are float32.

    From opset 23 on attention is one operator, which a run-time either has a kernel for or cannot run.
    Raises EngineUnavailable where the exporter is not installed.
    """
    checker = _checker()
    model = in_precision(model.eval(), DTYPES[precision])
    examples = example_inputs(model.config, _ROWS)
    rows = torch.export.Dim("rows")
    for name, submodule in submodules_of(model).items():
        path = folder / f"{name}.onnx"
        with quiet_exporter(), torch.no_grad():
            program = torch.onnx.export(
                submodule.eval(),
                examples[name],
                dynamo=True,
                opset_version=opset,
                dynamic_shapes=tuple({0: rows} for _ in examples[name]),
                input_names=INPUTS[name],
                output_names=OUTPUTS[name],
                verbose=False,
            )
        assert program is not None
        program.save(path, external_data=False)
        checker.check_model(path, full_check=True)


def _checker() -> ModuleType:
    try:
        import onnx.checker
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise EngineUnavailable(
            f"its graphs are not built and the exporter is not installed ({error}); "
            "pip install '.[export]', then hitrs-live build-engines"
        ) from None
    return onnx.checker


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Silence the exporter's log lines and warnings about its own internals."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
