"""Train the detector on composed streams: one loop, one schedule, resumable to the bit."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo, save_checkpoint
from hitrs_live.data.ship import LABELS
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.training.batches import Batch, BatchMaker
from hitrs_live.training.loop import decay_groups
from hitrs_live.transforms import NormaliserConfig


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides the result, besides the data."""

    data: Path
    out: Path
    detector: DetectorConfig
    normaliser: NormaliserConfig = NormaliserConfig()
    name: str = "hitrs_small"
    label_lag_frames: int = 3
    seed: int = 0
    steps: int = 2400
    batch: int = 16
    learning_rate: float = 1e-3
    final_learning_rate: float = 1e-5
    warmup_steps: int = 100
    weight_decay: float = 0.05
    clip_norm: float = 1.0
    label_smoothing: float = 0.05
    motion_weight: float = 1.0
    motion_steps: int = 800
    """Steps after those, in which the motion head alone is trained on the finished encoder."""
    motion_learning_rate: float = 2e-3
    average_decay: float = 0.998
    """Of the slow average of the weights, which is what is saved."""
    save_every: int = 100


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a step reports."""

    step: int
    action_loss: float
    motion_loss: float
    accuracy: float
    """Share of labelled clips named rightly, on this training batch."""
    seconds: float


def train(config: TrainConfig, report: Callable[[Progress], None]) -> Path:
    """Train, resuming from the run's own state where there is one, and write the checkpoint.

    First everything together, then the motion head alone on the slow average of what came of it.
    Every step's data is drawn from (seed, step) and the random state is kept, so a run that was broken off
    and resumed ends in the same weights as one that was not. Returns the checkpoint's path.
    """
    torch.manual_seed(config.seed)
    maker = BatchMaker(config.data, config.detector, config.normaliser, config.label_lag_frames, config.seed)
    model = HitrsDetector(config.detector)
    optimiser = _optimiser(model, config)
    average = {name: value.clone() for name, value in model.state_dict().items()}
    state_path = config.out.with_suffix(".state.pt")
    first, optimiser = _resume(state_path, model, optimiser, average, config)

    for step in range(first, config.steps + config.motion_steps):
        began = time.perf_counter()
        if step == config.steps:
            optimiser = _begin_motion_stage(model, average, config)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, config)
        model.train(step < config.steps)
        losses = _step(model, optimiser, maker.batch(step, config.batch), config)
        # In each stage the average starts fast, so that it does not remember the untrained weights.
        since = step - config.steps if step >= config.steps else step
        decay = min(config.average_decay, (1 + since) / (10 + since))
        for name, value in model.state_dict().items():
            average[name].lerp_(value, 1 - decay)
        report(Progress(step=step, seconds=time.perf_counter() - began, **losses))
        if (step + 1) % config.save_every == 0 or step + 1 == config.steps + config.motion_steps:
            # The checkpoint first: making its model draws random numbers, which the state must have seen drawn.
            _save(config, average, step + 1)
            _save_state(state_path, step + 1, model, optimiser, average)
    return config.out


def _begin_motion_stage(model: HitrsDetector, average: dict[str, Tensor], config: TrainConfig) -> torch.optim.Optimizer:
    """Take the slow average for the model, freeze all but the motion head, and return the head's optimiser."""
    model.load_state_dict(average)
    # What is frozen must not count in the gradient's norm with what it was last.
    model.zero_grad(set_to_none=True)
    model.requires_grad_(False)
    model.motion_head.requires_grad_(True)
    return _optimiser(model.motion_head, config)


def _optimiser(module: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    groups = decay_groups(module, config.weight_decay)
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))


def losses_of(model: HitrsDetector, batch: Batch, label_smoothing: float) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the action loss, the motion loss (mean joint error in body sizes) and the logits of a batch."""
    logits, future = model(batch.joints)
    action = F.cross_entropy(
        logits.flatten(0, 1), batch.labels.flatten(), ignore_index=-1, label_smoothing=label_smoothing
    )
    error = (future - batch.future).norm(dim=-1).mean((-1, -2))
    motion = (error * batch.future_mask).sum() / batch.future_mask.sum().clamp_min(1)
    return action, motion, logits


def learning_rate(step: int, config: TrainConfig) -> float:
    """Warm up linearly, then fall along a half cosine to the final rate; in each of the two stages."""
    steps, peak = config.steps, config.learning_rate
    if step >= config.steps:
        step, steps, peak = step - config.steps, config.motion_steps, config.motion_learning_rate
    if step < config.warmup_steps:
        return peak * (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    return config.final_learning_rate + (peak - config.final_learning_rate) * 0.5 * (1 + math.cos(math.pi * done))


def _step(
    model: HitrsDetector, optimiser: torch.optim.Optimizer, batch: Batch, config: TrainConfig
) -> dict[str, float]:
    action, motion, logits = losses_of(model, batch, config.label_smoothing)
    optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(action + config.motion_weight * motion)
    nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
    optimiser.step()
    known = batch.labels >= 0
    right = (logits.argmax(-1) == batch.labels)[known].float().mean()
    return {"action_loss": action.item(), "motion_loss": motion.item(), "accuracy": right.item()}


def _resume(
    path: Path, model: HitrsDetector, optimiser: torch.optim.Optimizer, average: dict[str, Tensor], config: TrainConfig
) -> tuple[int, torch.optim.Optimizer]:
    if not path.exists():
        return 0, optimiser
    state = torch.load(path, weights_only=True)
    if state["step"] > config.steps:
        optimiser = _begin_motion_stage(model, average, config)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    average.update(state["average"])
    torch.set_rng_state(state["random"])
    return int(state["step"]), optimiser


def _save_state(
    path: Path, step: int, model: HitrsDetector, optimiser: torch.optim.Optimizer, average: dict[str, Tensor]
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    torch.save(
        {
            "step": step,
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "average": average,
            "random": torch.get_rng_state(),
        },
        unfinished,
    )
    unfinished.replace(path)


def _save(config: TrainConfig, average: dict[str, Tensor], step: int) -> None:
    model = HitrsDetector(config.detector)
    model.load_state_dict(average)
    info = CheckpointInfo(
        name=config.name,
        labels=LABELS,
        detector=config.detector,
        normaliser=config.normaliser,
        label_lag_frames=config.label_lag_frames,
        provenance={
            "data": "precog16 p1-p8, ui_prmd_kinect s01-s07, cmu_bvh_01_14 without 08 09 14, cmu_mocap6 13",
            "seed": str(config.seed),
            "steps": f"{step} of {config.steps} + {config.motion_steps}",
            "batch": str(config.batch),
            "settings": json.dumps({"learning_rate": config.learning_rate, "weight_decay": config.weight_decay}),
        },
    )
    save_checkpoint(config.out, Checkpoint(info=info, model=model.eval()))
