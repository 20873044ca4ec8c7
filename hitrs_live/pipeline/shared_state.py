"""What all sources of a run share, for the status of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from hitrs_live.pipeline.load_ladder import LoadStep


@dataclass(frozen=True, kw_only=True)
class SharedState:
    """The part of a Status that is the same for every source; the fields are those of Status."""

    notices: Sequence[str] = ()
    slow_steps: int = 0
    load_steps: tuple[LoadStep, ...] = ()
