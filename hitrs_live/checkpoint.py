"""One safetensors file that holds all a model needs: weights, sizes, skeleton, labels, preprocessing."""

from dataclasses import replace
from pathlib import Path

import msgspec
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from hitrs_live.errors import CheckpointMismatch
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.skeleton import NTU25
from hitrs_live.transforms import NormaliserConfig

_KEY = "hitrs_live"
SHIPPED = Path(__file__).parent / "weights" / "hitrs_small.safetensors"


class CheckpointInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands beside the weights."""

    format: int = 1
    name: str
    layout: str = NTU25.name
    labels: tuple[str, ...]
    """Class names in the order of the logits; the first is the background."""
    detector: DetectorConfig
    normaliser: NormaliserConfig
    label_lag_frames: int
    """The logits of a clip speak of the instant this many frames before the clip's last."""
    temperature: float = 1.0
    on: dict[str, float] = {}
    """Score at which an action starts, by class, where it differs from the setting."""
    off: dict[str, float] = {}
    provenance: dict[str, str] = {}
    """How the weights came to be: command, seed, data, steps."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A model ready to run and what it was made with."""

    info: CheckpointInfo
    model: HitrsDetector


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write weights in half precision and everything else as JSON metadata, in one file, all or nothing."""
    tensors = {name: value.half().contiguous() for name, value in checkpoint.model.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    save_file(tensors, unfinished, metadata={_KEY: msgspec.json.encode(checkpoint.info).decode()})
    unfinished.replace(path)


def load_checkpoint(path: str | Path | None = None) -> Checkpoint:
    """Load a checkpoint, by default the one shipped, for inference in float32 on the CPU.

    Raises CheckpointMismatch, naming the file and what does not fit, where it is none of ours.
    """
    path = SHIPPED if path is None else Path(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointMismatch(
            f"checkpoint {path}: cannot be read ({error}); give a .safetensors file of ours"
        ) from None
    info = _read_info(path, metadata)
    model = HitrsDetector(info.detector)
    expected, got = set(model.state_dict()), set(tensors)
    if expected != got:
        raise CheckpointMismatch(
            f"checkpoint {path}: weights do not fit its own description "
            f"({len(expected - got)} missing, {len(got - expected)} unknown); it was damaged or edited"
        )
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise CheckpointMismatch(f"checkpoint {path}: {str(error).splitlines()[-1].strip()}") from None
    return Checkpoint(info=info, model=model.eval())


def _read_info(path: Path, metadata: dict[str, str]) -> CheckpointInfo:
    if _KEY not in metadata:
        raise CheckpointMismatch(
            f"checkpoint {path}: has no {_KEY} description; wanted a file that `hitrs-live train` wrote"
        )
    try:
        info = msgspec.json.decode(metadata[_KEY], type=CheckpointInfo)
    except msgspec.DecodeError as error:
        raise CheckpointMismatch(
            f"checkpoint {path}: description not understood ({error}); is it of a newer version?"
        ) from None
    if info.layout != NTU25.name:
        raise CheckpointMismatch(f"checkpoint {path}: trained on skeleton {info.layout!r}, wanted {NTU25.name!r}")
    if len(info.labels) != info.detector.classes:
        raise CheckpointMismatch(f"checkpoint {path}: {len(info.labels)} labels for {info.detector.classes} classes")
    # Dropout is for training; a loaded model must give the same answer twice.
    detector = replace(info.detector, encoder=replace(info.detector.encoder, dropout=0.0))
    return msgspec.structs.replace(info, detector=detector)
