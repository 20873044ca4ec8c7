"""The verbs of the running pipeline."""

import argparse
import logging
from pathlib import Path
from typing import Any

from hitrs_live.commands.flags import seconds
from hitrs_live.commands.settings import ALL, OF_POSE, add_settings, settings


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
            help="a synthetic person who does exercises; needs nothing",
        )  # fmt: skip
    parser.add_argument("--speed", choices=("real", "max"), default="real", help="pace of files (default: real)")


def add_live(parser: argparse.ArgumentParser) -> None:
    _add_source(parser)
    add_settings(parser, read=ALL)
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
        "--save-video",
        metavar="FILE",
        help="write that picture to a video file, .webm (browsers play it), .mp4 or .avi; a file a source",
    )
    parser.add_argument("--duration", type=seconds, metavar="S", help="end after so many seconds")
    parser.add_argument(
        "--wait-subscriber", type=seconds, metavar="S", help="hold the first frame until somebody listens, at most S"
    )
    parser.set_defaults(run=_run_live)


def _run_live(options: argparse.Namespace) -> int:
    from hitrs_live.pipeline.app import run_live

    return run_live(options, settings(options))


def add_pose(parser: argparse.ArgumentParser) -> None:
    _add_source(parser, pictures_only=True)
    add_settings(parser, read=OF_POSE, keep_others=True)
    parser.add_argument("--duration", type=seconds, metavar="S", help="end after so many seconds")
    parser.add_argument("--wait-subscriber", type=seconds, metavar="S", help="hold the first frame until then")
    parser.set_defaults(run=_run_pose)


def _run_pose(options: argparse.Namespace) -> int:
    from hitrs_live.pipeline.app import run_pose

    return run_pose(options, settings(options))


def add_watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", nargs="?", default="tcp://127.0.0.1:5556", help="where the pipeline publishes")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--dashboard", action="store_true", help="the live view of the terminal")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="everything, not only actions and source states")
    which.add_argument("--topics", nargs="*", metavar="PREFIX", help="such as action or status.cam, instead")
    parser.add_argument("--duration", type=seconds, metavar="S", help="end after so many seconds")
    parser.add_argument("--idle", type=seconds, metavar="S", help="end after so many seconds of silence")
    parser.set_defaults(run=_run_watch)


def _run_watch(options: argparse.Namespace) -> int:
    if options.dashboard:
        from hitrs_live.pipeline.dashboard_process import main as dashboard

        return dashboard([options.url])
    from hitrs_live.commands.watch_printer import USUAL_TOPICS, watch

    topics = () if options.all else USUAL_TOPICS if options.topics is None else options.topics
    watch(options.url, options.json, topics, duration_s=options.duration, idle_s=options.idle)
    return 0


def add_config(parser: argparse.ArgumentParser) -> None:
    add_settings(parser, read=ALL)
    parser.set_defaults(run=_run_config)


def _run_config(options: argparse.Namespace) -> int:
    from hitrs_live.config import render_config

    print(render_config(settings(options)), end="")
    return 0


def add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fetch", action="store_true", help="assemble the model `full` now, from the package registry (36 MB, once)"
    )
    parser.add_argument("--wheel", metavar="FILE", help="assemble it from this wheel, mediapipe 0.10.21, offline")
    parser.add_argument("--download", choices=("lite", "full", "heavy"), help="download an official model instead")
    parser.add_argument("--pose-model", metavar="FILE", help="say what this .task file is, too")
    parser.set_defaults(run=_run_models)


def _run_models(options: argparse.Namespace) -> int:
    from hitrs_live.pose.mediapipe.models import (
        cache_folder,
        describe_file,
        describe_models,
        download_official,
        ensure_pose_model,
    )

    # What is fetched, and from where, while it is fetched; the list itself goes to standard output.
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if options.wheel or options.fetch:
        ensure_pose_model("full", wheel=Path(options.wheel) if options.wheel else None)
    if options.download:
        download_official(options.download)
    print(f"pose models in {cache_folder()}:")
    for status in describe_models():
        record = status.record
        more = f" ({record.size_bytes} bytes, sha256 {record.sha256})" if record is not None else ""
        print(f"{status.variant:<6} {status.note}{more}")
    if options.pose_model:
        print(describe_file(Path(options.pose_model)))
    return 0
