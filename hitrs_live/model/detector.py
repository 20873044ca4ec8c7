"""Hi-TRS with the two heads that the live path needs: the action, and the future joints."""

from dataclasses import dataclass
from typing import Annotated

import torch
from msgspec import Meta
from torch import Tensor, nn

from hitrs_live.model.hitrs import Depth, HiTRS, HiTRSConfig, Size
from hitrs_live.model.motion_head import MotionHead


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """The encoder, the classes, and how far motion is predicted."""

    encoder: HiTRSConfig
    classes: Size
    window_clips: Size = 20
    """Clips of history that an output rests on."""
    horizon: Annotated[int, Meta(ge=1, le=1024)] = 30
    """Frames predicted."""
    motion_basis: Annotated[int, Meta(ge=1, le=1024)] = 8
    motion_hidden: Size = 160
    motion_blocks: Depth = 4

    @property
    def least_weights(self) -> int:
        """Weights of the largest layers: a model of this size has more."""
        return self.encoder.least_weights + self.motion_blocks * self.motion_hidden**2


class HitrsDetector(nn.Module):
    """Classify the action at each clip's end and predict the frames after it, from the past alone."""

    def __init__(self, config: DetectorConfig) -> None:
        """Make a detector with random weights."""
        super().__init__()
        self.config = config
        self.encoder = HiTRS(config.encoder)
        self.action_head = nn.Sequential(
            nn.LayerNorm(config.encoder.video_width), nn.Linear(config.encoder.video_width, config.classes)
        )
        self.motion_head = MotionHead(
            context_width=config.encoder.video_width, history=config.encoder.clip_span, horizon=config.horizon,
            functions=config.motion_basis, hidden=config.motion_hidden, blocks=config.motion_blocks,
        )  # fmt: skip

    def forward(self, joints: Tensor) -> tuple[Tensor, Tensor]:
        """Predict at every clip of normalised sequences as if the stream ended there.

        joints: (B, T, J, 3) -> logits (B, N, K) and future joints (B, N, F, J, 3).
        Raises ValueError where T is shorter than one clip.
        """
        _, outputs = self.encoder(joints, causal=True)
        return self.action_head(outputs), self.predict_motion(outputs, joints)

    def predict_motion(self, outputs: Tensor, joints: Tensor) -> Tensor:
        """Predict after every clip. outputs: (B, N, C_video); joints: (B, T, J, 3) -> (B, N, F, J, 3)."""
        return self.forecast(outputs, joints)[0]

    def forecast(self, outputs: Tensor, joints: Tensor) -> tuple[Tensor, Tensor]:
        """Predict as `predict_motion` does, with each joint's scale: (B, N, F, J, 3) and (B, N, F, J)."""
        grid = self.config.encoder
        starts = torch.arange(outputs.shape[1], device=joints.device) * grid.clip_stride
        spans = joints[:, starts[:, None] + torch.arange(grid.clip_span, device=joints.device)]
        future, scale = self.motion_head.forecast(outputs.flatten(0, 1), spans.flatten(0, 1))
        batch = outputs.shape[:2]
        return future.reshape(*batch, *future.shape[1:]), scale.reshape(*batch, *scale.shape[1:])
