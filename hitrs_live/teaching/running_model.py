"""What files of taught actions have to fit to: the model that runs."""

from collections.abc import Collection
from dataclasses import dataclass

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.model.encoder_fingerprint import encoder_fingerprint


@dataclass(frozen=True, kw_only=True)
class RunningModel:
    """A model's encoder, its rate and its classes."""

    name: str
    encoder: str
    """Its fingerprint, as `encoder_fingerprint` computes it."""
    embedding_width: int
    """Numbers of a clip embedding."""
    rate_hz: float
    labels: frozenset[str]
    """All classes, the background among them."""
    background: str = "background"
    pair_labels: frozenset[str] = frozenset()
    """Those of them that take two people."""
    unreported: frozenset[str] = frozenset()
    """Those of them that the settings do not report, such as experimental ones."""

    @classmethod
    def of(cls, checkpoint: Checkpoint, reported: Collection[str] | None = None) -> "RunningModel":
        """Describe a checkpoint. reported: the classes that are reported; None for all."""
        info = checkpoint.info
        actions = frozenset(info.labels[1:])
        return cls(
            name=info.name, encoder=encoder_fingerprint(checkpoint.model.encoder, info.normaliser),
            embedding_width=info.detector.encoder.clip_width, rate_hz=info.normaliser.rate_hz,
            labels=frozenset(info.labels), background=info.labels[0], pair_labels=frozenset(info.pair_labels),
            unreported=actions - frozenset(actions if reported is None else reported),
        )  # fmt: skip
