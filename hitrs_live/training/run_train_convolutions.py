"""Run `hitrs-live train-convolutions`: from a detector to one with convolutions beside Hi-TRS."""

import argparse

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.data.camera_faults import CameraFaults
from hitrs_live.errors import CheckpointMismatch
from hitrs_live.model.joint_convolutions import ConvolutionsConfig
from hitrs_live.training.distributed import join_processes
from hitrs_live.training.run_pretrain import check_counts
from hitrs_live.training.stream_store import read_store
from hitrs_live.training.threads import use_threads
from hitrs_live.training.train_convolutions import ConvolutionsTraining, train_convolutions
from hitrs_live.training.trainer import TrainerConfig
from hitrs_live.training.training_logger import TrainingLogger


def run_train_convolutions(options: argparse.Namespace) -> int:
    """Train with the given flags; resume an interrupted run to the same file. Return the exit code."""
    use_threads(options.threads)
    check_counts(options, "batch", "accumulate", "steps", "width")
    begin = load_checkpoint(options.checkpoint)
    if not begin.info.independent:
        raise CheckpointMismatch(
            f"checkpoint {options.checkpoint}: a detector with one softmax for all classes, expected one with a "
            "sigmoid for each; train one with: hitrs-live train-detector --streams FOLDER"
        )
    store = read_store(options.streams, begin.info.labels)
    config = ConvolutionsTraining(
        convolutions=ConvolutionsConfig(classes=len(begin.info.labels), width=options.width, share=options.share),
        loop=TrainerConfig(
            steps=options.steps, seed=options.seed, learning_rate=options.learning_rate, final_learning_rate=4e-5,
            warmup_steps=max(1, min(100, options.steps // 10)), schedule="cosine", weight_decay=0.02,
            accumulate=options.accumulate, average_decay=0.998, precision=options.precision, workers=options.workers,
        ),
        batch=options.batch,
        faults=CameraFaults().as_often(options.camera_faults),
        keep=options.keep,
    )  # fmt: skip
    with join_processes(options.device) as processes:
        with TrainingLogger(
            "training", steps=options.steps, first=processes.first, tensorboard=options.tensorboard
        ) as logger:
            logger.note(f"{store.hours:.1f} h in {len(store.streams)} streams, {len(store.labels) - 1} classes")
            written = train_convolutions(config, store, begin, options.out, processes, logger)
        if processes.first:
            print(f"wrote {written}; tune its thresholds with: hitrs-live tune-thresholds --checkpoint {written}")
    return 0
