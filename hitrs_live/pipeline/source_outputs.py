"""Where one source's messages and pictures go: the sink, the recording, the views."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hitrs_live.messages import AnyMessage, Scene
from hitrs_live.pipeline.input_stream import InputStream, Viewer
from hitrs_live.transport.sink import Sink

if TYPE_CHECKING:
    from hitrs_live.transport.recorder import Recorder

_log = logging.getLogger(__name__)
_LONGEST_TEXT = 240


class SourceOutputs:
    """Pass messages to the sink and the recording, and scenes to the views.

    A view or a recording that raises is closed and left out from then on; `notices` says so. The pipeline and the
    other outputs go on. What the sink raises is passed on: without it the pipeline has no purpose.
    """

    def __init__(self, input_stream: InputStream, sink: Sink) -> None:
        """Take the feed's recording and views, and the sink that all sources share."""
        self._sink = sink
        self._source_id = input_stream.source.source_id
        self._recorder: Recorder | None = input_stream.recorder
        self._has_recording = input_stream.recorder is not None
        self._unrecorded = 0
        self._viewers: list[Viewer] = list(input_stream.viewers)
        self._faults: list[str] = []

    @property
    def notices(self) -> Sequence[str]:
        """What ended before its time, a line each, in the order in which it happened."""
        return tuple(self._faults)

    @property
    def unrecorded(self) -> int:
        """Count the messages that came after a recording had raised, the one it raised on included."""
        return self._unrecorded

    @property
    def has_views(self) -> bool:
        """Whether a scene would be shown to anybody."""
        return bool(self._viewers)

    @property
    def has_recording(self) -> bool:
        """Whether messages are to be recorded, also where the recording has ended and they are counted as lost."""
        return self._has_recording

    def publish(self, message: AnyMessage) -> None:
        """Send a message out and record it as it went."""
        self.record(self._sink.publish(message))

    def record(self, message: AnyMessage) -> None:
        """Record a message that is not published."""
        recorder = self._recorder
        if recorder is None:
            self._unrecorded += self._has_recording
        elif not self._attempt("the recording", lambda: recorder.write(message)):
            self._unrecorded += 1
            self._recorder = None
            self._attempt("the recording", recorder.close)

    def show(self, scene: Scene) -> None:
        """Show a scene in every view."""
        for viewer in tuple(self._viewers):
            if not self._attempt(_name(viewer), lambda shown=viewer: shown.show(scene)):  # type: ignore[misc]
                self._viewers.remove(viewer)
                self._attempt(_name(viewer), viewer.close)

    def close_views(self) -> None:
        """Finish every view, whatever one of them raises; safe at any time, also twice."""
        viewers, self._viewers = self._viewers, []
        for viewer in viewers:
            self._attempt(_name(viewer), viewer.close)

    def close_recorder(self) -> None:
        """Finish the recording; safe at any time, also twice."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            self._attempt("the recording", recorder.close)

    def _attempt(self, name: str, action: Callable[[], object]) -> bool:
        """Do something of an output; where it raises, note the fault and return False."""
        try:
            action()
        except Exception as error:  # Its own code or a library's: whatever it is, it is this output's alone.
            words = " ".join(str(error).split()) or "no reason given"
            self._faults.append(f"{name} ended by {type(error).__name__}: {words[:_LONGEST_TEXT]}")
            _log.debug("source %s: %s", self._source_id, self._faults[-1], exc_info=error)
            return False
        return True


def _name(viewer: Viewer) -> str:
    return f"view {type(viewer).__name__}"
