"""Run recorded poses through the live stages, from the tracker to the decoder, and collect the detected actions.

The model runs once (`keep_predictions`); its outputs may then be decoded again with other thresholds, as in a curve of
misses against false alarms.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import Config
from hitrs_live.evaluation.decode_streams import pair_starts_with_ends
from hitrs_live.evaluation.kept_streams import DetectedAction
from hitrs_live.messages import ActionEvent, PoseFrame, Prediction
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.predictor import Predictor
from hitrs_live.streaming.recorded_tracks import live_joint_frames
from hitrs_live.streaming.repetitions import RepetitionCounter
from hitrs_live.streaming.stream_model import StreamDescription, StreamModel
from hitrs_live.streaming.thresholds import Thresholds


def detect_actions(
    frames: Iterable[PoseFrame], model: StreamModel[Any], config: Config, *, thresholds: Thresholds | None
) -> Sequence[DetectedAction]:
    """Detect the actions of all people in the frames of one recording, as the live pipeline does.

    frames: capture times count from `decode_streams.START_NS`. Returns the actions in the order of their starts, in
    seconds from the first frame. Actions of two people are not decoded.
    """
    predictions = keep_predictions(frames, model, config)
    return decode_predictions(predictions, model.description, config, thresholds=thresholds)


def keep_predictions(frames: Iterable[PoseFrame], model: StreamModel[Any], config: Config) -> list[Prediction]:
    """Run the model over all people in the frames of one recording and keep its logits, without its future joints."""
    people = config.pose.max_people
    predictor = Predictor(
        model, rows=people, min_joint_confidence=config.pose.min_joint_confidence, mirror=config.model.mirror
    )
    rate_hz = model.description.rate_hz
    return [
        replace(
            prediction,
            future_joints_m=prediction.future_joints_m[:, :0].copy(),
            scales_m=prediction.scales_m[:, :0].copy(),
        )
        for joint_frame in live_joint_frames(
            frames, rate_hz=rate_hz, pose=config.pose, track=config.track, camera=config.camera
        )
        for prediction in predictor.step(joint_frame)
    ]


def decode_predictions(
    predictions: Iterable[Prediction],
    model: StreamDescription,
    config: Config,
    *,
    thresholds: Thresholds | None,
    legs: NDArray[np.bool_] | None = None,
) -> Sequence[DetectedAction]:
    """Decode kept predictions of one recording. Returns the actions as `detect_actions` does, with their counts.

    legs: (K,), the classes that need legs that are seen, as `ActionDecoder` takes them.
    Repetitions are counted from the joints of the predictions: with a prediction after every clip from fewer than live.
    """
    decoder = ActionDecoder(
        model, config.action, source_id="evaluation", rows=config.pose.max_people, thresholds=thresholds,
        bridge_s=config.track.bridge_s, legs=legs,
    )  # fmt: skip
    repetitions = RepetitionCounter(rows=config.pose.max_people, rate_hz=model.rate_hz)
    events: list[ActionEvent] = []
    for prediction in predictions:
        repetitions.observe(prediction.joint_frame)
        found = (event for event in decoder.step(prediction) if isinstance(event, ActionEvent))
        events.extend(map(repetitions.annotate, found))
    events.extend(map(repetitions.annotate, decoder.close_all("source_lost")))
    actions = [action for _, action in pair_starts_with_ends(events)]
    return sorted(actions, key=lambda action: action.detected_s)
