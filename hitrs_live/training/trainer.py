"""Train any module: the one training loop, on one process or several, resumable to the bit.

The random draws of a step, for its batches and for dropout, are a function of the seed, the step and the process
alone. So an interrupted and resumed run ends with the same weights as an uninterrupted one.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset

from hitrs_live.errors import ConfigError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.training.distributed import Processes
from hitrs_live.training.memory import HeapTrimmer

Batch = TypeVar("Batch")


class Moves(Protocol):
    """A batch that can be moved to a device."""

    def to(self, device: torch.device) -> Any:
        """Return the batch on a device."""
        ...


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """Settings of the optimisation. A step is one of the optimiser's and takes `accumulate` batches per process."""

    steps: int
    seed: int = 0
    learning_rate: float = 4e-4
    final_learning_rate: float = 2e-6
    warmup_steps: int = 1000
    schedule: str = "linear"
    """Decay of the learning rate after the warm-up: `linear` or `cosine`."""
    encoder_rate: float = 1.0
    """Learning rate of the submodule `encoder`, as a share of `learning_rate`."""
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    accumulate: int = 1
    average_decay: float = 0.0
    """Decay of the moving average of the weights; 0 keeps no average."""
    precision: str = "auto"
    """`bf16` computes matrix products in bfloat16; `auto` does so on a GPU."""
    workers: int = 1
    """Processes that build batches ahead; 0 builds them in the training process."""
    save_every: int = 200


@dataclass(frozen=True, kw_only=True)
class Step:
    """Report of one step."""

    step: int
    """Counted from 1."""
    figures: Mapping[str, float]
    seconds: float
    waited_s: float
    """Part of `seconds` spent waiting for batches."""
    saves: bool
    """Whether the run's state is saved after this step; the checkpoint is then written too."""


class _Steps(Dataset[Any], Generic[Batch]):
    def __init__(self, make: Callable[[int], Batch]) -> None:
        self._make = make

    def __getitem__(self, number: int) -> Batch:
        return self._make(number)


