"""What `--replay` reads: NTU files, or a recording."""

from pathlib import Path

from hitrs_live.errors import SourceUnavailable
from hitrs_live.sources.base import Source
from hitrs_live.sources.kinds import SourceOptions
from hitrs_live.sources.ntu import NtuReplaySource
from hitrs_live.sources.recording import RecordingSource, is_recording


def make_replay(value: str, options: SourceOptions) -> Source:
    """Make the source that reads a path, by the file's first bytes. Raises SourceUnavailable where there is none."""
    path = Path(value)
    if not path.exists():
        raise SourceUnavailable(
            f"replay {path}: no such file or folder; give .skeleton files or an .mcap recording, or try --demo"
        )
    if is_recording(path):
        return RecordingSource(path, options.speed, source_id=options.source_id)
    return NtuReplaySource(path, options.speed, source_id=options.source_id)
