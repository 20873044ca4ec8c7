"""Define every setting: defaults here, overridden by a TOML file, overridden by flags."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

from hitrs_live.errors import ConfigError
from hitrs_live.files.text_file import TextUnreadable
from hitrs_live.files.toml_file import read_toml
from hitrs_live.process.log import LogFormat, LogLevel
from hitrs_live.settings_check import find_fault, show

EngineChoice = Literal["auto", "tensorrt", "cuda-graph", "onnx", "torch"]
Levelling = Literal["auto", "fixed", "off"]
PoseBackend = Literal["blazepose", "mediapipe"]
POSE_MODELS = ("lite", "full", "heavy")
Precision = Literal["fp32", "fp16", "bf16", "int8"]
_WIDEST_SETTING = 32
"""Comments are aligned up to this column; after a longer setting the comment follows at once."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of settings. A subclass's docstring is its heading in `render_config`."""


class CameraConfig(Section, frozen=True, kw_only=True):
    """Cameras; the timeouts are for every live source."""

    width: Annotated[int, Meta(gt=0, description="requested picture width, pixels")] = 640
    height: Annotated[int, Meta(gt=0, description="requested picture height, pixels")] = 480
    fps: Annotated[float, Meta(gt=0, description="requested frame rate, frames per second")] = 30.0
    max_frame_age_s: Annotated[float, Meta(gt=0, description="drop and count frames older than this, seconds")] = 0.5
    stall_after_s: Annotated[
        float, Meta(gt=0, description="report the source as stalled after this long without a frame, seconds")
    ] = 1.0
    lost_after_s: Annotated[
        float,
        Meta(gt=0, description="report the source as lost after this long, seconds; reconnection continues for ever"),
    ] = 10.0
    retry_min_s: Annotated[float, Meta(gt=0, description="first pause between attempts to reconnect, seconds")] = 0.5
    retry_max_s: Annotated[float, Meta(gt=0, description="longest pause between attempts to reconnect, seconds")] = 10.0
    field_of_view_deg: Annotated[
        float, Meta(gt=1, lt=179, description="horizontal field of view, degrees; used without a calibration")
    ] = 60.0
    calibration: Annotated[
        str,
        Meta(description="camera intrinsics: a TOML file, or a folder with one per source; empty for none"),
    ] = ""
    rotate_deg: Annotated[
        int,
        Meta(
            ge=0,
            le=270,
            multiple_of=90,
            extra={"expected": "0, 90, 180 or 270"},
            description="turn pictures clockwise, degrees: 0, 90, 180 or 270",
        ),
    ] = 0
    mirror: Annotated[bool, Meta(description="swap left and right: for a source that shows a mirror image")] = False
    mask: Annotated[
        str,
        Meta(
            description="no people here: polygons x,y x,y x,y in shares of the picture, with ; between, SOURCE= before"
        ),
    ] = ""
    level: Annotated[
        Levelling,
        Meta(
            description="tilt of the camera: estimated from who stands (auto), as set below (fixed), or ignored (off)"
        ),
    ] = "auto"
    pitch_deg: Annotated[
        float, Meta(ge=-89, le=89, description="how far the camera looks up, degrees; negative for down")
    ] = 0.0
    roll_deg: Annotated[
        float,
        Meta(ge=-180, le=180, description="how far it is turned clockwise, degrees; 180 for upside down"),
    ] = 0.0


class PoseConfig(Section, frozen=True, kw_only=True):
    """Pose estimation."""

    backend: Annotated[
        PoseBackend,
        Meta(
            description="what runs the pose model: blazepose follows people and costs half as much, mediapipe is "
            "MediaPipe's own task"
        ),
    ] = "blazepose"
    model: Annotated[str, Meta(description="MediaPipe pose model: lite, full, heavy, or the path of a .task file")] = (
        "full"
    )
    # The number of rows of tracking.tracker.Tracker, which follows no more; no more are looked for.
    max_people: Annotated[
        int, Meta(ge=1, le=16, description="people tracked at once in each source; each costs pose time")
    ] = 2
    min_confidence: Annotated[
        float, Meta(ge=0, le=1, description="detection threshold for people: a lower confidence is ignored")
    ] = 0.5
    min_joint_confidence: Annotated[
        float, Meta(ge=0, le=1, description="joints of a lower confidence count as not seen")
    ] = 0.3
    refine: Annotated[
        bool,
        Meta(
            description="correct each person's joints by what was seen of them before, and give hidden joints a low "
            "confidence"
        ),
    ] = True
    hang_after_s: Annotated[
        float, Meta(gt=0, description="restart the pose process after this long without a result, seconds")
    ] = 5.0
    memory_limit_mb: Annotated[int, Meta(gt=0, description="restart the pose process above this memory, MiB")] = 1500


