"""The reference engine: eager torch. It runs everywhere, and every other engine is compared with it.

`torch.compile` is not used: it takes 18 s at the start, and again for other numbers of rows, for calls 1.0 to 1.5 times
as fast.
"""

import torch
from torch import Tensor

from hitrs_live.config import Precision
from hitrs_live.inference.base import SubmoduleEngine
from hitrs_live.inference.submodules import in_precision, run_submodule, submodules_of
from hitrs_live.model.detector import HitrsDetector
from hitrs_live.model.hitrs import HiTRS, HiTRSConfig

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class TorchEncoder:
    """Run the frame and clip levels of any encoder."""

    def __init__(self, encoder: HiTRS) -> None:
        self._encoder = encoder

    @property
    def grid(self) -> HiTRSConfig:
        """Sizes of the encoders and the clip grid."""
        return self._encoder.config

    @torch.inference_mode()
    def encode_frames(self, joints: Tensor) -> Tensor:
        """Encode frames, as `StepEncoder` defines it."""
        tokens: Tensor = self._encoder.frame_encoder(joints)
        return tokens

    @torch.inference_mode()
    def encode_clips(self, tokens: Tensor) -> Tensor:
        """Encode clips, as `StepEncoder` defines it."""
        embeddings: Tensor = self._encoder.clip_encoder(tokens)
        return embeddings


class TorchEngine(SubmoduleEngine):
    """Run a detector's submodules on the CPU."""

    name = "torch"

    def __init__(self, model: HitrsDetector, precision: Precision = "fp32") -> None:
        """Take a model in evaluation mode. In fp32 its weights are shared, except for the motion head's.

        Raises ValueError for int8, which torch does not run here.
        """
        if precision not in DTYPES:
            raise ValueError(f"got precision {precision}, expected one of {', '.join(DTYPES)} with torch")
        super().__init__(model.config, precision)
        self._submodules = submodules_of(in_precision(model, DTYPES[precision]))

    @torch.inference_mode()
    def _run(self, submodule: str, *inputs: Tensor) -> tuple[Tensor, ...]:
        return run_submodule(self._submodules[submodule], inputs)
