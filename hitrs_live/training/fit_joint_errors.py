"""Fit the error model of live joints to pairs of true and live joints.

First the bias network. The flow network then learns what is left; "left" is measured with bias networks that have not
seen the person, or it would be too small for people whom nobody has seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.data.interpolation import interpolate
from hitrs_live.errors import DataError
from hitrs_live.virtual_camera.joint_errors.coordinates import DIRECTIONS, TARGETS, body_sizes_m, conditions, targets
from hitrs_live.virtual_camera.joint_errors.model import JointErrorModel, Scales
from hitrs_live.virtual_camera.joint_errors.networks import BiasNetwork, FlowNetwork
from hitrs_live.virtual_camera.joint_errors.noise import LAGS, draw_noise, fit_shares
from hitrs_live.virtual_camera.joint_errors.pairs import JointPair, mirrored

Report = Callable[[str], None]
_MOST_LOST = 0.5
_LEAST_PEOPLE = 3
_LEAST_DEVIATION = 0.05
# Noise is drawn for many steps at once, and windows of it are cut at random.
_NOISE_STEPS, _NOISE_ROWS, _NOISE_WINDOWS = 60, 128, 6


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How long and how to fit."""

    seed: int = 0
    folds: int = 3
    """Groups of people; a bias network is fitted without each, and one with all."""
    bias_steps: int = 900
    flow_steps: int = 3000
    batch: int = 32
    window: int = 64
    """Frames of a training window; even."""
    learning_rate: float = 2e-3
    flow_dropout: float = 0.1
    average: float = 0.998
    """Of the flow's weights over steps."""


@dataclass(frozen=True, kw_only=True)
class _Sequence:
    """One pair in the coordinates of the networks."""

    subject: str
    condition: Tensor
    """(CONDITIONS, T)."""
    target: Tensor
    """(TARGETS, T); interpolated where lost."""
    lost: Tensor
    """(T,) bool."""


def fit_joint_errors(pairs: Sequence[JointPair], settings: FitSettings, report: Report) -> JointErrorModel:
    """Fit the whole model. Raises DataError where there are too few people or frames."""
    sequences = [made for pair in pairs for one in (pair, mirrored(pair)) if (made := _prepare(one, settings.window))]
    people = sorted({one.subject for one in sequences})
    if len(people) < _LEAST_PEOPLE:
        raise DataError(
            f"{len(people)} people with sequences of {settings.window} frames and more in the pairs, "
            f"expected at least {_LEAST_PEOPLE}; render more with `hitrs-live render`"
        )
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    scales = _scales(sequences)
    sequences = [_normalise(one, scales) for one in sequences]
    fold_of = {person: place % settings.folds for place, person in enumerate(rng.permutation(people).tolist())}
    errors: dict[int, Tensor] = {}
    for fold in range(settings.folds):
        inside = [one for one in sequences if fold_of[one.subject] != fold]
        outside = [index for index, one in enumerate(sequences) if fold_of[one.subject] == fold]
        bias = _fit_bias(inside, settings, rng)
        errors |= {index: _error(bias, sequences[index]) for index in outside}
        report(
            f"bias without group {fold + 1} of {settings.folds}: {_explained(sequences, errors, outside):.1%} explained"
        )
    remaining = [errors[index] for index in range(len(sequences))]
    scales, whitened = _whiten(sequences, remaining, scales)
    model = JointErrorModel(_fit_bias(sequences, settings, rng), FlowNetwork(dropout=settings.flow_dropout), scales)
    _fit_flow(model, sequences, whitened, settings, rng, report)
    return model


def _prepare(pair: JointPair, window: int) -> _Sequence | None:
    kept = np.flatnonzero(~pair.lost_mask)
    if len(pair.true_m) < window or len(kept) < (1 - _MOST_LOST) * len(pair.true_m):
        return None
    size_m = body_sizes_m(pair.true_m)
    target = targets(
        pair.true_m[kept], pair.live_m[kept], pair.confidence[kept], size_m, np.float32(pair.focal_ratio)
    )  # fmt: skip
    place = np.interp(np.arange(len(pair.true_m)), kept, np.arange(len(kept)))
    return _Sequence(
        subject=pair.subject,
        condition=torch.from_numpy(conditions(pair.true_m, size_m, np.float32(pair.rate_hz))).mT.contiguous(),
        target=torch.from_numpy(interpolate(target, place)).mT.contiguous(),
        lost=torch.from_numpy(pair.lost_mask.copy()),
    )


