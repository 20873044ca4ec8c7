"""One safetensors file that holds a pose forecaster: weights, sizes, the benchmark it is of, how it came to be."""

from pathlib import Path

import msgspec

from hitrs_live.checkpoint import write_weights
from hitrs_live.checkpoint_file import open_checkpoint_file
from hitrs_live.errors import CheckpointMismatch
from hitrs_live.model.pose_forecaster import PoseForecaster, PoseForecasterConfig

_KEY = "hitrs_live_forecaster"


class ForecasterInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands beside the weights."""

    format: int = 1
    benchmark: str
    """The name of the motion set it was trained on."""
    forecaster: PoseForecasterConfig
    provenance: dict[str, str] = {}
    """How the weights came to be: data, settings."""


class ForecasterCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A pose forecaster and what it was made with."""

    info: ForecasterInfo
    model: PoseForecaster


def save_forecaster(path: Path, checkpoint: ForecasterCheckpoint) -> None:
    """Write weights and description in one file, all or nothing."""
    tensors = {name: value.cpu().contiguous() for name, value in checkpoint.model.state_dict().items()}
    write_weights(path, tensors, _KEY, checkpoint.info)


def load_forecaster(path: Path) -> ForecasterCheckpoint:
    """Load a forecaster for inference on the CPU.

    Raises CheckpointMismatch, naming the file and what does not fit, where it is none.
    """
    with open_checkpoint_file(path, "pt", _WANTED) as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if _KEY not in metadata:
        raise CheckpointMismatch(f"checkpoint {path}: is no pose forecaster; {_WANTED}")
    try:
        info = msgspec.json.decode(metadata[_KEY], type=ForecasterInfo)
        model = PoseForecaster(info.forecaster)
        model.load_state_dict(tensors)
    except (msgspec.DecodeError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise CheckpointMismatch(
            f"checkpoint {path}: weights and description do not fit ({reason}); {_WANTED}"
        ) from None
    return ForecasterCheckpoint(info=info, model=model.eval())


_WANTED = "wanted a file that `hitrs-live train-pose-forecaster` wrote"
