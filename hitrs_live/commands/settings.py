"""Flags that override settings of a file; each verb has the flags of the settings that it reads."""

import argparse
import sys
from typing import Any

# Flags that set one setting each, over the file: flag, dotted key, what stands for its value, help.
_SETTINGS: tuple[tuple[str, str, str, str], ...] = (
    ("--source-id", "source_id", "NAMES", "name of the source in topics; for several sources, in order, with commas"),
    ("--max-people", "pose.max_people", "N", "people tracked at once in each source (default: 2)"),
    (
        "--pose-model",
        "pose.model",
        "MODEL",
        "pose model: lite, full, heavy, or the path of a .task file (default: full)",
    ),
    (
        "--calibration",
        "camera.calibration",
        "PATH",
        "camera intrinsics: a file from `hitrs-live calibrate`, or a folder with one per source",
    ),
    ("--checkpoint", "model.checkpoint", "FILE", "model to run (default: the one shipped)"),
    (
        "--engine",
        "model.engine",
        "ENGINE",
        "inference engine: auto, tensorrt, cuda-graph, onnx or torch (default: auto, the fastest one available)",
    ),
    ("--precision", "model.precision", "FORMAT", "fp32 (default), int8 (with onnx), fp16 or bf16 (on GPUs)"),
    ("--quantisation", "model.quantisation", "FILE", "int8 ranges from `hitrs-live calibrate quantisation`"),
    ("--threads", "model.threads", "N", "CPU threads of the model (default: 1)"),
    (
        "--update",
        "model.update",
        "WHEN",
        "predict after every frame (default) or, at a lower cost, after every clip (7 frames)",
    ),
    (
        "--thresholds",
        "action.thresholds",
        "FILE",
        "file from `hitrs-live tune-thresholds`, or none (default: calibration/NAME.toml, NAME being the checkpoint's, "
        "or else the checkpoint's own)",
    ),
    (
        "--classes",
        "action.classes",
        "NAMES",
        "actions to report, with commas, or all (default: all but the model's experimental ones)",
    ),
    ("--bind", "publish.bind", "URL", "address to publish on (default: tcp://127.0.0.1:5556)"),
    ("--secret-key", "publish.secret_key", "FILE", "publish with this secret key, encrypted, see `hitrs-live keys`"),
    (
        "--allowed-clients",
        "publish.allowed_clients",
        "FOLDER",
        "with --secret-key: folder of the public keys of clients that may connect",
    ),
    ("--joints-secret-key", "joints.secret_key", "FILE", "own secret key for --joints"),
    (
        "--joints-server-key",
        "joints.server_key",
        "PATH",
        "public key of the sender of --joints: a file, or a folder with NAME.key per source",
    ),
    ("--log-format", "log.format", "FORMAT", "format of --plain: text (default), or json, one object per line"),
)
# Flags of several values: flag, dotted key, what stands for a value, help.
_LISTS: tuple[tuple[str, str, str, str], ...] = (
    ("--actions", "action.taught", "FILE", "your own actions: files from `hitrs-live teach fit`"),
)
# Flags that switch a setting: flag, dotted key, action, help.
_SWITCHES: tuple[tuple[str, str, Any, str], ...] = (
    (
        "--mirror",
        "model.mirror",
        argparse.BooleanOptionalAction,
        "average with the prediction for the mirror image (default: yes); --no-mirror halves the model's rows",
    ),
    (
        "--require-sources",
        "require_sources",
        "store_true",
        "exit if a camera or sender of joints is missing at the start, instead of retrying",
    ),
    (
        "--insecure",
        "publish.insecure",
        "store_true",
        "let --bind name an address that other machines reach, without keys",
    ),
    ("--publish-pose", "publish.pose", "store_true", "also publish every pose"),
    (
        "--now",
        "publish.now",
        "store_true",
        "also publish and draw every pose extrapolated to the time of publishing",
    ),
)

ALL = ("",)
"""Every setting."""
OF_POSE = (
    "source_id", "require_sources", "camera.", "pose.", "publish.bind", "publish.high_water_mark",
    "publish.linger_ms", "publish.status_every_s", "publish.secret_key", "publish.allowed_clients", "publish.insecure",
    "log.",
)  # fmt: skip
"""Settings that `pose` reads, which runs no model."""
OF_REPLAY = (
    "pose.max_people",
    "pose.min_joint_confidence",
    "track.",
    "pair.",
    "model.",
    "action.thresholds",
    "action.classes",
)
"""Settings that `replay` reads, which has no camera and publishes nothing."""


def add_settings(parser: argparse.ArgumentParser, *, read: tuple[str, ...], keep_others: bool = False) -> None:
    """Add the file of settings and the flags that override it.

    read: prefixes of the settings that the verb reads; it has no flags for others. keep_others: whether the other flags
    are accepted, with a note that they have no effect, because earlier versions of the verb had them.
    """
    group = parser.add_argument_group("settings", "Flags override the file. `hitrs-live config` prints every setting.")
    group.add_argument("--config", metavar="FILE", help="TOML file of settings")

    def add(flag: str, key: str, text: str, **how: Any) -> None:
        if key.startswith(read):
            group.add_argument(flag, dest=f"setting:{key}", default=None, help=text, **how)
        elif keep_others:
            parser.add_argument(flag, dest=f"ignored:{flag}", default=None, help=argparse.SUPPRESS, **how)

    for flag, key, action, text in _SWITCHES:
        add(flag, key, text, action=action)
    for flag, key, metavar, text in _SETTINGS:
        add(flag, key, text, metavar=metavar)
    for flag, key, metavar, text in _LISTS:
        add(flag, key, text, metavar=metavar, nargs="+")


def settings(options: argparse.Namespace) -> Any:
    """Return the defaults, overridden by the file, overridden by flags. Raises ConfigError for a wrong setting."""
    from hitrs_live.config import Config, load_config, override

    given = {name: value for name, value in vars(options).items() if value is not None}
    config = load_config(options.config) if options.config else Config()
    for name in given:
        if name.startswith("ignored:"):
            flag = name.removeprefix("ignored:")
            print(f"hitrs-live: {options.verb} {flag}: has no effect here; see --help", file=sys.stderr)
    flags = {key: flag for flag, key, *_ in (*_SETTINGS, *_LISTS, *_SWITCHES)}
    values = {name.removeprefix("setting:"): value for name, value in given.items() if name.startswith("setting:")}
    return override(config, values, flags=flags) if values else config
