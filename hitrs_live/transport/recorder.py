"""Record joints and events, never pixels, in MCAP files."""

import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final

from hitrs_live.config import RecordConfig
from hitrs_live.errors import TransportError
from hitrs_live.messages import SCHEMA_VERSION, AnyMessage
from hitrs_live.skeleton import NTU25
from hitrs_live.transport.kinds import SinkOptions
from hitrs_live.transport.recording_file import RecordingFile
from hitrs_live.transport.sink import Clock, Stamper
from hitrs_live.version import __version__
from hitrs_live.wire.utc import SessionClock

FLUSH_EVERY_NS: Final = 1_000_000_000
"""A killed process loses at most this much of the recording."""
RETRY_EVERY_NS: Final = 2_000_000_000
"""How often a recording that has paused tries to continue."""
_RESERVE_AGAIN: Final = 1.1
"""So many times the reserve must be free before a recording continues: not to pause again at once."""
_MOST_FILES: Final = 100_000
CLOCK_NOTE: Final = (
    "log_time and publish_time are UTC, nanoseconds since 1970. log_time is the message's utc_ns or, where it has "
    "none, publish_time. publish_time is publish_time_ns plus utc_offset_ns. Times in the messages themselves are "
    "monotonic nanoseconds of the capturing machine, or from 0 for a file that was not paced."
)


def make_recorder(path: str, options: SinkOptions) -> "Recorder":
    """Open the sink of `--record`. Raises TransportError as `Recorder` does."""
    return Recorder(
        path,
        session_id=options.session_id,
        source_id=options.source_id,
        overwrite=options.overwrite,
        session=options.session,
        config=options.config.record,
    )


