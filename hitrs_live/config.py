"""The one tree of settings: defaults here, a TOML file over them, flags over both."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

from hitrs_live.errors import ConfigError
from hitrs_live.files.text_file import TextUnreadable, read_text
from hitrs_live.process.log import LogFormat, LogLevel
from hitrs_live.settings_check import find_fault, show

EngineChoice = Literal["auto", "tensorrt", "cuda-graph", "onnx", "torch"]
POSE_MODELS = ("lite", "full", "heavy")
Precision = Literal["fp32", "fp16", "bf16", "int8"]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class CameraConfig(Section, frozen=True, kw_only=True):
    width: Annotated[int, Meta(gt=0, description="pixels asked of the camera")] = 640
    height: Annotated[int, Meta(gt=0, description="pixels asked of the camera")] = 480
    fps: Annotated[float, Meta(gt=0, description="frames a second asked of the camera")] = 30.0
    max_frame_age_s: Annotated[float, Meta(gt=0, description="older frames are dropped and counted")] = 0.5
    stall_after_s: Annotated[float, Meta(gt=0, description="silence after which the source is stalled")] = 1.0
    lost_after_s: Annotated[
        float, Meta(gt=0, description="silence after which the source is lost; it is retried for ever")
    ] = 10.0
    retry_min_s: Annotated[float, Meta(gt=0, description="first pause between attempts to reconnect")] = 0.5
    retry_max_s: Annotated[float, Meta(gt=0, description="longest pause between attempts to reconnect")] = 10.0
    field_of_view_deg: Annotated[
        float,
        Meta(gt=1, lt=179, description="across the picture's width, used where there is no calibration file"),
    ] = 60.0
    calibration: Annotated[
        str,
        Meta(
            description="camera intrinsics, a TOML file of calibration/, or a folder with one named after each source; "
            "empty for the field of view above"
        ),
    ] = ""


class PoseConfig(Section, frozen=True, kw_only=True):
    model: Annotated[str, Meta(description="MediaPipe pose model: lite, full, heavy, or the path of a .task file")] = (
        "full"
    )
    max_people: Annotated[int, Meta(ge=1, le=16, description="people tracked at once; each costs pose time")] = 2
    min_confidence: Annotated[float, Meta(ge=0, le=1, description="detections below this are no person")] = 0.5
    min_joint_confidence: Annotated[float, Meta(ge=0, le=1, description="joints below this count as not seen")] = 0.3
    hang_after_s: Annotated[float, Meta(gt=0, description="a pose process silent for this long is restarted")] = 5.0
    memory_limit_mb: Annotated[int, Meta(gt=0, description="a pose process above this is restarted")] = 1500


class TrackConfig(Section, frozen=True, kw_only=True):
    keep_s: Annotated[float, Meta(gt=0, description="an unseen person's id is kept for this long")] = 1.0
    bridge_s: Annotated[
        float, Meta(gt=0, description="gaps up to this are interpolated; longer ones reset the window")
    ] = 0.3


class PairConfig(Section, frozen=True, kw_only=True):
    near_m: Annotated[
        float,
        Meta(gt=0, description="two people nearer than this are judged together, if the model knows actions for it"),
    ] = 1.2
    far_m: Annotated[float, Meta(gt=0, description="and are until they are farther apart than this")] = 1.8


class ModelConfig(Section, frozen=True, kw_only=True):
    checkpoint: Annotated[str, Meta(description="a .safetensors checkpoint; empty for the one shipped")] = ""
    engine: Annotated[
        EngineChoice, Meta(description="what computes the model; where it cannot be had, the next one does")
    ] = "auto"
    precision: Annotated[Precision, Meta(description="what it computes in; int8 on CPUs, fp16 and bf16 on GPUs")] = (
        "fp32"
    )
    quantisation: Annotated[
        str,
        Meta(
            description="ranges for int8, a file of `hitrs-live calibrate quantisation`; "
            "empty to look for calibration/quantisation.json"
        ),
    ] = ""
    threads: Annotated[int, Meta(ge=1, le=1024, description="CPU threads of the model")] = 1
    update: Annotated[
        Literal["clip", "frame"],
        Meta(description="what the model answers after; every frame costs more, as told at the start"),
    ] = "frame"
    mirror: Annotated[
        bool, Meta(description="judge everybody's mirror image too and average: surer, and a second row of the model")
    ] = True
    gather_ms: Annotated[
        float,
        Meta(ge=0, description="how long a frame may wait for other sources' frames, to be computed with them"),
    ] = 5.0


class ActionConfig(Section, frozen=True, kw_only=True):
    on: Annotated[
        float,
        Meta(
            gt=0,
            lt=1,
            description="score at which an action starts, where the checkpoint has none for the class",
        ),
    ] = 0.6
    off: Annotated[float, Meta(gt=0, lt=1, description="score under which it ends")] = 0.35
    sure: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="score, before the unknown takes its share, at which an action that reaches `on` is told at "
            "once, before its minimum duration",
        ),
    ] = 0.9
    min_duration_s: Annotated[
        float, Meta(ge=0, description="a less sure action is told once it lasted this long, and never if it did not")
    ] = 0.3
    max_duration_s: Annotated[
        float, Meta(ge=0, description="a longer action ends, until its score was low once; 0 for no limit")
    ] = 0.0
    merge_gap_s: Annotated[
        float, Meta(ge=0, description="an action whose score is back within this goes on, as if nothing had been")
    ] = 0.3
    update_every_s: Annotated[float, Meta(gt=0, description="pause between updates of a running action")] = 0.5
    min_pose_confidence: Annotated[
        float,
        Meta(ge=0, le=1, description="nothing starts on a body whose head, elbows or knees, say, are less"),
    ] = 0.3
    thresholds: Annotated[
        str,
        Meta(description="file of `hitrs-live tune-thresholds`; empty for the checkpoint's own, none to use none"),
    ] = ""


class PublishConfig(Section, frozen=True, kw_only=True):
    bind: Annotated[str, Meta(description="ZeroMQ address of the publisher; on loopback unless asked")] = (
        "tcp://127.0.0.1:5556"
    )
    high_water_mark: Annotated[
        int, Meta(ge=1, le=1_000_000_000, description="messages kept for a slow subscriber before its loss begins")
    ] = 1000
    linger_ms: Annotated[
        int, Meta(ge=0, le=1_000_000_000, description="how long the end waits for unsent messages")
    ] = 500
    motion: Annotated[bool, Meta(description="publish motion predictions")] = True
    scores: Annotated[bool, Meta(description="publish class scores")] = True
    predictions_every_s: Annotated[
        float, Meta(ge=0, description="least pause between a person's scores, and predictions; 0 for none")
    ] = 0.2
    pose: Annotated[bool, Meta(description="publish every measured pose")] = False
    now: Annotated[
        bool, Meta(description="publish every measured pose, and where it is by now, for what comes too late")
    ] = False
    status_every_s: Annotated[float, Meta(gt=0, description="beat of the status message")] = 1.0


class LogConfig(Section, frozen=True, kw_only=True):
    format: Annotated[LogFormat, Meta(description="how `--plain` writes a line")] = "text"
    level: Annotated[LogLevel, Meta(description="lines of less weight than this are left out")] = "info"


class Config(Section, frozen=True, kw_only=True):
    source_id: Annotated[
        str,
        Meta(
            pattern="^[A-Za-z0-9_,-]*$",
            extra={"wanted": "letters, digits, _ and -, names separated by commas"},
            description="name of the source in topics, of several with commas; empty for one made from the source",
        ),
    ] = ""
    require_sources: Annotated[
        bool, Meta(description="refuse to start where a camera or sender is not there; otherwise it is tried on")
    ] = False
    camera: CameraConfig = CameraConfig()
    pose: PoseConfig = PoseConfig()
    track: TrackConfig = TrackConfig()
    pair: PairConfig = PairConfig()
    model: ModelConfig = ModelConfig()
    action: ActionConfig = ActionConfig()
    publish: PublishConfig = PublishConfig()
    log: LogConfig = LogConfig()


def load_config(path: str | Path) -> Config:
    """Read a TOML file over the defaults. Raise ConfigError, naming key and remedy, for anything amiss."""
    try:
        text = read_text(Path(path))
    except (OSError, TextUnreadable) as error:
        raise ConfigError(f"config {path}: cannot be read ({error}); give a TOML file") from None
    try:
        tree = msgspec.toml.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ConfigError(f"config {path}: not TOML ({' '.join(str(error).split())})") from None
    return build_config(tree, origin=str(path))


def override(config: Config, settings: Mapping[str, Any], *, flags: Mapping[str, str] | None = None) -> Config:
    """Put single settings over a config; keys are dotted paths such as "pose.max_people".

    flags: by key, the flag that gave the value as text, which is named instead of the key where it is wrong.
    Raise ConfigError for an unknown key or a value out of range.
    """
    tree = msgspec.to_builtins(config)
    for path, value in settings.items():
        if flags is not None and (fault := find_fault(value, setting_type(path), text=isinstance(value, str))):
            raise ConfigError(fault.text(name=flags[path]))
        if flags is not None and path == "pose.model":
            _check_pose_model(value, "", name=flags[path])
        *tables, key = path.split(".")
        table = tree
        for name in tables:
            # What is no table is refused below, with its name.
            table[name] = table[name] if isinstance(table.get(name), dict) else {}
            table = table[name]
        table[key] = value if flags is None else msgspec.convert(value, setting_type(path), strict=False)
    return build_config(tree)


def setting_type(path: str) -> Any:
    """Return the type of a setting, as it is annotated. path: dotted. Raises KeyError where there is none."""
    kind: Any = Config
    for name in path.split("."):
        kind = {field.name: field.type for field in msgspec.structs.fields(kind)}[name]
    return kind


def build_config(tree: Any, *, origin: str = "") -> Config:
    """Validate a plain tree of settings. origin: the file that it is from. Raise ConfigError as `load_config` does."""
    if fault := find_fault(tree, Config):
        raise ConfigError(f"{fault.text(origin)}; `hitrs-live config` prints every setting")
    config = msgspec.convert(tree, Config)
    where = f" in {origin}" if origin else ""
    _check_pose_model(config.pose.model, where)
    if config.action.off > config.action.on:
        raise ConfigError(
            f"action.off {config.action.off} is above action.on {config.action.on}{where}; "
            "an action must end at a lower score than it starts"
        )
    if 0 < config.action.max_duration_s < config.action.min_duration_s:
        raise ConfigError(
            f"action.min_duration_s {config.action.min_duration_s} is above action.max_duration_s "
            f"{config.action.max_duration_s}{where}; no action could ever be reported"
        )
    if config.pair.near_m > config.pair.far_m:
        raise ConfigError(
            f"pair.near_m {config.pair.near_m} is above pair.far_m {config.pair.far_m}{where}; "
            "a pair must form at a smaller distance than it parts"
        )
    return config


def _check_pose_model(model: str, where: str, *, name: str = "pose.model") -> None:
    """Refuse what can be neither a model's name nor a file's. Whether the file is one is seen when it is used."""
    if model not in POSE_MODELS and not model.endswith(".task") and not Path(model).expanduser().exists():
        raise ConfigError(f"{name} {show(model)}{where}: wanted {', '.join(POSE_MODELS)} or the path of a .task file")


def render_config(config: Config) -> str:
    """Write the effective settings as TOML, each with a comment that says what it does."""
    lines: list[str] = []

    def table(section: Section, heading: str) -> None:
        if heading:
            lines.extend(["", f"[{heading}]"])
        for field in msgspec.structs.fields(section):
            value = getattr(section, field.name)
            if not isinstance(value, Section):
                lines.append(f"{field.name} = {_toml(value)}  # {_describe(field.type)}")
        for field in msgspec.structs.fields(section):
            value = getattr(section, field.name)
            if isinstance(value, Section):
                table(value, field.name)

    table(config, "")
    return "\n".join(lines) + "\n"


def _describe(kind: Any) -> str:
    base, *metas = get_args(kind) if get_origin(kind) is Annotated else (kind,)
    text = "; ".join(meta.description for meta in metas if isinstance(meta, Meta) and meta.description)
    if get_origin(base) is Literal:
        text += ": " + ", ".join(get_args(base))
    return text


def _toml(value: Any) -> str:
    return msgspec.json.encode(value).decode() if isinstance(value, str | bool) else repr(value)
