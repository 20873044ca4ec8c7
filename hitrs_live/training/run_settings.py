"""Write a run's settings as text: they are stored with its results and compared when the run resumes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final

from torch import Tensor

from hitrs_live.checkpoint import Checkpoint, EncoderCheckpoint
from hitrs_live.data.dataset import Dataset

CONVOLUTIONS_RECORD: Final = "convolutions "
"""What the keys of a checkpoint's provenance begin with that say how its convolutions were trained."""
_NOT_OF_THE_RESULT = ("workers", "save_every", "validate_every")


def settings_text(config: Any, datasets: Sequence[Dataset] = (), processes: int = 1, **origin: str) -> str:
    """Write every setting that decides a result as a line `name = value`.

    config: a dataclass, nested ones included. origin: further lines, such as the data and the initial weights.
    """
    lines = [f"{name} = {value}" for name, value in _flat("", config)]
    lines += [f"data.{d.index.name} = {len(d.samples)} sequences" for d in datasets]
    lines += [f"processes = {processes}"]
    return "\n".join([*lines, *(f"{name} = {value}" for name, value in origin.items())])


def beginning_text(begin: Checkpoint | EncoderCheckpoint | None) -> str:
    """Identify the weights that a run starts from, so that the run is not resumed with another one."""
    if begin is None:
        return "scratch"
    return weights_text(begin.info.name, begin.model.parameters())


def weights_text(name: str, weights: Iterable[Tensor]) -> str:
    """Identify weights by the model's name and the sum of their absolute values."""
    return f"{name} {sum(float(p.detach().double().abs().sum()) for p in weights):.6f}"


def _flat(prefix: str, config: Any) -> Iterator[tuple[str, object]]:
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value):
            yield from _flat(f"{prefix}{field.name}.", value)
        elif field.name not in _NOT_OF_THE_RESULT:
            yield f"{prefix}{field.name}", value
