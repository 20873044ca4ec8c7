"""What the streaming path asks of whatever computes the model.

An engine is stateless: a stream's rings stay with the stream. It takes and gives float32 tensors on the CPU,
whatever it computes in and wherever, and any number of rows from one on.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from hitrs_live.config import Precision
from hitrs_live.model.detector import DetectorConfig
from hitrs_live.model.hitrs import HiTRSConfig


class StepEncoder(Protocol):
    """Encode a frame and a clip: all that a stream without judgements needs."""

    @property
    def grid(self) -> HiTRSConfig:
        """Sizes of the encoders and the clip grid."""

    def encode_frames(self, joints: Tensor) -> Tensor:
        """Encode frames. joints: (M, J, C), as the encoder was trained to see them -> tokens (M, J, C_frame)."""

    def encode_clips(self, tokens: Tensor) -> Tensor:
        """Encode clips. tokens: (M, L, J, C_frame) -> embeddings (M, C_clip)."""


class HeadOutput(NamedTuple):
    """What is said of windows at their newest clip. M windows."""

    logits: Tensor
    """(M, K)."""
    future: Tensor
    """(M, F, J, 3), normalised."""
    scales: Tensor
    """(M, F, J), body sizes: how far off each joint of the future may be, as `MotionHead.forecast` has it."""


class Engine(StepEncoder, Protocol):
    """Compute one detector, in parts, as a stream needs them."""

    @property
    def name(self) -> str:
        """The back-end, as `model.engine` names it."""

    @property
    def precision(self) -> Precision:
        """What the large products are computed in."""

    @property
    def config(self) -> DetectorConfig:
        """What the detector is made of."""

    def predict(self, clips: Tensor, valid_clips: Tensor, recent: Tensor) -> HeadOutput:
        """Judge windows at their newest clip.

        clips: (M, W, C_clip), oldest first, W = `config.window_clips`; valid_clips: (M,) int64 >= 1, how many of them
        are real, what lies past them is not read; recent: (M, S, J, 3), the normalised frames of the newest clip's
        span.
        """


class SubmoduleEngine(ABC):
    """An `Engine` whose three calls each run one piece as a whole, whatever computes it."""

    def __init__(self, config: DetectorConfig, precision: Precision) -> None:
        self.config = config
        self.precision: Precision = precision

    @property
    def grid(self) -> HiTRSConfig:
        """Sizes of the encoders and the clip grid."""
        return self.config.encoder

    def encode_frames(self, joints: Tensor) -> Tensor:
        """Encode frames, as `Engine` has it."""
        return self._run("frame", joints)[0]

    def encode_clips(self, tokens: Tensor) -> Tensor:
        """Encode clips, as `Engine` has it."""
        return self._run("clip", tokens)[0]

    def predict(self, clips: Tensor, valid_clips: Tensor, recent: Tensor) -> HeadOutput:
        """Judge windows at their newest clip, as `Engine` has it."""
        return HeadOutput(*self._run("head", clips, valid_clips, recent))

    @abstractmethod
    def _run(self, submodule: str, *inputs: Tensor) -> Sequence[Tensor]:
        """Run "frame", "clip" or "head" on any number of rows."""
