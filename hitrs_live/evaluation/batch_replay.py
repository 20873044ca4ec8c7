"""Run many files through the streaming path at full speed, their people as the rows of one batch.

Each file has a tracker and a resampler of its own, as if it were played alone. The history of each person then takes a
row of the batch, which is reset for the next person when the history ends. Rows are independent, so a file gets the
same actions as it would alone. Where the model knows actions of two people, a file's pairs are scored once all of its
people have been run.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Config
from hitrs_live.evaluation.batch_replay_pairs import FilePairs
from hitrs_live.inference.base import Engine
from hitrs_live.messages import ActionEvent, JointFrame
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.pair_decoder import PairDecoder
from hitrs_live.streaming.predictor import Predictor
from hitrs_live.streaming.recorded_tracks import TrackHistory
from hitrs_live.streaming.thresholds import Thresholds


@dataclass(frozen=True, kw_only=True)
class TrackedFile:
    """A file after tracking and resampling."""

    path: Path
    frames: int
    """Of the file."""
    joint_frames: tuple[JointFrame, ...]
    people: tuple[TrackHistory, ...]
    """In those joint frames."""


@dataclass(kw_only=True)
class FileScores:
    """Predictions for a file: of all its people together, and of its pairs. K classes."""

    path: Path
    frames: int
    people: int
    pair_actions: NDArray[np.bool_]
    """(K,); True for actions of two people, which pairs are scored on."""
    predictions: int = 0
    logits_sum: NDArray[np.float64]
    """(K,)."""
    pair_predictions: int = 0
    pair_logits_sum: NDArray[np.float64]
    """(K,)."""
    detected: list[str] = field(default_factory=list)
    """Labels of the actions that the decoder started."""

    @property
    def logits(self) -> NDArray[np.float64] | None:
        """Mean logits of the file, (K,): over all predictions for its people; for actions of two, for its pairs.

        Minus infinity for an action of two where there was no pair; None where no action has a prediction.
        """
        if not self.predictions or (self.pair_actions[1:].all() and not self.pair_predictions):
            return None
        of_pairs = self.pair_logits_sum / self.pair_predictions if self.pair_predictions else -np.inf
        return np.where(self.pair_actions, of_pairs, self.logits_sum / self.predictions)


@dataclass(kw_only=True)
class _PersonRow:
    """A person in a row of the batch, and the next frame of the history."""

    scores: FileScores
    """Of the file."""
    pairs: FilePairs | None
    """Of the file; None where the model knows no action of two."""
    person: TrackHistory
    track_id: int
    at: int = 0


class Replay:
    """The model and the decoder of the live path over R rows."""

    def __init__(
        self, checkpoint: Checkpoint, config: Config, engine: Engine, *, rows: int, thresholds: Thresholds | None = None
    ) -> None:
        """Take the model, the settings, the engine that computes it, the number of rows, and tuned thresholds."""
        stream = HitrsStream(checkpoint, engine=engine, step_frames=checkpoint.info.step_frames(config.model.update))
        model = stream.description
        self._predictor = Predictor(
            stream, rows=rows, min_joint_confidence=config.pose.min_joint_confidence, mirror=config.model.mirror
        )
        self._decoder = ActionDecoder(
            model, config.action, source_id="replay", rows=rows, thresholds=thresholds,
            bridge_s=config.track.bridge_s,
        )  # fmt: skip
        self._pair_actions, self._rate_hz = np.isin(model.labels, model.pair_labels), model.rate_hz
        self._pair_decoder = partial(PairDecoder, model, config, source_id="replay", thresholds=thresholds)
        self._rows: list[_PersonRow | None] = [None] * rows
        self._empty = np.zeros((len(NTU25), 3), np.float32), np.zeros(len(NTU25), np.float32)
        self.step_ms: list[float] = []
        """Duration of each step of the batch, from its joints to its events."""
        self._predictor.warm_up()

    def run(self, files: Iterable[TrackedFile]) -> list[FileScores]:
        """Run files to the end of the last one. Returns the scores of each, in the order given.

        files: read one by one, as rows become free.
        """
        scores: list[FileScores] = []
        waiting = self._people(files, scores)
        while True:
            self._rows = [next(waiting, None) if row is None else row for row in self._rows]
            if not any(self._rows):
                return scores
            self._step()

    def _people(self, files: Iterable[TrackedFile], scores: list[FileScores]) -> Iterator[_PersonRow]:
        track_id = 0
        for file in files:
            classes, count = len(self._pair_actions), len(file.people)
            of_file = FileScores(
                path=file.path, frames=file.frames, people=count, pair_actions=self._pair_actions,
                logits_sum=np.zeros(classes), pair_logits_sum=np.zeros(classes),
            )  # fmt: skip
            scores.append(of_file)
            pairs = self._open_pairs(file)
            for person in file.people:
                yield _PersonRow(scores=of_file, pairs=pairs, person=person, track_id=track_id)
                track_id += 1

    def _open_pairs(self, file: TrackedFile) -> FilePairs | None:
        if not file.people or not self._pair_actions.any():
            return None
        decoder = self._pair_decoder(rows=len(file.joint_frames[0].active))
        return FilePairs(decoder, file.joint_frames, histories=len(file.people), classes=len(self._pair_actions))

    def _step(self) -> None:
        """Advance every person by a frame, and free the rows whose history has ended."""
        joint_frame = self._joint_frame()
        began_ns = time.perf_counter_ns()
        predictions = self._predictor.step(joint_frame)
        events = [event for prediction in predictions for event in self._decoder.step(prediction)]
        self.step_ms.append((time.perf_counter_ns() - began_ns) / 1e6)
        for prediction in predictions:
            for number in np.flatnonzero(prediction.has_output).tolist():
                row = self._rows[number]
                assert row is not None
                row.scores.predictions += 1
                row.scores.logits_sum += prediction.logits[number]
                if row.pairs is not None:
                    row.pairs.take(row.person, row.at, prediction.logits[number])
        begun = {
            event.track_id: event.label for event in events if isinstance(event, ActionEvent) and event.state == "start"
        }
        for number, row in enumerate(self._rows):
            if row is None:
                continue
            if row.track_id in begun:
                row.scores.detected.append(begun[row.track_id])
            row.at += 1
            if row.at == len(row.person.joints_m):
                self._rows[number] = None
                if row.pairs is not None and row.pairs.end_one():
                    pairs = row.pairs.score_pairs()
                    row.scores.pair_predictions, row.scores.pair_logits_sum = pairs.predictions, pairs.logits_sum
                    row.scores.detected += pairs.detected

    def _joint_frame(self) -> JointFrame:
        """Put the next frame of every person into its row; a row without a person is inactive."""
        poses = [
            self._empty if row is None else (row.person.joints_m[row.at], row.person.confidence[row.at])
            for row in self._rows
        ]
        at = np.array([-1 if row is None else row.at for row in self._rows])
        return JointFrame.of(
            np.stack([joints_m for joints_m, _ in poses]),
            np.stack([confidence for _, confidence in poses]),
            time_ns=np.round(np.maximum(at, 0) / self._rate_hz * 1e9).astype(np.int64),
            track_ids=np.array([-1 if row is None else row.track_id for row in self._rows]),
            active=at >= 0,
            reset=at == 0,
        )