class TrackConfig(Section, frozen=True, kw_only=True):
    """Tracking of people."""

    keep_s: Annotated[float, Meta(gt=0, description="keep the id of an unseen person for this long, seconds")] = 1.0
    bridge_s: Annotated[
        float, Meta(gt=0, description="interpolate gaps up to this long, seconds; longer ones reset the history")
    ] = 0.3


class PairConfig(Section, frozen=True, kw_only=True):
    """Actions of two people, if the model has any."""

    near_m: Annotated[float, Meta(gt=0, description="two people closer than this form a pair, metres")] = 1.2
    far_m: Annotated[float, Meta(gt=0, description="a pair farther apart than this separates, metres")] = 1.8


class ModelConfig(Section, frozen=True, kw_only=True):
    """The model and its inference."""

    checkpoint: Annotated[
        str,
        Meta(description="a .safetensors checkpoint, or hitrs_tiny_8, the shipped one before; empty for the shipped"),
    ] = ""
    engine: Annotated[EngineChoice, Meta(description="inference engine, or the next one if it is unavailable")] = "auto"
    precision: Annotated[Precision, Meta(description="int8 is for CPUs, fp16 and bf16 are for GPUs")] = "fp32"
    quantisation: Annotated[
        str,
        Meta(
            description="int8 ranges from `hitrs-live calibrate quantisation`; "
            "empty to look for calibration/quantisation.json"
        ),
    ] = ""
    threads: Annotated[int, Meta(ge=1, le=1024, description="CPU threads of the model")] = 1
    update: Annotated[
        Literal["clip", "frame"],
        Meta(description="when to predict; after every frame costs more than after every clip"),
    ] = "frame"
    mirror: Annotated[
        bool, Meta(description="average with the prediction for the mirror image; doubles the model's rows")
    ] = True
    gather_ms: Annotated[
        float,
        Meta(ge=0, description="longest wait of a frame for other sources' frames, to share a batch, milliseconds"),
    ] = 5.0


class ActionConfig(Section, frozen=True, kw_only=True):
    """Action detection; a class's own tuned thresholds take precedence."""

    on: Annotated[float, Meta(gt=0, lt=1, description="onset threshold: score at which an action starts")] = 0.6
    off: Annotated[float, Meta(gt=0, lt=1, description="offset threshold: score below which it ends")] = 0.35
    sure: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="score among known classes at which an action is reported without waiting for min_duration_s",
        ),
    ] = 0.9
    min_duration_s: Annotated[
        float, Meta(ge=0, description="report any other action only after this duration, seconds")
    ] = 0.3
    max_duration_s: Annotated[
        float,
        Meta(ge=0, description="end a longer action, seconds, and bar it until its score is below off; 0 for no limit"),
    ] = 0.0
    merge_gap_s: Annotated[
        float, Meta(ge=0, description="an action continues over dropouts of its score up to this long, seconds")
    ] = 0.3
    update_every_s: Annotated[
        float, Meta(gt=0, description="interval between updates of a running action, seconds")
    ] = 0.5
    min_pose_confidence: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="no action starts if head, shoulders, elbows, hips or knees are seen with less confidence; "
            "without hips or knees those of the arms do",
        ),
    ] = 0.3
    classes: Annotated[
        str,
        Meta(
            description="actions to report, with commas; empty for those that the model reports by default, all for "
            "its experimental ones too"
        ),
    ] = ""
    thresholds: Annotated[
        str,
        Meta(
            description="file from `hitrs-live tune-thresholds`; empty for calibration/NAME.toml, NAME being the "
            "checkpoint's, or else the checkpoint's own; none for no file"
        ),
    ] = ""
    taught: Annotated[
        tuple[str, ...],
        Meta(
            max_length=100,
            extra={"expected": 'a list of files, such as ["mine.actions"]'},
            description="a user's own actions: files from `hitrs-live teach fit`",
        ),
    ] = ()


