"""The rows of several sources as one batch, and what is said of them given back to each."""

from collections.abc import Mapping, Sequence

import numpy as np

from hitrs_live.messages import JointFrame, Prediction
from hitrs_live.skeleton import NTU25


class RowBatch:
    """Lay ticks of sources, R rows each, out over the rows of one batch: those of source n from n * R on."""

    def __init__(self, sources: int, rows: int) -> None:
        """Take how many sources there may be, and the rows of each."""
        self._sources, self._rows = sources, rows
        joints_m, confidence = np.zeros((rows, len(NTU25), 3), np.float32), np.zeros((rows, len(NTU25)), np.float32)
        self._idle = JointFrame.of(joints_m, confidence, track_ids=np.full(rows, -1, np.int64), active=False)
        """Of a source that has nothing now."""

    def join(self, joint_frames: Mapping[int, JointFrame]) -> JointFrame:
        """Make one tick of those of some sources."""
        if self._sources == 1:
            return joint_frames[0]
        each = [joint_frames.get(source, self._idle) for source in range(self._sources)]
        return JointFrame(
            time_ns=np.concatenate([joint_frame.time_ns for joint_frame in each]),
            track_ids=np.concatenate([joint_frame.track_ids for joint_frame in each]),
            active=np.concatenate([joint_frame.active for joint_frame in each]),
            reset=np.concatenate([joint_frame.reset for joint_frame in each]),
            joints_m=np.concatenate([joint_frame.joints_m for joint_frame in each]),
            confidence=np.concatenate([joint_frame.confidence for joint_frame in each]),
        )

    def split(
        self, joint_frames: Mapping[int, JointFrame], predictions: Sequence[Prediction]
    ) -> dict[int, Sequence[Prediction]]:
        """Give each source what was said of its rows: nothing where none completed a clip or ended."""
        if self._sources == 1:
            return {0: predictions}
        return {source: self._of(source, joint_frame, predictions) for source, joint_frame in joint_frames.items()}

    def _of(self, source: int, joint_frame: JointFrame, predictions: Sequence[Prediction]) -> Sequence[Prediction]:
        rows = slice(source * self._rows, (source + 1) * self._rows)
        return [
            Prediction(
                joint_frame=joint_frame, completed=said.completed[rows], logits=said.logits[rows],
                future_joints_m=said.future_joints_m[rows], scales_m=said.scales_m[rows],
            )
            for said in predictions
            if said.completed[rows].any() or joint_frame.reset.any()
        ]  # fmt: skip
