"""A logger for tests: it prints nothing, keeps what it receives, and interrupts a run on demand."""

from collections.abc import Mapping

from hitrs_live.training.trainer import Step
from hitrs_live.training.training_logger import TrainingLogger


class Interrupted(Exception):
    """The run was interrupted, as by a power failure."""


class RecordingLogger(TrainingLogger):
    """Keep the steps and validations of a run; interrupt it after a step."""

    def __init__(self, *, interrupt_at: int | None = None) -> None:
        super().__init__("test", steps=1, first=False)
        self.steps: list[Step] = []
        self.validations: list[Mapping[str, float]] = []
        self._interrupt_at = interrupt_at

    def step(self, step: Step) -> None:
        self.steps.append(step)
        if step.step == self._interrupt_at:
            raise Interrupted

    def validation(self, step: int, figures: Mapping[str, float]) -> None:
        self.validations.append(figures)
