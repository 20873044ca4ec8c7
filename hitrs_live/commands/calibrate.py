"""`hitrs-live calibrate`: calibrate a camera, or the value ranges for int8."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from hitrs_live.commands.flags import positive
from hitrs_live.errors import ConfigError

# `calibrate FOLDER` without a kind means a camera: it is older than the other kind.
_KINDS = ("camera", "quantisation")

_LEAST_CORNERS, _MOST_CORNERS = 3, 100


def insert_default_kind(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the kind of `calibrate` filled in: a camera, if it was left out."""
    verb, *rest = arguments or ("",)
    if verb == "calibrate" and rest and rest[0] not in (*_KINDS, "-h", "--help"):
        return [verb, "camera", *rest]
    return list(arguments)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's kinds and their flags."""
    camera, quantisation = _KINDS
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    _add_camera(
        kinds.add_parser(
            camera,
            help="camera intrinsics, from photographs of a chessboard (the word `camera` may be left out)",
            description="Measure a camera's intrinsics from photographs of a chessboard.",
        )
    )
    _add_quantisation(
        kinds.add_parser(
            quantisation,
            help="value ranges for int8, from recordings of people",
            description="Measure the value ranges for int8 inference from recordings of people.",
        )
    )


def _add_camera(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photographs", type=Path, help="folder of photographs of a chessboard, all from one camera")
    parser.add_argument(
        "--corners",
        type=_corners,
        default=(9, 6),
        metavar="AxB",
        help="number of inner corners of the board (default: 9x6)",
    )
    parser.add_argument("--square-mm", type=positive, metavar="MM", required=True, help="side of one square, mm")
    parser.add_argument("--out", type=Path, metavar="FILE", required=True, help="TOML file to write, for --calibration")
    parser.set_defaults(run=_run_camera)


def _run_camera(options: argparse.Namespace) -> int:
    from hitrs_live.pose.calibrate_camera import calibrate
    from hitrs_live.pose.intrinsics import save_intrinsics

    if not options.photographs.is_dir():
        raise ConfigError(
            f"calibration: {options.photographs} is not a folder; give one with photographs of a chessboard"
        )
    pictures = sorted(options.photographs.glob("*"))
    intrinsics, error_px = calibrate(pictures, inner_corners=options.corners, square_m=options.square_mm / 1000)
    save_intrinsics(options.out, intrinsics, camera=options.photographs.name, error_px=error_px)
    print(
        f"{options.out}: reprojection error {error_px:.2f} px from {len(pictures)} pictures; use it with --calibration"
    )
    return 0


def _corners(text: str) -> tuple[int, int]:
    try:
        across, down = (int(part) for part in text.lower().split("x"))
    except ValueError:
        across = down = 0
    if not (_LEAST_CORNERS <= across <= _MOST_CORNERS and _LEAST_CORNERS <= down <= _MOST_CORNERS):
        raise argparse.ArgumentTypeError(
            f"got {text!r}, expected two whole numbers, {_LEAST_CORNERS} to {_MOST_CORNERS}, such as 9x6"
        )
    return across, down


def _add_quantisation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "recordings", type=Path, nargs="+", metavar="RECORDING", help=".mcap file written by `live --record`"
    )
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="model to measure (default: the one shipped)")
    parser.add_argument(
        "--out", type=Path, default=Path("calibration/quantisation.json"), metavar="FILE",
        help="file to write (default: calibration/quantisation.json, where int8 looks for it)",
    )  # fmt: skip
    parser.set_defaults(run=_run_quantisation)


def _run_quantisation(options: argparse.Namespace) -> int:
    from hitrs_live.evaluation.run_calibrate_quantisation import run_calibrate_quantisation

    return run_calibrate_quantisation(options)
