"""The sources that flags name: `--camera 0 --camera 1`, in their order, each with a name of its own."""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hitrs_live.config import Config
from hitrs_live.errors import ConfigError, SourceUnavailable
from hitrs_live.sources.base import Source
from hitrs_live.sources.pacing import Speed


def make_sources(options: argparse.Namespace, config: Config) -> Sequence[Source]:
    """Make the sources that the flags name; nothing of them is opened yet, but a file that is not there is told of.

    Raises SourceUnavailable, and ConfigError where there is none, or names are too few, too many or the same.
    """
    if not options.sources:
        raise ConfigError("no source; give --camera 0, --video FILE, --replay PATH, --joints URL, or try --demo")
    names = config.source_id.split(",") if config.source_id else [""] * len(options.sources)
    if len(names) != len(options.sources):
        raise ConfigError(
            f"source_id {config.source_id!r}: {len(names)} names, wanted {len(options.sources)}, one a source"
        )
    sources = [
        _make_source(kind, value, options.speed, config, name)
        for (kind, value), name in zip(options.sources, names, strict=True)
    ]
    name, count = Counter(source.source_id for source in sources).most_common(1)[0]
    if count > 1:
        raise ConfigError(f"{count} sources are named {name}; name each, such as --source-id door,hall")
    return sources


def _make_source(kind: str, value: str, speed: Speed, config: Config, name: str) -> Source:
    match kind:
        case "camera":
            from hitrs_live.sources.camera import CameraSource

            return CameraSource(value, config.camera, source_id=name)
        case "video":
            from hitrs_live.sources.video import VideoSource

            return VideoSource(value, speed, source_id=name)
        case "joints":
            from hitrs_live.sources.joints import JointsSource

            return JointsSource(value, config.camera, source_id=name)
        case "replay":
            return _make_replay(Path(value), speed, name)
    from hitrs_live.sources.demo import DemoSource

    return DemoSource(speed, source_id=name)


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
