"""What a pipeline is given for each source."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hitrs_live.messages import Scene
from hitrs_live.pose.base import PoseEstimator
from hitrs_live.sources.base import Source

if TYPE_CHECKING:
    from hitrs_live.transport.recorder import Recorder


class Viewer(Protocol):
    """Show the picture with what is known of it."""

    def show(self, scene: Scene) -> None:
        """Draw one frame."""

    def close(self) -> None:
        """Close the window or finish the file."""


@dataclass(frozen=True, kw_only=True)
class InputStream:
    """A source, what finds people in its pictures, and what keeps and shows what becomes of them.

    The pipeline closes them all. Raises ValueError for a source of pictures without a pose estimator.
    """

    source: Source
    pose: PoseEstimator | None = None
    """None only for a source that has joints already."""
    recorder: "Recorder | None" = None
    viewers: Sequence[Viewer] = ()
    opened: bool = False
    """Whether the source has been opened already, so that what is wrong with it was said at once."""

    def __post_init__(self) -> None:
        if self.source.has_pictures and self.pose is None:
            raise ValueError(f"source {self.source.source_id} gives pictures; expected a pose estimator for them")
