"""A live camera as a source: a device of this machine, an RTSP stream or motion JPEG over HTTP."""

import threading
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from hitrs_live.config import CameraConfig
from hitrs_live.errors import SourceError, SourceUnavailable
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.frame_box import FrameBox
from hitrs_live.sources.grabber import OPEN_TIMEOUT_S, Grabber, without_credentials
from hitrs_live.sources.liveness import Liveness
from hitrs_live.sources.mjpeg import MjpegGrabber
from hitrs_live.sources.naming import name_source
from hitrs_live.sources.opencv_grabber import DeviceGrabber, RtspGrabber
from hitrs_live.sources.pacing import MonotonicClock

_ADVICE = "try another --camera N or URL, or --video FILE, or --demo"
_JOIN_TIMEOUT_S = 0.7


class CameraSource:
    """Read the newest picture of a camera, and keep at it for as long as it takes.

    One daemon thread captures into a one-slot box; this object owns it. States: "connecting" from open to the
    first picture, "up", "stalled" after config.stall_after_s without a picture, "lost" after
    config.lost_after_s, "up" again with the next one. They follow from silence as `read` sees it, not from
    what the capture thread manages to say. A connection that breaks or stays silent for half of lost_after_s is
    made anew, with pauses that double from retry_min_s to retry_max_s, without end.

    drops counts "camera" (pictures replaced by a newer one before they were read), "stale" (older than
    config.max_frame_age_s when read) and "corrupt" (could not be decoded). Frame.index counts what was
    captured, so it jumps where pictures were lost. Capture time is the arrival at this process.
    """

    has_pictures = True
    live = True

    def __init__(
        self,
        device: int | str,
        config: CameraConfig,
        *,
        source_id: str = "",
        clock: MonotonicClock = time.monotonic_ns,
    ) -> None:
        """Take a device number, a device path, or a URL (rtsp, rtsps, http, https).

        Raise ValueError for a source name with letters that a topic cannot have.
        """
        if isinstance(device, str) and device.isdecimal():
            device = int(device)
        self._device = device
        self._name = f"camera {without_credentials(device) if isinstance(device, str) else device}"
        self.source_id = name_source(source_id, _origin(device))
        self._config = config
        self._clock = clock
        self._box = FrameBox(
            Liveness(name=self._name, stall_after_s=config.stall_after_s, lost_after_s=config.lost_after_s),
            max_frame_age_s=config.max_frame_age_s,
            clock=clock,
        )
        self._grabber: Grabber | None = None
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._tried = threading.Event()
        self._refusal: str | None = None

    def open(self) -> None:
        """Connect for the first time and begin to capture.

        Raise SourceUnavailable where there is no such device or no such stream; from then on failures are
        retried instead.
        """
        self._grabber = self._make_grabber()
        self._box.begin()
        self._thread = threading.Thread(target=self._capture, name=self._name, args=(self._grabber,), daemon=True)
        self._thread.start()
        limit_s = 2 * OPEN_TIMEOUT_S + 1
        if not self._tried.wait(limit_s):
            self._refusal = f"no answer in {limit_s:g} s"
        if self._refusal is not None:
            self.close()
            raise self._unavailable(self._refusal)

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        """Return changes of state and the newest picture, oldest first; () where there are none in timeout_s."""
        if self._closing.is_set():
            return ()
        if self._thread is None:
            raise ValueError(f"{self._name}: read before open; call open() first")
        return self._box.take(timeout_s)

    def drops(self) -> dict[str, int]:
        """Count what was lost since the start, by cause."""
        corrupt = 0 if self._grabber is None else self._grabber.corrupt
        return {**self._box.drops(), "corrupt": corrupt}

    def close(self) -> None:
        """End the capture; return within one second even where the camera holds the capture thread."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._grabber is not None:
            self._grabber.interrupt()
        if self._thread is not None:
            self._thread.join(_JOIN_TIMEOUT_S)

    def _make_grabber(self) -> Grabber:
        if isinstance(self._device, int) or self._device.startswith("/"):
            return DeviceGrabber(self._device, self._config, clock=self._clock)
        try:
            parts = urlsplit(self._device)
            whole = bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise self._unavailable("is no valid address") from None
        read_timeout_s = max(self._config.stall_after_s, self._config.lost_after_s / 2)
        if whole and parts.scheme in ("rtsp", "rtsps"):
            return RtspGrabber(self._device, read_timeout_s=read_timeout_s, clock=self._clock)
        if whole and parts.scheme in ("http", "https"):
            return MjpegGrabber(self._device, read_timeout_s=read_timeout_s, clock=self._clock)
        raise self._unavailable(
            "is no camera; wanted a device number, a device path, rtsp://host/... or http://host/..."
        )

    def _capture(self, grabber: Grabber) -> None:
        config = self._config
        pause_s = config.retry_min_s
        while not self._closing.is_set():
            try:
                grabber.open()
                self._tried.set()
                while not self._closing.is_set():
                    self._box.put(*grabber.grab())
                    pause_s = config.retry_min_s
            except SourceError as error:
                if not self._tried.is_set():
                    self._refusal = _one_line(str(error))
                    self._tried.set()
                    return
                self._box.note_trouble(_one_line(str(error)))
            finally:
                grabber.close()
            self._closing.wait(pause_s)
            pause_s = min(2 * pause_s, config.retry_max_s)

    def _unavailable(self, found: str) -> SourceUnavailable:
        return SourceUnavailable(f"{self._name}: {found}; {_ADVICE}")


def _origin(device: int | str) -> str:
    if isinstance(device, int):
        return f"camera{device}"
    return without_credentials(device).rpartition("://")[2]


def _one_line(words: str) -> str:
    # A server's own words may be in it, and may hold anything.
    return "".join(letter if letter.isprintable() else " " for letter in words).strip()[:240]
