"""From the poses of one frame to people with true joints: track, leave out what is no person, correct joints, and let
legs stand that are not seen.

Live frames, replayed recordings, received joints and the recorded landmarks of evaluations all pass here.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import PoseConfig, TrackConfig
from hitrs_live.messages import People, PoseFrame
from hitrs_live.streaming.stage_timer import StageTimer
from hitrs_live.tracking.person_check import PersonCheck
from hitrs_live.tracking.picture_mask import PictureMask
from hitrs_live.tracking.tracker import Tracker
from hitrs_live.tracking.unseen_legs import UnseenLegs, let_stand

if TYPE_CHECKING:
    from hitrs_live.temporal_lifting.joint_lifter import JointLifter


class JointTracker:
    """Give each person a row and an id, and correct their joints by what was seen of them before (`pose.refine`)."""

    def __init__(
        self,
        pose: PoseConfig,
        track: TrackConfig,
        *,
        masks: Sequence[NDArray[np.float32]] = (),
        timer: StageTimer | None = None,
    ) -> None:
        """Take the settings; `pose.max_people` is the number of rows.

        masks: polygons without people. timer: times the stages "track", "person_check" and "lift".
        """
        self._tracker = Tracker(pose.max_people, track)
        self._mask, self._check = PictureMask(masks), PersonCheck(pose.max_people)
        self._legs = UnseenLegs(pose.max_people)
        self._lifter = _make_lifter(pose) if pose.refine else None
        self._timer = timer or StageTimer()

    @property
    def resets(self) -> int:
        """Tracks ended because it was ambiguous whose they were."""
        return self._tracker.resets

    @property
    def rejected(self) -> int:
        """Bodies left out since the start, one for each frame: masked ones and furniture."""
        return self._mask.rejected + self._check.rejected

    def step(self, frame: PoseFrame) -> People:
        """Sort one frame's poses into rows. Joints of a camera without a known lens are not corrected."""
        with self._timer.stage("track"):
            people = self._tracker.step(frame)
        with self._timer.stage("person_check"):
            people = self._check.step(self._mask.step(people))
        seen = self._legs.observe(people)
        if self._lifter is not None:
            with self._timer.stage("lift"):
                people = self._lifter.step(people, frame.lens)
        return let_stand(people, seen)


def _make_lifter(pose: PoseConfig) -> "JointLifter":
    # It takes torch, which renderers and others that only read poses do without.
    from hitrs_live.temporal_lifting.joint_lifter import JointLifter

    return JointLifter(pose.max_people, min_joint_confidence=pose.min_joint_confidence)
