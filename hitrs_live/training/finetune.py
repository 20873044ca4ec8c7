"""Fine-tune a recogniser on labelled sequences, from a pre-trained encoder or from scratch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.checkpoint import EncoderCheckpoint, RecogniserCheckpoint, RecogniserInfo, save_checkpoint
from hitrs_live.data.dataset import Dataset
from hitrs_live.data.open_dataset import check_rates
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.model.recogniser import Readout, Recogniser, RecogniserConfig
from hitrs_live.training.batches_recognition import LabelledBatch, LabelledBatches, VaryConfig
from hitrs_live.training.distributed import Processes
from hitrs_live.training.run import part_size, run_training
from hitrs_live.training.run_settings import beginning_text, settings_text
from hitrs_live.training.trainer import Trainer, TrainerConfig
from hitrs_live.training.training_logger import TrainingLogger
from hitrs_live.transforms import NormaliserConfig


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """Settings that decide the result, besides the data and the initial encoder."""

    name: str = "hitrs"
    encoder: HiTRSConfig
    modality: str = "joint"
    normaliser: NormaliserConfig = NormaliserConfig()
    loop: TrainerConfig
    batch: int = 16
    """Sequences per process per step, in `loop.accumulate` parts."""
    label_smoothing: float = 0.1
    readout: Readout = "token"
    head_only: bool = False
    """Freeze the encoder and train the head alone (linear probing)."""
    vary: VaryConfig = VaryConfig()


def finetune(
    config: FinetuneConfig,
    data: Dataset,
    begin: EncoderCheckpoint | None,
    out: Path,
    processes: Processes,
    logger: TrainingLogger,
) -> Path:
    """Train a recogniser on every sequence of `data` and write its checkpoint; resume an earlier run to `out`.

    begin: the encoder to start from; None starts from scratch. Returns the checkpoint's path.
    Raises DataError where the data's frame rate is not the normaliser's.
    """
    check_rates([data], config.normaliser.rate_hz)
    torch.manual_seed(config.loop.seed)
    model = Recogniser(RecogniserConfig(encoder=config.encoder, classes=len(data.classes), readout=config.readout))
    if begin is not None:
        model.encoder.load_state_dict(begin.model.state_dict())
    model.encoder.requires_grad_(not config.head_only)
    batches = LabelledBatches(
        data, grid=config.encoder, normaliser=config.normaliser, modality=config.modality,
        size=part_size(config.batch, config.loop.accumulate), vary=config.vary,
        seed=config.loop.seed, rank=processes.rank, ranks=processes.count,
    )  # fmt: skip
    settings = settings_text(config, [data], processes.count, begins_from=beginning_text(begin))

    def losses(module: nn.Module, batch: LabelledBatch) -> Mapping[str, Tensor]:
        logits = module(batch.packed, batch.sample_of)
        loss = F.cross_entropy(logits.float(), batch.labels, label_smoothing=config.label_smoothing)
        return {"loss": loss, "accuracy": (logits.argmax(-1) == batch.labels).float().mean()}

    def save(trainer: Trainer) -> None:
        _save(config, model, trainer.average, data, trainer.step, settings, out)

    return run_training(
        model, config.loop, batches=batches, losses_of=losses, settings=settings, out=out, processes=processes,
        logger=logger, save=save,
    )  # fmt: skip


def _save(
    config: FinetuneConfig,
    model: Recogniser,
    average: Mapping[str, Tensor],
    data: Dataset,
    step: int,
    settings: str,
    out: Path,
) -> None:
    saved = Recogniser(model.config)
    saved.load_state_dict(dict(average) or model.state_dict())
    info = RecogniserInfo(
        name=config.name,
        encoder=config.encoder,
        normaliser=config.normaliser,
        modality=config.modality,
        labels=data.classes,
        readout=config.readout,
        mirror=config.vary.mirror_share > 0,
        provenance={
            "made by": "hitrs-live finetune",
            "data": f"{data.index.name}, {len(data.samples)} sequences",
            "steps": f"{step} of {config.loop.steps}",
            "settings": settings,
        },
    )
    save_checkpoint(out, RecogniserCheckpoint(info=info, model=saved))
