"""The stage between the resampler and the decoders: ticks in, judgements out."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import PoseConfig
from hitrs_live.inference.base import Engine
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.messages import JointFrame, Prediction
from hitrs_live.skeleton import NTU25, mirrored_labels
from hitrs_live.streaming.detector_stream import StreamOutput, stream_step
from hitrs_live.streaming.encoder_stream import StreamState
from hitrs_live.streaming.profile_step import ms_per_frame, time_steps
from hitrs_live.transforms import average_sides, denormalise, fill_unseen, mirror

_MAY_BE_MISSING = tuple(
    NTU25.index(f"{side}_{part}") for side in ("left", "right") for part in ("hand", "hand_tip", "thumb", "foot")
)
"""Joints that the model has learned to do without. For any other, the pose stage's guess is the better one."""


class Predictor:
    """Keep a stream a row and step them all in one batch.

    Everybody may be judged twice, as they are and mirrored, which takes a second row each: what is said of the class on
    the other side of the mirror is averaged with what is said of the class itself. Neither view is better than the
    other, and their errors differ. Motion is told of people as they are.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        rows: int,
        min_joint_confidence: float = PoseConfig().min_joint_confidence,
        step_frames: int | None = None,
        mirror: bool = True,
        engine: Engine | None = None,
    ) -> None:
        """Take the model, and what computes it, by default the reference.

        min_joint_confidence: joints below it count as not seen, whatever source they come from; by default as live.
        step_frames: frames from one judgement on a row to the next, by default the clip stride. mirror: whether
        everybody is judged mirrored too. Raises ValueError for a hop that does not divide the stride.
        """
        self._engine = engine or TorchEngine(checkpoint.model)
        self._normaliser = checkpoint.info.normaliser
        self._stride = self._engine.grid.clip_stride
        self._step_frames = self._stride if step_frames is None else step_frames
        self.cost = ""
        """What predictions more often than once a clip cost here, in one line, once warmed up; empty without them."""
        self._people = rows
        self._mirrored = torch.from_numpy(mirrored_labels(checkpoint.info.labels)) if mirror else None
        self._state = self._empty_state()
        self._min_confidence = min_joint_confidence
        self._required = torch.ones(len(NTU25), dtype=torch.bool)
        self._required[list(_MAY_BE_MISSING)] = False

    def warm_up(self) -> None:
        """Run one clip on no one, so that the first person does not wait for the engine to find its feet.

        Where predictions come more often than clips, time both ways, for `cost`.
        """
        scratch = self._empty_state()
        rows = len(scratch.frame_count)
        still = torch.zeros(rows, len(NTU25), 3)
        for _ in range(self._engine.grid.clip_span):
            stream_step(self._engine, still, torch.ones(rows, dtype=torch.bool), scratch, self._normaliser)
        if self._step_frames < self._stride:
            self.cost = self._measure_cost()

    def _measure_cost(self) -> str:
        often_ms, seldom_ms = (
            ms_per_frame(
                time_steps(self._engine, self._normaliser, rows=len(self._state.frame_count), step_frames=step_frames)
            )
            for step_frames in (self._step_frames, self._stride)
        )
        pace = "frame" if self._step_frames == 1 else f"{self._step_frames} frames"
        people = "1 person" if self._people == 1 else f"{self._people} people"
        # Short enough for one line of a terminal of 80 columns.
        return f"predicting every {pace}: {often_ms:.1f} ms/frame for {people}; --update clip: {seldom_ms:.1f} ms"

    def _empty_state(self) -> StreamState:
        """Make rows for everybody and, where they are judged so, after those as many for their mirror images."""
        config = self._engine.config
        rows = self._people * (1 if self._mirrored is None else 2)
        return StreamState.empty(config.encoder, rows, window_clips=config.window_clips, step_frames=self._step_frames)

    def step(self, joint_frame: JointFrame) -> Sequence[Prediction]:
        """Advance; return a prediction where a clip was completed or a history ended."""
        reset, active = torch.from_numpy(joint_frame.reset), torch.from_numpy(joint_frame.active)
        seen = torch.from_numpy(joint_frame.confidence >= self._min_confidence) | self._required
        joints_m = fill_unseen(torch.from_numpy(joint_frame.joints_m), seen)
        if self._mirrored is not None:
            joints_m = torch.cat((joints_m, mirror(joints_m)))
            reset, active = reset.repeat(2), active.repeat(2)
        if joint_frame.reset.any():
            self._state.reset(reset)
        output, self._state = stream_step(self._engine, joints_m, active, self._state, self._normaliser)
        if not len(output.rows) and not joint_frame.reset.any():
            return ()
        return (_spread(joint_frame, output, self._mirrored),)


def _spread(joint_frame: JointFrame, output: StreamOutput, mirrored: Tensor | None) -> Prediction:
    """Lay the judgements on some rows out over all of them.

    mirrored: (K,), the class on the other side of the mirror, where the second half of the judgements is of mirror
    images, in the order of the first.
    """
    count = len(joint_frame.active)
    judged = len(output.rows) // (1 if mirrored is None else 2)
    own = slice(judged)
    rows, body = output.rows[own].numpy(), output.body.map(lambda field: field[own])
    said = output.logits[own]
    if mirrored is not None:
        said = average_sides(said, output.logits[judged:], mirrored)
    completed = np.zeros(count, bool)
    completed[rows] = True
    logits = np.zeros((count, *output.logits.shape[1:]), np.float32)
    logits[rows] = said.numpy()
    future_joints_m = np.zeros((count, *output.future.shape[1:]), np.float32)
    future_joints_m[rows] = denormalise(output.future[own], body).numpy()
    scales_m = np.zeros((count, *output.scales.shape[1:]), np.float32)
    scales_m[rows] = (output.scales[own] * body.size_m[:, None, None]).numpy()
    return Prediction(
        joint_frame=joint_frame, completed=completed, logits=logits, future_joints_m=future_joints_m, scales_m=scales_m
    )
