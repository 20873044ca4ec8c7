"""Recordings of the reality benchmark with the model's outputs on them, kept so that they can be decoded again.

The model runs once over a recording. What it gave is then decoded with the thresholds in force, and again with each
shift of them for the curve of misses against false alarms.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo
from hitrs_live.config import Config
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.data.formats.real_clips import RealClip
from hitrs_live.data.measure_sets import MeasuredStream
from hitrs_live.evaluation.decode_streams import START_NS, decode_streams
from hitrs_live.evaluation.kept_logits import read_logits, write_logits
from hitrs_live.evaluation.kept_predictions import read_predictions, write_predictions
from hitrs_live.evaluation.kept_streams import DetectedAction, KeptStream
from hitrs_live.evaluation.live_actions import decode_predictions, keep_predictions
from hitrs_live.evaluation.metrics.event import LabelledRecording
from hitrs_live.evaluation.run_predictor import run_predictor
from hitrs_live.inference.base import Engine
from hitrs_live.messages import PoseFrame, Prediction
from hitrs_live.pose.recorded_landmarks import recorded_pose_frames
from hitrs_live.streaming.hitrs_stream import HitrsStream, describe_stream
from hitrs_live.streaming.thresholds import Thresholds, make_threshold_arrays


@dataclass(frozen=True, kw_only=True)
class BestScores:
    """The highest score of any action, the background left out, at each prediction of a recording. N predictions."""

    at_s: NDArray[np.float64]
    """(N,); the instants that the predictions describe, seconds from the first frame."""
    score: NDArray[np.float32]
    """(N,)."""


class ScoredSet(Protocol):
    """Recordings of one kind and what the model gave for them."""

    @property
    def scenes(self) -> Sequence[LabelledRecording]:
        """The recordings and what happens in them."""

    def decode(self, thresholds: Thresholds | None) -> Sequence[Sequence[DetectedAction]]:
        """Decode the actions of each recording, in the order of `scenes`."""

    def best_scores(self, thresholds: Thresholds | None) -> Sequence[BestScores]:
        """Compute the best score of an action at each prediction of each recording."""


@dataclass(frozen=True, kw_only=True)
class ScoredClips:
    """Clips of landmarks, after the lifting, the tracker, the resampler and the model."""

    scenes: Sequence[RealClip]
    predictions: Sequence[Sequence[Prediction]]
    info: CheckpointInfo
    config: Config

    def decode(self, thresholds: Thresholds | None) -> Sequence[Sequence[DetectedAction]]:
        """Decode the actions of all people of each clip."""
        model = describe_stream(self.info, self.info.step_frames(self.config.model.update))
        return [decode_predictions(one, model, self.config, thresholds=thresholds) for one in self.predictions]

    def best_scores(self, thresholds: Thresholds | None) -> Sequence[BestScores]:
        """Compute the best score of each prediction, of all people together."""
        return [self._best(one, thresholds) for one in self.predictions]

    def _best(self, predictions: Sequence[Prediction], thresholds: Thresholds | None) -> BestScores:
        logits = [one.logits[one.has_output] for one in predictions]
        times = [one.joint_frame.time_ns[one.has_output] for one in predictions]
        empty = np.zeros((0, len(self.info.labels)), np.float32)
        seconds = (np.concatenate([*times, np.zeros(0, np.int64)]) - START_NS) / 1e9
        return _best(np.concatenate([*logits, empty]), seconds, self.info, self.config, thresholds)


@dataclass(frozen=True, kw_only=True)
class ScoredStreams:
    """Streams of joints of one person each, after the model."""

    scenes: Sequence[MeasuredStream]
    kept: Sequence[KeptStream]
    info: CheckpointInfo
    config: Config

    def decode(self, thresholds: Thresholds | None) -> Sequence[Sequence[DetectedAction]]:
        """Decode the actions of each stream."""
        step_frames = self.info.step_frames(self.config.model.update)
        results = decode_streams(
            self.kept, self.info, self.config.action, thresholds=thresholds, step_frames=step_frames, of_pairs=False
        )
        return [sorted(one.detected, key=lambda action: action.detected_s) for one in results]

    def best_scores(self, thresholds: Thresholds | None) -> Sequence[BestScores]:
        """Compute the best score of each prediction."""
        rate_hz = self.info.normaliser.rate_hz
        return [_best(one.logits, one.ends / rate_hz, self.info, self.config, thresholds) for one in self.kept]


def score_clips(
    checkpoint: Checkpoint,
    clips: Sequence[RealClip],
    config: Config,
    engine: Engine | None = None,
    *,
    keep_in: Path | None = None,
) -> ScoredClips:
    """Run the live stages over clips, from the lifting of landmarks on, up to the model.

    keep_in: a file that the predictions are read from where it has those of these clips, and else written to.
    """
    info = checkpoint.info
    predictions = read_predictions(keep_in, clips, config) if keep_in else None
    if predictions is None:
        model = HitrsStream(checkpoint, engine=engine, step_frames=info.step_frames(config.model.update))
        predictions = [keep_predictions(pose_frames(clip, config), model, config) for clip in clips]
        if keep_in:
            write_predictions(keep_in, clips, config, predictions)
    return ScoredClips(scenes=clips, predictions=predictions, info=info, config=config)


def score_streams(
    checkpoint: Checkpoint,
    streams: Sequence[MeasuredStream],
    config: Config,
    engine: Engine | None = None,
    *,
    keep_in: Path | None = None,
) -> ScoredStreams:
    """Run the model over streams of joints, many side by side.

    keep_in: a file that the logits are read from where it has those of these joints, and else written to.
    """
    info, sequences = checkpoint.info, [one.sequence for one in streams]
    kept = read_logits(keep_in, sequences) if keep_in else None
    if kept is None:
        kept = _run(checkpoint, sequences, config, engine)
        if keep_in:
            write_logits(keep_in, kept)
    return ScoredStreams(scenes=streams, kept=kept, info=info, config=config)


def _run(
    checkpoint: Checkpoint, sequences: Sequence[LabelledSequence], config: Config, engine: Engine | None
) -> list[KeptStream]:
    """Run the model over sequences as `run_model` does, but keep logits alone, in the order given."""

    def record(index: int, frame: int, prediction: Prediction, row: int) -> tuple[int, NDArray[np.float32]]:
        return frame, prediction.logits[row].copy()

    recorded = dict(
        run_predictor(
            checkpoint, sequences, record, step_frames=checkpoint.info.step_frames(config.model.update),
            mirror=config.model.mirror, engine=engine,
        )
    )  # fmt: skip
    classes = len(checkpoint.info.labels)
    return [
        KeptStream(
            sequence=sequence,
            ends=np.array([frame for frame, _ in recorded[index]], np.int64),
            logits=np.array([row for _, row in recorded[index]], np.float32).reshape(-1, classes),
        )
        for index, sequence in enumerate(sequences)
    ]


def pose_frames(clip: RealClip, config: Config) -> Iterator[PoseFrame]:
    """Lift a clip's landmarks as the pose stage does. Yields every frame, also those in which no one was seen."""
    return recorded_pose_frames(
        clip.landmarks, clip.frame, frames=clip.frames, rate_hz=clip.fps, size=(clip.width, clip.height),
        config=config, start_ns=START_NS,
    )  # fmt: skip


def _best(
    logits: NDArray[np.float32],
    known_s: NDArray[np.float64],
    info: CheckpointInfo,
    config: Config,
    thresholds: Thresholds | None,
) -> BestScores:
    rules = make_threshold_arrays(describe_stream(info), config.action, thresholds)
    scores = rules.scores(logits)
    lag_s = info.label_lag_frames / info.normaliser.rate_hz
    return BestScores(at_s=known_s - lag_s, score=scores[:, 1:].max(axis=1))
