"""Run `hitrs-live pretrain`: from its flags to an encoder's checkpoint."""

import argparse
from collections.abc import Sequence
from dataclasses import replace

from hitrs_live.data.array_format import data_folder
from hitrs_live.data.dataset import Dataset
from hitrs_live.data.open_dataset import open_datasets
from hitrs_live.errors import ConfigError
from hitrs_live.model.hitrs import SIZES
from hitrs_live.training.distributed import join_processes
from hitrs_live.training.pretrain import PRESETS, pretrain
from hitrs_live.training.threads import use_threads
from hitrs_live.training.training_logger import TrainingLogger

DEFAULT_SIZE = "small"
"""Size of an encoder trained from scratch."""


def run_pretrain(options: argparse.Namespace) -> int:
    """Pre-train with the given flags; resume an interrupted run to the same file. Return the exit code."""
    use_threads(options.threads)
    check_counts(options, "batch", "accumulate", "steps")
    datasets = open_datasets(options.data or [data_folder() / "ship"])
    # Test subjects are excluded from pre-training too, although it reads no labels.
    training = [data.split(options.split)[0] if data.index.splits else data for data in datasets]
    config = PRESETS[options.preset](SIZES[options.size or DEFAULT_SIZE])
    loop = replace(
        config.loop, seed=options.seed, steps=options.steps or config.loop.steps, accumulate=options.accumulate,
        precision=options.precision, workers=options.workers,
    )  # fmt: skip
    loop = replace(loop, warmup_steps=min(loop.warmup_steps, loop.steps // 10))
    objective = config.objective
    if options.target_decay is not None:
        objective = replace(objective, target_decay=options.target_decay)
    config = replace(
        config, name=f"hitrs_{options.size or DEFAULT_SIZE}", modality=options.modality or "joint", loop=loop,
        objective=objective, batch=options.batch or config.batch,
    )  # fmt: skip
    with join_processes(options.device) as processes:
        with TrainingLogger(
            "pre-training", steps=loop.steps, first=processes.first, tensorboard=options.tensorboard
        ) as logger:
            note_undivided(logger, datasets, options.split)
            written = pretrain(config, training, options.out, processes, logger)
        if processes.first:
            print(f"wrote {written}; use it with: hitrs-live finetune --checkpoint {written} --data DATA --out OUT")
    return 0


def note_undivided(logger: TrainingLogger, datasets: Sequence[Dataset], split: str | None) -> None:
    """Log which data sets have no split, so that training takes all of their sequences."""
    if undivided := [str(data.path) for data in datasets if not data.index.splits]:
        asked = f"--split {split}: " if split else ""
        logger.note(f"{asked}no split in {', '.join(undivided)}; training on all sequences")


def check_counts(options: argparse.Namespace, *names: str) -> None:
    """Raise ConfigError where one of these flags has a value below 1."""
    for name in names:
        value = getattr(options, name)
        if value is not None and value < 1:
            raise ConfigError(f"--{name.replace('_', '-')}: got {value}, expected at least 1")
