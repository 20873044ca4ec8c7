"""Hi-TRS with the two heads that the live path needs: what is being done, and where the joints go next."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hitrs_live.model.hitrs import HiTRS, HiTRSConfig


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """The encoder, the classes, and how far motion is predicted."""

    encoder: HiTRSConfig
    classes: int
    window_clips: int = 20
    """Clips of history that a judgement rests on."""
    horizon: int = 30
    """Frames predicted."""
    motion_basis: int = 6
    motion_hidden: int = 256


class MotionHead(nn.Module):
    """Predict residuals to the last pose in a smooth basis whose every function is zero at the last frame.

    So a prediction starts where the person is, whatever the weights. Every joint's recent motion is extrapolated
    by one small linear map that all share; what the clips tell of the action corrects it, joint by joint.
    """

    basis: Tensor

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        joints, channels = config.encoder.joints, config.encoder.channels
        self.shape = (joints, channels, config.motion_basis)
        self.extrapolate = nn.Linear(len(_LAGS), config.motion_basis, bias=False)
        self.context = nn.Linear(config.encoder.video_width, config.motion_hidden)
        self.recent = nn.Linear((1 + len(_LAGS)) * joints * channels, config.motion_hidden)
        output = nn.Linear(config.motion_hidden, joints * channels * config.motion_basis)
        self.correct = nn.Sequential(
            nn.GELU(), nn.Linear(config.motion_hidden, config.motion_hidden), nn.GELU(), output
        )
        # To begin with, the held pose.
        for parameter in (self.extrapolate.weight, output.weight, output.bias):
            nn.init.zeros_(parameter)
        self.register_buffer("basis", smooth_basis(config.horizon, config.motion_basis), persistent=False)

    def forward(self, clip_output: Tensor, recent: Tensor) -> Tensor:
        """Predict the frames after a clip.

        clip_output: (B, C_video), the clip's row of the video level; recent: (B, S, J, 3), the normalised
        frames of the clip's span, oldest first. Returns (B, F, J, 3) in the body frame of the last frame:
        joints relative to their own root, and in the root's slot the root relative to its slow average now.
        """
        last = recent[:, -1]
        speeds = torch.stack([(last - recent[:, -1 - lag]) / (lag * _TYPICAL_STEP) for lag in _LAGS], dim=-1)
        seen = torch.cat((last.flatten(1), speeds.flatten(1)), dim=1)
        correction = self.correct(self.context(clip_output) + self.recent(seen)).unflatten(-1, self.shape)
        weights = self.extrapolate(speeds) + correction
        residual = torch.einsum("bjcm,fm->bfjc", weights, self.basis)
        return last.unsqueeze(1) + residual


_LAGS = (1, 2, 4, 8)
"""The motion head sees the last pose, and its mean speed over so many frames."""
_TYPICAL_STEP = 0.02
"""Body sizes that a joint moves in a frame, roughly, so that speeds weigh about as much as places."""


def smooth_basis(horizon: int, functions: int) -> Tensor:
    """Make a ramp and cosines, each zero at the last observed frame. Returns (F, M), frames 1 ... F."""
    time = torch.arange(1, horizon + 1, dtype=torch.float32).unsqueeze(1) / horizon
    order = torch.arange(1, functions, dtype=torch.float32)
    return torch.cat((time, torch.cos(torch.pi * order * time) - 1.0), dim=1)


class HitrsDetector(nn.Module):
    """Name the action at each clip's end and predict the frames after it, from the past alone."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = HiTRS(config.encoder)
        self.action_head = nn.Sequential(
            nn.LayerNorm(config.encoder.video_width), nn.Linear(config.encoder.video_width, config.classes)
        )
        self.motion_head = MotionHead(config)

    def forward(self, joints: Tensor) -> tuple[Tensor, Tensor]:
        """Judge every clip of normalised sequences as if the stream ended there.

        joints: (B, T, J, 3) -> logits (B, N, K) and future joints (B, N, F, J, 3).
        Raises ValueError where T is shorter than one clip.
        """
        _, outputs = self.encoder(joints, causal=True)
        return self.action_head(outputs), self.predict_motion(outputs, joints)

    def predict_motion(self, outputs: Tensor, joints: Tensor) -> Tensor:
        """Predict after every clip. outputs: (B, N, C_video); joints: (B, T, J, 3) -> (B, N, F, J, 3)."""
        grid = self.config.encoder
        starts = torch.arange(outputs.shape[1], device=joints.device) * grid.clip_stride
        spans = joints[:, starts[:, None] + torch.arange(grid.clip_span, device=joints.device)]
        future: Tensor = self.motion_head(outputs.flatten(0, 1), spans.flatten(0, 1))
        return future.reshape(*outputs.shape[:2], *future.shape[1:])
