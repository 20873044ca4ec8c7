"""The stage between the resampler and the decoders: ticks in, judgements out."""

from collections.abc import Sequence

import numpy as np
import torch

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.engine.base import Engine
from hitrs_live.engine.torch_engine import TorchEngine
from hitrs_live.messages import Prediction, Tick
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.clip_stream import StreamState
from hitrs_live.streaming.step_cost import ms_per_frame, time_steps
from hitrs_live.streaming.stream import StreamOutput, stream_step
from hitrs_live.transforms import denormalise, fill_unseen

_MAY_BE_MISSING = tuple(
    NTU25.index(f"{side}_{part}") for side in ("left", "right") for part in ("hand", "hand_tip", "thumb", "foot")
)
"""Joints that the model has learned to do without. For any other, the pose stage's guess is the better one."""


class Predictor:
    """Keep a stream a row and step them all in one batch."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        rows: int,
        min_joint_confidence: float,
        hop: int | None = None,
        engine: Engine | None = None,
    ) -> None:
        """Take the model, and what computes it, by default the reference.

        hop: frames from one judgement on a row to the next, by default the clip stride.
        Raises ValueError for a hop that does not divide the stride.
        """
        self._engine = engine or TorchEngine(checkpoint.model)
        self._normaliser = checkpoint.info.normaliser
        self._stride = self._engine.grid.clip_stride
        self._hop = self._stride if hop is None else hop
        self.notice = ""
        """What judging oftener than once a clip costs, in one line, once warmed up; empty where it does not."""
        self._state = self._empty_state(rows)
        self._min_confidence = min_joint_confidence
        self._required = torch.ones(len(NTU25), dtype=torch.bool)
        self._required[list(_MAY_BE_MISSING)] = False

    def warm_up(self) -> None:
        """Run one clip on no one, so that the first person does not wait for the engine to find its feet.

        Where judgements come oftener than clips, time both ways, for `notice`.
        """
        rows = len(self._state.frame_count)
        scratch = self._empty_state(rows)
        still = torch.zeros(rows, len(NTU25), 3)
        for _ in range(self._engine.grid.clip_span):
            stream_step(self._engine, still, torch.ones(rows, dtype=torch.bool), scratch, self._normaliser)
        if self._hop < self._stride:
            self.notice = self._tell_cost(rows)

    def _tell_cost(self, rows: int) -> str:
        often_ms, seldom_ms = (
            ms_per_frame(time_steps(self._engine, self._normaliser, rows=rows, hop=hop))
            for hop in (self._hop, self._stride)
        )
        pace = "frame" if self._hop == 1 else f"{self._hop} frames"
        people = "1 person" if rows == 1 else f"{rows} people"
        return f"answers every {pace}: {often_ms:.1f} ms a frame for {people} here, {seldom_ms:.1f} ms if every clip"

    def _empty_state(self, rows: int) -> StreamState:
        config = self._engine.config
        return StreamState.empty(config.encoder, rows, window_clips=config.window_clips, hop=self._hop)

    def step(self, tick: Tick) -> Sequence[Prediction]:
        """Advance; return a prediction where a clip was completed or a history ended."""
        if tick.reset.any():
            self._state.reset(torch.from_numpy(tick.reset))
        seen = torch.from_numpy(tick.confidence >= self._min_confidence) | self._required
        joints_m = fill_unseen(torch.from_numpy(tick.joints_m), seen)
        output, self._state = stream_step(
            self._engine, joints_m, torch.from_numpy(tick.active), self._state, self._normaliser
        )
        if not len(output.rows) and not tick.reset.any():
            return ()
        return (_spread(tick, output),)


def _spread(tick: Tick, output: StreamOutput) -> Prediction:
    """Lay the judgements on some rows out over all of them."""
    count, rows = len(tick.active), output.rows.numpy()
    completed = np.zeros(count, bool)
    completed[rows] = True
    logits = np.zeros((count, *output.logits.shape[1:]), np.float32)
    logits[rows] = output.logits.numpy()
    future_joints_m = np.zeros((count, *output.future.shape[1:]), np.float32)
    future_joints_m[rows] = denormalise(output.future, output.body).numpy()
    scales_m = np.zeros((count, *output.scales.shape[1:]), np.float32)
    scales_m[rows] = (output.scales * output.body.size_m[:, None, None]).numpy()
    return Prediction(tick=tick, completed=completed, logits=logits, future_joints_m=future_joints_m, scales_m=scales_m)
