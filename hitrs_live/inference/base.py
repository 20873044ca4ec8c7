"""The protocol of inference engines: what a stream calls to compute the detector.

An engine is stateless; the state of a stream stays with the stream. It takes and returns float32 tensors on the CPU,
whichever precision and device it computes in, and any number of rows from one on.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from hitrs_live.config import Precision
from hitrs_live.model.detector import DetectorConfig
from hitrs_live.model.hitrs import HiTRSConfig


class StepEncoder(Protocol):
    """Encode frames and clips: all that a stream of embeddings needs."""

    @property
    def grid(self) -> HiTRSConfig:
        """Sizes of the encoders and the clip grid."""

    def encode_frames(self, joints: Tensor) -> Tensor:
        """Encode frames. joints: (M, J, C), as the encoder was trained to see them -> tokens (M, J, C_frame)."""

    def encode_clips(self, tokens: Tensor) -> Tensor:
        """Encode clips. tokens: (M, L, J, C_frame) -> embeddings (M, C_clip)."""


class HeadOutput(NamedTuple):
    """The outputs of both heads at the newest clip of windows. M windows."""

    logits: Tensor
    """(M, K)."""
    future: Tensor
    """(M, F, J, 3), normalised."""
    scales: Tensor
    """(M, F, J), body sizes: the scale of each future joint's error, as `MotionHead.forecast` defines it."""


class Engine(StepEncoder, Protocol):
    """Compute one detector in three submodules: frame, clip and head."""

    @property
    def name(self) -> str:
        """The back-end, as `model.engine` names it."""

    @property
    def precision(self) -> Precision:
        """The precision of the large matrix products."""

    @property
    def config(self) -> DetectorConfig:
        """The detector's configuration."""

    def predict(self, clips: Tensor, valid_clips: Tensor, recent: Tensor) -> HeadOutput:
        """Predict at the newest clip of windows.

        clips: (M, W, C_clip), oldest first, W = `config.window_clips`; valid_clips: (M,) int64 >= 1, how many of them
        are valid, what lies past them is not read; recent: (M, S, J, 3), the normalised frames of the newest clip's
        span.
        """


class SubmoduleEngine(ABC):
    """An `Engine` whose three calls each run one submodule as a whole."""

    def __init__(self, config: DetectorConfig, precision: Precision) -> None:
        """Take the detector's configuration and the precision of its large products."""
        self.config = config
        self.precision: Precision = precision

    @property
    def grid(self) -> HiTRSConfig:
        """Sizes of the encoders and the clip grid."""
        return self.config.encoder

    def encode_frames(self, joints: Tensor) -> Tensor:
        """Encode frames, as `Engine` defines it."""
        return self._run("frame", joints)[0]

    def encode_clips(self, tokens: Tensor) -> Tensor:
        """Encode clips, as `Engine` defines it."""
        return self._run("clip", tokens)[0]

    def predict(self, clips: Tensor, valid_clips: Tensor, recent: Tensor) -> HeadOutput:
        """Predict at the newest clip of windows, as `Engine` defines it."""
        return HeadOutput(*self._run("head", clips, valid_clips, recent))

    @abstractmethod
    def _run(self, submodule: str, *inputs: Tensor) -> Sequence[Tensor]:
        """Run "frame", "clip" or "head" on any number of rows."""
