"""Turn the model's predictions of one source into events: actions, class scores, motion."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import Config
from hitrs_live.messages import ActionEvent, AnyMessage, EndReason, ExtrapolatedPoses, JointFrame, People, Prediction
from hitrs_live.streaming.compensator import LatencyCompensator
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.motion_scorer import MotionScorer
from hitrs_live.streaming.pair_decoder import PairDecoder
from hitrs_live.streaming.repetitions import RepetitionCounter
from hitrs_live.streaming.stream_model import StreamDescription
from hitrs_live.streaming.thresholds import Thresholds
from hitrs_live.streaming.throttle import Throttle
from hitrs_live.teaching.actions_file import TaughtActions
from hitrs_live.teaching.loading import Replacement
from hitrs_live.teaching.sequence_decoder import SequenceDecoder
from hitrs_live.teaching.taught_decoder import TaughtDecoder

FEWER_EVERY_S = 1.0
"""Shortest interval between a person's published scores and motion predictions where the machine is too slow."""


class PredictionEvents:
    """Decode predictions into actions, throttle scores and motion, and keep what moves poses ahead in time.

    For each joint frame call `observe`, then `step` with each prediction of it, then `step_taught`.
    """

    def __init__(
        self,
        model: StreamDescription,
        config: Config,
        *,
        source_id: str,
        thresholds: Thresholds | None,
        taught: TaughtActions | None = None,
    ) -> None:
        """Set up the decoders. model: describes the model that predicts. taught: a user's own actions, if there are."""
        rows, rate_hz, horizon = config.pose.max_people, model.rate_hz, model.horizon_frames
        self._model, self._config, self._source_id = model, config, source_id
        self._decoder = ActionDecoder(
            model, config.action, source_id=source_id, rows=rows, thresholds=thresholds,
            bridge_s=config.track.bridge_s,
        )  # fmt: skip
        self._repetitions = RepetitionCounter(rows=rows, rate_hz=rate_hz)
        self._pair_decoder: PairDecoder | None = None
        if model.pair_labels:
            self._pair_decoder = PairDecoder(model, config, source_id=source_id, rows=rows, thresholds=thresholds)
        self._taught: TaughtDecoder | None = None
        self._sequences = SequenceDecoder(())
        self._ended: list[ActionEvent] = []
        """Events since the last frame that may be steps of sequences."""
        if taught is not None:
            self._taught, self._sequences = self._taught_decoders(taught)
        self.motion = MotionScorer(
            source_id=source_id, rows=rows, rate_hz=rate_hz, horizon=horizon, step_frames=model.step_frames
        )
        self._compensator = LatencyCompensator(rows=rows, rate_hz=rate_hz, horizon=horizon)
        self._throttle = Throttle(rows=rows, pause_s=config.publish.predictions_every_s)

    @property
    def reliable(self) -> NDArray[np.bool_]:
        """(R,) bool: rows whose recent motion errors are no larger than those of the zero-velocity baseline."""
        return self.motion.errors.reliable

    def publish_fewer(self, *, fewer: bool) -> None:
        """Publish scores and motion of a person once in FEWER_EVERY_S at most, or as often as the settings say."""
        pause_s = self._config.publish.predictions_every_s
        self._throttle.set_pause(max(pause_s, FEWER_EVERY_S) if fewer else pause_s)

    def observe(self, joint_frame: JointFrame) -> None:
        """Compare earlier motion predictions with the joints that were measured since, and keep these for counting."""
        self._repetitions.observe(joint_frame)
        self.motion.observe(joint_frame)
        self._compensator.observe(joint_frame)

    def step(self, prediction: Prediction) -> Iterator[AnyMessage]:
        """Yield the events of one prediction, those that the settings publish."""
        publish = self._config.publish
        self._compensator.step(prediction)
        due = self._throttle.step(prediction)
        for event in self._decoder.step(prediction):
            if isinstance(event, ActionEvent):
                self._ended.append(event)
                yield self._repetitions.annotate(event)
            elif publish.scores and event.track_id in due:
                yield event
        if self._pair_decoder is not None:
            yield from self._pair_decoder.step(prediction)
        # Scored also where it is not published: views and status show the errors.
        for motion in self.motion.step(prediction):
            if publish.motion and motion.track_id in due:
                yield motion

    def step_taught(self, joint_frame: JointFrame, predictions: Sequence[Prediction]) -> Sequence[ActionEvent]:
        """Return the events of taught actions, and of sequences, also of built-in classes, that are complete now.

        The frame and its predictions are those of the model, levelled.
        """
        events = () if self._taught is None else self._taught.step(joint_frame, predictions)
        return [*events, *self._complete_sequences(events)]

    def replace_taught(self, new: Replacement) -> Sequence[ActionEvent]:
        """Take other taught actions; return the ends of those that ran and are gone or have changed."""
        before, sequences = self._taught, self._sequences
        self._taught, self._sequences = self._taught_decoders(new.actions)
        self._sequences.take_over(sequences)
        ends: Sequence[ActionEvent] = ()
        if before is not None:
            ends = before.close_all("shutdown") if self._taught is None else self._taught.take_over(before, new.same)
        return [*ends, *self._complete_sequences(ends)]

    def close_all(self, reason: EndReason) -> Iterator[ActionEvent]:
        """End every action that is running."""
        ends = self._decoder.close_all(reason)
        yield from map(self._repetitions.annotate, ends)
        if self._pair_decoder is not None:
            yield from self._pair_decoder.close_all(reason)
        of_taught = () if self._taught is None else self._taught.close_all(reason)
        yield from of_taught
        yield from self._complete_sequences([*ends, *of_taught])

    def running_actions(self) -> Mapping[int, tuple[str, float]]:
        """Return label and score of the running actions, by track id."""
        actions = self._decoder.running_actions()
        if self._pair_decoder is not None:
            actions |= self._pair_decoder.running_actions()
        return actions if self._taught is None else actions | self._taught.running_actions()

    def extrapolate(self, people: People, time_ns: int) -> ExtrapolatedPoses:
        """Move the people of a frame to a later time by the newest predictions."""
        return self._compensator.extrapolate(people, time_ns)

    def _taught_decoders(self, taught: TaughtActions) -> tuple[TaughtDecoder | None, SequenceDecoder]:
        decoder = None
        if taught.actions:
            decoder = TaughtDecoder(
                taught, self._model, self._config, source_id=self._source_id, rows=self._config.pose.max_people
            )
        return decoder, SequenceDecoder(taught.sequences)

    def _complete_sequences(self, of_taught: Sequence[ActionEvent]) -> Sequence[ActionEvent]:
        """Take the newest events of single actions; return those of sequences that they complete."""
        events, self._ended = [*self._ended, *of_taught], []
        return [one for event in events for one in self._sequences.step(event)]
