"""Show a recording session in a window: the picture with the person's skeleton, and what to do now."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import Scene
from hitrs_live.teaching.joint_stream import StreamStep
from hitrs_live.teaching.record_session import RecordSession
from hitrs_live.views.window import Window

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


class RecordWindow:
    """Draw the steps of a session."""

    def __init__(self, action: str) -> None:
        """Open the window with the first picture. Raises ViewUnavailable where there are no windows."""
        self._window = Window(f"hitrs-live teach {action}")

    def show(self, session: RecordSession, step: StreamStep) -> None:
        """Draw one step; nothing where it has no frame."""
        if step.people is None:
            return
        frame = step.picture
        if frame is not None:
            frame = replace(frame, image=captioned(frame.image, caption(session)))
        self._window.show(Scene(frame=frame, people=step.people, actions={}, state="up", fps=session.person.rate_hz))

    def close(self) -> None:
        """Close the window."""
        self._window.close()


def caption(session: RecordSession) -> str:
    """Say in a few letters what the session does: the countdown, or how many repetitions were found."""
    if session.phase == "countdown":
        return f"{session.countdown_left_s:.0f}"
    return f"{len(session.found)} / {session.settings.repetitions}" if session.phase == "recording" else ""


def captioned(image: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """Write a text across the top of a picture, large enough to read from some metres away; return a new picture."""
    result = image.copy()
    scale = image.shape[0] / 200
    thick = max(2, round(2 * scale))
    (width, height), _ = cv2.getTextSize(text, _FONT, scale, thick)
    at = ((image.shape[1] - width) // 2, height + round(0.05 * image.shape[0]))
    for colour, more in ((_BLACK, 3), (_WHITE, 0)):
        cv2.putText(result, text, at, _FONT, scale, colour, thick + more, cv2.LINE_AA)
    return result
