"""The stage between the resampler and the decoders: ticks in, judgements out."""

from collections.abc import Sequence

import numpy as np
import torch

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.messages import Prediction, Tick
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.clip_stream import StreamState
from hitrs_live.streaming.stream import StreamOutput, stream_step
from hitrs_live.transforms import denormalise, fill_unseen

_MAY_BE_MISSING = tuple(
    NTU25.index(f"{side}_{part}") for side in ("left", "right") for part in ("hand", "hand_tip", "thumb", "foot")
)
"""Joints that the model has learned to do without. For any other, the pose stage's guess is the better one."""


class Predictor:
    """Keep a stream a row and step them all in one batch."""

    def __init__(self, checkpoint: Checkpoint, *, rows: int, min_joint_confidence: float) -> None:
        self._model = checkpoint.model
        self._normaliser = checkpoint.info.normaliser
        self._state = self._empty_state(rows)
        self._min_confidence = min_joint_confidence
        self._required = torch.ones(len(NTU25), dtype=torch.bool)
        self._required[list(_MAY_BE_MISSING)] = False

    def warm_up(self) -> None:
        """Run one clip on no one, so that the first person does not wait for torch to find its feet."""
        rows = len(self._state.frame_count)
        scratch = self._empty_state(rows)
        still = torch.zeros(rows, len(NTU25), 3)
        for _ in range(self._model.config.encoder.clip_span):
            stream_step(self._model, still, torch.ones(rows, dtype=torch.bool), scratch, self._normaliser)

    def _empty_state(self, rows: int) -> StreamState:
        config = self._model.config
        return StreamState.empty(config.encoder, rows, window_clips=config.window_clips)

    def step(self, tick: Tick) -> Sequence[Prediction]:
        """Advance; return a prediction where a clip was completed or a history ended."""
        if tick.reset.any():
            self._state.reset(torch.from_numpy(tick.reset))
        seen = torch.from_numpy(tick.confidence >= self._min_confidence) | self._required
        joints_m = fill_unseen(torch.from_numpy(tick.joints_m), seen)
        output, self._state = stream_step(
            self._model, joints_m, torch.from_numpy(tick.active), self._state, self._normaliser
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
    return Prediction(tick=tick, completed=completed, logits=logits, future_joints_m=future_joints_m)