class Recorder:
    """Append messages to MCAP files that Foxglove opens and `RecordingSource` replays.

    There is one channel per message type rather than per track, because MCAP allows at most 65535 channels and tracks
    are many. Messages are JSON, in chunks of at most a second. Each complete chunk is passed to the operating system,
    so that a killed process leaves a file that is readable up to its last chunk. What a power cut may lose depends on
    the setting `record.fsync`.

    A disk that is full or fails, and a file or folder that is removed, pause the recording, not the program: `notices`
    has the reason, and `drops` counts what is lost. Every two seconds the recording tries to continue, in a new file
    that begins with a record of the gap. A file that reaches the size or age of the settings is followed by another in
    the same way, without a gap. Files after the first are NAME-0002.mcap and so on, and never replace one.
    """

    name = "the recording"

    def __init__(
        self,
        path: str | Path,
        *,
        session_id: str,
        source_id: str,
        overwrite: bool = False,
        clock: Clock = time.monotonic_ns,
        session: SessionClock | None = None,
        config: RecordConfig | None = None,
    ) -> None:
        """Create the first file.

        session: the clock that dates messages without UTC; None for one that begins now. config: None for no rotation
        and no reserve.

        Raises:
            TransportError: if it cannot be written, or exists and overwrite is not set.
        """
        self.path = Path(path)
        self.source_id = source_id
        self._config = config or RecordConfig(reserve_mb=0)
        self._clock = clock
        self._utc_offset_ns = (session or SessionClock.begin(clock)).utc_offset_ns
        self._stamper = Stamper(session_id, clock)
        self._number = 1
        self._lost = self._lost_before = 0
        self._unwritten = 0
        self._closed = False
        self._trouble = ""
        self._paused_ns = self._tried_ns = self._flushed_ns = self._began_ns = clock()
        self._file: RecordingFile | None = None
        try:
            self._file = self._begin(self.path, overwrite=overwrite)
            if lack := self._lack_of_space(1):
                self._pause(lack)
        except FileExistsError:
            raise TransportError(f"recording {path}: it exists already; give another name or --overwrite") from None
        except OSError as error:
            raise TransportError(f"recording {path}: {error.strerror}; give a path that can be written") from None

    @property
    def notices(self) -> Sequence[str]:
        """Reason why the recording is paused, or ended early; empty where it runs."""
        return (self._trouble,) if self._trouble else ()

    def drops(self) -> dict[str, int]:
        """Return the number of messages lost while the recording was paused, as "record".

        Those of the chunk that could not be written are included.
        """
        return {"record": self._lost}

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Append a message, stamping it if no other sink has; return it as written.

        Waits for the file system. Raises ValueError after close.
        """
        if self._closed:
            raise ValueError(f"recording {self.path} is closed; make a new Recorder")
        now_ns = self._clock()
        if self._file is None and not self._continues(now_ns):
            self._lost += 1
            return message
        if not message.session_id:
            message = self._stamper.stamp(message)
        self._unwritten += 1
        publish_utc_ns = message.publish_time_ns + self._utc_offset_ns
        log_time_ns = publish_utc_ns if message.utc_ns is None else message.utc_ns
        try:
            assert self._file is not None
            self._file.add(message, log_time_ns=log_time_ns, publish_time_ns=publish_utc_ns)
            if now_ns - self._flushed_ns >= FLUSH_EVERY_NS:
                self._flush(now_ns)
        except OSError as error:
            self._fail(error.strerror or str(error))
        return message

    def close(self) -> None:
        """Write the remaining messages and the file's index. Safe at any time, and to repeat."""
        if self._closed:
            return
        self._closed = True
        file, self._file = self._file, None
        if file is None:
            return
        try:
            file.finish(to_disk=self._config.fsync != "never")
        except OSError as error:
            self._lost += self._unwritten
            self._trouble = f"recording {file.path} ended early: {error.strerror or error}"

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _flush(self, now_ns: int) -> None:
        """Write a chunk, and look whether the file is in place, has room, and is not to be followed by another."""
        assert self._file is not None
        self._flushed_ns = now_ns
        self._file.flush(to_disk=self._config.fsync == "chunk")
        if not self._file.is_in_place():
            self._fail("the file or its folder was removed")
            return
        self._unwritten = 0
        if lack := self._lack_of_space(1):
            self._pause(lack)
        elif self._is_to_rotate(now_ns):
            file, self._file = self._file, None
            file.finish(to_disk=self._config.fsync != "never")
            self._file = self._begin_next()

    def _is_to_rotate(self, now_ns: int) -> bool:
        assert self._file is not None
        most_mb, most_s = self._config.rotate_mb, self._config.rotate_s
        return 0 < most_mb * 2**20 <= self._file.size_bytes or 0 < most_s * 1e9 <= now_ns - self._began_ns

    def _lack_of_space(self, factor: float) -> str:
        """Describe that less is free than the reserve times a factor; empty where enough is."""
        reserve_mb = self._config.reserve_mb
        if not reserve_mb:
            return ""
        free_mb = shutil.disk_usage(self.path.parent).free / 2**20
        return f"{free_mb:.0f} MiB free, {reserve_mb:g} MiB are reserved" if free_mb < factor * reserve_mb else ""

    def _pause(self, reason: str) -> None:
        """Finish the file, while there is room for its index, and wait."""
        file, self._file = self._file, None
        if file is not None:
            file.finish(to_disk=self._config.fsync != "never")
        self._note_pause(reason)

    def _fail(self, reason: str) -> None:
        """Give the file up, as far as it was written, and wait."""
        file, self._file = self._file, None
        if file is not None:
            file.abandon()
        self._lost += self._unwritten
        self._note_pause(reason)

    def _note_pause(self, reason: str) -> None:
        self._unwritten = 0
        if not self._trouble:
            self._paused_ns = self._clock()
        self._tried_ns = self._clock()
        self._trouble = f"recording {self.path} paused: {reason}; it continues in a new file when it can"

    def _continues(self, now_ns: int) -> bool:
        """Try to go on after a pause; return whether it does."""
        if now_ns - self._tried_ns < RETRY_EVERY_NS:
            return False
        self._tried_ns = now_ns
        try:
            if lack := self._lack_of_space(_RESERVE_AGAIN):
                self._note_pause(lack)
                return False
            gap = {
                "reason": self._trouble,
                "lost_messages": str(self._lost - self._lost_before),
                "from_utc_ns": str(self._paused_ns + self._utc_offset_ns),
                "to_utc_ns": str(now_ns + self._utc_offset_ns),
            }
            self._file = self._begin_next(gap)
        except OSError as error:
            self._note_pause(error.strerror or str(error))
            return False
        self._trouble, self._lost_before, self._unwritten = "", self._lost, 0
        return True

    def _begin_next(self, gap: dict[str, str] | None = None) -> RecordingFile:
        """Begin the file after the last one, by the next number that is free."""
        while self._number < _MOST_FILES:
            self._number += 1
            path = self.path.with_name(f"{self.path.stem}-{self._number:04d}{self.path.suffix}")
            try:
                return self._begin(path, gap=gap)
            except FileExistsError:
                continue
            except OSError:
                # The next attempt takes this number again.
                self._number -= 1
                path.unlink(missing_ok=True)
                raise
        raise OSError(f"{_MOST_FILES} files")

    def _begin(self, path: Path, *, overwrite: bool = False, gap: dict[str, str] | None = None) -> RecordingFile:
        metadata = {
            "session_id": self._stamper.session_id,
            "source_id": self.source_id,
            "version": __version__,
            "schema": str(SCHEMA_VERSION),
            "layout": NTU25.name,
            "clock": CLOCK_NOTE,
            "utc_offset_ns": str(self._utc_offset_ns),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        file = RecordingFile(path, self.source_id, metadata, gap=gap, overwrite=overwrite)
        self._began_ns = self._flushed_ns = self._clock()
        return file
