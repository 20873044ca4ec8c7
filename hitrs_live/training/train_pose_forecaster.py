"""Train a pose forecaster on the recordings of one benchmark, all actions together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from hitrs_live.checkpoint import ForecasterCheckpoint, ForecasterInfo, save_forecaster
from hitrs_live.data.motion_set import HISTORY, HORIZON, MotionRecording, MotionSet
from hitrs_live.model.pose_forecaster import PoseForecaster, PoseForecasterConfig
from hitrs_live.training.batches_motion import WindowBatch, WindowBatches, WindowVariation
from hitrs_live.training.distributed import Processes
from hitrs_live.training.run import run_training
from hitrs_live.training.run_settings import settings_text
from hitrs_live.training.trainer import TrainerConfig
from hitrs_live.training.training_logger import TrainingLogger


@dataclass(frozen=True, kw_only=True)
class ForecasterTraining:
    """Settings that decide the result, besides the data.

    Defaults were chosen on held-out training recordings of the CMU benchmark, never on its test recordings.
    """

    forecaster: PoseForecasterConfig
    loop: TrainerConfig
    variation: WindowVariation = field(default_factory=WindowVariation)
    batch: int = 128
    balance: float = 0.8
    """0 draws every window equally often, 1 every action."""
    nearness: float = 0.5
    """Weight of future frame n is n to the power of minus this: errors near the present are smaller."""
    velocity_weight: float = 0.5


def train_pose_forecaster(
    config: ForecasterTraining,
    motion: MotionSet,
    recordings: Sequence[MotionRecording],
    out: Path,
    processes: Processes,
    logger: TrainingLogger,
) -> Path:
    """Train on some of a set's recordings and write the forecaster's checkpoint; resume an earlier run to `out`."""
    torch.manual_seed(config.loop.seed)
    model = PoseForecaster(config.forecaster)
    batches = WindowBatches(
        motion, recordings, variation=config.variation, balance=config.balance, size=config.batch,
        seed=(config.loop.seed, processes.rank),
    )  # fmt: skip
    frames = sum(len(recording.joints_mm) for recording in recordings)
    data = f"{motion.name}, {len(recordings)} recordings, {frames} frames"
    settings = settings_text(config, processes=processes.count, data=data)
    provenance = {"data": data, "settings": settings}
    return run_training(
        _ScoredJoints(model), config.loop, batches=batches,
        losses_of=lambda wrapped, batch: losses_of(wrapped, batch, config), settings=settings, out=out,
        processes=processes, logger=logger,
        save=lambda trainer: _save(config, motion, trainer.average, provenance, out),
    )  # fmt: skip


class _ScoredJoints(nn.Module):
    """Run a forecaster on the scored joints, which are all that a batch contains."""

    def __init__(self, model: PoseForecaster) -> None:
        super().__init__()
        self.model = model

    def forward(self, history: Tensor) -> Tensor:
        """Predict future frames. history: (B, T, S, 3), millimetres. Returns (B, F, S, 3)."""
        return self.model.of_scored(history)


def losses_of(module: nn.Module, batch: WindowBatch, config: ForecasterTraining) -> dict[str, Tensor]:
    """Compute the losses of a batch, in units of the forecaster's scale.

    `position` is the mean joint error, weighted towards near frames. `velocity` is the error of the differences
    between successive frames. `error_mm` is the unweighted mean joint error, for display.
    """
    scale = config.forecaster.scale_mm
    future = module(batch.history)
    by_frame = (future - batch.future).norm(dim=-1).mean((0, 2))
    near = torch.arange(1, HORIZON + 1, device=by_frame.device).float() ** -config.nearness
    position = (by_frame * near / near.mean()).mean() / scale
    last = batch.history[:, HISTORY - 1 :]
    predicted, true = (torch.cat((last, frames), dim=1).diff(dim=1) for frames in (future, batch.future))
    velocity = (predicted - true).norm(dim=-1).mean() / scale
    return {
        "loss": position + config.velocity_weight * velocity,
        "position": position,
        "velocity": velocity,
        "error_mm": by_frame.mean(),
    }


def _save(
    config: ForecasterTraining, motion: MotionSet, average: Mapping[str, Tensor], provenance: dict[str, str], out: Path
) -> None:
    finished = replace(config.forecaster, dropout=0.0)
    model = PoseForecaster(finished)
    model.load_state_dict({name.removeprefix("model."): value for name, value in average.items()})
    info = ForecasterInfo(
        benchmark=motion.name,
        forecaster=finished,
        provenance={"made by": "hitrs-live train-pose-forecaster", **provenance},
    )
    save_forecaster(out, ForecasterCheckpoint(info=info, model=model.eval()))
