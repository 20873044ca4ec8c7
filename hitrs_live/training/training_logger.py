"""Show a run's progress: a bar on a terminal, lines elsewhere, TensorBoard scalars on demand."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from hitrs_live.errors import ConfigError
from hitrs_live.training.trainer import Step

_LOG_EVERY = 100
"""Steps between lines where output is no terminal."""
_SCALARS_EVERY = 20
_MEMORY = 0.95
"""Decay per step of the running averages on the display."""


class TrainingLogger:
    """Report the steps of one run. A context manager; silent in all processes but the first."""

    def __init__(self, what: str, *, steps: int, first: bool = True, tensorboard: Path | None = None) -> None:
        """Prepare the display. what: title of the bar. Raises ConfigError where TensorBoard is not installed."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns)
        self._task = self._bar.add_task(what, total=steps)
        self._console = Console(quiet=not first)
        self._display = Live(self._bar, console=self._console)
        self._first = first
        self._writer = _scalar_writer(tensorboard) if tensorboard and first else None
        self._running: dict[str, float] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._display.stop()
        if self._writer is not None:
            self._writer.close()

    def note(self, text: str) -> None:
        """Print a line about the run."""
        self._console.print(text, highlight=False, soft_wrap=True, markup=False)

    def step(self, step: Step) -> None:
        """Show one step."""
        if not self._first:
            return
        for name, value in step.figures.items():
            self._running[name] = _MEMORY * self._running.get(name, value) + (1 - _MEMORY) * value
        figures = describe(self._running)
        self._bar.update(self._task, completed=step.step)
        self._display.update(Group(self._bar, Text(figures, style="dim")))
        if not self._console.is_terminal and step.step % _LOG_EVERY == 0:
            print(f"step {step.step}: {figures}, {step.seconds:.2f} s per step", flush=True)
        if step.step % _SCALARS_EVERY == 0:
            timing = {"seconds": step.seconds, "waited_share": step.waited_s / step.seconds}
            self._write("training", step.step, {**step.figures, **timing})

    def validation(self, step: int, figures: Mapping[str, float]) -> None:
        """Show the losses on the held-out sequences."""
        if not self._first:
            return
        self._console.print(f"step {step}, held out: {describe(figures)}", highlight=False, soft_wrap=True)
        self._write("validation", step, figures)

    def _write(self, group: str, step: int, figures: Mapping[str, float]) -> None:
        if self._writer is not None:
            for name, value in figures.items():
                self._writer.add_scalar(f"{group}/{name}", value, step)


def describe(figures: Mapping[str, float]) -> str:
    """Format figures as one line: each loss, with its accuracy where there is one."""
    parts = []
    for name, value in figures.items():
        if name.endswith("_right"):
            continue
        right = figures.get(f"{name}_right")
        parts.append(f"{name} {value:.3f}" + ("" if right is None else f" ({right:.0%} right)"))
    return ", ".join(parts)


def _scalar_writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ConfigError("--tensorboard: the package is not installed; get it with pip install '.[train]'") from None
    return SummaryWriter(str(folder))
