"""One training run from its first step to its file: what every command that trains has in common."""

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
    """Train a module and write what comes out of it, resuming the run of that name where there is one.

    settings: all that decides the result, as text; save writes `out` with what was trained so far; after_step is
    called after each step of the optimiser, after_report once the first process has reported the step. Returns `out`.

    Raises ConfigError where the run of that name was begun with other settings.
    """
    state = state_of(out)
    loop = Trainer(module, config, processes, state, settings)
    warm_up = min(config.warmup_steps, config.steps)
    logger.note(f"{config.steps} steps of the optimiser, the first {warm_up} of them warm-up, seed {config.seed}")
    if loop.step >= config.steps:
        logger.note(f"{state}: this run has taken all its steps; remove the file to begin anew")
    elif loop.step:
        logger.note(f"{state}: resuming after step {loop.step}")

    def report(step: Step) -> None:
        logger.step(step)
        if processes.first:
            after_report(step)
            if step.saves:
                save(loop)

    loop.run(batches, losses_of, after_step, report)
    if processes.first and not out.exists():
        save(loop)
    return out


def state_of(out: Path) -> Path:
    """Name the file that a run's state is kept in."""
    return out.with_suffix(".state.pt")


def part_size(batch: int, accumulate: int, least: int = 1) -> int:
    """Divide a process's batch into the parts that a step takes one after another.

    least: items that a part needs. Raises ConfigError where that cannot be done.
    """
    if batch % accumulate == 0 and batch // accumulate >= least:
        return batch // accumulate
    fitting = max(least, round(batch / accumulate)) * accumulate
    parts = f"{accumulate} equal parts" if accumulate > 1 else "one part"
    raise ConfigError(
        f"--accumulate {accumulate}: a batch of {batch} does not make {parts} of at least {least}; "
        f"choose another, such as --batch {fitting}"
    )
