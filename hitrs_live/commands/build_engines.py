"""`hitrs-live build-engines`: build what computes the model fastest on this machine."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import whole
from hitrs_live.errors import ConfigError


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="model to build for, instead of the one shipped"
    )
    parser.add_argument(
        "--engine", choices=("auto", "tensorrt", "cuda-graph", "onnx", "torch"), default="auto",
        help="default: the best that can be had here",
    )  # fmt: skip
    parser.add_argument("--precision", choices=("fp32", "fp16", "bf16", "int8"), default="fp32")
    parser.add_argument(
        "--max-persons",
        type=whole,
        default=16,
        metavar="N",
        help="rows at once, at most; a person judged mirrored too takes two (default 16)",
    )
    parser.add_argument(
        "--quantisation", type=Path, metavar="FILE",
        help="ranges for int8, as `calibrate quantisation` writes them; default: calibration/quantisation.json, "
        "where it is of this model, else those of built-in streams",
    )  # fmt: skip
    parser.add_argument(
        "--package", action="store_true",
        help="for a release: write the shipped model's ONNX graphs into the package, for users without the exporter",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.inference.run_build_engines import build_engines, package_graphs

    if options.package:
        given = (options.checkpoint, options.engine, options.precision, options.quantisation)
        if given != (None, "auto", "fp32", None):
            raise ConfigError("--package: is of the shipped model in fp32 alone, wanted no other flag beside it")
        package_graphs()
        return 0
    build_engines(
        options.checkpoint, options.engine, options.precision, max_persons=options.max_persons,
        quantisation=options.quantisation,
    )  # fmt: skip
    return 0
