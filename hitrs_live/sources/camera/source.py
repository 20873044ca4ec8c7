"""Read a live camera: a device of this machine, an RTSP stream or motion JPEG over HTTP."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from hitrs_live.config import CameraConfig
from hitrs_live.errors import SourceError, SourceLost, SourceUnavailable
from hitrs_live.process.line_writer import printable
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.camera.address_reference import resolve_address
from hitrs_live.sources.camera.grabber import OPEN_TIMEOUT_S, Grabber
from hitrs_live.sources.camera.latest_frame import LatestFrame
from hitrs_live.sources.camera.liveness import Liveness
from hitrs_live.sources.camera.mjpeg import MjpegGrabber
from hitrs_live.sources.camera.opencv import DeviceGrabber, RtspGrabber, refuse_no_device
from hitrs_live.sources.camera.picture_age import PictureAge
from hitrs_live.sources.kinds import SourceOptions
from hitrs_live.sources.naming import name_source
from hitrs_live.sources.pacing import MonotonicClock
from hitrs_live.wire.addresses import ENCODE_HINT, hide_secrets, is_ambiguous, show_address

_ADVICE = "try another --camera N or URL, or --video FILE, or --demo"
_JOIN_TIMEOUT_S = 0.7
_LONGEST_TEXT = 240
_SHORTEST_SHARE = 0.5
"""Of a pause between two attempts; the rest of it is random."""


def make_camera(value: str, options: SourceOptions) -> "CameraSource":
    """Make the source of `--camera`. Raises SourceUnavailable as `resolve_address` and `CameraSource.check` do."""
    config = options.config
    camera = CameraSource(
        resolve_address(value), config.camera, source_id=options.source_id, required=config.require_sources
    )
    camera.check()
    return camera


class CameraSource:
    """Read the newest picture of a camera; reconnect for as long as it takes, also where it is not there yet.

    One daemon thread captures into a one-slot box; this object owns it. States: "connecting" from open to the
    first picture, "up", "stalled" after config.stall_after_s without a picture, "lost" after
    config.lost_after_s, "up" again with the next one. They follow from silence as `read` sees it, not from reports of
    the capture thread. After a connection breaks or is silent for half of lost_after_s, the camera is reconnected, with
    pauses that double from retry_min_s to retry_max_s, without end; each is shortened at random by up to a half.

    drops counts "camera" (pictures replaced by a newer one before they were decoded or read), "stale" (older than
    config.max_frame_age_s when read or, by the times of the stream itself (`PictureAge`), when they arrived) and
    "corrupt" (could not be decoded, or of more pixels than are decoded). A camera all of whose pictures were too old on
    arrival for half of lost_after_s is reconnected. Frame.index counts what was decoded, so it jumps where pictures
    were lost. Capture time is the arrival at this process.
    """

    has_pictures = True
    live = True

    def __init__(
        self,
        device: int | str,
        config: CameraConfig,
        *,
        source_id: str = "",
        required: bool = True,
        clock: MonotonicClock = time.monotonic_ns,
    ) -> None:
        """Take a device number, a device path, or a URL (rtsp, rtsps, http, https).

        required: whether `open` refuses a camera that is not there, or keeps trying as it does later.
        Raises ValueError for a source name with characters that a topic cannot have.
        """
        if isinstance(device, str) and device.isdecimal():
            device = int(device)
        self._device = device
        self._required = required
        self._name = f"camera {show_address(device) if isinstance(device, str) else device}"
        self.source_id = name_source(source_id, _origin(device))
        self._config = config
        self._silence_s = max(config.stall_after_s, config.lost_after_s / 2)
        """How long a connection may be without a picture that can be used."""
        self._clock = clock
        self._box = LatestFrame(
            Liveness(name=self._name, stall_after_s=config.stall_after_s, lost_after_s=config.lost_after_s),
            max_frame_age_s=config.max_frame_age_s,
            clock=clock,
        )
        self._grabber: Grabber | None = None
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._tried = threading.Event()
        self._refusal: str | None = None
        self._is_read = False
        self._skipped_before = 0

    def open(self) -> None:
        """Begin to connect and to capture; where the camera is required, wait for the first connection.

        Raise SourceUnavailable for what cannot be a camera's address and, where the camera is required, where there
        is no such device or no such stream; from then on failures are retried instead.
        """
        self._grabber = self._make_grabber()
        self._box.begin()
        self._thread = threading.Thread(
            target=self._capture_and_reconnect, name=self._name, args=(self._grabber,), daemon=True
        )
        self._thread.start()
        if not self._required:
            return
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
        if not self._is_read:
            # What came before the first read, while a model was loaded, is no loss.
            self._is_read = True
            self._box.forget_drops()
            self._skipped_before = 0 if self._grabber is None else self._grabber.skipped
        return self._box.take(timeout_s)

    def drops(self) -> dict[str, int]:
        """Count what was lost since the first read, by cause."""
        drops = {**self._box.drops(), "corrupt": 0}
        if self._grabber is not None:
            drops["camera"] += self._grabber.skipped - self._skipped_before
            drops["corrupt"] = self._grabber.corrupt
        return drops

    def close(self) -> None:
        """End the capture; return within one second even where the camera blocks the capture thread."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._grabber is not None:
            self._grabber.interrupt()
        if self._thread is not None:
            self._thread.join(_JOIN_TIMEOUT_S)

    def check(self) -> None:
        """Raise SourceUnavailable for what cannot be a camera's address; nothing is connected to."""
        self._make_grabber()

    def _make_grabber(self) -> Grabber:
        if isinstance(self._device, int) or self._device.startswith("/"):
            try:
                refuse_no_device(self._device)
            except SourceUnavailable as error:
                raise self._unavailable(str(error)) from None
            return DeviceGrabber(self._device, self._config, clock=self._clock)
        if is_ambiguous(self._device):
            raise self._unavailable(f"is an ambiguous address; {ENCODE_HINT}")
        try:
            parts = urlsplit(self._device)
            whole = bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise self._unavailable(f"is no valid address; {ENCODE_HINT}") from None
        if whole and parts.scheme in ("rtsp", "rtsps"):
            return RtspGrabber(self._device, read_timeout_s=self._silence_s, clock=self._clock)
        if whole and parts.scheme in ("http", "https"):
            return MjpegGrabber(self._device, read_timeout_s=self._silence_s, clock=self._clock)
        raise self._unavailable(
            "is no camera; expected a device number, a device path, rtsp://host/... or http://host/..."
        )

    def _capture_and_reconnect(self, grabber: Grabber) -> None:
        config = self._config
        pause_s = config.retry_min_s
        while not self._closing.is_set():
            try:
                grabber.open()
                self._tried.set()
                for _ in self._pictures_of(grabber):
                    pause_s = config.retry_min_s
            # A library's own fault must not end the capture, and its text may quote the address.
            except Exception as error:
                trouble = self._describe(error)
                if self._required and not self._tried.is_set():
                    self._refusal = trouble
                    self._tried.set()
                    return
                self._box.note_trouble(trouble)
            finally:
                grabber.close()
            # Cameras behind one switch come back together; they are not to be asked all at once, again and again.
            self._closing.wait(pause_s * random.uniform(_SHORTEST_SHARE, 1.0))
            pause_s = min(2 * pause_s, config.retry_max_s)

    def _pictures_of(self, grabber: Grabber) -> Iterator[None]:
        """Put one picture after the other of a connection into the box. Raises SourceLost at its end."""
        age, fresh_ns = PictureAge(), self._clock()
        while not self._closing.is_set():
            arrival_ns, image = grabber.grab()
            age_s = age.observe(grabber.stream_time_ns, arrival_ns) / 1e9
            if age_s <= self._config.max_frame_age_s:
                fresh_ns = arrival_ns
                self._box.put(arrival_ns, image)
                yield
                continue
            trouble = f"its pictures are {age_s:.1f} s old by its own clock"
            self._box.drop_old(trouble)
            if (arrival_ns - fresh_ns) / 1e9 > self._silence_s:
                raise SourceLost(trouble)

    def _describe(self, error: Exception) -> str:
        text = str(error) if isinstance(error, SourceError) else f"failed with {type(error).__name__}"
        if isinstance(self._device, str):
            text = hide_secrets(text, self._device)
        # It may quote a server, which may send anything.
        return printable(text).strip()[:_LONGEST_TEXT]

    def _unavailable(self, reason: str) -> SourceUnavailable:
        return SourceUnavailable(f"{self._name}: {reason}; {_ADVICE}")


def _origin(device: int | str) -> str:
    if isinstance(device, int):
        return f"camera{device}"
    return show_address(device).rpartition("://")[2] or "camera"
