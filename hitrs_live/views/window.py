"""Show the painted pictures in a window."""

import os
import re
import sys

import cv2

from hitrs_live.errors import ViewUnavailable
from hitrs_live.messages import Scene
from hitrs_live.views.frame_renderer import FrameRenderer
from hitrs_live.views.kinds import ViewOptions
from hitrs_live.views.projection import LensFor, imagined_lens

_ESCAPE = 27
_WIDEST_PX = 1280
"""Larger pictures open in a window of this width; a person may drag it larger."""


def make_window(_value: str, options: ViewOptions) -> "Window":
    """Make the view of `--show`, which takes no value. Raises ViewUnavailable as `Window` does."""
    return Window(f"hitrs-live {options.source_id}", lens_for=options.lens_for)


class Window:
    """A window on the screen, as long as nobody closes it; q or Esc does, and the pipeline runs on."""

    def __init__(self, title: str = "hitrs-live", *, lens_for: LensFor = imagined_lens) -> None:
        """Make sure that a window can be had; it opens with the first frame. Raise ViewUnavailable where not."""
        _refuse_without_windows()
        self._title = title
        self._renderer = FrameRenderer(lens_for)
        self._open = False
        self.closed = False
        """True once somebody has closed the window."""

    def show(self, scene: Scene) -> None:
        """Paint one frame and show it; do nothing once the window was closed."""
        if self.closed:
            return
        if self._open and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            self.close()
            return
        image = self._renderer.render(scene)
        if not self._open:
            # Qt's tool bar would take a third of a small window and all of the keys.
            cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            scale = min(1.0, _WIDEST_PX / image.shape[1])
            cv2.resizeWindow(self._title, round(image.shape[1] * scale), round(image.shape[0] * scale))
            self._open = True
        cv2.imshow(self._title, image)
        if cv2.waitKey(1) & 0xFF in (ord("q"), _ESCAPE):
            self.close()

    def close(self) -> None:
        """Close the window; safe at any time, also twice."""
        if self._open and not self.closed:
            cv2.destroyWindow(self._title)
        self.closed = True


def windows_in(build_information: str) -> bool:
    """Say whether OpenCV's build information names a window system."""
    found = re.search(r"^\s*GUI:\s*(\S+)", build_information, re.MULTILINE)
    return found is not None and found.group(1).upper() != "NONE"


def _refuse_without_windows() -> None:
    if not windows_in(cv2.getBuildInformation()):
        raise ViewUnavailable(
            "--show: the installed OpenCV is the headless one and has no windows; "
            "`pip uninstall opencv-python-headless` first and then `pip install opencv-python` (the two break each "
            "other side by side), or take --save-video FILE"
        )
    # OpenCV's window library ends the whole process where it finds no screen.
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ViewUnavailable(
            "--show: there is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set); take --save-video FILE"
        )
