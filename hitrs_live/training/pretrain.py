"""Pre-train an encoder without labels, on any recordings, with the objectives of Hi-TRS in one loop."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from hitrs_live.checkpoint import EncoderCheckpoint, EncoderInfo, save_checkpoint
from hitrs_live.data.augment import AugmentConfig, Augmenter
from hitrs_live.data.dataset import Dataset
from hitrs_live.data.open_dataset import check_rates
from hitrs_live.errors import DataError
from hitrs_live.model.hitrs import HiTRS, HiTRSConfig
from hitrs_live.training.augment_published import PublishedAugmenter
from hitrs_live.training.batches_pretraining import CropConfig, UnlabelledBatch, UnlabelledBatches
from hitrs_live.training.distributed import Processes
from hitrs_live.training.objectives import ObjectiveConfig, Pretrainer
from hitrs_live.training.run import part_size, run_training
from hitrs_live.training.run_settings import settings_text
from hitrs_live.training.trainer import Step, TrainerConfig, autocast
from hitrs_live.training.training_logger import TrainingLogger
from hitrs_live.transforms import NormaliserConfig

LOSSES = ("joint", "motion", "order", "next", "whole")
"""Each has weight 1; `whole` exists only with a moving-average target encoder."""
_VALIDATION_BATCHES = 4
_VALIDATION_EVERY = 40
"""One sequence in so many is excluded from training, to compute the validation losses on."""


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """Settings that decide the result, besides the data."""

    name: str = "hitrs"
    encoder: HiTRSConfig
    modality: str = "joint"
    objective: ObjectiveConfig
    crop: CropConfig
    loop: TrainerConfig
    batch: int
    """Sequences per process per step, in `loop.accumulate` parts."""
    normaliser: NormaliserConfig = NormaliserConfig()
    published_augmentation: bool = False
    validate_every: int = 500


def live(encoder: HiTRSConfig) -> PretrainConfig:
    """Return the recipe for live use: a gap before the clip to predict, causal outputs, joints as a camera has them."""
    return PretrainConfig(
        encoder=replace(encoder, causal=True),
        objective=ObjectiveConfig(gap_clips=2, random_prefix=True, target_decay=0.99),
        crop=CropConfig(heading_error_deg=12.0, hidden_root_share=0.1, rebuilt_share=0.8),
        loop=TrainerConfig(
            steps=4000, learning_rate=1e-3, final_learning_rate=1e-5, warmup_steps=200, schedule="cosine",
            weight_decay=0.05,
        ),
        batch=64,
    )  # fmt: skip


def published(encoder: HiTRSConfig) -> PretrainConfig:
    """Return the recipe of arXiv 2207.09644: its tasks, schedule and augmentation; our normalisation."""
    return PretrainConfig(
        encoder=encoder,
        objective=ObjectiveConfig(),
        crop=CropConfig(clips=(3, 42), begin_share=0.0),
        loop=TrainerConfig(steps=50_000),
        batch=256,
        published_augmentation=True,
    )


PRESETS = {"live": live, "published": published}


def pretrain(
    config: PretrainConfig, datasets: Sequence[Dataset], out: Path, processes: Processes, logger: TrainingLogger
) -> Path:
    """Pre-train an encoder and write its checkpoint; resume an earlier run to `out`.

    Returns the checkpoint's path. Raises DataError where frame rates differ or there is no sequence to train on.
    """
    check_rates(datasets, config.normaliser.rate_hz)
    torch.manual_seed(config.loop.seed)
    model = Pretrainer(config.encoder, config.objective)
    training, held_out = _hold_out(datasets)
    batches = make_batches(config, training, seed=(config.loop.seed, 0, processes.rank))
    validation = make_batches(config, held_out, seed=(config.loop.seed, 1))
    settings = settings_text(config, datasets, processes.count)

    def validate_when_due(step: Step) -> None:
        if step.step % config.validate_every == 0 or step.step == config.loop.steps:
            logger.validation(step.step, validate(model, validation, config, processes))

    return run_training(
        model, config.loop, batches=batches, losses_of=_losses, settings=settings, out=out, processes=processes,
        logger=logger, save=lambda trainer: _save(config, model, out, trainer.step, datasets),
        after_step=model.update_target, after_report=validate_when_due,
    )  # fmt: skip


def _losses(model: torch.nn.Module, batch: UnlabelledBatch) -> dict[str, torch.Tensor]:
    results: dict[str, torch.Tensor] = dict(model(batch.seen, batch.other))
    return {"loss": torch.stack([results[name] for name in LOSSES if name in results]).sum(), **results}


@torch.no_grad()
def validate(
    model: Pretrainer, batches: UnlabelledBatches, config: PretrainConfig, processes: Processes
) -> dict[str, float]:
    """Compute every loss on the held-out sequences, on the same batches at each call."""
    model.eval()
    # The same joints are masked and the same clips exchanged each time; the trainer seeds again at its next step.
    torch.manual_seed(config.loop.seed)
    sums: dict[str, float] = {}
    for number in range(_VALIDATION_BATCHES):
        with autocast(processes.device, config.loop.precision):
            results = _losses(model, batches(number).to(processes.device))
        for name, value in results.items():
            sums[name] = sums.get(name, 0.0) + value.item() / _VALIDATION_BATCHES
    model.train()
    return sums


def _hold_out(datasets: Sequence[Dataset]) -> tuple[list[Dataset], list[Dataset]]:
    """Exclude a few sequences of every data set from training, chosen by their names alone."""
    training = [d.only([s for s in d.samples if zlib.crc32(s.name.encode()) % _VALIDATION_EVERY]) for d in datasets]
    held_out = [d.only([s for s in d.samples if not zlib.crc32(s.name.encode()) % _VALIDATION_EVERY]) for d in datasets]
    if not any(d.samples for d in training):
        raise DataError(f"{', '.join(str(d.path) for d in datasets)}: no sequence to train on; give more data")
    if not any(d.samples for d in held_out):
        held_out = training
    return [d for d in training if d.samples], [d for d in held_out if d.samples]


def make_batches(config: PretrainConfig, datasets: Sequence[Dataset], seed: tuple[int, ...]) -> UnlabelledBatches:
    """Create the source of batches. seed: with the batch's number it decides every draw."""
    # Pre-training reads no labels, so none has to be mirrored.
    live = Augmenter(AugmentConfig(), mirrored_labels=torch.zeros(1, dtype=torch.int64).numpy())
    return UnlabelledBatches(
        datasets,
        crop=config.crop,
        augmenter=PublishedAugmenter() if config.published_augmentation else live,
        grid=config.encoder,
        normaliser=config.normaliser,
        modality=config.modality,
        size=part_size(config.batch, config.loop.accumulate, least=2),
        seed=seed,
    )


def _save(config: PretrainConfig, model: Pretrainer, out: Path, step: int, datasets: Sequence[Dataset]) -> None:
    # Where there is a moving average of the weights, it is the better encoder.
    encoder = HiTRS(config.encoder)
    encoder.load_state_dict((model.target or model.encoder).state_dict())
    info = EncoderInfo(
        name=config.name,
        encoder=config.encoder,
        normaliser=config.normaliser,
        modality=config.modality,
        provenance={
            "made by": "hitrs-live pretrain",
            "data": ", ".join(f"{d.index.name} ({len(d.samples)} sequences)" for d in datasets),
            "steps": f"{step} of {config.loop.steps}",
            "settings": settings_text(config),
        },
    )
    save_checkpoint(out, EncoderCheckpoint(info=info, model=encoder))
