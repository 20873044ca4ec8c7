"""The encoder over a stream: every frame encoded once, every clip once, the newest clips kept.

A clip ends every `step_frames` frames. At the stride of the clip grid, the window's clips are the newest ones. At a
part of it, say at every frame, stride / step_frames grids run interleaved, each shifted by step_frames against the one
before. These are the phases, and a window is made of the clips of one phase: those that end at t, t - stride,
t - 2 stride and so on, as the video level was trained to see them.

The state of all rows is explicit. Rows are people, of one camera or many; they advance independently, and a
row that is inactive or is reset leaves the others as they were.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from hitrs_live.inference.base import StepEncoder
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.transforms import BodyFrame, NormaliserConfig, NormaliserState, normalise_step, to_modality

_MOTION_REACH = 3
"""Frames, this one included, that the motion modality reads."""


@dataclass(kw_only=True)
class StreamState:
    """The history of R rows: rings of the newest frames and clips, and how many there were. Advanced in place."""

    normaliser: NormaliserState
    joints: Tensor
    """(R, S, J, 3), normalised; ring over the S frames of a clip's span."""
    tokens: Tensor
    """(R, S, J, C_frame); the same frames encoded."""
    clips: Tensor
    """(R, W, P, C_clip); for each of the P phases, a ring over the W clips of its window."""
    frame_count: Tensor
    """(R,) int64, frames since the row's reset."""
    clip_count: Tensor
    """(R,) int64, clips since then, of all phases: clip n is the n // P-th of phase n % P."""

    @classmethod
    def empty(cls, grid: HiTRSConfig, rows: int, *, window_clips: int, step_frames: int | None = None) -> "StreamState":
        """Return the state of rows that have seen nothing.

        step_frames: frames from one clip's end to the next one's, by default the stride of the clip grid.
        Raises ValueError where it does not divide the stride.
        """
        step_frames = grid.clip_stride if step_frames is None else step_frames
        if step_frames < 1 or grid.clip_stride % step_frames:
            raise ValueError(f"step_frames {step_frames}: expected a divisor of the clip stride, {grid.clip_stride}")
        return cls(
            normaliser=NormaliserState.empty(rows),
            joints=torch.zeros(rows, grid.clip_span, grid.joints, 3),
            tokens=torch.zeros(rows, grid.clip_span, grid.joints, grid.frame_width),
            clips=torch.zeros(rows, window_clips, grid.clip_stride // step_frames, grid.clip_width),
            frame_count=torch.zeros(rows, dtype=torch.int64),
            clip_count=torch.zeros(rows, dtype=torch.int64),
        )

    def reset(self, rows: Tensor) -> None:
        """Forget the past of some rows. rows: (R,) bool. With counts of zero, the rings' content is never read."""
        self.normaliser.seen &= ~rows
        self.frame_count.masked_fill_(rows, 0)
        self.clip_count.masked_fill_(rows, 0)

    def newest_joints(self, rows: Tensor) -> Tensor:
        """Read the newest frame of some rows, each of which has at least one. rows: (M,) int64 -> (M, J, 3)."""
        return self.joints[rows, (self.frame_count[rows] - 1) % self.joints.shape[1]]

    def clip_window(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Read the windows that end with the newest clip of some rows, each of which has at least one clip.

        rows: (M,) int64. Returns the clips (M, W, C_clip), oldest first from position 0, and how many of the W are
        valid, (M,) int64; what lies past them is undefined.
        """
        window, phases = self.clips.shape[1:3]
        newest = self.clip_count[rows] - 1
        count = newest // phases + 1
        valid_clips = count.clamp_max(window)
        slots = ((count - valid_clips)[:, None] + torch.arange(window)) % window
        return self.clips[rows[:, None], slots, newest[:, None] % phases], valid_clips


@dataclass(frozen=True, kw_only=True)
class ClipOutput:
    """The clips that were completed in one step, M of them, M may be zero."""

    rows: Tensor
    """(M,) int64, which rows."""
    embeddings: Tensor
    """(M, C_clip)."""
    body: BodyFrame
    """The body frames of those rows at this frame."""


@torch.inference_mode()
def encode_step(
    encoder: StepEncoder,
    joints_m: Tensor,
    active: Tensor,
    state: StreamState,
    normaliser: NormaliserConfig,
    modality: str = "joint",
) -> tuple[ClipOutput, StreamState]:
    """Advance the active rows by one frame and encode the clips that it completes.

    joints_m: (R, J, 3) float32, metres; active: (R,) bool; modality as `to_modality` has it. An embedding equals the
    last of `HiTRS.embed_clips` over the row's frames up to this one, cut so that a clip ends with it, normalised
    since the row's reset; the first comes with the S-th frame, then one every `step_frames` of the state.
    Returns the clips and the state, which was advanced in place. Raises ValueError for an unknown modality.
    """
    joints, body = normalise_step(joints_m, state.normaliser, active, normaliser)
    rows = active.nonzero().squeeze(1)
    count = state.frame_count[rows]
    slots = count % encoder.grid.clip_span
    newest = joints[rows]
    state.joints[rows, slots] = newest
    if len(rows):
        state.tokens[rows, slots] = encoder.encode_frames(_express(newest, rows, state, normaliser, modality))
    count += 1
    state.frame_count[rows] = count
    finished = rows[_completes_clip(count, state, encoder.grid)]
    embeddings = _encode_clips(encoder, finished, state)
    # Most frames complete no clip: an empty slice is cheaper than indexing.
    ended = finished if len(finished) else slice(0)
    return ClipOutput(rows=finished, embeddings=embeddings, body=body.map(lambda field: field[ended])), state


def _express(newest: Tensor, rows: Tensor, state: StreamState, normaliser: NormaliserConfig, modality: str) -> Tensor:
    """Convert the frames just written, newest: (M, J, 3), to the encoder's modality. Returns the same shape."""
    if modality != "motion":
        return to_modality(newest, modality, normaliser)
    # Before its first frame a row is taken to have stood still.
    back = torch.arange(_MOTION_REACH - 1, -1, -1)[:, None]
    recent = state.joints[rows, (state.frame_count[rows] - back).clamp_min(0) % state.joints.shape[1]]
    return to_modality(recent, modality, normaliser)[-1]


def _completes_clip(frame_count: Tensor, state: StreamState, grid: HiTRSConfig) -> Tensor:
    since_first = frame_count - grid.clip_span
    step_frames = grid.clip_stride // state.clips.shape[2]
    return (since_first >= 0) & (since_first % step_frames == 0)


def _encode_clips(encoder: StepEncoder, rows: Tensor, state: StreamState) -> Tensor:
    grid = encoder.grid
    if not len(rows):
        return torch.zeros(0, grid.clip_width)
    # The span's oldest frame is where the next one will be written.
    within = torch.arange(grid.clip_length) * grid.frame_interval
    slots = (state.frame_count[rows, None] + within) % grid.clip_span
    embeddings = encoder.encode_clips(state.tokens[rows[:, None], slots])
    window, phases = state.clips.shape[1:3]
    number = state.clip_count[rows]
    state.clips[rows, number // phases % window, number % phases] = embeddings
    state.clip_count[rows] += 1
    return embeddings
