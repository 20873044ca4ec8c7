"""Train a detector on streams: what is done at every clip, and where the joints go next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo, EncoderCheckpoint, save_checkpoint
from hitrs_live.data.arrays import Sequence as Recording
from hitrs_live.data.augment import AugmentConfig, Augmenter
from hitrs_live.data.compose import ComposeConfig, StreamComposer
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.training.journal import Journal
from hitrs_live.training.loop import Loop, LoopConfig, Step
from hitrs_live.training.processes import Processes
from hitrs_live.training.settings import beginning_text, settings_text
from hitrs_live.training.streams import StreamBatch, StreamBatches
from hitrs_live.transforms import NormaliserConfig


@dataclass(frozen=True, kw_only=True)
class DetectorTraining:
    """Everything that decides the result, besides the data and the encoder begun with."""

    name: str = "hitrs"
    labels: tuple[str, ...]
    """The classes, background first."""
    pair_labels: tuple[str, ...] = ()
    """Those of them that take two people; each of the two is a stream of its own in training."""
    detector: DetectorConfig
    normaliser: NormaliserConfig = NormaliserConfig()
    label_lag_frames: int = 3
    """A clip is named after the instant this many frames before its last."""
    loop: LoopConfig
    motion_loop: LoopConfig | None = None
    """A second stage, in which the motion head alone learns on the finished rest."""
    batch: int
    """Streams a process a step, over `loop.accumulate` parts."""
    label_smoothing: float = 0.05
    motion_weight: float = 1.0
    start_weight: float = 2.0
    """What a clip counts that is named while its action is new: those decide how soon it is told."""
    start_frames: int = 9
    compose: ComposeConfig = ComposeConfig()
    augment: AugmentConfig = AugmentConfig()


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a detector learns from."""

    sources: Mapping[str, Sequence[Recording]]
    """By data set, with the detector's classes."""
    weights: Mapping[str, float]
    """How often a piece is of which data set; those not named count 1."""
    mirrored: NDArray[np.int64]
    """(K,), the class that each becomes when left and right are swapped."""


def train_detector(
    config: DetectorTraining,
    material: Material,
    begin: EncoderCheckpoint | None,
    out: Path,
    processes: Processes,
    journal: Journal,
) -> Path:
    """Train and write the detector, taking up the run of that name where there is one.

    First everything together, then, where a second stage is asked for, the motion head alone on the slow average
    of what came of it. Returns the checkpoint's path.
    """
    torch.manual_seed(config.loop.seed)
    model = HitrsDetector(config.detector)
    if begin is not None:
        model.encoder.load_state_dict(begin.model.state_dict())
    composer = StreamComposer(material.sources, material.weights, config.compose)
    batches = StreamBatches(
        composer, Augmenter(config.augment, material.mirrored), detector=config.detector,
        normaliser=config.normaliser, label_lag_frames=config.label_lag_frames,
        size=max(1, config.batch // config.loop.accumulate), seed=(config.loop.seed, processes.rank),
    )  # fmt: skip
    data = ", ".join(f"{name} ({len(recordings)} recordings)" for name, recordings in material.sources.items())
    settings = (
        f"{settings_text(config, processes=processes.count)}\ndata = {data}\nbegins_from = {beginning_text(begin)}"
    )

    def stage(module: nn.Module, loop_config: LoopConfig, state: Path, before: int) -> None:
        loop = Loop(module, loop_config, processes, state, settings)

        def report(step: Step) -> None:
            journal.step(replace(step, step=before + step.step))
            if processes.first and step.saves:
                _save(config, loop.average, data, settings, out)

        loop.run(batches, lambda wrapped, batch: losses_of(wrapped, batch, config), lambda: None, report)
        model.load_state_dict(_of_detector(loop.average))

    stage(model, config.loop, out.with_suffix(".state.pt"), 0)
    if config.motion_loop is not None:
        stage(MotionAlone(model), config.motion_loop, out.with_suffix(".motion.state.pt"), config.loop.steps)
    return out


class MotionAlone(nn.Module):
    """A detector whose motion head learns while the rest stays as it is, dropout included."""

    def __init__(self, detector: HitrsDetector) -> None:
        super().__init__()
        self.detector = detector.requires_grad_(False)
        detector.motion_head.requires_grad_(True)

    def train(self, mode: bool = True) -> "MotionAlone":
        """Leave the dropout of what is finished off."""
        super().train(mode)
        self.detector.eval()
        return self

    def forward(self, joints: Tensor) -> tuple[Tensor, Tensor]:
        """Do as the detector does."""
        result: tuple[Tensor, Tensor] = self.detector(joints)
        return result


def losses_of(module: nn.Module, batch: StreamBatch, config: DetectorTraining) -> dict[str, Tensor]:
    """Compute the losses of a batch and the share of labelled clips named rightly.

    `action` is the cross-entropy over labelled clips, `motion` the mean joint error in body sizes over those whose
    future was recorded.
    """
    logits, future = module(batch.joints)
    known = batch.labels >= 0
    weight = 1.0 + (config.start_weight - 1.0) * (batch.since_start < config.start_frames)
    weight = weight * known
    every = F.cross_entropy(
        logits.float().flatten(0, 1), batch.labels.flatten(), ignore_index=-1, reduction="none",
        label_smoothing=config.label_smoothing,
    )  # fmt: skip
    action = (every * weight.flatten()).sum() / weight.sum().clamp_min(1)
    error = (future.float() - batch.future).norm(dim=-1).mean((-1, -2))
    motion = (error * batch.future_mask).sum() / batch.future_mask.sum().clamp_min(1)
    right = ((logits.argmax(-1) == batch.labels) & known).sum() / known.sum().clamp_min(1)
    return {"loss": action + config.motion_weight * motion, "action": action, "action_right": right, "motion": motion}


def _of_detector(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("detector."): value for name, value in weights.items()}


def _save(config: DetectorTraining, average: Mapping[str, Tensor], data: str, settings: str, out: Path) -> None:
    model = HitrsDetector(config.detector)
    model.load_state_dict(_of_detector(average))
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
