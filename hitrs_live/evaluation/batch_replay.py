"""Run many files through the streaming path at full speed, their people as the rows of one batch.

Each file is followed by a tracker and a resampler of its own, as if it were played alone; everybody's history then
takes a row of the batch, which is reset for the next one when it ends. Rows are independent, so a file is told what
it would be told alone. Where the model knows actions of two, a file's pairs are judged once all of its people are.
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
class Played:
    """A file as the tracker and the resampler made of it."""

    path: Path
    frames: int
    """Of the file."""
    joint_frames: tuple[JointFrame, ...]
    people: tuple[TrackHistory, ...]
    """In those ticks."""


@dataclass(kw_only=True)
class Heard:
    """What was said of a file's people, all of them together, and of its pairs."""

    path: Path
    frames: int
    people: int
    takes_two: NDArray[np.bool_]
    """(K,); True for the actions that pairs are judged on."""
    judgements: int = 0
    logits_sum: NDArray[np.float64]
    """(K,)."""
    pair_judgements: int = 0
    pair_logits_sum: NDArray[np.float64]
    """(K,)."""
    told: list[str] = field(default_factory=list)
    """Actions that the decoder let begin."""

    @property
    def logits(self) -> NDArray[np.float64] | None:
        """The file's answer: the mean over all judgements of everybody in it, for actions of two over those of pairs.

        (K,); minus infinity where there was no pair for an action. None where there was no judgement for any.
        """
        if not self.judgements or (self.takes_two[1:].all() and not self.pair_judgements):
            return None
        of_pairs = self.pair_logits_sum / self.pair_judgements if self.pair_judgements else -np.inf
        return np.where(self.takes_two, of_pairs, self.logits_sum / self.judgements)


@dataclass(kw_only=True)
class _Row:
    """Somebody's history, and how much of it was seen."""

    heard: Heard
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
        """Take the model, the settings, what computes it, and what was tuned."""
        stream = HitrsStream(checkpoint, engine=engine, step_frames=checkpoint.info.step_frames(config.model.update))
        model = stream.description
        self._predictor = Predictor(
            stream, rows=rows, min_joint_confidence=config.pose.min_joint_confidence, mirror=config.model.mirror
        )
        self._decoder = ActionDecoder(
            model, config.action, source_id="replay", rows=rows, thresholds=thresholds,
            bridge_s=config.track.bridge_s,
        )  # fmt: skip
        self._takes_two, self._rate_hz = np.isin(model.labels, model.pair_labels), model.rate_hz
        self._pair_decoder = partial(PairDecoder, model, config, source_id="replay", thresholds=thresholds)
        self._rows: list[_Row | None] = [None] * rows
        self._still = np.zeros((len(NTU25), 3), np.float32), np.zeros(len(NTU25), np.float32)
        self.step_ms: list[float] = []
        """How long each step of the batch took, from its joints to its events."""
        self._predictor.warm_up()

    def run(self, files: Iterable[Played]) -> list[Heard]:
        """Run files, which are read as rows come free, to the end of the last one. Returns them in their order."""
        heard: list[Heard] = []
        waiting = self._histories(files, heard)
        while True:
            self._rows = [next(waiting, None) if row is None else row for row in self._rows]
            if not any(self._rows):
                return heard
            self._step()

    def _histories(self, files: Iterable[Played], heard: list[Heard]) -> Iterator[_Row]:
        track_id = 0
        for played in files:
            classes, count = len(self._takes_two), len(played.people)
            one = Heard(
                path=played.path, frames=played.frames, people=count, takes_two=self._takes_two,
                logits_sum=np.zeros(classes), pair_logits_sum=np.zeros(classes),
            )  # fmt: skip
            heard.append(one)
            pairs = self._open_pairs(played)
            for person in played.people:
                yield _Row(heard=one, pairs=pairs, person=person, track_id=track_id)
                track_id += 1

    def _open_pairs(self, played: Played) -> FilePairs | None:
        if not played.people or not self._takes_two.any():
            return None
        decoder = self._pair_decoder(rows=len(played.joint_frames[0].active))
        return FilePairs(decoder, played.joint_frames, histories=len(played.people), classes=len(self._takes_two))

    def _step(self) -> None:
        """Advance everybody by a frame, and let those go whose last one it was."""
        joint_frame = self._joint_frame()
        began_ns = time.perf_counter_ns()
        predictions = self._predictor.step(joint_frame)
        events = [event for prediction in predictions for event in self._decoder.step(prediction)]
        self.step_ms.append((time.perf_counter_ns() - began_ns) / 1e6)
        for prediction in predictions:
            for number in np.flatnonzero(prediction.completed).tolist():
                row = self._rows[number]
                assert row is not None
                row.heard.judgements += 1
                row.heard.logits_sum += prediction.logits[number]
                if row.pairs is not None:
                    row.pairs.take(row.person, row.at, prediction.logits[number])
        begun = {
            event.track_id: event.label for event in events if isinstance(event, ActionEvent) and event.state == "start"
        }
        for number, row in enumerate(self._rows):
            if row is None:
                continue
            if row.track_id in begun:
                row.heard.told.append(begun[row.track_id])
            row.at += 1
            if row.at == len(row.person.joints_m):
                self._rows[number] = None
                if row.pairs is not None and row.pairs.end_one():
                    found = row.pairs.score_pairs()
                    row.heard.pair_judgements, row.heard.pair_logits_sum = found.judgements, found.logits_sum
                    row.heard.told += found.told

    def _joint_frame(self) -> JointFrame:
        """Lay the next frame of everybody out in rows; one that nobody is in rests."""
        poses = [
            self._still if row is None else (row.person.joints_m[row.at], row.person.confidence[row.at])
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
