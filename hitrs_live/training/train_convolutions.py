"""Train convolutions beside a finished detector, on hours of streams as the live path sees them.

Hi-TRS and its heads stay as they are. A step is an order of magnitude cheaper than one of Hi-TRS, so far more motion is
seen in the same time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import torch
from torch import Tensor, nn

from hitrs_live.checkpoint import Checkpoint, save_checkpoint
from hitrs_live.data.camera_faults import CameraFaults
from hitrs_live.errors import CheckpointMismatch
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.model.joint_convolutions import ConvolutionsConfig, JointConvolutions
from hitrs_live.training.batches_streams import Shares, WindowBatches
from hitrs_live.training.distributed import Processes
from hitrs_live.training.run import part_size, run_training
from hitrs_live.training.run_settings import CONVOLUTIONS_RECORD, beginning_text, settings_text, weights_text
from hitrs_live.training.stream_store import StreamStore
from hitrs_live.training.train_stream_detector import action_losses, expect_rarely
from hitrs_live.training.trainer import TrainerConfig
from hitrs_live.training.training_logger import TrainingLogger


@dataclass(frozen=True, kw_only=True)
class ConvolutionsTraining:
    """Settings that decide the result, besides the streams and the detector."""

    convolutions: ConvolutionsConfig
    loop: TrainerConfig
    batch: int
    """Windows per process per step, in `loop.accumulate` parts."""
    shares: Shares = field(default_factory=Shares)
    faults: CameraFaults = field(default_factory=CameraFaults)
    keep: float = 0.0
    """Share of the weights that the training goes on from in those that it ends with, 0 to 1.

    What is learned on streams is lost on cameras in part. Halfway between both weights more of either is kept
    (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).
    """


def train_convolutions(
    config: ConvolutionsTraining,
    store: StreamStore,
    begin: Checkpoint,
    out: Path,
    processes: Processes,
    logger: TrainingLogger,
) -> Path:
    """Train convolutions and write the detector with them; resume an earlier run to `out`.

    store: streams with the classes of `begin`, a detector of independent classes. Where it has convolutions of these
    sizes already, the training goes on from them, and how they were trained stays in the provenance. Returns the
    checkpoint's path. Raises CheckpointMismatch where it has none but is to keep some of them.
    """
    torch.manual_seed(config.loop.seed)
    info, convolutions = begin.info, JointConvolutions(config.convolutions)
    scores = convolutions.head[-1]
    assert isinstance(scores, nn.Linear)
    expect_rarely(scores)
    begins_from = beginning_text(begin)
    earlier, before = begin.convolutions, dict[str, str]()
    if earlier and replace(earlier.config, share=config.convolutions.share) == config.convolutions:
        convolutions.load_state_dict(earlier.state_dict())
        begins_from += f", {weights_text('convolutions', convolutions.parameters())}"
        before = {
            f"{CONVOLUTIONS_RECORD}before {key.removeprefix(CONVOLUTIONS_RECORD)}": text
            for key, text in info.provenance.items()
            if key.startswith(CONVOLUTIONS_RECORD)
        }
    elif config.keep:
        raise CheckpointMismatch(
            f"--keep {config.keep:g}: {info.name} has no convolutions of width {config.convolutions.width} to keep; "
            "leave it out, or give a checkpoint that has"
        )
    start = {name: value.clone() for name, value in convolutions.state_dict().items()}
    module = ConvolutionsLearner(convolutions, info.detector.encoder)
    batches = WindowBatches(
        store, detector=info.detector, normaliser=info.normaliser, label_lag_frames=info.label_lag_frames,
        size=part_size(config.batch, config.loop.accumulate), seed=(config.loop.seed, processes.rank),
        every_frames=config.convolutions.interval, shares=config.shares, faults=config.faults,
    )  # fmt: skip
    data = f"{store.hours:.1f} h of {', '.join(store.sources)}"
    settings = settings_text(config, processes=processes.count, data=data, begins_from=begins_from)
    made = {"made by": "hitrs-live train-convolutions", "data": data, "settings": settings}
    provenance = before | {CONVOLUTIONS_RECORD + key: text for key, text in made.items()}
    return run_training(
        module, config.loop, batches=batches,
        losses_of=lambda wrapped, batch: action_losses(wrapped(batch.joints), batch, 1.0),
        settings=settings, out=out, processes=processes, logger=logger,
        save=lambda trainer: _save(config, begin, _between(trainer.average, start, config.keep), provenance, out),
    )  # fmt: skip


class ConvolutionsLearner(nn.Module):
    """Convolutions at the frames for which a window has targets: from the first clip's end on, an interval apart."""

    def __init__(self, convolutions: JointConvolutions, grid: HiTRSConfig) -> None:
        super().__init__()
        self.convolutions = convolutions
        self._first = grid.clip_span - 1

    def forward(self, joints: Tensor) -> Tensor:
        """Predict. joints: (B, T, 25, 3), normalised -> logits (B, N, K)."""
        interval = self.convolutions.config.interval
        logits = self.convolutions.predict_every(joints[:, self._first % interval :: interval])
        return logits[:, self._first // interval :]


def _between(trained: Mapping[str, Tensor], start: Mapping[str, Tensor], keep: float) -> dict[str, Tensor]:
    """Mix the weights of the learner with those of the convolutions that it started with; keep: share of the latter."""
    return {
        name: torch.lerp(trained[f"convolutions.{name}"].to(value.device), value, keep) for name, value in start.items()
    }


def _save(
    config: ConvolutionsTraining,
    begin: Checkpoint,
    weights: Mapping[str, Tensor],
    provenance: dict[str, str],
    out: Path,
) -> None:
    convolutions = JointConvolutions(config.convolutions)
    convolutions.load_state_dict(weights)
    of_the_rest = {key: text for key, text in begin.info.provenance.items() if not key.startswith(CONVOLUTIONS_RECORD)}
    info = msgspec.structs.replace(begin.info, convolutions=config.convolutions, provenance=of_the_rest | provenance)
    save_checkpoint(out, Checkpoint(info=info, model=begin.model, convolutions=convolutions.eval()))
