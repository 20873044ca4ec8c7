"""A journal for tests: silent, it keeps what it is told, and breaks a run off on demand."""

from collections.abc import Mapping

from hitrs_live.training.trainer import Step
from hitrs_live.training.training_logger import TrainingLogger


class BrokenOff(Exception):
    """The power went."""


class KeptJournal(TrainingLogger):
    """Keep the steps and validations of a run; break it off after a step."""

    def __init__(self, *, broken_at: int | None = None) -> None:
        super().__init__("test", steps=1, first=False)
        self.steps: list[Step] = []
        self.validations: list[Mapping[str, float]] = []
        self._broken_at = broken_at

    def step(self, step: Step) -> None:
        self.steps.append(step)
        if step.step == self._broken_at:
            raise BrokenOff

    def validation(self, step: int, figures: Mapping[str, float]) -> None:
        self.validations.append(figures)
