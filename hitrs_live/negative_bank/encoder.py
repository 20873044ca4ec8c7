"""Open the encoder of a bank and identify it: two checkpoints whose tokens are equal have one fingerprint."""

from dataclasses import dataclass
from pathlib import Path

from hitrs_live.checkpoint import checkpoint_kind, load_checkpoint, load_encoder
from hitrs_live.errors import CheckpointMismatch
from hitrs_live.files.checkpoint_file import checkpoint_path
from hitrs_live.inference.base import StepEncoder
from hitrs_live.inference.torch_engine import TorchEncoder, TorchEngine
from hitrs_live.model.encoder_fingerprint import encoder_fingerprint
from hitrs_live.model.hitrs import HiTRS
from hitrs_live.negative_bank.bank_format import BankInfo, EncoderDescription
from hitrs_live.transforms import NormaliserConfig

_LABEL_LAG_FRAMES = 2
"""Of an encoder alone, which has no head yet: that of the shipped detector."""


@dataclass(frozen=True, kw_only=True)
class BankEncoder:
    """The frame and clip levels of a checkpoint, with what a bank keeps of them."""

    steps: StepEncoder
    description: EncoderDescription


def open_bank_encoder(path: str | Path | None) -> BankEncoder:
    """Open the encoder of a checkpoint of any kind, by default of the shipped one, on the CPU.

    Raises CheckpointMismatch as `load_checkpoint` does.
    """
    path = checkpoint_path(path)
    if checkpoint_kind(path) == "detector":
        checkpoint = load_checkpoint(path)
        info, model = checkpoint.info, checkpoint.model
        return BankEncoder(
            steps=TorchEngine(model),
            description=describe_encoder(
                info.name, model.encoder, info.normaliser, window_clips=info.detector.window_clips,
                label_lag_frames=info.label_lag_frames,
            ),
        )  # fmt: skip
    alone = load_encoder(path)
    return BankEncoder(
        steps=TorchEncoder(alone.model),
        description=describe_encoder(
            alone.info.name, alone.model, alone.info.normaliser, window_clips=alone.info.encoder.max_clips,
            label_lag_frames=_LABEL_LAG_FRAMES, modality=alone.info.modality,
        ),
    )  # fmt: skip


def check_encoder(bank: BankInfo, description: EncoderDescription, *, bank_name: str) -> None:
    """Raise CheckpointMismatch where a bank's tokens are another encoder's."""
    if bank.encoder.fingerprint != description.fingerprint:
        raise CheckpointMismatch(
            f"{bank_name}: tokens of the encoder {bank.encoder.name} {bank.encoder.fingerprint[:12]}, expected "
            f"{description.name} {description.fingerprint[:12]}; name the checkpoint that it was built with, or build "
            "a bank for this one"
        )


def describe_encoder(
    name: str,
    encoder: HiTRS,
    normaliser: NormaliserConfig,
    *,
    window_clips: int,
    label_lag_frames: int,
    modality: str = "joint",
) -> EncoderDescription:
    """Describe an encoder for a bank. window_clips, label_lag_frames: of the head that reads its clips."""
    grid = encoder.config
    return EncoderDescription(
        name=name,
        fingerprint=encoder_fingerprint(encoder, normaliser, modality),
        width=grid.clip_width,
        span_frames=grid.clip_span,
        stride_frames=grid.clip_stride,
        window_clips=window_clips,
        label_lag_frames=label_lag_frames,
        normaliser=normaliser,
        modality=modality,
    )
