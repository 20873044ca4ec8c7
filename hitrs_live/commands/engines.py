"""The verbs that ready a machine and its cameras, and measure what it can do."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from hitrs_live.commands.flags import positive, whole
from hitrs_live.commands.settings import OF_REPLAY, add_settings, settings
from hitrs_live.errors import ConfigError


def add_build_engines(parser: argparse.ArgumentParser) -> None:
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
    parser.set_defaults(run=_run_build_engines)


def _run_build_engines(options: argparse.Namespace) -> int:
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


def add_bench(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--checkpoint", type=Path, metavar="FILE", help="model to measure, instead of the one shipped")
    which.add_argument("--size", choices=("base", "small", "tiny"), help="a model of random weights, for speed alone")
    parser.add_argument("--quick", action="store_true", help="less of everything, under a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write figures, tables and plots (PNG) there")
    parser.set_defaults(run=_run_bench)


def _run_bench(options: argparse.Namespace) -> int:
    from hitrs_live.bench.run_bench import bench

    bench(options.checkpoint, size=options.size, quick=options.quick, json_path=options.json, folder=options.out)
    return 0


def add_replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="folder of NTU RGB+D's .skeleton files, searched to any depth")
    parser.add_argument("--bench", action="store_true", help="as fast as it goes, many files in one batch")
    parser.add_argument("--rows", type=whole, default=16, metavar="N", help="people in a batch (default 16)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    add_settings(parser, read=OF_REPLAY)
    parser.set_defaults(run=_run_replay)


def _run_replay(options: argparse.Namespace) -> int:
    from hitrs_live.bench.run_replay import run_replay

    return run_replay(options, settings(options))


# `calibrate FOLDER` has measured cameras since before there was anything else to calibrate.
_CALIBRATE_KINDS = ("camera", "quantisation")


def full_spelling(arguments: Sequence[str]) -> list[str]:
    """Say which `calibrate` is meant where its kind is left out: a camera's."""
    verb, *rest = arguments or ("",)
    if verb == "calibrate" and rest and rest[0] not in (*_CALIBRATE_KINDS, "-h", "--help"):
        return [verb, "camera", *rest]
    return list(arguments)


def add_calibrate(parser: argparse.ArgumentParser) -> None:
    camera, quantisation = _CALIBRATE_KINDS
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    _add_calibrate_camera(
        kinds.add_parser(camera, help="a camera, from photographs of a chessboard (also without the word)")
    )
    _add_calibrate_quantisation(kinds.add_parser(quantisation, help="the ranges of int8, from recordings of people"))


def _add_calibrate_quantisation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "recordings", type=Path, nargs="+", metavar="RECORDING", help="what `live --record` wrote, .mcap"
    )
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="model to measure, instead of the one shipped")
    parser.add_argument(
        "--out", type=Path, default=Path("calibration/quantisation.json"), metavar="FILE",
        help="default: calibration/quantisation.json, where int8 looks for it",
    )  # fmt: skip
    parser.set_defaults(run=_run_calibrate_quantisation)


def _run_calibrate_quantisation(options: argparse.Namespace) -> int:
    from hitrs_live.evaluation.run_calibrate_quantisation import run_calibrate_quantisation

    return run_calibrate_quantisation(options)


def _add_calibrate_camera(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photographs", type=Path, help="folder of pictures of a chessboard, all from one camera")
    parser.add_argument(
        "--corners",
        type=_corners,
        default=(9, 6),
        metavar="AxB",
        help="inner corners of the board, such as 9x6 (default)",
    )
    parser.add_argument("--square-mm", type=positive, required=True, help="side of one square")
    parser.add_argument("--out", type=Path, required=True, help="TOML file to write, for --calibration")
    parser.set_defaults(run=_run_calibrate)


def _run_calibrate(options: argparse.Namespace) -> int:
    from hitrs_live.pose.calibrate_camera import calibrate
    from hitrs_live.pose.intrinsics import save_intrinsics

    if not options.photographs.is_dir():
        raise ConfigError(f"calibration: {options.photographs} is no folder; give one with photographs of a chessboard")
    pictures = sorted(options.photographs.glob("*"))
    intrinsics, error_px = calibrate(pictures, inner_corners=options.corners, square_m=options.square_mm / 1000)
    save_intrinsics(options.out, intrinsics, camera=options.photographs.name, error_px=error_px)
    print(
        f"{options.out}: reprojection error {error_px:.2f} px from {len(pictures)} pictures; use it with --calibration"
    )
    return 0


_LEAST_CORNERS, _MOST_CORNERS = 3, 100


def _corners(text: str) -> tuple[int, int]:
    try:
        across, down = (int(part) for part in text.lower().split("x"))
    except ValueError:
        across = down = 0
    if not (_LEAST_CORNERS <= across <= _MOST_CORNERS and _LEAST_CORNERS <= down <= _MOST_CORNERS):
        raise argparse.ArgumentTypeError(
            f"got {text!r}, wanted two whole numbers, {_LEAST_CORNERS} to {_MOST_CORNERS}, such as 9x6"
        )
    return across, down
