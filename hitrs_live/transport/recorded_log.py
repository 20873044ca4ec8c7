"""Find the events of earlier sessions, and the older ones of this one, in the recordings of a folder."""

import contextlib
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hitrs_live.messages import LoggedMessage
from hitrs_live.transport.found_events import FoundEvents, number_of
from hitrs_live.transport.recorded_events import RecordedEvents
from hitrs_live.wire.codec import INT64_MAX
from hitrs_live.wire.recovery import PAGE_EVENTS

MOST_FILES: Final = 1000
"""Most recordings of the folder that are looked at: those that were written last."""


class RecordedLog:
    """The events of every session that has a recording in a folder; use it from one thread.

    A session may have several files: each source has one of its own. Files may come, grow and go at any time.
    """

    def __init__(self, folder: Path) -> None:
        """Set the folder; nothing is read yet."""
        self._folder = folder
        self._files: dict[tuple[str, int], RecordedEvents | None] = {}
        """By name and inode; None for what is no recording."""

    def find(self, session_id: str, first: int, until: int = INT64_MAX) -> FoundEvents | None:
        """Return a page of a session's events from `first` to `until` - 1.

        Its `until` equals the requested one once there is no event after the page; it equals `first` while the
        recordings are still being looked through. None if there is no recording of the session.
        """
        self._refresh()
        files = self._of_session(session_id)
        if not files:
            return None
        found = [file.find(first, until, PAGE_EVENTS) for file in files]
        if None in found:
            return FoundEvents(events=(), until=first)
        parts = [each for each in found if each is not None]
        # Another file may have events between those beyond the end of a page.
        end = min(each.until for each in parts)
        events = sorted((event for each in parts for event in each.events if number_of(event) < end), key=number_of)
        if len(events) > PAGE_EVENTS:
            end = number_of(events[PAGE_EVENTS])
        return FoundEvents(events=tuple(_without_repetitions(events[:PAGE_EVENTS])), until=end)

    def is_complete(self, session_id: str) -> bool:
        """Return whether every recording of a session that was found last was closed in order."""
        return all(file.complete for file in self._of_session(session_id))

    def session_after(self, session_id: str) -> str:
        """Return the next session of the same sources that began a recording; empty if none is known.

        The sources are compared because another pipeline may record in the same folder.
        """
        sources: dict[str, set[str]] = {}
        begun: dict[str, str] = {}
        for file in self._known:
            sources.setdefault(file.session_id, set()).add(file.source_id)
            begun.setdefault(file.session_id, file.started)
        # Stable: sessions that began in the same second stay in the order of their last changes.
        order = sorted(
            (each for each in begun if sources[each] == sources.get(session_id)), key=lambda each: begun[each]
        )
        following = order[order.index(session_id) + 1 :] if session_id in begun else []
        return following[0] if following else ""

    def _of_session(self, session_id: str) -> Sequence[RecordedEvents]:
        return [file for file in self._known if file.session_id == session_id]

    @property
    def _known(self) -> Sequence[RecordedEvents]:
        return [file for file in self._files.values() if file is not None]

    def _refresh(self) -> None:
        """List the recordings that are there now, in the order of their last changes."""
        present: dict[tuple[str, int], tuple[int, Path]] = {}
        with contextlib.suppress(OSError):
            for path in self._folder.glob("*.mcap"):
                with contextlib.suppress(OSError):
                    status = path.stat()
                    # Opening a pipe would wait for its writer.
                    if stat.S_ISREG(status.st_mode):
                        present[path.name, status.st_ino] = status.st_mtime_ns, path
        newest = sorted(present, key=lambda key: present[key][0])[-MOST_FILES:]
        self._files = {key: self._opened(key, present[key][1]) for key in newest}

    def _opened(self, key: tuple[str, int], path: Path) -> RecordedEvents | None:
        if self._files.get(key) is not None:
            return self._files[key]
        try:
            return RecordedEvents(path)
        except (OSError, ValueError):
            # It may become one: its writer has just created it.
            return None


def _without_repetitions(events: Sequence[LoggedMessage]) -> Sequence[LoggedMessage]:
    return list({number_of(event): event for event in events}.values())
