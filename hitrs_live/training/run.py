"""Run a training from its first step to its checkpoint: what all training commands share."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from hitrs_live.errors import ConfigError
from hitrs_live.training.distributed import Processes
from hitrs_live.training.trainer import Moves, Step, Trainer, TrainerConfig
from hitrs_live.training.training_logger import TrainingLogger


def run_training(
    module: nn.Module,
    config: TrainerConfig,
    *,
    batches: Callable[[int], Moves],
    losses_of: Callable[[nn.Module, Any], Mapping[str, Tensor]],
    settings: str,
    out: Path,
    processes: Processes,
    logger: TrainingLogger,
    save: Callable[[Trainer], None],
    after_step: Callable[[], None] = lambda: None,
    after_report: Callable[[Step], None] = lambda _: None,
) -> Path:
    """Train a module and write its checkpoint; resume an earlier run with the same output file.

    settings: every setting that decides the result, as text. save: writes the weights trained so far to `out`.
    after_step: called after each optimiser step. after_report: called in the first process after each report.
    Returns `out`.

    Raises ConfigError where the earlier run was started with other settings.
    """
    state = state_of(out)
    trainer = Trainer(module, config, processes, state, settings)
    warm_up = min(config.warmup_steps, config.steps)
    logger.note(f"{config.steps} steps of the optimiser, the first {warm_up} of them warm-up, seed {config.seed}")
    if trainer.step >= config.steps:
        logger.note(f"{state}: this run has taken all its steps; remove the file to start from scratch")
    elif trainer.step:
        logger.note(f"{state}: resuming after step {trainer.step}")

    def report(step: Step) -> None:
        logger.step(step)
        if processes.first:
            after_report(step)
            if step.saves:
                save(trainer)

    trainer.run(batches, losses_of, after_step, report)
    if processes.first and not out.exists():
        save(trainer)
    return out


def state_of(out: Path) -> Path:
    """Return the path of the file from which a run resumes."""
    return out.with_suffix(".state.pt")


def part_size(batch: int, accumulate: int, least: int = 1) -> int:
    """Compute the size of the equal parts into which gradient accumulation divides a process's batch.

    least: fewest items in a part. Raises ConfigError where the batch cannot be divided so.
    """
    if batch % accumulate == 0 and batch // accumulate >= least:
        return batch // accumulate
    fitting = max(least, round(batch / accumulate)) * accumulate
    parts = f"{accumulate} equal parts" if accumulate > 1 else "one part"
    raise ConfigError(
        f"--accumulate {accumulate}: a batch of {batch} does not make {parts} of at least {least}; "
        f"choose another, such as --batch {fitting}"
    )
