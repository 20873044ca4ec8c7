"""Run `hitrs-live train-forecaster`: from a detector or an encoder to a detector with a new motion head."""

import argparse
from collections.abc import Sequence
from dataclasses import replace

import torch

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo, checkpoint_kind, load_checkpoint, load_encoder
from hitrs_live.data.array_format import BACKGROUND, LabelledSequence
from hitrs_live.data.class_map import map_labels, read_background, read_classes
from hitrs_live.data.dataset import Dataset
from hitrs_live.data.open_dataset import BACKGROUND_NAME, check_rates
from hitrs_live.data.shipped_classes import SOURCE_WEIGHTS
from hitrs_live.data.stream_synthesis import ComposeConfig
from hitrs_live.errors import CheckpointMismatch
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.skeleton import mirrored_labels
from hitrs_live.training.distributed import join_processes
from hitrs_live.training.run_pretrain import check_counts
from hitrs_live.training.run_train_detector import arms_free, check_window, training_data
from hitrs_live.training.threads import use_threads
from hitrs_live.training.train_detector import TrainingStreams
from hitrs_live.training.train_forecaster import MOTION_COMPOSE, ForecasterTraining, train_forecaster
from hitrs_live.training.trainer import TrainerConfig
from hitrs_live.training.training_logger import TrainingLogger

_WEIGHTS = {**SOURCE_WEIGHTS, "cmu_bvh_01_14": 0.25, "cmu_amc_01_03": 0.1}
"""Relative frequency of each shipped file's pieces in training."""

_WINDOW_CLIPS = 16


def run_train_forecaster(options: argparse.Namespace) -> int:
    """Train with the given flags; resume an interrupted run to the same file. Return the exit code."""
    use_threads(options.threads)
    check_counts(options, "batch", "accumulate", "steps", "window_clips")
    begin = _begin(options)
    from_detector = begin.fingerprint != ""
    datasets = training_data(options, labelled=options.joint)
    check_rates(datasets, begin.info.normaliser.rate_hz)
    streams_data = TrainingStreams(
        sources={data.index.name: _read(data, begin.info.labels, joint=options.joint) for data in datasets},
        weights=_WEIGHTS,
        mirrored=mirrored_labels(begin.info.labels),
        arms_free=arms_free(begin.info.labels),
    )
    config = ForecasterTraining(
        joint=options.joint,
        keep_motion=options.keep_motion,
        loop=TrainerConfig(
            steps=options.steps, seed=options.seed, learning_rate=options.learning_rate, final_learning_rate=1e-5,
            warmup_steps=max(1, min(100, options.steps // 10)), schedule="cosine", weight_decay=0.05,
            accumulate=options.accumulate, average_decay=0.995, precision=options.precision, workers=options.workers,
        ),
        batch=options.batch,
        compose=replace(MOTION_COMPOSE, invented_share=ComposeConfig().invented_share if options.joint else 0.0),
    )  # fmt: skip
    with join_processes(options.device) as processes:
        with TrainingLogger(
            "training", steps=options.steps, first=processes.first, tensorboard=options.tensorboard
        ) as logger:
            if from_detector and options.window_clips:
                logger.note(f"--window-clips {options.window_clips}: not used, since the detector has its own window")
            written = train_forecaster(config, streams_data, begin, options.out, processes, logger)
        if processes.first:
            print(f"wrote {written}; measure it with: hitrs-live evaluate motion --checkpoint {written} --data DATA")
    return 0


def _begin(options: argparse.Namespace) -> Checkpoint:
    """Load a detector, or build one without actions around an encoder.

    Raises CheckpointMismatch where the checkpoint cannot be used so.
    """
    if checkpoint_kind(options.checkpoint) == "detector":
        detector_checkpoint = load_checkpoint(options.checkpoint)
        if options.joint and len(detector_checkpoint.info.labels) < 2:
            raise CheckpointMismatch(
                f"checkpoint {options.checkpoint}: knows no action, only {BACKGROUND_NAME!r}; "
                "leave --joint out, or give a detector of hitrs-live train-detector"
            )
        return detector_checkpoint
    begin = load_encoder(options.checkpoint)
    if begin.info.modality != "joint" or not begin.info.encoder.causal:
        raise CheckpointMismatch(
            f"checkpoint {options.checkpoint}: trained on {begin.info.modality}s"
            f"{'' if begin.info.encoder.causal else ', not causal'}, expected a causal one on joints; "
            "give a detector, or a causal encoder of hitrs-live pretrain"
        )
    if options.joint:
        raise CheckpointMismatch(
            f"checkpoint {options.checkpoint}: an encoder has no actions to train with --joint; "
            "train a detector on it with hitrs-live train-detector first, or leave --joint out"
        )
    window_clips = options.window_clips or _WINDOW_CLIPS
    check_window(window_clips, begin.info.encoder)
    detector = DetectorConfig(encoder=begin.info.encoder, classes=1, window_clips=window_clips)
    # The head that is never trained must be the same in every run, or an interrupted one could not be resumed.
    torch.manual_seed(options.seed)
    model = HitrsDetector(detector)
    model.encoder.load_state_dict(begin.model.state_dict())
    info = CheckpointInfo(
        name=begin.info.name, labels=(BACKGROUND_NAME,), detector=detector, normaliser=begin.info.normaliser,
        label_lag_frames=0, provenance=begin.info.provenance,
    )  # fmt: skip
    return Checkpoint(info=info, model=model)


def _read(data: Dataset, labels: tuple[str, ...], *, joint: bool) -> Sequence[LabelledSequence]:
    """Read every body. Without --joint, labels that the detector does not know count as background: they move too."""
    if joint:
        return read_classes(data, labels)
    if (map_labels(data, labels) > BACKGROUND).any():
        return read_classes(data, labels, unknown=BACKGROUND)
    return read_background(data)
