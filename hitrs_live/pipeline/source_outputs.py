"""Where one source's messages and pictures go: the shared sink, its own sinks, its views."""

import logging
from collections.abc import Callable, Sequence

from hitrs_live.messages import AnyMessage, Scene
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.transport.multi_sink import ContainedSink, add_drops, ended_by
from hitrs_live.transport.sink import Sink
from hitrs_live.views.base import Viewer

_log = logging.getLogger(__name__)


class SourceOutputs:
    """Pass messages to the shared sink and the source's own, and scenes to the views.

    A view or a sink of its own that raises is closed and left out from then on; `notices` has the error. The pipeline
    and the other outputs continue. What the shared sink raises is passed on: without it the pipeline has no purpose.
    """

    def __init__(self, input_stream: InputStream, sink: Sink) -> None:
        """Take the source's own sinks and views, and the sink that all sources share."""
        self._sink = sink
        self._source_id = input_stream.source.source_id
        self._own_sinks = [ContainedSink(own, cause="record") for own in input_stream.sinks]
        self._viewers: list[Viewer] = list(input_stream.viewers)
        self._all_viewers = tuple(input_stream.viewers)
        self._faults: list[str] = []

    @property
    def notices(self) -> Sequence[str]:
        """Return the errors that ended a view or sink early, and the notices of views and sinks."""
        views = (notice for viewer in self._viewers for notice in viewer.notices)
        sinks = (*self._own_sinks, self._sink)
        return (*self._faults, *views, *(notice for sink in sinks for notice in sink.notices))

    def drops(self) -> dict[str, int]:
        """Count the messages and pictures that were lost, by cause."""
        unseen = {"view": sum(viewer.lost for viewer in self._all_viewers)}
        return add_drops(*(sink.drops() for sink in (*self._own_sinks, self._sink)), unseen)

    @property
    def has_views(self) -> bool:
        """Whether any view is open."""
        return bool(self._viewers)

    @property
    def has_own_sinks(self) -> bool:
        """Whether the source has sinks of its own, also where they have ended and count what they lose."""
        return bool(self._own_sinks)

    def publish(self, message: AnyMessage) -> None:
        """Publish a message, and give it to the source's own sinks as it was published."""
        self.record(self._sink.publish(message))

    def record(self, message: AnyMessage) -> None:
        """Give a message to the source's own sinks alone, to each as the one before it returned it: stamped once."""
        for own in self._own_sinks:
            message = own.publish(message)

    def show(self, scene: Scene) -> None:
        """Show a scene in every view."""
        for viewer in tuple(self._viewers):
            if not self._attempt(viewer, lambda shown=viewer: shown.show(scene)):  # type: ignore[misc]
                self._viewers.remove(viewer)
                self._attempt(viewer, viewer.close)

    def close_views(self) -> None:
        """Close every view, whatever one of them raises; safe at any time, also twice."""
        viewers, self._viewers = self._viewers, []
        for viewer in viewers:
            self._attempt(viewer, viewer.close)

    def close_own_sinks(self) -> None:
        """Close the source's own sinks; safe at any time, also twice."""
        for own in self._own_sinks:
            own.close()

    def _attempt(self, viewer: Viewer, action: Callable[[], object]) -> bool:
        """Call something of a view; where it raises, note the fault and return False."""
        try:
            action()
        except Exception as error:  # Its own code or a library's: whatever it is, it ends this view alone.
            self._faults.append(ended_by(f"view {type(viewer).__name__}", error))
            _log.debug("source %s: %s", self._source_id, self._faults[-1], exc_info=error)
            return False
        return True
