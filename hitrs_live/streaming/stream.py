"""Hi-TRS over a stream: every frame encoded once, every clip once, only the video level computed anew.

The state of all rows is explicit. Rows are people, of one camera or many; they advance independently, and a
row that rests or is reset leaves the others as they were.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.transforms import BodyFrame, NormaliserConfig, NormaliserState, normalise_step


@dataclass(kw_only=True)
class StreamState:
    """What R rows remember: rings of the newest frames and clips, and how many there were. Advanced in place."""

    normaliser: NormaliserState
    joints: Tensor
    """(R, S, J, 3), normalised; ring over the S frames of a clip's span."""
    tokens: Tensor
    """(R, S, J, C_frame); the same frames encoded."""
    clips: Tensor
    """(R, W, C_clip); ring over the W clips of the window."""
    frame_count: Tensor
    """(R,) int64, frames since the row's reset."""
    clip_count: Tensor
    """(R,) int64."""

    @classmethod
    def empty(cls, config: DetectorConfig, rows: int) -> "StreamState":
        """Make the state of rows that have seen nothing."""
        grid = config.encoder
        return cls(
            normaliser=NormaliserState.empty(rows),
            joints=torch.zeros(rows, grid.clip_span, grid.joints, grid.channels),
            tokens=torch.zeros(rows, grid.clip_span, grid.joints, grid.frame_width),
            clips=torch.zeros(rows, config.window_clips, grid.clip_width),
            frame_count=torch.zeros(rows, dtype=torch.int64),
            clip_count=torch.zeros(rows, dtype=torch.int64),
        )

    def reset(self, rows: Tensor) -> None:
        """Forget the past of some rows. rows: (R,) bool. What the rings hold is dead once the counts are zero."""
        self.normaliser.seen &= ~rows
        self.frame_count.masked_fill_(rows, 0)
        self.clip_count.masked_fill_(rows, 0)


@dataclass(frozen=True, kw_only=True)
class StreamOutput:
    """Judgements on the rows that completed a clip in this step. M rows, M may be zero."""

    rows: Tensor
    """(M,) int64, which rows."""
    logits: Tensor
    """(M, K)."""
    future: Tensor
    """(M, F, J, 3), normalised, relative to `body`."""
    body: BodyFrame
    """The body frames of those rows at this frame."""


@torch.inference_mode()
def stream_step(
    model: HitrsDetector, joints_m: Tensor, active: Tensor, state: StreamState, normaliser: NormaliserConfig
) -> tuple[StreamOutput, StreamState]:
    """Advance the active rows by one frame.

    joints_m: (R, J, 3) float32, metres; active: (R,) bool. The n-th output of a row equals the last clip of
    `model(joints)` over the frames of its last W clips, normalised since the row's reset.
    Returns the output and the state, which was advanced in place.
    """
    joints, body = normalise_step(joints_m, state.normaliser, active, normaliser)
    rows = active.nonzero().squeeze(1)
    _encode_frames(model, joints, rows, state)
    finished = rows[_completes_clip(state.frame_count[rows], model.config)]
    _encode_clips(model, finished, state)
    logits, future = _judge(model, finished, state)
    return StreamOutput(rows=finished, logits=logits, future=future, body=body.map(lambda f: f[finished])), state


def _completes_clip(frame_count: Tensor, config: DetectorConfig) -> Tensor:
    since_first = frame_count - config.encoder.clip_span
    return (since_first >= 0) & (since_first % config.encoder.clip_stride == 0)


def _encode_frames(model: HitrsDetector, joints: Tensor, rows: Tensor, state: StreamState) -> None:
    slots = state.frame_count[rows] % model.config.encoder.clip_span
    state.joints[rows, slots] = joints[rows]
    if len(rows):
        state.tokens[rows, slots] = model.encoder.frame_encoder(joints[rows])
    state.frame_count[rows] += 1


def _encode_clips(model: HitrsDetector, rows: Tensor, state: StreamState) -> None:
    if not len(rows):
        return
    grid = model.config.encoder
    # The span's oldest frame is where the next one will be written.
    within = torch.arange(grid.clip_length) * grid.frame_interval
    slots = (state.frame_count[rows, None] + within) % grid.clip_span
    embeddings = model.encoder.clip_encoder(state.tokens[rows[:, None], slots])
    state.clips[rows, state.clip_count[rows] % model.config.window_clips] = embeddings
    state.clip_count[rows] += 1


def _judge(model: HitrsDetector, rows: Tensor, state: StreamState) -> tuple[Tensor, Tensor]:
    grid, window = model.config.encoder, model.config.window_clips
    if not len(rows):
        return torch.zeros(0, model.config.classes), torch.zeros(0, model.config.horizon, grid.joints, grid.channels)
    count = state.clip_count[rows]
    held = count.clamp_max(window)
    # Oldest first from position 0; what lies past `held` is never read by the last real clip, being later.
    slots = ((count - held)[:, None] + torch.arange(int(held.max()))) % window
    _, outputs = model.encoder.video_encoder(state.clips[rows[:, None], slots], causal=True)
    newest = outputs[torch.arange(len(rows)), held - 1]
    span = (state.frame_count[rows, None] + torch.arange(grid.clip_span)) % grid.clip_span
    return model.action_head(newest), model.motion_head(newest, state.joints[rows[:, None], span])
