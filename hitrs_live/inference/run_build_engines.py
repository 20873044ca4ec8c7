"""`hitrs-live build-engines`: build the fastest engine for this machine, and print how exact it is."""

import time
from pathlib import Path

import torch

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.config import EngineChoice, Precision
from hitrs_live.errors import ConfigError, EngineUnavailable
from hitrs_live.inference.backend_selection import open_engine
from hitrs_live.inference.build import open_packaged
from hitrs_live.inference.int8_ranges import find_ranges
from hitrs_live.inference.packaged_graphs import PACKAGED, write_packaged
from hitrs_live.inference.parity import check_parity, measure_parity
from hitrs_live.inference.torch_engine import TorchEngine


def build_engines(
    checkpoint_path: Path | None,
    engine: EngineChoice,
    precision: Precision,
    *,
    max_persons: int,
    quantisation: Path | None = None,
) -> None:
    """Build an engine where it is missing, open it, and print how far its outputs are from torch's.

    quantisation: a file of ranges for int8, by default what `find_ranges` finds; the choice is printed.
    Raises EngineUnavailable where an engine requested by name is unavailable, DataError where the ranges belong to
    another checkpoint.
    """
    if max_persons < 1:
        raise ConfigError(f"--max-persons: got {max_persons}, expected at least 1")
    if quantisation is not None and precision != "int8":
        raise ConfigError(
            f"--quantisation {quantisation}: got precision {precision}, expected int8, which alone has ranges"
        )
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(checkpoint_path)
    began = time.monotonic()
    if precision == "int8":
        print(f"int8 by {find_ranges(quantisation, checkpoint).origin}", flush=True)
    opened = open_engine(checkpoint, engine, precision, max_rows=max_persons, quantisation=quantisation)
    got = opened.engine
    if engine != "auto" and (got.name, got.precision) != (engine, precision):
        raise EngineUnavailable(f"engine {engine} in {precision} is unavailable: it {opened.notice}")
    parity = measure_parity(got, TorchEngine(checkpoint.model), max_rows=max_persons)
    print(
        f"{checkpoint.info.name}: {got.name} in {got.precision}, ready after {time.monotonic() - began:.0f} s; "
        f"logits differ from torch's by {parity.logit_error:.1e} at most, "
        f"{parity.same:.1%} of clips have the same best class"
    )
    if opened.notice:
        print(f"it {opened.notice}")


def package_graphs() -> None:
    """Export the shipped model's graphs into the package, and print how far their outputs are from torch's.

    Raises EngineUnavailable where that fails, or the written graphs do not pass the parity gate.
    """
    torch.set_num_threads(1)
    checkpoint = load_checkpoint()
    write_packaged(checkpoint)
    parity = check_parity(open_packaged(checkpoint), TorchEngine(checkpoint.model))
    print(f"{PACKAGED}: the graphs of {checkpoint.info.name}; logits differ from torch's by {parity.logit_error:.1e}")
