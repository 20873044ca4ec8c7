"""Run `hitrs-live finetune`: from its flags to a recogniser's checkpoint."""

import argparse
from collections.abc import Mapping
from dataclasses import replace

from hitrs_live.checkpoint import EncoderCheckpoint, load_encoder
from hitrs_live.data.dataset import Dataset
from hitrs_live.data.open_dataset import check_classes, open_dataset
from hitrs_live.data.subsets import draw_subset, save_subset, take_subset
from hitrs_live.errors import CheckpointMismatch, ConfigError, DataError
from hitrs_live.model.hitrs import SIZES, HiTRSConfig
from hitrs_live.model.recogniser import Readout
from hitrs_live.training.batches_recognition import VaryConfig
from hitrs_live.training.distributed import join_processes
from hitrs_live.training.finetune import FinetuneConfig, finetune
from hitrs_live.training.run import part_size
from hitrs_live.training.run_pretrain import DEFAULT_SIZE, check_counts
from hitrs_live.training.threads import use_threads
from hitrs_live.training.trainer import TrainerConfig
from hitrs_live.training.training_logger import TrainingLogger
from hitrs_live.transforms import NormaliserConfig

PRESETS: dict[str, dict[str, float | bool | Readout]] = {
    "live": {
        "batch": 16, "learning_rate": 1e-3, "weight_decay": 0.05, "dropout": 0.1, "readout": "max",
        "encoder_rate": 1.0, "mirror": False,
    },
    "published": {
        "batch": 128, "learning_rate": 4e-4, "weight_decay": 0.01, "dropout": 0.2, "readout": "token",
        "encoder_rate": 1.0, "mirror": False,
    },
}  # fmt: skip
_PUBLISHED_HEAD_RATE = 0.01
_EPOCHS = {"live": 50, "published": 60}
_MIN_STEPS = 300
"""Without --steps or --epochs: on a very small data set fifty epochs are too few steps to learn anything."""


