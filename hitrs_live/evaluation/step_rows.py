"""Step the live predictor over whole recordings side by side, a row each."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import LabelledSequence as Recording
from hitrs_live.messages import JointFrame, Prediction
from hitrs_live.streaming.predictor import Predictor

_ROWS = 32


def chunks(count: int) -> Iterator[slice]:
    """Divide recordings into those that are stepped together. Ordered longest first, they keep a batch full."""
    yield from (slice(first, last) for first, last in pairwise([*range(0, count, _ROWS), count]))


def step_rows(
    predictor: Predictor,
    recordings: Sequence[Recording],
    confidence: Sequence[NDArray[np.float32] | None] | None = None,
    *,
    rate_hz: float,
) -> Iterator[tuple[int, int, Prediction]]:
    """Step from the first frame of all recordings to the last of the longest; one that is over is not active.

    predictor: of as many rows as there are recordings; confidence: (T, 25) for each, None where all joints count as
    seen. Yields the frame, the row, and a prediction that means something in that row.
    """
    confidence = [None] * len(recordings) if confidence is None else confidence
    seen = [
        np.ones(one.joints_m.shape[:2], np.float32) if own is None else own
        for one, own in zip(recordings, confidence, strict=True)
    ]
    lengths = np.array([len(one.labels) for one in recordings])
    for frame in range(int(lengths.max(initial=0))):
        now = np.minimum(frame, lengths - 1).tolist()
        joint_frame = JointFrame.of(
            np.stack([one.joints_m[at] for one, at in zip(recordings, now, strict=True)]),
            np.stack([own[at] for own, at in zip(seen, now, strict=True)]),
            time_ns=round(frame / rate_hz * 1e9),
            active=frame < lengths,
            reset=frame == 0,
        )
        for prediction in predictor.step(joint_frame):
            for row in np.flatnonzero(prediction.completed).tolist():
                yield frame, row, prediction