class PublishConfig(Section, frozen=True, kw_only=True):
    """Publishing over ZeroMQ."""

    bind: Annotated[str, Meta(description="address to publish on; 127.0.0.1 is reachable from this machine only")] = (
        "tcp://127.0.0.1:5556"
    )
    high_water_mark: Annotated[
        int, Meta(ge=1, le=1_000_000_000, description="messages queued for a slow subscriber before it loses any")
    ] = 1000
    max_connections: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            description="connections at once, at most a quarter of the files that the process may open; others are "
            "ended, first those that have not greeted",
        ),
    ] = 64
    linger_ms: Annotated[
        int, Meta(ge=0, le=1_000_000_000, description="longest wait for unsent messages at the end, milliseconds")
    ] = 500
    motion: Annotated[bool, Meta(description="publish motion predictions")] = True
    scores: Annotated[bool, Meta(description="publish class scores")] = True
    predictions_every_s: Annotated[
        float, Meta(ge=0, description="shortest interval between a person's predictions and scores, seconds; 0 for all")
    ] = 0.2
    pose: Annotated[bool, Meta(description="publish every measured pose")] = False
    now: Annotated[
        bool, Meta(description="publish every measured pose, also extrapolated to the time of publishing")
    ] = False
    status_every_s: Annotated[float, Meta(gt=0, description="interval between status messages, seconds")] = 1.0
    recovery: Annotated[
        str,
        Meta(
            description="address to ask for missed events and the last minutes at; empty for a free port of the "
            "host of bind, none for no such address"
        ),
    ] = ""
    recovery_events: Annotated[
        int, Meta(ge=1, le=1_000_000, description="events kept for them; older ones are read from the recording")
    ] = 10_000

    secret_key: Annotated[
        str,
        Meta(
            description="file of the publisher's secret key (hitrs-live keys new), to encrypt everything and to admit "
            "allowed clients only; empty for no keys"
        ),
    ] = ""
    allowed_clients: Annotated[
        str, Meta(description="with secret_key: folder of the public keys of clients (NAME.key), read while running")
    ] = ""
    insecure: Annotated[
        bool, Meta(description="let other machines connect without keys: anyone may read what is published")
    ] = False


class JointsConfig(Section, frozen=True, kw_only=True):
    """Keys for the publishers that `--joints` receives from."""

    secret_key: Annotated[str, Meta(description="file of the own secret key; empty for no keys")] = ""
    server_key: Annotated[
        str,
        Meta(description="file of the sender's public key, or a folder with one per source (NAME.key); empty for none"),
    ] = ""


class KeepConfig(Section, frozen=True, kw_only=True):
    """Joints and events of the last minutes in memory, for corrections (`hitrs-live teach wrong`)."""

    minutes: Annotated[
        float, Meta(ge=0, le=60, description="keep so many minutes, without pictures; 0 for nothing at all")
    ] = 10.0
    max_mb: Annotated[
        float, Meta(ge=1, le=256, description="keep fewer minutes where they would take more memory, MiB")
    ] = 64.0


class RecordConfig(Section, frozen=True, kw_only=True):
    """Recordings of `--record`."""

    rotate_mb: Annotated[
        float, Meta(ge=0, description="begin the next file (NAME-0002.mcap) at this size, MiB; 0 for one file")
    ] = 0.0
    rotate_s: Annotated[float, Meta(ge=0, description="begin the next file at this age, seconds; 0 for one file")] = 0.0
    reserve_mb: Annotated[
        float, Meta(ge=0, description="pause while less of the disk is free, MiB, and continue once it is again")
    ] = 200.0
    fsync: Annotated[
        Literal["never", "end", "chunk"],
        Meta(
            description="when to wait until the disk has it: never, at a file's end, or every second; what is not on "
            "the disk is lost in a power cut"
        ),
    ] = "end"


class LogConfig(Section, frozen=True, kw_only=True):
    """The log of `--plain`."""

    format: Annotated[LogFormat, Meta(description="format of a line")] = "text"
    level: Annotated[LogLevel, Meta(description="lowest level that is written")] = "info"


class ProcessConfig(Section, frozen=True, kw_only=True):
    """What is done where the machine is too slow or the process itself hangs."""

    adapt_to_load: Annotated[
        bool,
        Meta(description="with live sources only: do less while the machine is too slow, see docs/OPERATING.md"),
    ] = True

    slow_step_s: Annotated[
        float, Meta(gt=0, description="log and count a step of the pipeline that takes longer, seconds")
    ] = 2.0
    hung_step_s: Annotated[
        float,
        Meta(ge=0, description="exit with code 70, for a supervisor, if a step takes longer, seconds; 0 for never"),
    ] = 120.0
    stop_within_s: Annotated[
        float, Meta(gt=0, description="exit with code 70 if stopping after a signal takes longer, seconds")
    ] = 2.0


