"""Read and write the lifter's weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from hitrs_live.errors import DataError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.temporal_lifting.lifting import FEATURES, OUTPUTS
from hitrs_live.temporal_lifting.memory import WIDTH

Floats = NDArray[np.float32]
SHIPPED: Final = Path(__file__).parents[1] / "weights" / "temporal_lifter.safetensors"
WEIGHT_SHAPES: Final[Mapping[str, tuple[int, ...]]] = {
    "mean": (FEATURES,), "scale": (FEATURES,),
    "enter.weight": (WIDTH, FEATURES), "enter.bias": (WIDTH,),
    "recur.weight_ih_l0": (3 * WIDTH, WIDTH), "recur.bias_ih_l0": (3 * WIDTH,),
    "recur.weight_hh_l0": (3 * WIDTH, WIDTH), "recur.bias_hh_l0": (3 * WIDTH,),
    "between.weight": (WIDTH, 2 * WIDTH), "between.bias": (WIDTH,),
    "leave.weight": (OUTPUTS, WIDTH), "leave.bias": (OUTPUTS,),
}  # fmt: skip
"""By the names of `network.LifterNetwork`."""
_FORMAT, _KEY = "2", "hitrs_live_temporal_lifter"


def read_weights(path: Path = SHIPPED) -> dict[str, Floats]:
    """Read the weights of a fitted network, by default the packaged one. Raises DataError where the file is none."""
    expected = "expected a file of `hitrs-live fit-lifter`"
    try:
        with safe_open(path, framework="numpy") as file:
            found = (file.metadata() or {}).get(_KEY)
            tensors = {key: file.get_tensor(key).astype(np.float32) for key in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; {expected}") from None
    except Exception as error:  # safetensors raises its own class, without a public name.
        raise DataError(f"{path}: cannot be read ({str(error)[:80]}); {expected}") from None
    if found != _FORMAT:
        raise DataError(f"{path}: format {found}, this version reads {_FORMAT}; {expected}")
    if {key: tensor.shape for key, tensor in tensors.items()} != WEIGHT_SHAPES:
        raise DataError(f"{path}: other weights than this version's; {expected} of this version")
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise DataError(f"{path}: has weights that are not finite numbers; {expected}")
    return tensors


def write_weights(path: Path, tensors: Mapping[str, Floats], provenance: str) -> None:
    """Write weights in half precision, whole or not at all. provenance: how they were fitted, in words."""
    halves = {key: np.ascontiguousarray(tensor, np.float16) for key, tensor in tensors.items()}
    with whole_file(path) as unfinished:
        save_file(halves, unfinished, {_KEY: _FORMAT, "provenance": provenance})
