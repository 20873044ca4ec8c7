"""`hitrs-live watch --save-last`: the last minutes of a running pipeline as a recording."""

from pathlib import Path

from hitrs_live.errors import TransportError
from hitrs_live.transport.fetch_last_minutes import fetch_last_minutes
from hitrs_live.wire.curve import ClientKeys


def save_last(url: str, path: Path, *, secret_key: str | None, server_key: str | None) -> int:
    """Write the last minutes of each source of a pipeline, and say what was written; return the exit code.

    Of several sources each has a file of its own, PATH-SOURCE.mcap. Raises TransportError.
    """
    kept = fetch_last_minutes(url, keys=ClientKeys.load(secret_key, server_key))
    if not kept.sources:
        raise TransportError("the pipeline has had no frame yet; ask again once a source is up")
    for source_id in kept.sources:
        file = path if len(kept.sources) == 1 else path.with_name(f"{path.stem}-{source_id}{path.suffix}")
        kept.record(file, source_id)
        joints = kept.joints(source_id)
        actions = sum(one.source_id == source_id and one.state == "start" for one in kept.actions)
        length_s = (joints[-1].capture_time_ns - joints[0].capture_time_ns) / 1e9
        print(f"{file}: {length_s:.0f} s of {source_id}, {len(joints)} frames, {actions} actions")
    return 0
