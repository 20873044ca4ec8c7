"""Read files of taught actions again while the pipeline runs, in a thread of their own, so that no frame waits."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from hitrs_live.teaching.loading import Replacement, TaughtFiles

_EVERY_S: Final = 0.5
_log = logging.getLogger(__name__)


class ActionsReload:
    """Look at the files twice a second; keep new actions until the pipeline takes them."""

    def __init__(self, files: TaughtFiles, *, every_s: float = _EVERY_S) -> None:
        """Take the files, which this then owns. every_s: how often they are looked at."""
        self._files, self._every_s = files, every_s
        self._lock = threading.Lock()
        self._waiting: Replacement | None = None

    @property
    def notices(self) -> tuple[str, ...]:
        """Why files were not used, one line each, until they are."""
        return self._files.notices

    def take(self) -> Replacement | None:
        """Return the newest actions, if they were not taken yet. Called by the pipeline, before a step."""
        if self._waiting is None:
            return None
        with self._lock:
            taken, self._waiting = self._waiting, None
        return taken

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at the files until the block ends."""
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(ended,), name="actions-reload", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(self._every_s):
            before = self._files.notices
            new = self._files.refresh()
            for notice in self._files.notices:
                if notice not in before:
                    _log.warning("%s", notice)
            if new is not None:
                _log.info("actions read again: %s", ", ".join(new.actions.all_names))
                self._keep(new)

    def _keep(self, new: Replacement) -> None:
        with self._lock:
            if self._waiting is not None:
                # The pipeline has not seen those between.
                new = replace(new, same=new.same & self._waiting.same)
            self._waiting = new
