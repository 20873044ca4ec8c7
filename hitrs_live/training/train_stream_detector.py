"""Train a detector whose classes are independent on hours of streams as the live path sees them.

Each class has a sigmoid of its own, so all of them can say no: movement of no class needs no class of its own, and a
source that does not label a class teaches nothing of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo, EncoderCheckpoint, save_checkpoint
from hitrs_live.data.camera_faults import NO_FAULTS, CameraFaults
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.training.batches_clips import ClipBatch
from hitrs_live.training.batches_streams import ActionBatch, Shares, WindowBatches
from hitrs_live.training.distributed import Processes
from hitrs_live.training.run import part_size, run_training
from hitrs_live.training.run_settings import CONVOLUTIONS_RECORD, beginning_text, settings_text
from hitrs_live.training.stream_store import StreamStore
from hitrs_live.training.train_detector import Learner, weights_of
from hitrs_live.training.trainer import TrainerConfig
from hitrs_live.training.training_logger import TrainingLogger
from hitrs_live.transforms import NormaliserConfig

_RARE: Final = 0.03
"""Before training, each class is taken to be done in this share of clips."""


@dataclass(frozen=True, kw_only=True)
class IndependentTraining:
    """Settings of any training of independent classes."""

    name: str = "hitrs"
    detector: DetectorConfig
    normaliser: NormaliserConfig = NormaliserConfig()
    label_lag_frames: int = 2
    """A clip's class is that of the frame this many frames before its last."""
    loop: TrainerConfig
    batch: int
    """Windows per process per step, in `loop.accumulate` parts."""


@dataclass(frozen=True, kw_only=True)
class StreamDetectorTraining(IndependentTraining):
    """Settings that decide the result, besides the streams and the initial encoder."""

    shares: Shares = field(default_factory=Shares)
    faults: CameraFaults = NO_FAULTS
    negative_weight: float = 1.0
    """Weight of a class in clips in which it is not done."""


def train_stream_detector(
    config: StreamDetectorTraining,
    store: StreamStore,
    begin: Checkpoint | EncoderCheckpoint | None,
    out: Path,
    processes: Processes,
    logger: TrainingLogger,
) -> Path:
    """Train a detector and write its checkpoint; resume an earlier run to `out`.

    Its motion head stays as it is; `train-forecaster` trains it. begin: an encoder to start from, or a detector of
    independent classes, of which the classes of the same name and a motion head of the same shape are kept, and
    convolutions if the classes are the same; None starts from scratch. Returns the checkpoint's path.
    """
    torch.manual_seed(config.loop.seed)
    model = HitrsDetector(config.detector)
    head = model.action_head[-1]
    assert isinstance(head, nn.Linear)
    expect_rarely(head)
    if isinstance(begin, Checkpoint):
        model.encoder.load_state_dict(begin.model.encoder.state_dict())
        keep_heads(model, store.labels, begin)
    elif begin is not None:
        model.encoder.load_state_dict(begin.model.state_dict())
    batches = WindowBatches(
        store, detector=config.detector, normaliser=config.normaliser, label_lag_frames=config.label_lag_frames,
        size=part_size(config.batch, config.loop.accumulate), seed=(config.loop.seed, processes.rank),
        shares=config.shares, faults=config.faults,
    )  # fmt: skip
    data = f"{store.hours:.1f} h of {', '.join(store.sources)}"
    settings = settings_text(config, processes=processes.count, data=data, begins_from=beginning_text(begin))
    provenance = {"made by": "hitrs-live train-detector", "data": data, "settings": settings}
    return run_training(
        Learner(model, motion=False), config.loop, batches=batches,
        losses_of=lambda wrapped, batch: action_losses(wrapped(batch.joints)[0], batch, config.negative_weight),
        settings=settings, out=out, processes=processes, logger=logger,
        save=lambda trainer: save_independent(config, store.labels, weights_of(trainer), provenance, begin, out),
    )  # fmt: skip


def expect_rarely(scores: nn.Linear) -> None:
    """Set the biases of an untrained layer of logits so that each class is taken to be done in few clips."""
    nn.init.constant_(scores.bias, float(torch.logit(torch.tensor(_RARE))))


def keep_heads(model: HitrsDetector, labels: Sequence[str], begin: Checkpoint) -> None:
    """Copy the earlier detector's heads: of its classes those that the new one has too, by name."""
    (norm, head), (earlier_norm, earlier_head) = model.action_head, begin.model.action_head
    assert isinstance(head, nn.Linear)
    assert isinstance(earlier_head, nn.Linear)
    norm.load_state_dict(earlier_norm.state_dict())
    with torch.no_grad():
        for number, name in enumerate(labels):
            if name in begin.info.labels:
                earlier = begin.info.labels.index(name)
                head.weight[number], head.bias[number] = earlier_head.weight[earlier], earlier_head.bias[earlier]
    if replace(begin.info.detector, encoder=model.config.encoder, classes=model.config.classes) == model.config:
        model.motion_head.load_state_dict(begin.model.motion_head.state_dict())


def action_losses(logits: Tensor, batch: ActionBatch | ClipBatch, negative_weight: float) -> dict[str, Tensor]:
    """Compute the binary cross-entropy, summed over classes and averaged over clips. logits: (B, N, K).

    Also returns, for the log, the mean score of classes that are done, and of the highest one that is not.
    """
    weights = batch.weights * torch.where(batch.targets > 0, 1.0, negative_weight)
    every = F.binary_cross_entropy_with_logits(logits.float(), batch.targets, reduction="none")
    loss = (every * weights).sum(-1).mean()
    with torch.no_grad():
        scores = torch.sigmoid(logits.float())
        done = batch.targets > 0
        right = scores[done].mean() if done.any() else torch.zeros(())
        wrong = torch.where((batch.weights > 0) & ~done, scores, 0.0).amax(-1).mean()
    return {"loss": loss, "score_right": right, "score_wrong": wrong}


def save_independent(
    config: IndependentTraining, labels: tuple[str, ...], average: Mapping[str, Tensor], provenance: dict[str, str],
    begin: Checkpoint | EncoderCheckpoint | None, out: Path,
) -> None:  # fmt: skip
    """Write a detector of independent classes. average: its weights, by name.

    begin: what its training began from. Convolutions of a detector with the same classes stay beside it.
    """
    model = HitrsDetector(config.detector)
    model.load_state_dict(average)
    convolutions, record = None, dict[str, str]()
    if isinstance(begin, Checkpoint) and begin.info.labels == labels:
        convolutions = begin.convolutions
        record = {key: text for key, text in begin.info.provenance.items() if key.startswith(CONVOLUTIONS_RECORD)}
    info = CheckpointInfo(
        name=config.name, labels=labels, detector=config.detector, normaliser=config.normaliser,
        label_lag_frames=config.label_lag_frames, independent=True, provenance=provenance | record,
        convolutions=convolutions.config if convolutions else None,
    )  # fmt: skip
    save_checkpoint(out, Checkpoint(info=info, model=model.eval(), convolutions=convolutions))
