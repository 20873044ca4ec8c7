"""What a pipeline is given for each source."""

from collections.abc import Sequence
from dataclasses import dataclass

from hitrs_live.pose.base import PoseEstimator
from hitrs_live.sources.base import Source
from hitrs_live.transport.sink import Sink
from hitrs_live.views.base import Viewer


@dataclass(frozen=True, kw_only=True)
class InputStream:
    """A source, the pose estimator that reads its pictures, and the source's own sinks and views.

    The pipeline closes them all. Raises ValueError for a source of pictures without a pose estimator.
    """

    source: Source
    pose: PoseEstimator | None = None
    """None only for a source that has joints already."""
    sinks: Sequence[Sink] = ()
    """Get this source's messages as they were published, and the joints of every frame: a recording."""
    viewers: Sequence[Viewer] = ()
    opened: bool = False
    """Whether the source has been opened already, so that its faults were reported at once."""

    def __post_init__(self) -> None:
        if self.source.has_pictures and self.pose is None:
            raise ValueError(f"source {self.source.source_id} gives pictures; expected a pose estimator for them")
