"""What a checkpoint's file says of itself, read without loading what computes a model."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from safetensors import SafetensorError, safe_open

from hitrs_live.errors import CheckpointMismatch

KEY = "hitrs_live"
"""Of the description among the file's metadata."""
SHIPPED = Path(__file__).parents[1] / "weights" / "hitrs_tiny.safetensors"


class _Kind(msgspec.Struct):
    kind: str = "detector"


@contextmanager
def open_checkpoint_file(path: Path, framework: str, wanted: str = "give a .safetensors file of ours") -> Iterator[Any]:
    """Open a file of weights. framework: "pt" to read tensors, "np" for the description alone; wanted: the way out.

    Raises CheckpointMismatch where it cannot be read.
    """
    try:
        with safe_open(path, framework=framework) as file:
            yield file
    except (OSError, SafetensorError) as error:
        raise CheckpointMismatch(f"checkpoint {path}: cannot be read ({error}); {wanted}") from None


def read_kind(path: Path, metadata: Mapping[str, str]) -> str:
    """Return which kind of checkpoint a description is of. Raises CheckpointMismatch where it is not one of ours."""
    if KEY not in metadata:
        raise CheckpointMismatch(f"checkpoint {path}: has no {KEY} description; wanted a file that hitrs_live wrote")
    try:
        return msgspec.json.decode(metadata[KEY], type=_Kind).kind
    except msgspec.DecodeError as error:
        raise not_understood(path, error) from None


def not_understood(path: Path, error: Exception) -> CheckpointMismatch:
    """Make the error for a description that is not understood."""
    return CheckpointMismatch(f"checkpoint {path}: description not understood ({error}); is it of a newer version?")


def not_a_detector(path: Path, kind: str) -> CheckpointMismatch:
    """Make the error for a checkpoint of another kind than a detector."""
    article = "an" if kind[:1] in "aeiou" else "a"
    return CheckpointMismatch(
        f"checkpoint {path}: is {article} {kind}, wanted a detector, as hitrs-live train-detector makes"
    )


def check_detector_file(path: Path) -> None:
    """Raise CheckpointMismatch where a file is no detector of ours, by its description."""
    with open_checkpoint_file(path, "np") as file:
        kind = read_kind(path, file.metadata() or {})
    if kind in ("encoder", "recogniser"):
        raise not_a_detector(path, kind)
