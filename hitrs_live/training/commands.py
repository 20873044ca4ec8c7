"""`hitrs-live pretrain` and `hitrs-live finetune`: flags in, a run with its display, a checkpoint out."""

import argparse
from dataclasses import replace

import torch

from hitrs_live.checkpoint import EncoderCheckpoint, load_encoder
from hitrs_live.data.arrays import data_folder
from hitrs_live.data.dataset import Dataset
from hitrs_live.data.opening import open_dataset, open_datasets
from hitrs_live.data.subsets import draw_subset, read_subset, save_subset
from hitrs_live.errors import CheckpointMismatch, ConfigError
from hitrs_live.model.hitrs import HITRS_SMALL, HITRS_TINY, HiTRSConfig
from hitrs_live.training.finetune import FinetuneConfig, finetune
from hitrs_live.training.journal import Journal
from hitrs_live.training.loop import LoopConfig
from hitrs_live.training.pretrain import PRESETS, pretrain
from hitrs_live.training.processes import join_processes

SIZES = {"tiny": HITRS_TINY, "small": HITRS_SMALL, "base": HiTRSConfig()}
_MIN_STEPS = 300
"""Of fine-tuning: fifty epochs of ten sequences would end before anything is learned."""


def run_pretrain(options: argparse.Namespace) -> int:
    """Pre-train with the given flags; resumes where a run of the same name was broken off."""
    _check_counts(options, "batch", "accumulate", "steps")
    datasets = open_datasets(options.data or [data_folder() / "ship"])
    # People who are tested on are not even looked at without their labels.
    training = [data.split(options.split)[0] if data.index.splits else data for data in datasets]
    config = PRESETS[options.preset](SIZES[options.size])
    loop = replace(
        config.loop, seed=options.seed, steps=options.steps or config.loop.steps, accumulate=options.accumulate,
        precision=options.precision, workers=options.workers,
    )  # fmt: skip
    loop = replace(loop, warmup_steps=min(loop.warmup_steps, loop.steps // 10))
    objective = config.objective
    if options.target_decay is not None:
        objective = replace(objective, target_decay=options.target_decay)
    config = replace(
        config, name=f"hitrs_{options.size}", modality=options.modality or "joint", loop=loop, objective=objective,
        batch=options.batch or config.batch,
    )  # fmt: skip
    torch.set_num_threads(options.threads)
    with (
        join_processes(options.device) as processes,
        Journal("pre-training", steps=loop.steps, first=processes.first, tensorboard=options.tensorboard) as journal,
    ):
        written = pretrain(config, training, options.out, processes, journal)
        if processes.first:
            print(f"wrote {written}; use it with: hitrs-live finetune --checkpoint {written} --data DATA --out OUT")
    return 0


def run_finetune(options: argparse.Namespace) -> int:
    """Fine-tune with the given flags; resumes where a run of the same name was broken off."""
    _check_counts(options, "batch", "accumulate", "steps", "epochs")
    if options.head_only and not options.checkpoint:
        raise ConfigError("--head-only: got no --checkpoint; a head alone can learn on a pre-trained encoder only")
    data = _training_data(options)
    begin = _encoder(options)
    encoder = replace(begin.info.encoder, dropout=options.dropout) if begin else _fresh(options)
    batch = min(options.batch, len(data.samples))
    steps = options.steps or max(_MIN_STEPS, options.epochs * max(1, len(data.samples) // batch))
    loop = LoopConfig(
        steps=steps, seed=options.seed, learning_rate=options.learning_rate, final_learning_rate=1e-5,
        warmup_steps=max(1, steps // 20), schedule="cosine", weight_decay=options.weight_decay,
        accumulate=options.accumulate, average_decay=0.99, precision=options.precision, workers=options.workers,
    )  # fmt: skip
    config = FinetuneConfig(
        name=begin.info.name if begin else f"hitrs_{options.size}",
        encoder=encoder, modality=begin.info.modality if begin else options.modality, loop=loop, batch=batch,
        head_only=options.head_only,
    )  # fmt: skip
    if begin is not None:
        config = replace(config, normaliser=begin.info.normaliser)
    torch.set_num_threads(options.threads)
    with (
        join_processes(options.device) as processes,
        Journal("fine-tuning", steps=steps, first=processes.first, tensorboard=options.tensorboard) as journal,
    ):
        written = finetune(config, data, begin, options.out, processes, journal)
        if processes.first:
            print(
                f"wrote {written}; measure it with: "
                f"hitrs-live evaluate recognition --data {options.data} --checkpoint {written} --json OUT"
            )
    return 0


def _training_data(options: argparse.Namespace) -> Dataset:
    """Open the data, take the training half of the split, cut streams into actions, keep the subset."""
    data = open_dataset(options.data)
    if options.test_subjects:
        data = data.with_test_subjects(options.test_subjects)
    training = data.split(options.split)[0].segments()
    if options.label_share is not None:
        options.subset = options.out.with_suffix(".labels.txt")
        names = draw_subset(training, options.label_share, options.seed)
        save_subset(options.subset, names, share=options.label_share, seed=options.seed, data=data.index.name)
    if options.subset:
        chosen = set(read_subset(options.subset, training))
        training = training.only([sample for sample in training.samples if sample.name in chosen])
    return training


def _encoder(options: argparse.Namespace) -> EncoderCheckpoint | None:
    if options.checkpoint is None:
        return None
    begin = load_encoder(options.checkpoint)
    if options.modality and options.modality != begin.info.modality:
        raise CheckpointMismatch(
            f"checkpoint {options.checkpoint}: trained on {begin.info.modality}s, got --modality {options.modality}; "
            "pre-train one on that, or leave the flag"
        )
    return begin


def _fresh(options: argparse.Namespace) -> HiTRSConfig:
    options.modality = options.modality or "joint"
    return replace(SIZES[options.size], dropout=options.dropout)


def _check_counts(options: argparse.Namespace, *names: str) -> None:
    for name in names:
        value = getattr(options, name)
        if value is not None and value < 1:
            raise ConfigError(f"--{name.replace('_', '-')}: got {value}, wanted at least 1")
