"""Read pictures through OpenCV: from a camera attached to this machine, and over RTSP."""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import CameraConfig
from hitrs_live.errors import SourceLost, SourceUnavailable
from hitrs_live.files.file_names import why_unusable
from hitrs_live.files.picture_size import MOST_PIXELS
from hitrs_live.sources.camera.grabber import OPEN_TIMEOUT_S
from hitrs_live.sources.camera.opencv_quiet import quiet_opencv
from hitrs_live.sources.camera.rtsp_relay import RtspRelay
from hitrs_live.sources.pacing import MonotonicClock

_RTSP_PORTS = {"rtsp": 554, "rtsps": 322}


class OpenCvGrabber:
    """Share all but the opening between the two grabbers below."""

    def __init__(self, clock: MonotonicClock) -> None:
        self.corrupt = self.skipped = 0
        self.stream_time_ns: int | None = None
        self._clock = clock
        self._capture: Any = None

    def grab(self) -> tuple[int, NDArray[np.uint8]]:
        """Return the next picture; its time is when OpenCV received it, before it was converted."""
        try:
            while self._capture.grab():
                arrival_ns = self._clock()
                self.stream_time_ns = self._stream_time_ns()
                decoded, image = self._capture.retrieve()
                if decoded and image is not None and 0 < image.size <= 3 * MOST_PIXELS:
                    return arrival_ns, image
                self.corrupt += 1
        except cv2.error as error:
            raise SourceLost(f"OpenCV failed to read it (error {error.code})") from None
        raise SourceLost("it stopped giving pictures")

    def _stream_time_ns(self) -> int | None:
        """Return the stream's own time of the picture that was grabbed; None without one."""
        return None

    def close(self) -> None:
        """Release the device or connection."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def interrupt(self) -> None:
        """Do nothing: OpenCV cannot end a read from outside, and to release it during one would crash."""


class DeviceGrabber(OpenCvGrabber):
    """Read a camera of this machine by number or by path (/dev/v4l/by-id/... keeps its name over reboots)."""

    def __init__(self, device: int | str, config: CameraConfig, *, clock: MonotonicClock) -> None:
        """Take the device and the size and rate to request; a camera that lacks them uses its nearest."""
        super().__init__(clock)
        self._device = device
        self._config = config

    def open(self) -> None:
        """Open the device. Raise SourceUnavailable with the devices that are there."""
        quiet_opencv()
        backend = cv2.CAP_ANY
        if sys.platform == "linux":
            backend = cv2.CAP_V4L2
            _refuse_unusable(_device_path(self._device))
        elif unusable := why_unusable(_device_path(self._device)):
            raise SourceUnavailable(unusable)
        # OpenCV's type hints allow a number or a path, but not a union of them.
        open_device: Any = cv2.VideoCapture
        capture = open_device(self._device, backend)
        if not capture.isOpened():
            capture.release()
            raise SourceUnavailable(f"it cannot be opened, another program may use it; found {_list_devices()}")
        config = self._config
        # Above VGA, USB 2 has the bandwidth for the full rate only with compression.
        if config.width * config.height > 640 * 480:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, config.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, config.height)
        capture.set(cv2.CAP_PROP_FPS, config.fps)
        # Otherwise the driver's queue returns old pictures after a pause.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        _refuse_too_large(capture)
        self._capture = capture


class RtspGrabber(OpenCvGrabber):
    """Read an RTSP stream through FFmpeg, over TCP; no redirect is followed (`RtspRelay`)."""

    def __init__(self, url: str, *, read_timeout_s: float, clock: MonotonicClock) -> None:
        """Take the address and how long a silent connection is kept."""
        super().__init__(clock)
        self._url = url
        self._read_timeout_s = read_timeout_s
        self._relay: RtspRelay | None = None

    def open(self) -> None:
        """Connect. Raise SourceUnavailable with the reason."""
        quiet_opencv()
        parts = urlsplit(self._url)
        # FFmpeg does not report why it failed; the relay knows the likeliest reasons.
        self._relay = RtspRelay(
            parts.hostname or "", parts.port or _RTSP_PORTS[parts.scheme], tls=parts.scheme == "rtsps"
        )
        login, separator, _ = parts.netloc.rpartition("@")
        address = parts._replace(scheme="rtsp", netloc=f"{login}{separator}127.0.0.1:{self._relay.port}").geturl()
        settings = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(OPEN_TIMEOUT_S * 1e3),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(self._read_timeout_s * 1e3),
            # Every further decoder thread delays the output by one more picture.
            cv2.CAP_PROP_N_THREADS, 1,
        ]  # fmt: skip
        capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, settings)
        if not capture.isOpened():
            capture.release()
            raise SourceUnavailable(
                self._relay.refusal or "the host answers, but gives no RTSP stream there; check path, user and password"
            )
        _refuse_too_large(capture)
        self._capture = capture

    def _stream_time_ns(self) -> int | None:
        # FFmpeg takes it from the RTP timestamps.
        return round(float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) * 1e6)

    def close(self) -> None:
        """Release the connection."""
        super().close()
        if self._relay is not None:
            self._relay.close()
            self._relay = None

    def interrupt(self) -> None:
        """Cut the connection, which ends a read at once."""
        relay = self._relay
        if relay is not None:
            relay.close()


def refuse_no_device(device: int | str) -> None:
    """Raise SourceUnavailable for a path of something other than a device; a missing path is accepted."""
    path = _device_path(device)
    if sys.platform == "linux" and path.exists() and not path.is_char_device():
        raise SourceUnavailable(f"{path} is no camera device; found {_list_devices()}")


def _refuse_too_large(capture: Any) -> None:
    """Release a capture and raise SourceUnavailable where its pictures would be too large."""
    width, height = (int(capture.get(size)) for size in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    if width * height > MOST_PIXELS:
        capture.release()
        raise SourceUnavailable(
            f"its pictures have {width} x {height} pixels, expected at most {MOST_PIXELS // 1_000_000} million; "
            "set a smaller size in the camera"
        )


def _device_path(device: int | str) -> Path:
    return Path(f"/dev/video{device}" if isinstance(device, int) else device)


def _refuse_unusable(device: Path) -> None:
    if unusable := why_unusable(device):
        raise SourceUnavailable(unusable)
    if not device.exists():
        raise SourceUnavailable(f"there is no {device}; found {_list_devices()}")
    if not device.is_char_device():
        raise SourceUnavailable(f"{device} is no camera device; found {_list_devices()}")
    if not os.access(device, os.R_OK | os.W_OK):
        raise SourceUnavailable(f"no permission for {device}; add your user to the group 'video' and log in again")


def _list_devices() -> str:
    if sys.platform != "linux":
        return "no way to list cameras on this system"
    found = []
    for device in sorted(Path("/dev").glob("video*"), key=lambda path: (len(path.name), path.name)):
        try:
            name = Path(f"/sys/class/video4linux/{device.name}/name").read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            name = ""
        found.append(f"{device} ({name})" if name else str(device))
    return ", ".join(found) or "no /dev/video* on this machine"