class Config(Section, frozen=True, kw_only=True):
    """Every setting of the pipeline."""

    source_id: Annotated[
        str,
        Meta(
            pattern="^[A-Za-z0-9_,-]*$",
            extra={"expected": "letters, digits, _ and -, names separated by commas"},
            description="name of the source in topics, comma-separated for several; empty to derive it from the source",
        ),
    ] = ""
    require_sources: Annotated[
        bool, Meta(description="exit if a camera or sender is missing at the start, instead of retrying")
    ] = False
    camera: CameraConfig = CameraConfig()
    pose: PoseConfig = PoseConfig()
    track: TrackConfig = TrackConfig()
    pair: PairConfig = PairConfig()
    model: ModelConfig = ModelConfig()
    action: ActionConfig = ActionConfig()
    publish: PublishConfig = PublishConfig()
    joints: JointsConfig = JointsConfig()
    keep: KeepConfig = KeepConfig()
    record: RecordConfig = RecordConfig()
    log: LogConfig = LogConfig()
    process: ProcessConfig = ProcessConfig()


def load_config(path: str | Path) -> Config:
    """Read a TOML file over the defaults. Raises ConfigError, with the key and the remedy, for any mistake in it."""
    try:
        tree = read_toml(Path(path))
    except TextUnreadable as error:
        raise ConfigError(f"config {path}: {error}; give a TOML file") from None
    return build_config(tree, origin=str(path))


def override(config: Config, settings: Mapping[str, Any], *, flags: Mapping[str, str] | None = None) -> Config:
    """Override single settings of a config; keys are dotted paths such as "pose.max_people".

    flags: for each key, the flag that gave the value as text; errors name it instead of the key.

    Raises ConfigError for an unknown key or a value out of range.
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
            # A value that is not a table is rejected below, by name.
            table[name] = table[name] if isinstance(table.get(name), dict) else {}
            table = table[name]
        table[key] = value if flags is None else msgspec.convert(value, setting_type(path), strict=False)
    return build_config(tree)


def setting_type(path: str) -> Any:
    """Return the annotated type of a setting. path: dotted. Raises KeyError if there is no such setting."""
    kind: Any = Config
    for name in path.split("."):
        kind = {field.name: field.type for field in msgspec.structs.fields(kind)}[name]
    return kind


def build_config(tree: Any, *, origin: str = "") -> Config:
    """Validate a plain tree of settings. origin: name of its file. Raises ConfigError as `load_config` does."""
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
    """Reject a value that is neither a model's name nor a file. The file itself is checked when it is loaded."""
    if model not in POSE_MODELS and not model.endswith(".task") and not Path(model).expanduser().exists():
        raise ConfigError(f"{name} {show(model)}{where}: expected {', '.join(POSE_MODELS)} or the path of a .task file")


def render_config(config: Config) -> str:
    """Write the effective settings as TOML, each with a comment that explains it, aligned within its table."""
    lines: list[str] = []

    def table(section: Section, name: str) -> None:
        if name:
            lines.extend(["", f"[{name}]  # {(type(section).__doc__ or '').rstrip('.')}"])
        values = {field.name: getattr(section, field.name) for field in msgspec.structs.fields(section)}
        settings = {key: f"{key} = {_toml(value)}" for key, value in values.items() if not isinstance(value, Section)}
        width = min(max(map(len, settings.values()), default=0), _WIDEST_SETTING)
        for field in msgspec.structs.fields(section):
            if field.name in settings:
                lines.append(f"{settings[field.name]:<{width}}  # {_describe(field.type)}")
        for key, value in values.items():
            if isinstance(value, Section):
                table(value, key)

    table(config, "")
    return "\n".join(lines) + "\n"


def _describe(kind: Any) -> str:
    base, *metas = get_args(kind) if get_origin(kind) is Annotated else (kind,)
    text = "; ".join(meta.description for meta in metas if isinstance(meta, Meta) and meta.description)
    if get_origin(base) is Literal:
        text += f" ({', '.join(get_args(base))})"
    return text


def _toml(value: Any) -> str:
    return msgspec.json.encode(value).decode() if isinstance(value, str | bool | tuple) else repr(value)