class Trainer:
    """Optimise a module with AdamW, and keep what a resumed run needs."""

    def __init__(
        self, module: nn.Module, config: TrainerConfig, processes: Processes, state: Path, settings: str
    ) -> None:
        """Prepare the optimiser, and resume from the file `state` where it exists.

        settings: every setting that decides the result, as text. Raises ConfigError where the state was saved with
        other settings.
        """
        self.module = module.to(processes.device)
        self.config = config
        self.step = 0
        self._processes = processes
        self._state_path = state
        self._settings = settings
        self._optimiser = torch.optim.AdamW(
            parameter_groups(module, config.weight_decay, config.encoder_rate),
            lr=config.learning_rate,
            betas=(0.9, 0.98),
        )
        self.average: dict[str, Tensor] = {}
        """Moving average of the weights by name; empty where none is kept."""
        if config.average_decay:
            self.average = {name: value.clone() for name, value in module.state_dict().items()}
        self._resume()
        self._wrapped: nn.Module = module
        if processes.count > 1:
            self._wrapped = DistributedDataParallel(module, broadcast_buffers=False)

    def run(
        self,
        batch_of: Callable[[int], Moves],
        losses_of: Callable[[nn.Module, Any], Mapping[str, Tensor]],
        after_step: Callable[[], None],
        report: Callable[[Step], None],
    ) -> None:
        """Take the remaining steps.

        batch_of: returns the batch of a number, which counts the batches of this process. losses_of: returns scalars,
        of which `loss` is minimised and all are reported. after_step: called after each optimiser step.
        """
        batches = self._batches(batch_of)
        heap = HeapTrimmer()
        self.module.train()
        while self.step < self.config.steps:
            began = time.perf_counter()
            figures, waited = self._advance(batches, losses_of)
            after_step()
            self._move_average()
            self.step += 1
            heap.after_step()
            saves = self.step % self.config.save_every == 0 or self.step == self.config.steps
            seconds = time.perf_counter() - began
            report(Step(step=self.step, figures=figures, seconds=seconds, waited_s=waited, saves=saves))
            if saves:
                self.save()

    def _batches(self, batch_of: Callable[[int], Moves]) -> Iterator[Moves]:
        numbers = range(self.step * self.config.accumulate, self.config.steps * self.config.accumulate)
        workers = min(self.config.workers, len(numbers))
        loader = DataLoader(
            _Steps(batch_of), sampler=list(numbers), batch_size=None, num_workers=workers,
            worker_init_fn=_one_thread,
        )  # fmt: skip
        return iter(loader)

    def _advance(
        self, batches: Iterator[Moves], losses_of: Callable[[nn.Module, Any], Mapping[str, Tensor]]
    ) -> tuple[dict[str, float], float]:
        torch.manual_seed((self.config.seed << 32) + (self.step << 8) + self._processes.rank)
        for group in self._optimiser.param_groups:
            group["lr"] = group["share"] * learning_rate(self.step, self.config)
        self._optimiser.zero_grad(set_to_none=True)
        totals: dict[str, Tensor] = {}
        waited = 0.0
        for part in range(self.config.accumulate):
            began = time.perf_counter()
            batch = next(batches)
            waited += time.perf_counter() - began
            batch = batch.to(self._processes.device)
            with self._defer_gradient_exchange(part), autocast(self._processes.device, self.config.precision):
                losses = losses_of(self._wrapped, batch)
                torch.autograd.backward(losses["loss"] / self.config.accumulate)
            for name, value in losses.items():
                totals[name] = totals.get(name, torch.zeros((), device=value.device)) + value.detach()
        # Only of trained parameters: a part that was frozen later keeps its last gradient.
        trained = [p for group in self._optimiser.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(trained, self.config.clip_norm)
        self._optimiser.step()
        # One transfer a step: each .item() on a GPU would wait for it.
        values = (torch.stack(list(totals.values())) / self.config.accumulate).tolist()
        return dict(zip(totals, values, strict=True)), waited

    def _defer_gradient_exchange(self, part: int) -> AbstractContextManager[None]:
        """Let processes exchange gradients only at the last batch of a step."""
        last = part == self.config.accumulate - 1
        if last or not isinstance(self._wrapped, DistributedDataParallel):
            return nullcontext()
        return self._wrapped.no_sync()

    @torch.no_grad()
    def _move_average(self) -> None:
        if not self.average:
            return
        # The decay starts small, so that the average soon forgets the untrained weights.
        decay = min(self.config.average_decay, (1 + self.step) / (10 + self.step))
        for name, value in self.module.state_dict().items():
            self.average[name].lerp_(value, 1 - decay)

    def save(self) -> None:
        """Write the run's state, from which it can resume after this step."""
        if not self._processes.first:
            return
        state = {
            "settings": self._settings,
            "step": self.step,
            "model": self.module.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "average": self.average,
        }
        with whole_file(self._state_path) as unfinished:
            torch.save(state, unfinished)

    def _resume(self) -> None:
        if not self._state_path.exists():
            return
        state = torch.load(self._state_path, weights_only=True, map_location=self._processes.device)
        if state["settings"] != self._settings:
            changed = _difference(state["settings"], self._settings)
            raise ConfigError(
                f"{self._state_path}: this run was started with other settings ({changed}); "
                "use those, or remove the file to start from scratch"
            )
        self.module.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.average.update(state["average"])
        self.step = int(state["step"])


def learning_rate(step: int, config: TrainerConfig) -> float:
    """Return the learning rate of a step: a linear warm-up, then linear or cosine decay to the final rate."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    left = 0.5 * (1 + math.cos(math.pi * done)) if config.schedule == "cosine" else 1 - done
    return config.final_learning_rate + (config.learning_rate - config.final_learning_rate) * left


def parameter_groups(module: nn.Module, weight_decay: float, encoder_rate: float = 1.0) -> list[dict[str, Any]]:
    """Group trained parameters: no weight decay for biases, norms, positions and tokens; the encoder's own rate."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            decays = parameter.dim() > 1 and "positions" not in name
            slow = encoder_rate != 1.0 and name.startswith("encoder.")
            groups.setdefault((decays, slow), []).append(parameter)
    return [
        {
            "params": parameters,
            "weight_decay": weight_decay if decays else 0.0,
            "share": encoder_rate if slow else 1.0,
        }
        for (decays, slow), parameters in sorted(groups.items(), reverse=True)
    ]


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return a context in which matrix products are bfloat16: with precision `bf16`, or with `auto` on a GPU."""
    enabled = precision == "bf16" or (precision == "auto" and device.type == "cuda")
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def _one_thread(_: int) -> None:
    """Limit a worker process to one thread; the cores are for the model."""
    torch.set_num_threads(1)


def _difference(before: str, now: str) -> str:
    """List the settings that differ. before, now: lines of `name = value`."""
    old, new = (dict(line.split(" = ", 1) for line in text.splitlines()) for text in (before, now))
    return ", ".join(f"{name} {old.get(name)}, now {new.get(name)}" for name in new if old.get(name) != new[name])
