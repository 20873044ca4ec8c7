"""A decoder of three classes, and streams of scores or logits for it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import CheckpointInfo
from hitrs_live.config import ActionConfig
from hitrs_live.messages import ActionEvent, JointFrame, Prediction
from hitrs_live.model.detector import DetectorConfig
from hitrs_live.model.hitrs import HITRS_SMALL
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.hitrs_stream import describe_stream
from hitrs_live.streaming.thresholds import Thresholds
from hitrs_live.transforms import NormaliserConfig

LABELS = ("background", "jump", "squat")
START_NS = 1_000_000_000
CLIP_NS = round(7 / 30 * 1e9)
INFO = CheckpointInfo(
    name="test", labels=LABELS, detector=DetectorConfig(encoder=HITRS_SMALL, classes=3, window_clips=4),
    normaliser=NormaliserConfig(), label_lag_frames=3,
)  # fmt: skip
NOTHING, JUMP, MAYBE, SQUAT = (0.9, 0.05, 0.05), (0.1, 0.85, 0.05), (0.45, 0.5, 0.05), (0.1, 0.1, 0.8)
EITHER = (0.4, 0.3, 0.3)
"""Something goes on, and it is not known what: neither class reaches `off`, both together do."""
SETTINGS = {"on": 0.6, "off": 0.4, "min_duration_s": 0.2, "update_every_s": 0.5}


def decoder(thresholds: Thresholds | None = None, step_frames: int = 7, **settings: float) -> ActionDecoder:
    """Make a decoder of two rows."""
    config = ActionConfig(**(SETTINGS | settings))
    return ActionDecoder(describe_stream(INFO, step_frames), config, source_id="cam", rows=2, thresholds=thresholds)


def prediction(
    clip: float,
    scores: Sequence[float],
    *,
    reset: bool = False,
    has_output: bool = True,
    confidence: NDArray[np.float32] | None = None,
) -> Prediction:
    """Row 0 has these scores after this clip, or between two for steps shorter than a stride; row 1 is empty."""
    seen = np.ones((2, 25), np.float32)
    if confidence is not None:
        seen[0] = confidence
    joint_frame = JointFrame(
        time_ns=np.full(2, START_NS + round(clip * CLIP_NS)),
        track_ids=np.array([5, -1]),
        active=np.array([True, False]),
        reset=np.array([reset, False]),
        joints_m=np.zeros((2, 25, 3), np.float32),
        confidence=seen,
    )
    logits = np.log(np.array([scores, (1 / 3, 1 / 3, 1 / 3)], np.float32))
    future = np.zeros((2, 30, 25, 3), np.float32)
    return Prediction(
        joint_frame=joint_frame, has_output=np.array([has_output, False]), logits=logits, future_joints_m=future,
        scales_m=future[..., 0],
    )  # fmt: skip


def run(stage: ActionDecoder, *scores: tuple[float, ...]) -> list[ActionEvent]:
    """Give a new person these scores, clip after clip; return its action events."""
    stage.step(prediction(-2, NOTHING, reset=True, has_output=False))
    return [event for clip, some in enumerate(scores) for event in actions(stage, prediction(clip, some))]


def actions(stage: ActionDecoder, one: Prediction) -> list[ActionEvent]:
    """Return what a prediction changed."""
    return [event for event in stage.step(one) if isinstance(event, ActionEvent)]


def states_of(events: list[ActionEvent]) -> list[tuple[str, str]]:
    """Return the state and class of each event."""
    return [(event.state, event.label) for event in events]
