"""Keep OpenCV's and FFmpeg's own lines off the terminal: faults are reported once, by this package."""

import os

import cv2


def quiet_opencv() -> None:
    """Silence both libraries, unless the user set their log levels. Call before a capture is opened.

    FFmpeg's level is read when its first capture opens, so it may still be set after `import cv2`.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
