"""The settings that flags set, over those of a file."""

import argparse
from typing import Any

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
    (
        "--update",
        "model.update",
        str,
        "what the model answers after: frame (default) or clip (7 frames), which costs less",
    ),
    (
        "--thresholds",
        "action.thresholds",
        str,
        "file of `hitrs-live tune-thresholds`; none to use none",
    ),
    ("--bind", "publish.bind", str, "address to publish on"),
)


# Flags of those that a run without a camera, a figure to draw or anybody to tell has no use for.
LIVE_ALONE = frozenset(("--source-id", "--pose-model", "--calibration", "--bind"))


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add every flag that sets something."""
    add_setting_flags(parser)
    parser.add_argument(
        "--require-sources",
        dest="setting:require_sources",
        action="store_true",
        default=None,
        help="refuse to start where a camera or sender of joints is not there, rather than try on",
    )
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


def add_setting_flags(parser: argparse.ArgumentParser, *, without: frozenset[str] = frozenset()) -> None:
    """Add the file of settings, and the flags that take a value and win over it."""
    parser.add_argument("--config", metavar="FILE", help="settings as TOML; flags win over it")
    parser.add_argument(
        "--mirror", dest="setting:model.mirror", action=argparse.BooleanOptionalAction, default=None,
        help="judge everybody's mirror image too and average (default: yes); without, a person takes half the rows",
    )  # fmt: skip
    for flag, key, kind, text in _SETTINGS:
        if flag not in without:
            parser.add_argument(flag, dest=f"setting:{key}", type=kind, metavar=key.split(".")[-1].upper(), help=text)


def settings(options: argparse.Namespace) -> Any:
    """Put the flags over the file, and that over the defaults. Raises ConfigError for what neither may be."""
    from hitrs_live.config import Config, load_config, override

    config = load_config(options.config) if options.config else Config()
    flags = {
        name.removeprefix("setting:"): value
        for name, value in vars(options).items()
        if name.startswith("setting:") and value is not None
    }
    return override(config, flags) if flags else config
