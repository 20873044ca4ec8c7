"""Read the description in a checkpoint file's metadata, without importing torch."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from safetensors import SafetensorError, safe_open

from hitrs_live.errors import CheckpointMismatch

KEY = "hitrs_live"
"""Key of the description in the file's metadata."""
SHIPPED = Path(__file__).parents[1] / "weights" / "hitrs_tiny.safetensors"


def checkpoint_path(given: str | Path | None) -> Path:
    """Return a checkpoint's file: of nothing the shipped one, of `hitrs_tiny_3` the one of that name in the package.

    given: a path, or the name without `.safetensors` of a file among the package's weights; what exists in the working
    directory comes first.
    """
    if not given:
        return SHIPPED
    path = Path(given)
    packaged = SHIPPED.with_name(f"{path.name}.safetensors")
    return packaged if path.name == str(path) and not path.exists() and packaged.is_file() else path


class _Kind(msgspec.Struct):
    kind: str = "detector"


@contextmanager
def open_checkpoint_file(
    path: Path, framework: str, remedy: str = "give a .safetensors file that hitrs_live wrote"
) -> Iterator[Any]:
    """Open a file of weights.

    framework: "pt" to read tensors, "np" for the description alone. remedy: end of the error message.

    Raises CheckpointMismatch if it cannot be read.
    """
    try:
        with safe_open(path, framework=framework) as file:
            yield file
    except (OSError, SafetensorError) as error:
        raise CheckpointMismatch(f"checkpoint {path}: cannot be read ({error}); {remedy}") from None


def read_kind(path: Path, metadata: Mapping[str, str]) -> str:
    """Return the kind of checkpoint. Raises CheckpointMismatch if hitrs_live did not write it."""
    if KEY not in metadata:
        raise CheckpointMismatch(f"checkpoint {path}: has no {KEY} description; expected a file that hitrs_live wrote")
    try:
        return msgspec.json.decode(metadata[KEY], type=_Kind).kind
    except msgspec.DecodeError as error:
        raise not_understood(path, error) from None


def not_understood(path: Path, error: Exception) -> CheckpointMismatch:
    """Return the error for a description that cannot be decoded."""
    return CheckpointMismatch(f"checkpoint {path}: description not understood ({error}); is it of a newer version?")


def not_a_detector(path: Path, kind: str) -> CheckpointMismatch:
    """Return the error for a checkpoint that is not a detector."""
    article = "an" if kind[:1] in "aeiou" else "a"
    return CheckpointMismatch(
        f"checkpoint {path}: is {article} {kind}, expected a detector, as hitrs-live train-detector writes"
    )


def check_detector_file(path: Path) -> None:
    """Check by its description that a file is a detector that hitrs_live wrote. Raises CheckpointMismatch."""
    with open_checkpoint_file(path, "np") as file:
        kind = read_kind(path, file.metadata() or {})
    if kind in ("encoder", "recogniser"):
        raise not_a_detector(path, kind)
