"""`hitrs-live finetune`: flags in, a run with its display, a recogniser out."""

import argparse
from collections.abc import Mapping
from dataclasses import replace

import torch

from hitrs_live.checkpoint import EncoderCheckpoint, load_encoder
from hitrs_live.data.dataset import Dataset
from hitrs_live.data.opening import check_classes, open_dataset
from hitrs_live.data.subsets import draw_subset, save_subset, take_subset
from hitrs_live.errors import CheckpointMismatch, ConfigError, DataError
from hitrs_live.model.hitrs import SIZES, HiTRSConfig
from hitrs_live.model.recogniser import Readout
from hitrs_live.training.finetune import FinetuneConfig, finetune
from hitrs_live.training.journal import Journal
from hitrs_live.training.labelled import VaryConfig
from hitrs_live.training.loop import LoopConfig
from hitrs_live.training.pretrain_command import check_counts
from hitrs_live.training.processes import join_processes
from hitrs_live.transforms import NormaliserConfig

PRESETS: dict[str, dict[str, float | bool | Readout]] = {
    "live": {
        "epochs": 50, "batch": 16, "learning_rate": 1e-3, "weight_decay": 0.05, "dropout": 0.1, "readout": "max",
        "encoder_rate": 1.0, "mirror": False,
    },
    "published": {
        "epochs": 60, "batch": 128, "learning_rate": 4e-4, "weight_decay": 0.01, "dropout": 0.2, "readout": "token",
        "encoder_rate": 1.0, "mirror": False,
    },
}  # fmt: skip
_PUBLISHED_HEAD_RATE = 0.01
_MIN_STEPS = 300
"""Of fine-tuning: fifty epochs of ten sequences would end before anything is learned."""


def run_finetune(options: argparse.Namespace) -> int:
    """Fine-tune with the given flags; resumes where a run of the same name was broken off."""
    _fill_in(options, PRESETS[options.preset])
    check_counts(options, "batch", "accumulate", "steps", "epochs")
    if options.head_only and not options.checkpoint:
        raise ConfigError("--head-only: got no --checkpoint; a head alone can learn on a pre-trained encoder only")
    data = _training_data(options)
    begin = _encoder(options)
    encoder = replace(begin.info.encoder, dropout=options.dropout) if begin else _fresh(options)
    torch.set_num_threads(options.threads)
    with join_processes(options.device) as processes:
        batch = min(options.batch, max(1, len(data.samples) // processes.count))
        epoch = max(1, len(data.samples) // (batch * processes.count))
        steps = options.steps or max(_MIN_STEPS, options.epochs * epoch)
        loop = LoopConfig(
            steps=steps, seed=options.seed, learning_rate=options.learning_rate, final_learning_rate=1e-5,
            warmup_steps=max(1, steps // 20), schedule="cosine", weight_decay=options.weight_decay,
            encoder_rate=options.encoder_rate if begin else 1.0, accumulate=options.accumulate, average_decay=0.99,
            precision=options.precision, workers=options.workers,
        )  # fmt: skip
        config = FinetuneConfig(
            name=begin.info.name if begin else f"hitrs_{options.size}",
            encoder=encoder,
            modality=begin.info.modality if begin else options.modality,
            normaliser=begin.info.normaliser if begin else NormaliserConfig(),
            loop=loop,
            batch=batch,
            readout=options.readout,
            head_only=options.head_only,
            vary=VaryConfig(mirror_share=0.5 if options.mirror else 0.0),
        )
        with Journal("fine-tuning", steps=steps, first=processes.first, tensorboard=options.tensorboard) as journal:
            written = finetune(config, data, begin, options.out, processes, journal)
        if processes.first:
            print(
                f"wrote {written}; measure it with: "
                f"hitrs-live evaluate recognition --data {options.data} --checkpoint {written} --json OUT"
            )
    return 0


def _fill_in(options: argparse.Namespace, preset: Mapping[str, float | bool | Readout]) -> None:
    """Give every flag that was left out its value of the preset."""
    if options.preset == "published" and options.head_only and options.learning_rate is None:
        options.learning_rate = _PUBLISHED_HEAD_RATE
    for name, value in preset.items():
        if getattr(options, name) is None:
            setattr(options, name, value)


def _training_data(options: argparse.Namespace) -> Dataset:
    """Open the data, take the training half of the split, cut streams into actions, keep the subset."""
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
