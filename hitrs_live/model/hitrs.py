"""Hi-TRS: a skeleton transformer in three levels, frame, clip and video (arXiv 2207.09644, section 3).

A frame's joints become tokens; seven frames' tokens become one clip embedding; the clips of a window become
one token for the whole and one output a clip. Each level sees only what the level below gives it, which is
what lets a stream keep the embeddings that it has computed.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from msgspec import Meta
from torch import Tensor, nn

from hitrs_live.model.blocks import Block, sinusoid

Size = Annotated[int, Meta(ge=1, le=8192)]
"""A size of a layer or of a sequence, within what a description in a file may ask for."""
Depth = Annotated[int, Meta(ge=1, le=64)]
"""A number of layers."""


@dataclass(frozen=True, kw_only=True)
class HiTRSConfig:
    """Size of the three encoders and the clip grid. The defaults are the published model."""

    joints: Annotated[int, Meta(ge=1, le=64)] = 25
    channels: Annotated[int, Meta(ge=1, le=16)] = 3
    clip_length: Annotated[int, Meta(ge=1, le=64)] = 7
    frame_interval: Annotated[int, Meta(ge=1, le=64)] = 2
    clip_stride: Annotated[int, Meta(ge=1, le=4096)] = 7
    max_clips: Size = 200
    frame_width: Size = 128
    frame_hidden: Size = 128
    clip_width: Size = 256
    clip_hidden: Size = 128
    video_width: Size = 512
    video_hidden: Size = 256
    layers: Depth = 3
    heads: Size = 8
    head_width: Size = 64
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.2
    causal: bool = False
    """Whether a clip's output reads no later clip, unless a caller chooses."""

    @property
    def clip_span(self) -> int:
        """Frames from a clip's first to its last, both counted."""
        return (self.clip_length - 1) * self.frame_interval + 1

    @property
    def least_weights(self) -> int:
        """Weights of the attention and feed-forward layers: a model of this size has more."""
        attention = 4 * self.heads * self.head_width
        levels = (
            (self.frame_width, self.frame_hidden),
            (self.clip_width, self.clip_hidden),
            (self.video_width, self.video_hidden),
        )
        return self.layers * sum(width * (attention + 2 * hidden) for width, hidden in levels)

    def frames_of(self, clips: int) -> int:
        """Frames that a window of so many clips covers."""
        return (clips - 1) * self.clip_stride + self.clip_span

    def clips_in(self, frames: int) -> int:
        """Whole clips in so many frames; 0 where there are too few for one."""
        return max(0, (frames - self.clip_span) // self.clip_stride + 1)


def _blocks(config: HiTRSConfig, width: int, hidden: int) -> nn.ModuleList:
    return nn.ModuleList(
        Block(width, hidden, config.heads, config.head_width, config.dropout) for _ in range(config.layers)
    )


class FrameEncoder(nn.Module):
    """Relate the joints of one frame to each other."""

    def __init__(self, config: HiTRSConfig) -> None:
        super().__init__()
        width = config.frame_width
        self.embed = nn.Sequential(nn.Linear(config.channels, width), nn.GELU(), nn.LayerNorm(width))
        self.positions = nn.Parameter(sinusoid(config.joints, width))
        self.blocks = _blocks(config, width, config.frame_hidden)

    def forward(self, joints: Tensor) -> Tensor:
        """Encode frames. joints: (..., J, 3), normalised -> tokens (..., J, C)."""
        tokens = self.embed(joints.flatten(0, -3)) + self.positions
        for block in self.blocks:
            tokens = block(tokens)
        encoded: Tensor = tokens.unflatten(0, joints.shape[:-2])
        return encoded


class ClipEncoder(nn.Module):
    """Relate the joints of a clip's frames over time and pool the clip in one token."""

    attend_mask: Tensor

    def __init__(self, config: HiTRSConfig) -> None:
        super().__init__()
        length, joints, width = config.clip_length, config.joints, config.clip_width
        self.embed = nn.Linear(config.frame_width, width)
        half = width // 2
        self.positions = nn.Parameter(
            torch.cat(
                (
                    sinusoid(joints, half).expand(length, -1, -1),
                    sinusoid(length, width - half).unsqueeze(1).expand(-1, joints, -1),
                ),
                dim=-1,
            ).contiguous()
        )
        self.token = nn.Parameter(torch.randn(width) * 0.02)
        self.blocks = _blocks(config, width, config.clip_hidden)
        self.register_buffer("attend_mask", other_frames_mask(length, joints), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Encode clips. tokens: (..., L, J, C_frame) -> embeddings (..., C_clip)."""
        batch = tokens.shape[:-3]
        x = (self.embed(tokens.flatten(0, -4)) + self.positions).flatten(1, 2)
        x = torch.cat((x, self.token.expand(len(x), 1, -1)), dim=1)
        *body, last = self.blocks
        for block in body:
            x = block(x, self.attend_mask)
        assert isinstance(last, Block)
        return last.last_token(x).reshape(*batch, -1)


class VideoEncoder(nn.Module):
    """Relate the clips of a window to each other and pool the window in one token."""

    def __init__(self, config: HiTRSConfig) -> None:
        super().__init__()
        width = config.video_width
        self.max_clips = config.max_clips
        self.causal = config.causal
        self.embed = nn.Linear(config.clip_width, width)
        self.positions = nn.Parameter(sinusoid(config.max_clips, width))
        self.token = nn.Parameter(torch.randn(width) * 0.02)
        self.blocks = _blocks(config, width, config.video_hidden)

    def forward(
        self, clips: Tensor, valid_mask: Tensor | None = None, *, causal: bool | None = None
    ) -> tuple[Tensor, Tensor]:
        """Encode windows of clips.

        clips: (B, N, C_clip), oldest first, padding last; valid_mask: (B, N) bool, True = a valid clip.
        With `causal`, by default as configured, a clip's output reads no later clip, so that clip n of a long
        window equals the last clip of the window cut there.
        Returns the token (B, C_video) and the clip outputs (B, N, C_video).
        Raises ValueError for more clips than there are positions.
        """
        count = clips.shape[1]
        if count > self.max_clips:
            raise ValueError(f"got a window of {count} clips, expected at most {self.max_clips} (max_clips)")
        x = self.embed(clips) + self.positions[:count]
        x = torch.cat((x, self.token.expand(len(x), 1, -1)), dim=1)
        mask = window_mask(count, valid_mask, self.causal if causal is None else causal, x.device)
        for block in self.blocks:
            x = block(x, mask)
        return x[:, -1], x[:, :-1]


class HiTRS(nn.Module):
    """The three encoders over a stream of normalised joints."""

    def __init__(self, config: HiTRSConfig) -> None:
        super().__init__()
        self.config = config
        self.frame_encoder = FrameEncoder(config)
        self.clip_encoder = ClipEncoder(config)
        self.video_encoder = VideoEncoder(config)

    def embed_clips(self, joints: Tensor) -> Tensor:
        """Encode every whole clip of a sequence. joints: (B, T, J, 3) -> (B, N, C_clip).

        Raises ValueError where T is shorter than one clip.
        """
        tokens = self.frame_encoder(joints)
        embeddings: Tensor = self.clip_encoder(gather_clips(tokens, self.config))
        return embeddings

    def forward(
        self, joints: Tensor, valid_mask: Tensor | None = None, *, causal: bool | None = None
    ) -> tuple[Tensor, Tensor]:
        """Encode sequences. joints: (B, T, J, 3); valid_mask: (B, N) over clips, as the video encoder takes it.

        Returns the video token (B, C_video) and the clip outputs (B, N, C_video).
        """
        result: tuple[Tensor, Tensor] = self.video_encoder(self.embed_clips(joints), valid_mask, causal=causal)
        return result


def gather_clips(tokens: Tensor, config: HiTRSConfig) -> Tensor:
    """Cut a sequence of frames into interleaved clips.

    tokens: (B, T, ...) -> (B, N, L, ...); clip n takes frames n * stride + (0, interval, 2 * interval, ...).
    Raises ValueError where T is shorter than one clip.
    """
    count = config.clips_in(tokens.shape[1])
    if count == 0:
        raise ValueError(f"got {tokens.shape[1]} frames, expected at least {config.clip_span} for one clip")
    starts = torch.arange(count, device=tokens.device) * config.clip_stride
    within = torch.arange(config.clip_length, device=tokens.device) * config.frame_interval
    return tokens[:, starts[:, None] + within]


def other_frames_mask(length: int, joints: int) -> Tensor:
    """Allow a joint itself, every joint of other frames and the token, but not its own frame's other joints.

    Returns (L * J + 1, L * J + 1) bool, True = may read; the token is last and reads all. (Section 3.2.)
    """
    frame = torch.arange(length).repeat_interleave(joints)
    mask = torch.ones(length * joints + 1, length * joints + 1, dtype=torch.bool)
    mask[:-1, :-1] = (frame[:, None] != frame[None, :]) | torch.eye(length * joints, dtype=torch.bool)
    return mask


def window_mask(clips: int, valid_mask: Tensor | None, causal: bool, device: torch.device) -> Tensor | None:
    """Return which clips of a window each clip and the token, which is last, may read.

    Returns a mask that broadcasts to (B, H, N + 1, N + 1), True = may read, or None where all may.
    """
    if valid_mask is None and not causal:
        return None
    mask = torch.ones(clips + 1, clips + 1, dtype=torch.bool, device=device)
    if causal:
        mask = mask.tril()
    if valid_mask is not None:
        # A padded clip may still read itself: a row that may read nothing would be NaN.
        token = torch.ones(len(valid_mask), 1, dtype=torch.bool, device=device)
        readable = torch.cat((valid_mask, token), dim=1)[:, None, None, :]
        mask = (mask & readable) | torch.eye(clips + 1, dtype=torch.bool, device=device)
    return mask


def hitrs_base() -> HiTRS:
    """Make the published model: 6,917,888 parameters."""
    return HiTRS(HiTRSConfig())


def hitrs_small() -> HiTRS:
    """Make a model of the same shape at about a fifth of the cost a clip, for small machines."""
    return HiTRS(HITRS_SMALL)


def hitrs_tiny() -> HiTRS:
    """Make a model of half a million parameters, for training on two cores."""
    return HiTRS(HITRS_TINY)


HITRS_SMALL = HiTRSConfig(
    frame_width=64,
    frame_hidden=64,
    clip_width=128,
    clip_hidden=128,
    video_width=256,
    video_hidden=256,
    heads=4,
    head_width=32,
    max_clips=64,
    dropout=0.1,
)

HITRS_TINY = HiTRSConfig(
    frame_width=48,
    frame_hidden=64,
    clip_width=96,
    clip_hidden=96,
    video_width=192,
    video_hidden=192,
    layers=2,
    heads=3,
    head_width=32,
    max_clips=64,
    dropout=0.0,
)

SIZES = {"tiny": HITRS_TINY, "small": HITRS_SMALL, "base": HiTRSConfig()}