def _scales(sequences: Sequence[_Sequence]) -> Scales:
    condition = torch.cat([one.condition for one in sequences], dim=1)
    target = torch.cat([one.target[:, ~one.lost] for one in sequences], dim=1)
    return Scales(
        condition_mean=condition.mean(1),
        condition_scale=condition.std(1).clamp_min(1e-2),
        target_mean=target.mean(1),
        target_scale=target.std(1).clamp_min(1e-4),
        spread=torch.eye(TARGETS),
        shares=torch.zeros(TARGETS, 1),
        lost_shares=_lost_shares(sequences),
    )


def _lost_shares(sequences: Sequence[_Sequence]) -> Tensor:
    """Choose how long losses last, from the share of lost frames that follow a lost one."""
    lost = sum(int(one.lost.sum()) for one in sequences)
    again = sum(int((one.lost[1:] & one.lost[:-1]).sum()) for one in sequences)
    stay = again / lost if lost else 0.0
    # Parts: constant, 60, 15, 5 and 1.5 frames, white.
    part = 5 if stay < 0.15 else 4 if stay < 0.45 else 3 if stay < 0.7 else 2
    shares = torch.zeros(1, 6)
    shares[0, part] = 1.0
    return shares


def _normalise(one: _Sequence, scales: Scales) -> _Sequence:
    condition = (one.condition - scales.condition_mean[:, None]) / scales.condition_scale[:, None]
    target = (one.target - scales.target_mean[:, None]) / scales.target_scale[:, None]
    return _Sequence(subject=one.subject, condition=condition.clamp(-5, 5), target=target, lost=one.lost)


