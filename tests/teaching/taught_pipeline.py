"""Show one person to the pipeline with taught actions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pipeline_runs import ENDED, UP, ScriptedSource, make_pipeline

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Config, override
from hitrs_live.messages import AnyMessage, Pose, PoseFrame
from hitrs_live.teaching.actions_file import TaughtActions
from hitrs_live.transport.sink import ListSink


def pipeline_messages(
    checkpoint: Checkpoint,
    taught: TaughtActions | None,
    person_m: NDArray[np.float32],
    confidence: NDArray[np.float32] | None = None,
) -> Sequence[AnyMessage]:
    """Return all messages about a person at 30 Hz. person_m: (T, 25, 3); confidence: (25,), by default of all 1."""
    seen = np.ones(25, np.float32) if confidence is None else confidence
    frames = [
        PoseFrame(
            index=index, capture_time_ns=round(index * 1e9 / 30), received_ns=0,
            poses=(Pose(joints_m=joints_m, confidence=seen),),
        )
        for index, joints_m in enumerate(person_m)
    ]  # fmt: skip
    sink = ListSink()
    make_pipeline(
        [ScriptedSource([UP, *frames, ENDED])], checkpoint, sink,
        override(Config(), {"model.update": "frame", "model.mirror": False}), taught=taught,
    ).run()  # fmt: skip
    return sink.messages
