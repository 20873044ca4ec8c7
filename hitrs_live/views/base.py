"""Define the interfaces of views."""

from collections.abc import Sequence
from typing import Protocol

from hitrs_live.messages import AnyMessage, Scene


class Viewer(Protocol):
    """Show the annotated pictures of one source."""

    @property
    def notices(self) -> Sequence[str]:
        """Current problems of the view, one line each, for `Status.notices`; also after it was closed."""

    @property
    def lost(self) -> int:
        """Pictures that were left out so far, for `Status.drops`; also after it was closed."""

    def show(self, scene: Scene) -> None:
        """Show one frame. Raises ViewUnavailable if nothing can be shown any more."""

    def close(self) -> None:
        """Close the window or finish the file; safe at any time, and to repeat."""


class MessageView(Protocol):
    """Show the state of a run from its messages alone."""

    def update(self, message: AnyMessage) -> object:
        """Update from one message, of any source; the first one may come at any moment of a session."""
