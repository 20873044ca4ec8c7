"""Read and write the lifter's weights."""

from pathlib import Path
from typing import Final

from safetensors import safe_open
from safetensors.torch import save_file

from hitrs_live.errors import DataError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.temporal_lifting.network import LifterNetwork

SHIPPED: Final = Path(__file__).parents[1] / "weights" / "temporal_lifter.safetensors"
_FORMAT, _KEY = "1", "hitrs_live_temporal_lifter"


def load_lifter(path: Path = SHIPPED) -> LifterNetwork:
    """Load a fitted network, by default the packaged one. Raises DataError where the file is none."""
    expected = "expected a file of `hitrs-live fit-lifter`"
    try:
        with safe_open(path, framework="pt") as file:
            found = (file.metadata() or {}).get(_KEY)
            tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; {expected}") from None
    except Exception as error:  # safetensors raises its own class, without a public name.
        raise DataError(f"{path}: cannot be read ({str(error)[:80]}); {expected}") from None
    if found != _FORMAT:
        raise DataError(f"{path}: format {found}, this version reads {_FORMAT}; {expected}")
    network = LifterNetwork()
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise DataError(f"{path}: other weights than this version's ({str(error)[:80]}); {expected}") from None
    return network.eval()


def save_lifter(path: Path, network: LifterNetwork, provenance: str) -> None:
    """Write a network in half precision, whole or not at all. provenance: how it was fitted, in words."""
    tensors = {key: value.detach().half().contiguous() for key, value in network.state_dict().items()}
    with whole_file(path) as unfinished:
        save_file(tensors, unfinished, {_KEY: _FORMAT, "provenance": provenance})
