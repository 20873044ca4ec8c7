"""Train a detector on streams: the action at every clip, and the future joints after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo, EncoderCheckpoint, save_checkpoint
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.data.augment import AugmentConfig, Augmenter
from hitrs_live.data.stream_synthesis import ComposeConfig, StreamComposer
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.training.batches_detection import StreamBatch, StreamBatches
from hitrs_live.training.distributed import Processes
from hitrs_live.training.motion_losses import motion_losses
from hitrs_live.training.run import part_size, run_training
from hitrs_live.training.run_settings import beginning_text, settings_text
from hitrs_live.training.trainer import Trainer, TrainerConfig
from hitrs_live.training.training_logger import TrainingLogger
from hitrs_live.transforms import NormaliserConfig


@dataclass(frozen=True, kw_only=True)
class DetectorTraining:
    """Settings that decide the result, besides the data and the initial encoder."""

    name: str = "hitrs"
    labels: tuple[str, ...]
    """The classes, background first."""
    pair_labels: tuple[str, ...] = ()
    """The classes that take two people; in training each of the two is a stream of its own."""
    detector: DetectorConfig
    normaliser: NormaliserConfig = NormaliserConfig()
    label_lag_frames: int = 2
    """A clip's label is that of the frame this many frames before its last."""
    loop: TrainerConfig
    batch: int
    """Streams per process per step, in `loop.accumulate` parts."""
    label_smoothing: float = 0.05
    motion_weight: float = 1.0
    """0 leaves the motion head untrained, for `train-forecaster` to train."""
    doubt_weight: float = 0.02
    """Weight of the motion's negative log-likelihood, whose gradient reaches the predicted scales alone."""
    start_weight: float = 2.0
    """Weight of a clip in the first `start_frames` of its action: these decide how early an action is detected."""
    start_frames: int = 9
    compose: ComposeConfig = ComposeConfig()
    augment: AugmentConfig = AugmentConfig(amplitude=0.15)


@dataclass(frozen=True, kw_only=True)
class TrainingStreams:
    """Training data of a detector."""

    sources: Mapping[str, Sequence[LabelledSequence]]
    """Recordings by data set, with the detector's classes."""
    weights: Mapping[str, float]
    """Relative frequency of each data set's pieces; 1 for those not named."""
    mirrored: NDArray[np.int64]
    """(K,), the class that each becomes when left and right are swapped."""
    arms_free: frozenset[int] = frozenset()
    """Classes, besides background, that do not depend on what the arms do."""

    @property
    def text(self) -> str:
        """Description of the data for a checkpoint's provenance."""
        return ", ".join(f"{name} ({len(recordings)} recordings)" for name, recordings in self.sources.items())


def train_detector(
    config: DetectorTraining,
    streams_data: TrainingStreams,
    begin: EncoderCheckpoint | None,
    out: Path,
    processes: Processes,
    logger: TrainingLogger,
) -> Path:
    """Train a detector and write its checkpoint; resume an earlier run to `out`.

    begin: the encoder to start from; None starts from scratch. Returns the checkpoint's path.
    """
    torch.manual_seed(config.loop.seed)
    model = HitrsDetector(config.detector)
    if begin is not None:
        model.encoder.load_state_dict(begin.model.state_dict())
    composer = StreamComposer(streams_data.sources, streams_data.weights, config.compose, streams_data.arms_free)
    batches = StreamBatches(
        composer, Augmenter(config.augment, streams_data.mirrored), detector=config.detector,
        normaliser=config.normaliser, label_lag_frames=config.label_lag_frames,
        size=part_size(config.batch, config.loop.accumulate), seed=(config.loop.seed, processes.rank),
    )  # fmt: skip
    settings = settings_text(
        config, processes=processes.count, data=streams_data.text, begins_from=beginning_text(begin)
    )
    return run_training(
        Learner(model, motion=config.motion_weight > 0), config.loop, batches=batches,
        losses_of=lambda wrapped, batch: losses_of(wrapped, batch, config), settings=settings, out=out,
        processes=processes, logger=logger,
        save=lambda trainer: _save(config, weights_of(trainer), streams_data.text, settings, out),
    )  # fmt: skip


