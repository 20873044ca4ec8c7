"""Run `hitrs-live train-pose-forecaster`: from its flags to a forecaster's checkpoint for one benchmark."""

import argparse

from hitrs_live.data.formats.cmu_motion import read_cmu_motion
from hitrs_live.data.formats.h36m import read_h36m
from hitrs_live.errors import DataError
from hitrs_live.model.pose_forecaster import PoseForecasterConfig
from hitrs_live.training.distributed import join_processes
from hitrs_live.training.threads import use_threads
from hitrs_live.training.train_pose_forecaster import ForecasterTraining, train_pose_forecaster
from hitrs_live.training.trainer import TrainerConfig
from hitrs_live.training.training_logger import TrainingLogger


def run_train_pose_forecaster(options: argparse.Namespace) -> int:
    """Train with the given flags; resume an interrupted run to the same file. Return the exit code."""
    use_threads(options.threads)
    motion = read_cmu_motion(options.cmu) if options.cmu else read_h36m(options.h36m, training=True)
    remaining = motion.without(options.leave_out)
    if not remaining.train:
        raise DataError(f"{options.cmu or options.h36m}: no recording is left to train on")
    config = ForecasterTraining(
        forecaster=PoseForecasterConfig(
            scored=motion.scored, twins=motion.twins, width=options.width, layers=options.layers,
            dropout=options.dropout,
        ),
        loop=TrainerConfig(
            steps=options.steps, seed=options.seed, learning_rate=options.learning_rate, final_learning_rate=1e-5,
            warmup_steps=max(1, min(100, options.steps // 10)), schedule="cosine", weight_decay=0.3,
            average_decay=0.998, precision="fp32", workers=0,
        ),
        batch=options.batch,
    )  # fmt: skip
    with join_processes(options.device) as processes:
        with TrainingLogger("training", steps=options.steps, first=processes.first) as logger:
            written = train_pose_forecaster(config, motion, remaining.train, options.out, processes, logger)
        if processes.first:
            flag = f"--cmu {options.cmu}" if options.cmu else f"--h36m {options.h36m}"
            print(f"wrote {written}; measure it with: hitrs-live evaluate motion {flag} --forecaster {written}")
    return 0
