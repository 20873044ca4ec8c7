"""Show the annotated pictures in a window."""

import os
import re
import sys
from collections.abc import Sequence

import cv2

from hitrs_live.errors import ViewUnavailable
from hitrs_live.messages import Scene
from hitrs_live.views.frame_renderer import FrameRenderer
from hitrs_live.views.kinds import ViewOptions
from hitrs_live.views.projection import LensFor, default_lens

_ESCAPE = 27
_WIDEST_PX = 1280
"""Larger pictures open in a window of this width; the user may enlarge it."""


def make_window(_value: str, options: ViewOptions) -> "Window":
    """Open the view of `--show`, which takes no value. Raises ViewUnavailable as `Window` does."""
    return Window(f"hitrs-live {options.source_id}", lens_for=options.lens_for)


class Window:
    """Show frames in a window until the user closes it, for example with q or Esc; the pipeline continues."""

    def __init__(self, title: str = "hitrs-live", *, lens_for: LensFor = default_lens) -> None:
        """Check that windows are available; the window opens with the first frame. Raises ViewUnavailable if not."""
        _refuse_without_windows()
        self._title = title
        self._renderer = FrameRenderer(lens_for)
        self._open = False
        self.closed = False
        """Whether the window has been closed."""
        self.notices: Sequence[str] = ()
        """Always empty: a window that the user closes is no problem."""
        self.lost = 0
        """Always 0: every picture is shown until then."""

    def show(self, scene: Scene) -> None:
        """Render and show one frame; do nothing once the window has been closed."""
        if self.closed:
            return
        if self._open and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            self.close()
            return
        image = self._renderer.render(scene)
        if not self._open:
            # Qt's tool bar would take a third of a small window and all keys.
            cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            scale = min(1.0, _WIDEST_PX / image.shape[1])
            cv2.resizeWindow(self._title, round(image.shape[1] * scale), round(image.shape[0] * scale))
            self._open = True
        cv2.imshow(self._title, image)
        if cv2.waitKey(1) & 0xFF in (ord("q"), _ESCAPE):
            self.close()

    def close(self) -> None:
        """Close the window; safe at any time, and to repeat."""
        if self._open and not self.closed:
            cv2.destroyWindow(self._title)
        self.closed = True


def windows_in(build_information: str) -> bool:
    """Return whether OpenCV's build information names a window system."""
    system = re.search(r"^\s*GUI:\s*(\S+)", build_information, re.MULTILINE)
    return system is not None and system.group(1).upper() != "NONE"


def _refuse_without_windows() -> None:
    if not windows_in(cv2.getBuildInformation()):
        raise ViewUnavailable(
            "--show: the installed OpenCV is headless and has no windows; run `pip uninstall opencv-python-headless` "
            "and then `pip install opencv-python` (they cannot be installed together), or use --save-video FILE"
        )
    # OpenCV's window library ends the whole process if it finds no screen.
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ViewUnavailable(
            "--show: there is no screen (neither DISPLAY nor WAYLAND_DISPLAY is set); use --save-video FILE instead"
        )
