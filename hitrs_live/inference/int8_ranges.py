"""Ranges of the inputs and outputs of a model's large matrix products, which int8 divides into 256 steps.

They are measured in torch, over the built-in streams or over recordings, and named by submodule and layer, so that a
file of them does not depend on the exporter's names. Measured are the large products with weights: of queries, keys and
values, of the feed-forward layers and between levels. These stay in float32: attention's output map, whose input has
few large values that would leave the small ones little of the 8 bits; the motion head, whose outputs are positions to
the millimetre; and what costs little: the input map, products of activations, the last layers' single tokens, the
action head.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from torch import Tensor, nn

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.errors import CheckpointMismatch, DataError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.files.text_file import TextUnreadable, read_text
from hitrs_live.inference.submodules import submodules_of
from hitrs_live.model.detector import HitrsDetector

RANGES = Path("calibration") / "quantisation.json"
"""The default file of ranges."""
_LEAST_DEPTH = 16
"""Products over fewer channels, such as the input map's three, are not worth it."""
_FORMAT = 1
_REMEDY = "make one with hitrs-live calibrate quantisation"

Range = tuple[float, float]
"""Least and largest value."""


class ProductRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The range of one product's input, and of its output without the bias."""

    inputs: Range
    outputs: Range


Products = dict[str, dict[str, ProductRange]]
"""By submodule, then by the layer's name in it."""


class Ranges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of ranges."""

    format: int = _FORMAT
    checkpoint: str
    """The checkpoint's name."""
    sha256: str
    """The SHA-256 of the checkpoint's file; ranges belong to one set of weights."""
    provenance: dict[str, str] = {}
    """What they were measured on: recordings, streams, clips."""
    products: Products

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the numbers alone."""
        return hashlib.sha256(msgspec.json.encode(self.products, order="sorted")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class LoadedRanges:
    """The result of a search for ranges."""

    ranges: Ranges | None = None
    """None for those of the built-in streams."""
    origin: str = "the ranges of the built-in streams"
    notice: str = ""
    """Why a file that was found is not used."""


@contextmanager
def recording_ranges(model: HitrsDetector) -> Iterator[Products]:
    """Measure the ranges of a model's large products while it runs in torch, fp32; fills the yielded dictionary."""
    seen: Products = {}
    watched = [
        layer.register_forward_hook(_widen(seen.setdefault(submodule, {}), name))
        for submodule, name, layer in _large_products(model)
    ]
    try:
        yield seen
    finally:
        for hook in watched:
            hook.remove()


def _large_products(model: HitrsDetector) -> Iterator[tuple[str, str, nn.Linear]]:
    for submodule, module in submodules_of(model).items():
        for name, layer in module.named_modules():
            deep = isinstance(layer, nn.Linear) and layer.in_features >= _LEAST_DEPTH
            if deep and not name.endswith("attention.output"):
                assert isinstance(layer, nn.Linear)
                yield submodule, name, layer


def _widen(seen: dict[str, ProductRange], name: str) -> Callable[[nn.Module, tuple[Any, ...], Tensor], None]:
    """Return a hook that widens a layer's range to what goes through it. One token per row is not a large product."""

    def take(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        given: Tensor = inputs[0]
        if given.dim() < 3 or not given.numel():
            return
        assert isinstance(layer, nn.Linear)
        product = output if layer.bias is None else output - layer.bias
        now = ProductRange(inputs=_range(given), outputs=_range(product))
        seen[name] = _union(seen[name], now) if name in seen else now

    return take


def _range(values: Tensor) -> Range:
    least, largest = values.aminmax()
    return float(least), float(largest)


def _union(one: ProductRange, other: ProductRange) -> ProductRange:
    return ProductRange(
        inputs=(min(one.inputs[0], other.inputs[0]), max(one.inputs[1], other.inputs[1])),
        outputs=(min(one.outputs[0], other.outputs[0]), max(one.outputs[1], other.outputs[1])),
    )


def find_ranges(file: Path | None, checkpoint: Checkpoint) -> LoadedRanges:
    """Read the ranges of the file that was named, else of `calibration/quantisation.json`, else take the built-in ones.

    A default file that is broken or of another checkpoint is skipped, with a notice.
    Raises DataError or CheckpointMismatch where a named file is.
    """
    if file is not None:
        return _loaded(file, load_ranges(file, checkpoint))
    if not RANGES.is_file():
        return LoadedRanges()
    try:
        return _loaded(RANGES, load_ranges(RANGES, checkpoint))
    except DataError as error:
        return LoadedRanges(notice=f"{error}; not used")


def _loaded(file: Path, ranges: Ranges) -> LoadedRanges:
    return LoadedRanges(ranges=ranges, origin=f"the ranges of {file}")


def load_ranges(file: Path, checkpoint: Checkpoint) -> Ranges:
    """Read a file of ranges for this checkpoint.

    Raises DataError where it is not valid, CheckpointMismatch where it is of another checkpoint or of other layers.
    """
    try:
        ranges = msgspec.json.decode(read_text(file), type=Ranges)
    except OSError as error:
        raise DataError(f"ranges {file}: cannot be read ({error.strerror}); {_REMEDY}") from None
    except (msgspec.DecodeError, TextUnreadable) as error:
        raise DataError(f"ranges {file}: not understood ({error}); {_REMEDY}") from None
    if ranges.format != _FORMAT:
        raise DataError(f"ranges {file}: format {ranges.format}, expected {_FORMAT}; {_REMEDY}")
    if ranges.sha256 != checkpoint.fingerprint:
        raise CheckpointMismatch(
            f"ranges {file}: of checkpoint {ranges.checkpoint!r} (SHA-256 {ranges.sha256[:12]}), expected those of "
            f"{checkpoint.info.name!r} ({checkpoint.fingerprint[:12] or 'no file'}); {_REMEDY}"
        )
    _check_products(file, ranges.products, checkpoint.model)
    return ranges


def _check_products(file: Path, products: Products, model: HitrsDetector) -> None:
    known = {(submodule, name) for submodule, name, _ in _large_products(model)}
    if not any(products.values()):
        raise DataError(f"ranges {file}: no product in it; {_REMEDY}")
    for submodule, layers in products.items():
        for name, product in layers.items():
            if (submodule, name) not in known:
                raise CheckpointMismatch(f"ranges {file}: the model has no product {submodule}: {name}; {_REMEDY}")
            for least, largest in (product.inputs, product.outputs):
                if least > largest:
                    raise DataError(
                        f"ranges {file}: {name} from {least:g} to {largest:g}, expected it to increase; {_REMEDY}"
                    )


def save_ranges(file: Path, ranges: Ranges) -> None:
    """Write a file for `load_ranges`, whole or not at all. Raises DataError where it cannot be written."""
    try:
        with whole_file(file) as unfinished:
            unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(ranges)) + b"\n")
    except OSError as error:
        raise DataError(f"ranges {file}: cannot be written ({error.strerror}); name another file with --out") from None
