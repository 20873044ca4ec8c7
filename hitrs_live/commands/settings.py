"""The settings that flags set, over those of a file; each verb offers those that it reads."""

import argparse
import sys
from typing import Any

# Flags that set one setting each, over the file: flag, dotted key, help.
_SETTINGS: tuple[tuple[str, str, str], ...] = (
    ("--source-id", "source_id", "name of the source in topics; of several, in their order, with commas"),
    ("--max-people", "pose.max_people", "people followed at once in each source"),
    ("--pose-model", "pose.model", "lite, full, heavy, or the path of a .task file"),
    (
        "--calibration",
        "camera.calibration",
        "camera intrinsics, a file as `hitrs-live calibrate` writes it, or a folder of one a source",
    ),
    ("--checkpoint", "model.checkpoint", "model to run, instead of the one shipped"),
    ("--engine", "model.engine", "what computes the model: auto, tensorrt, cuda-graph, onnx or torch"),
    ("--precision", "model.precision", "what it computes in: fp32, int8 (onnx), fp16 or bf16 (on GPUs)"),
    ("--quantisation", "model.quantisation", "ranges for int8, as `hitrs-live calibrate quantisation` writes them"),
    ("--threads", "model.threads", "CPU threads of the model"),
    (
        "--update",
        "model.update",
        "how often the model predicts: after every frame (default) or clip (7 frames), which costs less",
    ),
    ("--thresholds", "action.thresholds", "file of `hitrs-live tune-thresholds`; none to use none"),
    ("--bind", "publish.bind", "address to publish on"),
    ("--log-format", "log.format", "how --plain writes its lines: text, or json (one object a line)"),
)
# Flags that switch a setting: flag, dotted key, action, help.
_SWITCHES: tuple[tuple[str, str, Any, str], ...] = (
    (
        "--mirror",
        "model.mirror",
        argparse.BooleanOptionalAction,
        "predict on everybody's mirror image too and average (default: yes); without, a person takes half the rows",
    ),
    (
        "--require-sources",
        "require_sources",
        "store_true",
        "refuse to start where a camera or sender of joints is not there, rather than try on",
    ),
    ("--publish-pose", "publish.pose", "store_true", "publish every pose too"),
    (
        "--now",
        "publish.now",
        "store_true",
        "publish every pose and, by prediction, where it is at the moment of publishing; draw that too",
    ),
)

ALL = ("",)
"""Every setting."""
OF_POSE = (
    "source_id", "require_sources", "camera.", "pose.", "publish.bind", "publish.high_water_mark",
    "publish.linger_ms", "publish.status_every_s", "log.",
)  # fmt: skip
"""What `pose` reads: no model runs in it."""
OF_REPLAY = ("pose.max_people", "pose.min_joint_confidence", "track.", "pair.", "model.", "action.")
"""What `replay` reads: it has no camera, and publishes nothing."""


def add_settings(parser: argparse.ArgumentParser, *, read: tuple[str, ...], keep_others: bool = False) -> None:
    """Add the file of settings, and the flags that win over it.

    read: prefixes of the settings that the verb reads; flags of others are not offered. keep_others: whether those are
    still taken, with a word that they do nothing, because the verb once offered them.
    """
    parser.add_argument("--config", metavar="FILE", help="settings as TOML; flags win over it")

    def add(flag: str, key: str, text: str, **how: Any) -> None:
        if key.startswith(read):
            parser.add_argument(flag, dest=f"setting:{key}", default=None, help=text, **how)
        elif keep_others:
            parser.add_argument(flag, dest=f"ignored:{flag}", default=None, help=argparse.SUPPRESS, **how)

    for flag, key, action, text in _SWITCHES:
        add(flag, key, text, action=action)
    for flag, key, text in _SETTINGS:
        add(flag, key, text, metavar=key.split(".")[-1].upper())


def settings(options: argparse.Namespace) -> Any:
    """Put the flags over the file, and that over the defaults. Raises ConfigError for what neither may be."""
    from hitrs_live.config import Config, load_config, override

    given = {name: value for name, value in vars(options).items() if value is not None}
    config = load_config(options.config) if options.config else Config()
    for name in given:
        if name.startswith("ignored:"):
            flag = name.removeprefix("ignored:")
            print(f"hitrs-live: {options.verb} {flag}: has no effect here; see --help", file=sys.stderr)
    flags = {key: flag for flag, key, *_ in (*_SETTINGS, *_SWITCHES)}
    values = {name.removeprefix("setting:"): value for name, value in given.items() if name.startswith("setting:")}
    return override(config, values, flags=flags) if values else config
