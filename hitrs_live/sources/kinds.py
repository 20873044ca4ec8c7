"""Every kind of source that a run can read. A new one is a module of this package and one line of SOURCES.

Importing this is cheap: a source's own module is imported when one is made.
"""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hitrs_live.errors import SourceUnavailable
from hitrs_live.files.file_names import why_unusable

if TYPE_CHECKING:
    from hitrs_live.config import Config
    from hitrs_live.sources.base import Source
    from hitrs_live.sources.pacing import Speed


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """What a source may need beside its value."""

    source_id: str
    """The name that was given for it; empty where it names itself."""
    speed: "Speed"
    """Of files."""
    config: "Config"


@dataclass(frozen=True, kw_only=True)
class SourceKind:
    """One kind of source, as the command line offers it."""

    factory: str
    """`module.function` within this package: takes (value, SourceOptions) and returns a source that is not opened. It
    refuses what can be seen to be wrong without opening anything."""
    metavar: str | None
    """What stands for the value in the help; None for a flag without a value."""
    text: str
    example: str = ""
    """A value to show where no source is given; empty for the metavar."""
    has_pictures: bool
    """Whether it gives pictures, so that `hitrs-live pose` can read it."""
    reads_file: bool = False
    """Whether the value is a path, which no output may replace and no address may stand for."""

    def make(self, value: str, options: SourceOptions) -> "Source":
        """Make one; nothing is opened yet. Raises SourceUnavailable or ValueError (source name)."""
        if unusable := why_unusable(value):
            raise SourceUnavailable(f"source {value!a}: {unusable}")
        maker: Callable[[str, SourceOptions], Source] = pkgutil.resolve_name(f"hitrs_live.sources.{self.factory}")
        return maker(value, options)


SOURCES: dict[str, SourceKind] = {
    "camera": SourceKind(
        factory="camera.source.make_camera", metavar="N|URL", example="0", has_pictures=True,
        text="a camera's number, an rtsp:// or http:// (MJPEG) address, or env:NAME or file:PATH, which contains one",
    ),
    "video": SourceKind(
        factory="video.make_video", metavar="FILE", has_pictures=True, reads_file=True,
        text="a video file, every frame",
    ),
    "replay": SourceKind(
        factory="replay.make_replay", metavar="PATH", has_pictures=False, reads_file=True,
        text="NTU .skeleton files, or a recording of ours (.mcap)",
    ),
    "joints": SourceKind(
        factory="joints.make_joints", metavar="URL", has_pictures=False,
        text="joints that `hitrs-live pose` publishes elsewhere",
    ),
    "demo": SourceKind(
        factory="demo.source.make_demo", metavar=None, has_pictures=False,
        text="a synthetic person who does exercises; needs nothing",
    ),
}  # fmt: skip
"""By kind, which is the name of the flag; in the order of the help."""


def source_kind(kind: str) -> SourceKind:
    """Return the line of the table. Raises ValueError for a kind that is not in it."""
    if kind not in SOURCES:
        raise ValueError(f"source kind: got {kind!r}, expected one of {', '.join(SOURCES)}")
    return SOURCES[kind]
