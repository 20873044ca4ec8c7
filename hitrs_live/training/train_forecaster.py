"""Train a new motion head on a trained detector: the head alone, or with `joint` the detector too."""

from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import msgspec
import torch
from torch import Tensor, nn

from hitrs_live.checkpoint import Checkpoint, save_checkpoint
from hitrs_live.data.augment import AugmentConfig, Augmenter
from hitrs_live.data.stream_synthesis import ComposeConfig, StreamComposer
from hitrs_live.model.detector import HitrsDetector
from hitrs_live.training.batches_detection import StreamBatch, StreamBatches
from hitrs_live.training.distributed import Processes
from hitrs_live.training.motion_losses import motion_losses
from hitrs_live.training.run import part_size, run_training
from hitrs_live.training.run_settings import settings_text, weights_text
from hitrs_live.training.train_detector import Learner, TrainingStreams, action_losses, weights_of
from hitrs_live.training.trainer import TrainerConfig
from hitrs_live.training.training_logger import TrainingLogger

MOTION_AUGMENT = AugmentConfig(
    speed=(0.85, 1.18), bone_scale=0.05, joint_offset_m=0.01, tilt_deg=5.0, depth_scale=(0.9, 1.05), tremble_m=0.004,
    drift_m=0.006, depth_drift_m=0.01, missing_share=0.15, rate_share=0.15,
)  # fmt: skip
"""Weaker than for actions: noise of the size of a joint's motion cannot be distinguished from it."""
MOTION_COMPOSE = ComposeConfig(uncut_share=0.4, piece=(80, 240), hold_share=0.1, invented_share=0.0)
"""Longer pieces and no synthetic gestures: a future can be learned only where it was recorded."""


@dataclass(frozen=True, kw_only=True)
class ForecasterTraining:
    """Settings that decide the result, besides the data and the initial detector."""

    joint: bool = False
    """Train the detector's encoder and action head too."""
    keep_motion: bool = False
    """Begin with the detector's motion head, which an earlier encoder of the same size may have had."""
    loop: TrainerConfig
    batch: int
    """Streams per process per step, in `loop.accumulate` parts."""
    doubt_weight: float = 0.02
    action_weight: float = 1.0
    """Weight of the action loss; used with `joint` only, like the next three."""
    label_smoothing: float = 0.05
    start_weight: float = 2.0
    start_frames: int = 9
    compose: ComposeConfig = MOTION_COMPOSE
    augment: AugmentConfig = MOTION_AUGMENT


def with_motion(checkpoint: Checkpoint, *, keep: bool, dropout: float) -> Checkpoint:
    """Return a detector with its own motion head or an untrained one; encoder and action head keep their weights.

    dropout: of the encoder, which matters where it is trained too.
    """
    before = checkpoint.info.detector
    detector = replace(before, encoder=replace(before.encoder, dropout=dropout))
    model = HitrsDetector(detector)
    model.encoder.load_state_dict(checkpoint.model.encoder.state_dict())
    model.action_head.load_state_dict(checkpoint.model.action_head.state_dict())
    if keep:
        model.motion_head.load_state_dict(checkpoint.model.motion_head.state_dict())
    info = msgspec.structs.replace(checkpoint.info, detector=detector)
    return msgspec.structs.replace(checkpoint, info=info, model=model)


def train_forecaster(
    config: ForecasterTraining,
    streams_data: TrainingStreams,
    begin: Checkpoint,
    out: Path,
    processes: Processes,
    logger: TrainingLogger,
) -> Path:
    """Train a motion head for a detector and write the checkpoint; resume an earlier run to `out`.

    begin: the detector to start from; its motion head is used with `keep_motion` only. Returns the checkpoint's path.
    """
    torch.manual_seed(config.loop.seed)
    initial = with_motion(begin, keep=config.keep_motion, dropout=0.1 if config.joint else 0.0)
    info = initial.info
    learner = Learner(initial.model, actions=config.joint)
    batches = StreamBatches(
        StreamComposer(streams_data.sources, streams_data.weights, config.compose, streams_data.arms_free),
        Augmenter(config.augment, streams_data.mirrored), detector=info.detector, normaliser=info.normaliser,
        label_lag_frames=info.label_lag_frames, size=part_size(config.batch, config.loop.accumulate),
        seed=(config.loop.seed, processes.rank),
    )  # fmt: skip
    # The weights that the run takes from the detector, so that it is not resumed with another one.
    motion = begin.model.motion_head.parameters() if config.keep_motion else ()
    kept = chain(begin.model.encoder.parameters(), begin.model.action_head.parameters(), motion)
    settings = settings_text(
        config, processes=processes.count, data=streams_data.text, begins_from=weights_text(begin.info.name, kept)
    )
    return run_training(
        learner, config.loop, batches=batches, losses_of=lambda wrapped, batch: losses_of(wrapped, batch, config),
        settings=settings, out=out, processes=processes, logger=logger,
        save=lambda trainer: _save(initial, weights_of(trainer), streams_data.text, settings, out),
    )  # fmt: skip


def losses_of(module: nn.Module, batch: StreamBatch, config: ForecasterTraining) -> dict[str, Tensor]:
    """Compute the losses of a batch: of motion, and with `joint` of actions. Returns scalars; `loss` is minimised."""
    logits, future, scale = module(batch.joints)
    losses = motion_losses(future, scale, batch.future, batch.future_mask)
    loss = losses["motion_near"] + config.doubt_weight * losses["doubt"]
    if config.joint:
        losses |= action_losses(
            logits, batch, label_smoothing=config.label_smoothing, start_weight=config.start_weight,
            start_frames=config.start_frames,
        )  # fmt: skip
        loss = loss + config.action_weight * losses["action"]
    return {"loss": loss, **losses}


def _save(initial: Checkpoint, average: dict[str, Tensor], data: str, settings: str, out: Path) -> None:
    info = initial.info
    model = HitrsDetector(info.detector)
    model.load_state_dict(average)
    motion = {"motion made by": "hitrs-live train-forecaster", "motion data": data, "motion settings": settings}
    trained = msgspec.structs.replace(info, provenance={**info.provenance, **motion})
    save_checkpoint(out, Checkpoint(info=trained, model=model.eval(), convolutions=initial.convolutions))
