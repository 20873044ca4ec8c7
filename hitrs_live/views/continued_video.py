"""Write the annotated pictures to a video file, and to another one where the first cannot be written any more."""

import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from hitrs_live.errors import ViewUnavailable
from hitrs_live.messages import Scene
from hitrs_live.views.kinds import ViewOptions
from hitrs_live.views.save_video import WEBM, SaveVideo, VideoInterrupted

RETRY_S: Final = 2.0
"""When a video that has paused first tries to continue."""
LONGEST_RETRY_S: Final = 64.0
"""The time doubles up to this while one file after the other fails, not to fill a folder with them."""
_PROVEN_S: Final = 60.0
"""A file that was written for this long did not fail at once."""
LEAST_FREE_BYTES: Final = 64 * 2**20
"""So much must be free before a video continues: not to pause again at once."""
_MOST_FILES: Final = 100_000
_log = logging.getLogger(__name__)


def make_video(value: str, options: ViewOptions) -> "ContinuedVideo":
    """Open the view of `--save-video`. Raises ViewUnavailable as `SaveVideo` does."""
    video = ContinuedVideo(value, partial(SaveVideo, lens_for=options.lens_for, wait=options.may_wait))
    if Path(value).suffix.lower() != WEBM:
        _log.info("video %s: video players can read it, browsers cannot; a %s file plays in both", value, WEBM)
    return video


class ContinuedVideo:
    """A view that outlives its file.

    A disk that is full or fails, and a file or folder that is removed, pause the video, not the program: `notices` has
    the reason, and `lost` counts the pictures that come meanwhile. It tries again and again to continue, in a new file,
    NAME-0002.webm and so on, which never replaces one.
    """

    def __init__(
        self,
        path: str | Path,
        make: Callable[[Path], SaveVideo] = SaveVideo,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Check that the first file can be written. make: opens a file; clock: monotonic seconds.

        Raises ViewUnavailable as `make` does.
        """
        self._path, self._make, self._clock = Path(path), make, clock
        self._video: SaveVideo | None = make(self._path)
        self._number = 1
        self._lost = 0
        self._began_s = self._tried_s = clock()
        self._retry_s = RETRY_S
        self._trouble = ""

    @property
    def lost(self) -> int:
        """Pictures left out because the encoder was too slow, or the video was paused."""
        return self._lost + (0 if self._video is None else self._video.lost)

    @property
    def notices(self) -> Sequence[str]:
        """Reason why the video is paused; empty where it is not."""
        return (self._trouble,) if self._trouble else ()

    def show(self, scene: Scene) -> None:
        """Queue one frame for the file, or count it where there is none.

        Raises ViewUnavailable if no other file would help.
        """
        if self._video is None and not self._continues():
            self._lost += 1
            return
        assert self._video is not None
        try:
            self._video.show(scene)
        except VideoInterrupted as error:
            self._pause(str(error))

    def close(self) -> None:
        """Finish the file; safe at any time, and to repeat. Raises ViewUnavailable as `SaveVideo` does."""
        if self._video is not None:
            self._video.close()

    def _pause(self, reason: str) -> None:
        video, self._video = self._video, None
        assert video is not None
        with contextlib.suppress(ViewUnavailable):
            video.close()
        self._lost += video.lost + 1
        self._trouble = f"{reason}; it continues in a new file when it can"
        self._tried_s = self._clock()
        failed_at_once = self._number > 1 and self._tried_s - self._began_s < _PROVEN_S
        self._retry_s = min(2 * self._retry_s, LONGEST_RETRY_S) if failed_at_once else RETRY_S
        _log.warning("%s", self._trouble)

    def _continues(self) -> bool:
        """Try to go on after a pause; return whether it does."""
        if self._clock() - self._tried_s < self._retry_s:
            return False
        self._began_s = self._tried_s = self._clock()
        number = self._number
        try:
            if shutil.disk_usage(self._path.parent).free < LEAST_FREE_BYTES:
                return False
            path = self._next_path()
            self._video = self._make(path)
        except (ViewUnavailable, OSError):
            # The next attempt takes these numbers again.
            self._number = number
            return False
        self._trouble = ""
        _log.warning("the video continues in %s", path)
        return True

    def _next_path(self) -> Path:
        """Return the next name that is free. Raises OSError where there is none."""
        while self._number < _MOST_FILES:
            self._number += 1
            path = self._path.with_name(f"{self._path.stem}-{self._number:04d}{self._path.suffix}")
            if not path.exists() and not path.is_symlink():
                return path
        raise OSError(f"{_MOST_FILES} files")
