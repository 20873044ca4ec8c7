"""Refuse models that cannot find or teach actions."""

from typing import Final, Protocol

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.errors import CheckpointMismatch
from hitrs_live.files.checkpoint_file import checkpoint_path
from hitrs_live.teaching.actions_file import TaughtActions
from hitrs_live.teaching.examples import RATE_HZ

_GRAPHS: Final = (".onnx", ".plan", ".engine", ".trt")
"""Files of ONNX Runtime and TensorRT."""


class EmbeddingModel(Protocol):
    """What a model that finds taught actions has: a `StreamDescription`, for example."""

    @property
    def name(self) -> str:
        """What errors call the model."""

    @property
    def rate_hz(self) -> float:
        """Frames of joints a second."""

    @property
    def embedding_width(self) -> int:
        """Numbers of a clip embedding; 0 for a model that gives none."""


def load_teacher(given: str | None) -> Checkpoint:
    """Load the detector with whose encoder actions are taught. given: as `checkpoint_path` takes it.

    Raises CheckpointMismatch, naming the file, where it is no detector, gives no clip embeddings, or has another rate.
    """
    path = checkpoint_path(given)
    if path.suffix.lower() in _GRAPHS:
        raise CheckpointMismatch(
            f"checkpoint {path}: a graph gives no clip embeddings, by which actions are found; give the .safetensors "
            "file of a detector, as hitrs-live train-detector writes"
        )
    checkpoint = load_checkpoint(given)
    _check_rate(f"checkpoint {path}", checkpoint.info.normaliser.rate_hz)
    return checkpoint


def check_model(taught: TaughtActions, model: EmbeddingModel) -> None:
    """Raise CheckpointMismatch, naming the model, where it has not what taught actions are found by."""
    name = f"model {model.name or 'without a name'}"
    width, given = len(taught.space.mean), model.embedding_width
    if width and given != width:
        raise CheckpointMismatch(
            f"{name}: gives {f'clip embeddings of {given} numbers' if given else 'no clip embeddings'}, and "
            f"{', '.join(taught.names[:5])} are found by those of {width}; run {taught.encoder_name}, or leave the "
            "taught actions out"
        )
    _check_rate(name, model.rate_hz)


def _check_rate(name: str, rate_hz: float) -> None:
    if rate_hz != RATE_HZ:
        raise CheckpointMismatch(
            f"{name}: takes {rate_hz:g} frames a second, expected {RATE_HZ:g}, at which actions are taught; give a "
            "model of that rate"
        )
