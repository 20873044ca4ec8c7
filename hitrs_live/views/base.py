"""What every view offers."""

from typing import Protocol

from hitrs_live.messages import AnyMessage, Scene


class Viewer(Protocol):
    """Show the pictures of one source, with what is detected in them."""

    def show(self, scene: Scene) -> None:
        """Draw one frame. Raises ViewUnavailable where nothing can be shown any more."""

    def close(self) -> None:
        """Close the window or finish the file; safe at any time, also twice."""


class MessageView(Protocol):
    """Show what a run publishes, by its messages alone."""

    def update(self, message: AnyMessage) -> object:
        """Take one message in. Messages of all sources may come, from any moment of a session on."""
