"""From the poses of one frame to people with true joints: track them, then correct their joints (`pose.refine`).

Live frames, replayed recordings, received joints and the recorded landmarks of evaluations all pass here.
"""

from typing import TYPE_CHECKING

from hitrs_live.config import PoseConfig, TrackConfig
from hitrs_live.messages import People, PoseFrame
from hitrs_live.tracking.tracker import Tracker

if TYPE_CHECKING:
    from hitrs_live.temporal_lifting.joint_lifter import JointLifter


class JointTracker:
    """Give each person a row and an id, and correct their joints by what was seen of them before."""

    def __init__(self, pose: PoseConfig, track: TrackConfig) -> None:
        """Take the settings; `pose.max_people` is the number of rows."""
        self._tracker = Tracker(pose.max_people, track)
        self._lifter = _make_lifter(pose) if pose.refine else None

    @property
    def resets(self) -> int:
        """Tracks ended because it was ambiguous whose they were."""
        return self._tracker.resets

    def step(self, frame: PoseFrame) -> People:
        """Sort one frame's poses into rows. Joints of a camera without a known lens stay as they are."""
        people = self._tracker.step(frame)
        return people if self._lifter is None else self._lifter.step(people, frame.lens)


def _make_lifter(pose: PoseConfig) -> "JointLifter":
    # It takes torch, which renderers and others that only read poses do without.
    from hitrs_live.temporal_lifting.joint_lifter import JointLifter

    return JointLifter(pose.max_people, min_joint_confidence=pose.min_joint_confidence)
