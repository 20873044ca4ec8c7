"""`hitrs-live build-engines`: build the fastest inference engine for this machine."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import whole
from hitrs_live.errors import ConfigError


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="model to build (default: the one shipped)")
    parser.add_argument(
        "--engine", choices=("auto", "tensorrt", "cuda-graph", "onnx", "torch"), default="auto",
        help="engine to build (default: auto, the fastest one available here)",
    )  # fmt: skip
    parser.add_argument(
        "--precision", choices=("fp32", "fp16", "bf16", "int8"), default="fp32",
        help="number format; int8 is for CPUs, fp16 and bf16 are for GPUs (default: fp32)",
    )  # fmt: skip
    parser.add_argument(
        "--max-persons",
        type=whole,
        default=16,
        metavar="N",
        help="most rows in a batch; with --mirror in `live`, a person takes two rows (default: 16)",
    )
    parser.add_argument(
        "--quantisation", type=Path, metavar="FILE",
        help="int8 ranges from `calibrate quantisation` (default: calibration/quantisation.json, if it is for this "
        "model, otherwise the ranges of built-in streams)",
    )  # fmt: skip
    parser.add_argument(
        "--package", action="store_true",
        help="for a release: write the shipped model's ONNX graphs into the package, for users without ONNX export",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.inference.run_build_engines import build_engines, package_graphs

    if options.package:
        given = (options.checkpoint, options.engine, options.precision, options.quantisation)
        if given != (None, "auto", "fp32", None):
            raise ConfigError(
                "--package: works only for the shipped model in fp32, expected no other flag; leave the others out"
            )
        package_graphs()
        return 0
    build_engines(
        options.checkpoint, options.engine, options.precision, max_persons=options.max_persons,
        quantisation=options.quantisation,
    )  # fmt: skip
    return 0
