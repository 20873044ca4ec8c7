"""Load the taught actions that the settings name, and refuse models that cannot find or teach any."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.errors import CheckpointMismatch, ConfigError
from hitrs_live.files.checkpoint_file import checkpoint_path
from hitrs_live.model.encoder_fingerprint import encoder_fingerprint
from hitrs_live.streaming.stream_model import StreamDescription
from hitrs_live.teaching.actions_file import TaughtActions, combine, load_actions
from hitrs_live.teaching.examples import RATE_HZ

_GRAPHS: Final = (".onnx", ".plan", ".engine", ".trt")
"""Files of ONNX Runtime and TensorRT."""


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


def check_model(taught: TaughtActions, model: StreamDescription) -> None:
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


def load_taught(paths: Sequence[str], checkpoint: Checkpoint) -> TaughtActions | None:
    """Load files of taught actions and put them together; None for no file.

    Raises ConfigError where a file cannot be used, or an action has the name of a class of the model;
    CheckpointMismatch where one was made with another encoder.
    """
    if not paths:
        return None
    loaded = [(path, load_actions(Path(path))) for path in paths]
    expected = encoder_fingerprint(checkpoint.model.encoder, checkpoint.info.normaliser)
    for path, one in loaded:
        if one.encoder and one.encoder != expected:
            raise CheckpointMismatch(
                f"actions {path}: made with the encoder {one.encoder_name} {one.encoder[:12]}, expected "
                f"{checkpoint.info.name} {expected[:12]}; run hitrs-live teach fit again"
            )
        if known := set(one.names) & set(checkpoint.info.labels):
            raise ConfigError(
                f"actions {path}: {min(known)} is a class of {checkpoint.info.name} too; rename its folder and run "
                "hitrs-live teach fit again"
            )
    return combine(loaded)