def _windows(
    sequences: Sequence[_Sequence], frames: int, batch: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw windows: the number of the sequence and the first frame of each, sequences weighted by their length."""
    lengths = np.array([one.condition.shape[1] for one in sequences])
    chosen = rng.choice(len(sequences), batch, p=lengths / lengths.sum())
    return chosen, rng.integers(0, lengths[chosen] - frames + 1)


def _fit_bias(sequences: Sequence[_Sequence], settings: FitSettings, rng: np.random.Generator) -> BiasNetwork:
    network = BiasNetwork(dropout=0.2).train()
    steps = settings.bias_steps
    optimiser = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, steps)
    for _ in range(steps):
        chosen, starts = _windows(sequences, settings.window, settings.batch, rng)
        spans = [slice(start, start + settings.window) for start in starts.tolist()]
        picked = [sequences[index] for index in chosen.tolist()]
        condition = torch.stack([one.condition[:, span] for one, span in zip(picked, spans, strict=True)])
        target = torch.stack([one.target[:, span] for one, span in zip(picked, spans, strict=True)])
        lost = torch.stack([one.lost[span] for one, span in zip(picked, spans, strict=True)])
        output = network(condition)
        # A robust loss: frames with left and right exchanged are not to move the expectation of all others.
        distance = F.smooth_l1_loss(output[:, :TARGETS], target, reduction="none", beta=1.0).mean(1)
        loss = distance[~lost].mean() + 0.1 * F.binary_cross_entropy_with_logits(output[:, -1], lost.float())
        _descend(loss, network, optimiser, schedule)
    return network.eval()


def _descend(
    loss: Tensor, network: nn.Module, optimiser: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.OneCycleLR
) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    schedule.step()


@torch.inference_mode()
def _error(bias: BiasNetwork, one: _Sequence) -> Tensor:
    return one.target - bias(one.condition[None])[0, :TARGETS]


def _explained(sequences: Sequence[_Sequence], errors: dict[int, Tensor], chosen: Sequence[int]) -> float:
    left = torch.cat([errors[index][:, ~sequences[index].lost] for index in chosen], dim=1)
    whole = torch.cat([sequences[index].target[:, ~sequences[index].lost] for index in chosen], dim=1)
    return float(1 - (left[DIRECTIONS] ** 2).mean() / (whole[DIRECTIONS] ** 2).mean())


def _whiten(
    sequences: Sequence[_Sequence], errors: Sequence[Tensor], scales: Scales
) -> tuple[Scales, Sequence[Tensor]]:
    """Turn errors into uncorrelated components of unit variance; measure how each is correlated over time."""
    seen = torch.cat([error[:, ~one.lost] for one, error in zip(sequences, errors, strict=True)], dim=1).double()
    variance, axes = torch.linalg.eigh(seen @ seen.T / seen.shape[1])
    # Directions have unit length: some components hardly vary, and are not to count as much as the others.
    deviation = variance.clamp_min(_LEAST_DEVIATION**2).sqrt()
    unmix, mix = (axes / deviation).T, axes * deviation
    whitened = [(unmix @ error.double()).float().clamp(-8, 8) for error in errors]
    products = torch.zeros(len(LAGS), TARGETS)
    counts = torch.zeros(len(LAGS), 1)
    for error in whitened:
        for row, lag in enumerate(LAGS):
            if lag < error.shape[1]:
                products[row] += (error[:, lag:] * error[:, : error.shape[1] - lag]).sum(1)
                counts[row] += error.shape[1] - lag
    varied = products[0] / counts[0]
    correlation = products / counts / varied
    shares = torch.from_numpy(fit_shares(correlation.T.double().numpy())) * varied[:, None]
    spread = scales.target_scale[:, None] * mix.float()
    return Scales(**{**vars(scales), "spread": spread, "shares": shares}), whitened


def _fit_flow(
    model: JointErrorModel,
    sequences: Sequence[_Sequence],
    errors: Sequence[Tensor],
    settings: FitSettings,
    rng: np.random.Generator,
    report: Report,
) -> None:
    """Fit the flow from noise, correlated over time as the errors are, to errors along straight lines."""
    network, steps = model.flow.train(), settings.flow_steps
    optimiser = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, steps)
    averaged = {key: value.detach().clone() for key, value in network.state_dict().items()}
    shares, running = model.scales.shares.numpy(), 0.0
    for step in range(1, steps + 1):
        chosen, starts = _windows(sequences, settings.window, settings.batch, rng)
        spans = [(index, slice(start, start + settings.window)) for index, start in zip(chosen, starts, strict=True)]
        condition = torch.stack([sequences[index].condition[:, span] for index, span in spans])
        error = torch.stack([errors[index][:, span] for index, span in spans])
        lost = torch.stack([sequences[index].lost[span] for index, span in spans])
        if (step - 1) % _NOISE_STEPS == 0:
            pool = torch.from_numpy(draw_noise(rng, _NOISE_ROWS, _NOISE_WINDOWS * settings.window, shares))
        rows, begins = (
            rng.integers(_NOISE_ROWS, size=settings.batch),
            rng.integers(pool.shape[2] - settings.window, size=settings.batch),
        )
        noise = torch.stack(
            [pool[row, :, begin : begin + settings.window] for row, begin in zip(rows, begins, strict=True)]
        )
        time = torch.from_numpy(rng.random(settings.batch, np.float32))
        state = noise + time[:, None, None] * (error - noise)
        velocity = network(state, time, network.encode(condition))
        loss = ((velocity - (error - noise)) ** 2).mean(1)[~lost].mean()
        _descend(loss, network, optimiser, schedule)
        running += 0.01 * (loss.item() - running) if running else loss.item()
        keep = min(settings.average, step / (step + 10))
        for key, value in network.state_dict().items():
            averaged[key].lerp_(value, 1 - keep)
        if step % 500 == 0:
            report(f"flow step {step} of {steps}: loss {running:.4f}")
    network.load_state_dict(averaged)
    network.eval()