def run_finetune(options: argparse.Namespace) -> int:
    """Fine-tune with the given flags; resume an interrupted run to the same file. Return the exit code."""
    use_threads(options.threads)
    _fill_in(options, PRESETS[options.preset])
    check_counts(options, "batch", "accumulate", "steps", "epochs")
    if options.head_only and not options.checkpoint:
        raise ConfigError("--head-only: got no --checkpoint; a head alone can learn on a pre-trained encoder only")
    data = _training_data(options)
    begin = _encoder(options)
    encoder = replace(begin.info.encoder, dropout=options.dropout) if begin else _fresh(options)
    with join_processes(options.device) as processes:
        batch = _batch(options, len(data.samples) // processes.count)
        an_epoch = max(1, len(data.samples) // (batch * processes.count))
        steps = chosen_steps(options, an_epoch)
        loop = TrainerConfig(
            steps=steps, seed=options.seed, learning_rate=options.learning_rate, final_learning_rate=1e-5,
            warmup_steps=max(1, steps // 20), schedule="cosine", weight_decay=options.weight_decay,
            encoder_rate=options.encoder_rate if begin else 1.0, accumulate=options.accumulate, average_decay=0.99,
            precision=options.precision, workers=options.workers,
        )  # fmt: skip
        config = FinetuneConfig(
            name=begin.info.name if begin else f"hitrs_{options.size or DEFAULT_SIZE}",
            encoder=encoder,
            modality=begin.info.modality if begin else options.modality,
            normaliser=begin.info.normaliser if begin else NormaliserConfig(),
            loop=loop,
            batch=batch,
            readout=options.readout,
            head_only=options.head_only,
            vary=VaryConfig(mirror_share=0.5 if options.mirror else 0.0),
        )
        with TrainingLogger(
            "fine-tuning", steps=steps, first=processes.first, tensorboard=options.tensorboard
        ) as logger:
            for line in _notes(options, batch=batch, an_epoch=an_epoch, steps=steps):
                logger.note(line)
            written = finetune(config, data, begin, options.out, processes, logger)
        if processes.first:
            print(
                f"wrote {written}; measure it with: "
                f"hitrs-live evaluate recognition --data {options.data} --checkpoint {written} --json OUT"
            )
    return 0


def _batch(options: argparse.Namespace, available: int) -> int:
    """Choose the batch size: the requested one, or all the data of this process where that is less.

    Raises ConfigError where it cannot be divided into `--accumulate` equal parts.
    """
    part_size(options.batch, options.accumulate)
    if options.batch <= available:
        return int(options.batch)
    if available < options.accumulate:
        raise ConfigError(
            f"--accumulate {options.accumulate}: there are {available} training sequences per process, expected "
            "at least one per part; choose a smaller number"
        )
    return int(available - available % options.accumulate)


def chosen_steps(options: argparse.Namespace, an_epoch: int) -> int:
    """Choose the number of steps: the requested steps or epochs, else the preset's epochs but at least `_MIN_STEPS`."""
    if options.steps:
        return int(options.steps)
    if options.epochs:
        return int(options.epochs) * an_epoch
    return max(_MIN_STEPS, _EPOCHS[options.preset] * an_epoch)


def _notes(options: argparse.Namespace, *, batch: int, an_epoch: int, steps: int) -> list[str]:
    """List what the run derives from the flags, and which flags it does not use."""
    notes = [f"{batch} sequences per step, {an_epoch} steps per epoch, {steps / an_epoch:.3g} epochs"]
    if batch != options.batch:
        notes.append(f"--batch {options.batch}: the training half has too few sequences; taking {batch} per step")
    if options.steps and options.epochs:
        notes.append(f"--epochs {options.epochs}: not used, since --steps {options.steps} is given too")
    if not (options.steps or options.epochs) and steps > _EPOCHS[options.preset] * an_epoch:
        notes.append(
            f"{_EPOCHS[options.preset]} epochs would be {_EPOCHS[options.preset] * an_epoch} steps; taking {steps}, "
            "the default minimum; --epochs or --steps chooses another number"
        )
    if options.checkpoint and options.size:
        notes.append(f"--size {options.size}: not used, since the encoder of --checkpoint has a size of its own")
    if not options.checkpoint and options.encoder_rate != 1.0:
        notes.append(f"--encoder-rate {options.encoder_rate:g}: not used, since there is no --checkpoint")
    return notes


def _fill_in(options: argparse.Namespace, preset: Mapping[str, float | bool | Readout]) -> None:
    """Set every omitted flag to its value in the preset."""
    if options.preset == "published" and options.head_only and options.learning_rate is None:
        options.learning_rate = _PUBLISHED_HEAD_RATE
    for name, value in preset.items():
        if getattr(options, name) is None:
            setattr(options, name, value)


def _training_data(options: argparse.Namespace) -> Dataset:
    """Open the data, take the training half of the split, cut streams into actions and apply the label subset."""
    data = open_dataset(options.data)
    if options.test_subjects:
        data = data.with_test_subjects(options.test_subjects)
    training, test = (half.segments() for half in data.split(options.split))
    check_classes(training, test)
    if options.label_share is not None:
        options.subset = options.out.with_suffix(".labels.txt")
        names = draw_subset(training, options.label_share, options.seed)
        save_subset(options.subset, names, share=options.label_share, seed=options.seed, data=data.index.name)
    if options.subset:
        training = take_subset(options.subset, training)
    if not training.samples:
        raise DataError(f"{data.path}: this split trains on no labelled sequence; choose another")
    if len(trained := {training.class_of(sample) for sample in training.samples}) < 2:
        raise DataError(
            f"{data.path}: all {len(training.samples)} training sequences are of one class, "
            f"{training.classes[trained.pop()]!r}; a recogniser needs two or more classes, give data of several"
        )
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
    return replace(SIZES[options.size or DEFAULT_SIZE], dropout=options.dropout)
