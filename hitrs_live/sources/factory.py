"""The sources that flags name: `--camera 0 --camera 1`, in their order, each with a name of its own."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hitrs_live.config import Config
from hitrs_live.errors import ConfigError, SourceUnavailable
from hitrs_live.sources.base import Source
from hitrs_live.sources.pacing import Speed
from hitrs_live.wire.addresses import show_address

NamedSource = tuple[str, str]
"""A source's kind, as its flag is called, and what it is opened by; a demo has none."""


def make_sources(named: Sequence[NamedSource], config: Config, *, speed: Speed) -> Sequence[Source]:
    """Make sources; nothing of them is opened yet, but what can be seen to be wrong without that is refused.

    Raises SourceUnavailable, and ConfigError where there is none, or names are too few, too many or the same.
    """
    if not named:
        raise ConfigError("no source; give --camera 0, --video FILE, --replay PATH, --joints URL, or try --demo")
    names = config.source_id.split(",") if config.source_id else [""] * len(named)
    if len(names) != len(named):
        raise ConfigError(f"source_id {config.source_id!r}: {len(names)} names, wanted {len(named)}, one a source")
    sources = [_make_source(kind, value, speed, config, name) for (kind, value), name in zip(named, names, strict=True)]
    name, count = Counter(source.source_id for source in sources).most_common(1)[0]
    if count > 1:
        raise ConfigError(f"{count} sources are named {name}; name each, such as --source-id door,hall")
    return sources


def _make_source(kind: str, value: str, speed: Speed, config: Config, name: str) -> Source:
    match kind:
        case "camera":
            from hitrs_live.sources.camera.source import CameraSource

            camera = CameraSource(value, config.camera, source_id=name, required=config.require_sources)
            camera.check()
            return camera
        case "video":
            from hitrs_live.sources.video import VideoSource

            _refuse_address(kind, value)
            return VideoSource(value, speed, source_id=name)
        case "joints":
            from hitrs_live.sources.joints import JointsSource

            joints = JointsSource(value, config.camera, source_id=name, required=config.require_sources)
            joints.check()
            return joints
        case "replay":
            _refuse_address(kind, value)
            return _make_replay(Path(value), speed, name)
        case "demo":
            from hitrs_live.sources.demo.source import DemoSource

            return DemoSource(speed, source_id=name)
    raise ValueError(f"source kind: got {kind!r}, wanted camera, video, joints, replay or demo")


def _refuse_address(kind: str, value: str) -> None:
    # Taken for a file's name, its login would be shown as one.
    if "://" in value:
        raise SourceUnavailable(f"{kind} {show_address(value)}: is an address, wanted a file; give it to --camera")


def _make_replay(path: Path, speed: Speed, name: str) -> Source:
    from hitrs_live.sources.ntu import NtuReplaySource
    from hitrs_live.sources.recording import RecordingSource, is_recording

    if not path.exists():
        raise SourceUnavailable(
            f"replay {path}: no such file or folder; give .skeleton files or an .mcap recording, or try --demo"
        )
    if is_recording(path):
        return RecordingSource(path, speed, source_id=name)
    return NtuReplaySource(path, speed, source_id=name)
