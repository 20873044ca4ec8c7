"""Join the rows of several sources into one batch, and split the predictions by source."""

from collections.abc import Mapping, Sequence

import numpy as np

from hitrs_live.messages import JointFrame, Prediction
from hitrs_live.skeleton import NTU25


class RowBatch:
    """Place the joint frames of sources, R rows each, in one batch: those of source n from row n * R on."""

    def __init__(self, sources: int, rows: int) -> None:
        """Take the number of sources, and of rows of each."""
        self._sources, self._rows = sources, rows
        joints_m, confidence = np.zeros((rows, len(NTU25), 3), np.float32), np.zeros((rows, len(NTU25)), np.float32)
        self._idle = JointFrame.of(joints_m, confidence, track_ids=np.full(rows, -1, np.int64), active=False)
        """The rows of a source that has no joint frame now."""

    def join(self, joint_frames: Mapping[int, JointFrame]) -> JointFrame:
        """Join the joint frames of some sources, by source number."""
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
        """Return each source's predictions; none where no row of it has an output or was reset."""
        if self._sources == 1:
            return {0: predictions}
        return {source: self._rows_of(source, joint_frame, predictions) for source, joint_frame in joint_frames.items()}

    def _rows_of(self, source: int, joint_frame: JointFrame, predictions: Sequence[Prediction]) -> Sequence[Prediction]:
        rows = slice(source * self._rows, (source + 1) * self._rows)
        return [
            Prediction(
                joint_frame=joint_frame, has_output=prediction.has_output[rows],
                logits=prediction.logits[rows],
                future_joints_m=prediction.future_joints_m[rows], scales_m=prediction.scales_m[rows],
                embeddings=None if prediction.embeddings is None else prediction.embeddings[rows],
            )
            for prediction in predictions
            if prediction.has_output[rows].any() or joint_frame.reset.any()
        ]  # fmt: skip
