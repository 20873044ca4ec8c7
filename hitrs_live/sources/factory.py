"""Make the sources that flags or arguments name: `--camera 0 --camera 1`, in their order, each with its own name."""

from collections import Counter
from collections.abc import Sequence

from hitrs_live.config import Config
from hitrs_live.errors import ConfigError, SourceUnavailable
from hitrs_live.sources.base import Source
from hitrs_live.sources.kinds import SOURCES, SourceOptions, source_kind
from hitrs_live.sources.pacing import Speed
from hitrs_live.sources.turned import TurnedSource
from hitrs_live.wire.addresses import show_address

NamedSource = tuple[str, str]
"""A source's kind, a key of SOURCES, and its value; "" for a kind without one."""


def make_sources(
    named: Sequence[NamedSource], config: Config, *, speed: Speed, pictures_only: bool = False
) -> Sequence[Source]:
    """Make sources; none is opened yet, but what can be seen to be wrong without that is refused.

    pictures_only: whether a message names only sources of pictures.

    Raises SourceUnavailable, ValueError for an unknown kind, and ConfigError where there is no source, or names are
    too few, too many or the same.
    """
    if not named:
        raise ConfigError(f"no source; give {_examples(pictures_only)}")
    names = config.source_id.split(",") if config.source_id else [""] * len(named)
    if len(names) != len(named):
        raise ConfigError(f"source_id {config.source_id!r}: {len(names)} names, expected {len(named)}, one a source")
    sources = [
        _make_source(kind, value, SourceOptions(source_id=name, speed=speed, config=config))
        for (kind, value), name in zip(named, names, strict=True)
    ]
    name, count = Counter(source.source_id for source in sources).most_common(1)[0]
    if count > 1:
        raise ConfigError(f"{count} sources are named {name}; name each, such as --source-id door,hall")
    return sources


def _examples(pictures_only: bool) -> str:
    """Show a flag of every kind of source."""
    kinds = {kind: line for kind, line in SOURCES.items() if line.has_pictures or not pictures_only}
    flags = [f"--{kind} {line.example or line.metavar}" for kind, line in kinds.items() if line.metavar]
    alone = [f"or try --{kind}" for kind, line in kinds.items() if not line.metavar]
    return ", ".join([*flags, *alone]) if alone else " or ".join(flags)


def _make_source(kind: str, value: str, options: SourceOptions) -> Source:
    line = source_kind(kind)
    # As a file's name it would be shown with its password.
    if line.reads_file and "://" in value:
        raise SourceUnavailable(f"{kind} {show_address(value)}: is an address, expected a file; give it to --camera")
    source, camera = line.make(value, options), options.config.camera
    if source.has_pictures and (camera.rotate_deg or camera.mirror):
        return TurnedSource(source, rotate_deg=camera.rotate_deg, mirror=camera.mirror)
    return source
