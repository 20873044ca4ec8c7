"""`hitrs-live train`: the one command that makes the shipped model."""

import argparse
from dataclasses import replace

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hitrs_live.data.arrays import data_folder
from hitrs_live.data.ship import LABELS
from hitrs_live.errors import ConfigError
from hitrs_live.model.detector import DetectorConfig
from hitrs_live.model.hitrs import HITRS_SMALL, HiTRSConfig
from hitrs_live.training.train import Progress as Step
from hitrs_live.training.train import TrainConfig, train

_LOG_EVERY = 100
"""Steps between lines where there is no terminal to show a bar on."""
_MEMORY = 0.95
"""Of the running averages that the display shows, a step."""


def run_train(options: argparse.Namespace) -> int:
    """Train with the given flags, showing progress; resumes where a run of the same name was broken off."""
    for flag in ("steps", "motion_steps", "batch", "threads"):
        if getattr(options, flag) < 1:
            raise ConfigError(f"--{flag}: got {getattr(options, flag)}, wanted at least 1")
    torch.set_num_threads(options.threads)
    encoder = HITRS_SMALL if options.size == "small" else replace(HiTRSConfig(), max_clips=64)
    config = TrainConfig(
        data=options.data or data_folder(),
        out=options.out,
        name=f"hitrs_{options.size}",
        detector=DetectorConfig(encoder=encoder, classes=len(LABELS), window_clips=16),
        seed=options.seed,
        steps=options.steps,
        motion_steps=options.motion_steps,
        batch=options.batch,
    )
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns) as display:
        task = display.add_task("training", total=config.steps + config.motion_steps, figures="")
        running: dict[str, float] = {}

        def report(step: Step) -> None:
            for name in ("action_loss", "motion_loss", "accuracy"):
                value = getattr(step, name)
                running[name] = _MEMORY * running.get(name, value) + (1 - _MEMORY) * value
            figures = " ".join(f"{name} {value:.3f}" for name, value in running.items())
            display.update(task, completed=step.step + 1, figures=figures)
            if not display.console.is_terminal and (step.step + 1) % _LOG_EVERY == 0:
                print(f"step {step.step + 1}  {figures}", flush=True)

        written = train(config, report)
    print(f"wrote {written}; measure it with: hitrs-live evaluate held-out --checkpoint {written}")
    return 0