class Learner(nn.Module):
    """A detector of which the encoder and action head, the motion head, or both are trained."""

    def __init__(self, detector: HitrsDetector, *, actions: bool = True, motion: bool = True) -> None:
        """Freeze the parts not trained. actions: train the encoder and action head; motion: train the motion head."""
        super().__init__()
        self.detector, self._actions, self._motion = detector, actions, motion
        detector.requires_grad_(actions)
        detector.motion_head.requires_grad_(motion)

    def train(self, mode: bool = True) -> "Learner":
        """Set the mode; a frozen encoder stays in eval mode, without dropout."""
        super().train(mode)
        if not self._actions:
            self.detector.encoder.eval()
        return self

    def forward(self, joints: Tensor) -> tuple[Tensor, ...]:
        """Predict at every clip of normalised sequences. joints: (B, T, J, 3).

        Returns logits (B, N, K) and, where motion is trained, future joints (B, N, F, J, 3) and their scales
        (B, N, F, J).
        """
        with torch.set_grad_enabled(self._actions and torch.is_grad_enabled()):
            _, outputs = self.detector.encoder(joints, causal=True)
            logits: Tensor = self.detector.action_head(outputs)
        if not self._motion:
            return (logits,)
        # The motion head is small and its errors are millimetres: always in float32.
        with torch.autocast(joints.device.type, enabled=False):
            return (logits, *self.detector.forecast(outputs.float(), joints))


def weights_of(trainer: Trainer) -> dict[str, Tensor]:
    """Return the moving average of the detector's weights from a trainer of a `Learner`."""
    return {name.removeprefix("detector."): value for name, value in trainer.average.items()}


def losses_of(module: nn.Module, batch: StreamBatch, config: DetectorTraining) -> dict[str, Tensor]:
    """Compute the losses of a batch. module: a `Learner`, perhaps wrapped. Returns scalars; `loss` is minimised."""
    logits, *motion = module(batch.joints)
    losses = action_losses(
        logits, batch, label_smoothing=config.label_smoothing, start_weight=config.start_weight,
        start_frames=config.start_frames,
    )  # fmt: skip
    loss = losses["action"]
    if config.motion_weight:
        future, scale = motion
        losses |= motion_losses(future, scale, batch.future, batch.future_mask)
        loss = loss + config.motion_weight * losses["motion"] + config.doubt_weight * losses["doubt"]
    return {"loss": loss, **losses}


def action_losses(
    logits: Tensor, batch: StreamBatch, *, label_smoothing: float, start_weight: float, start_frames: int
) -> dict[str, Tensor]:
    """Compute `action`, the cross-entropy over labelled clips, and its accuracy, `action_right`. logits: (B, N, K)."""
    known = batch.labels >= 0
    weight = 1.0 + (start_weight - 1.0) * (batch.since_start < start_frames)
    weight = weight * known
    every = F.cross_entropy(
        logits.float().flatten(0, 1), batch.labels.flatten(), ignore_index=-1, reduction="none",
        label_smoothing=label_smoothing,
    )  # fmt: skip
    action = (every * weight.flatten()).sum() / weight.sum().clamp_min(1)
    right = ((logits.argmax(-1) == batch.labels) & known).sum() / known.sum().clamp_min(1)
    return {"action": action, "action_right": right}


def _save(config: DetectorTraining, average: Mapping[str, Tensor], data: str, settings: str, out: Path) -> None:
    model = HitrsDetector(config.detector)
    model.load_state_dict(average)
    info = CheckpointInfo(
        name=config.name,
        labels=config.labels,
        pair_labels=config.pair_labels,
        detector=config.detector,
        normaliser=config.normaliser,
        label_lag_frames=config.label_lag_frames,
        provenance={"made by": "hitrs-live train-detector", "data": data, "settings": settings},
    )
    save_checkpoint(out, Checkpoint(info=info, model=model.eval()))
