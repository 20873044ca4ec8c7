"""The detector over a stream: frames and clips are encoded once, only the video level is recomputed."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hitrs_live.inference.base import Engine, HeadOutput
from hitrs_live.streaming.encoder_stream import StreamState, encode_step
from hitrs_live.transforms import BodyFrame, NormaliserConfig


@dataclass(frozen=True, kw_only=True)
class DetectorOutput:
    """The outputs of the rows that completed a clip in this step. M rows, M may be zero."""

    rows: Tensor
    """(M,) int64, which rows."""
    logits: Tensor
    """(M, K)."""
    future: Tensor
    """(M, F, J, 3), normalised, relative to `body`."""
    scales: Tensor
    """(M, F, J), body sizes: the scale of each future joint's error."""
    body: BodyFrame
    """The body frames of those rows at this frame."""
    embeddings: Tensor
    """(M, C_clip), of the clips that were completed."""


@torch.inference_mode()
def stream_step(
    engine: Engine,
    joints_m: Tensor,
    active: Tensor,
    state: StreamState,
    normaliser: NormaliserConfig,
    *,
    clips_only: bool = False,
) -> tuple[DetectorOutput, StreamState]:
    """Advance the active rows by one frame.

    joints_m: (R, J, 3) float32, metres; active: (R,) bool. A row's output equals the last clip of
    `HitrsDetector(joints)` over its frames up to this one, at most those of W clips, cut so that a clip ends with
    it, normalised since the row's reset. It comes with the first clip and then every `step_frames` of the state;
    with clips_only, only at every stride of the clip grid. Returns the output and the state, which was advanced in
    place, the same with clips_only or without.
    """
    clip, state = encode_step(engine, joints_m, active, state, normaliser)
    rows, body, embeddings = clip.rows, clip.body, clip.embeddings
    if clips_only and len(rows):
        first_phase = (state.clip_count[rows] - 1) % state.clips.shape[2] == 0
        rows, embeddings = rows[first_phase], embeddings[first_phase]
        body = body.map(lambda field: field[first_phase])
    heads = _predict(engine, rows, state)
    output = DetectorOutput(
        rows=rows, logits=heads.logits, future=heads.future, scales=heads.scales, body=body, embeddings=embeddings
    )
    return output, state


def _predict(engine: Engine, rows: Tensor, state: StreamState) -> HeadOutput:
    grid, horizon = engine.grid, engine.config.horizon
    if not len(rows):
        future = torch.zeros(0, horizon, grid.joints, 3)
        return HeadOutput(torch.zeros(0, engine.config.classes), future, future[..., 0])
    clips, valid_clips = state.clip_window(rows)
    span = (state.frame_count[rows, None] + torch.arange(grid.clip_span)) % grid.clip_span
    return engine.predict(clips, valid_clips, state.joints[rows[:, None], span])
