"""Fit the error model of live joints to pairs of true and live joints.

First the bias network. The flow network then learns what is left; "left" is measured with bias networks that have not
seen the person, or it would be too small for people whom nobody has seen.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.errors import DataError
from hitrs_live.training.joint_error_sequences import (
    LEAST_FRAMES,
    FitSettings,
    PairSequence,
    draw_spans,
    measure_scales,
    normalise,
    prepare,
)
from hitrs_live.virtual_camera.joint_errors.coordinates import DIRECTIONS, TARGETS
from hitrs_live.virtual_camera.joint_errors.model import JointErrorModel, Scales
from hitrs_live.virtual_camera.joint_errors.networks import FlowNetwork, FrameNetwork, bias_network, jitter_network
from hitrs_live.virtual_camera.joint_errors.noise import LAGS, fit_shares
from hitrs_live.virtual_camera.joint_errors.pairs import JointPair, mirrored

Report = Callable[[str], None]
_LEAST_PEOPLE = 3
_LEAST_DEVIATION = 0.05
_SMOOTH_FRAMES = 9
_CHANGE_WEIGHT = 0.3
# Noise is drawn for many steps at once, and windows of it are cut at random.
_NOISE_STEPS, _NOISE_ROWS, _NOISE_WINDOWS = 60, 128, 6


def fit_joint_errors(pairs: Sequence[JointPair], settings: FitSettings, report: Report) -> JointErrorModel:
    """Fit the whole model. Raises DataError where there are too few people or frames."""
    sequences = [made for pair in pairs for one in (pair, mirrored(pair)) if (made := prepare(one, settings.window))]
    people = sorted({one.subject for one in sequences})
    if len(people) < _LEAST_PEOPLE:
        raise DataError(
            f"{len(people)} people with sequences of {LEAST_FRAMES} frames and more in the pairs, "
            f"expected at least {_LEAST_PEOPLE}; render more with `hitrs-live render`"
        )
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    scales = measure_scales(sequences)
    sequences = [normalise(one, scales) for one in sequences]
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
    jitter, scales = _fit_jitter(sequences, whitened, scales, settings, rng)
    flow = FlowNetwork(dropout=settings.flow_dropout)
    model = JointErrorModel(_fit_bias(sequences, settings, rng), jitter, flow, scales)
    _fit_flow(model, sequences, whitened, settings, rng, report)
    return model


def _fit_bias(sequences: Sequence[PairSequence], settings: FitSettings, rng: np.random.Generator) -> FrameNetwork:
    network = bias_network().train()
    usual = torch.cat([one.target.diff(dim=1) for one in sequences], dim=1).std(1)[:, None].clamp_min(1e-3)
    steps = settings.bias_steps
    optimiser = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, steps)
    for _ in range(steps):
        spans = draw_spans(sequences, settings, rng)
        condition = torch.stack([sequences[index].condition[:, span] for index, span in spans])
        target = torch.stack([sequences[index].target[:, span] for index, span in spans])
        lost = torch.stack([sequences[index].lost[span] for index, span in spans])
        output = network(condition)
        # A robust loss: frames with left and right exchanged are not to move the expectation of all others.
        distance = F.smooth_l1_loss(output[:, :TARGETS], target, reduction="none", beta=1.0).mean(1)
        # Changes count too: where the expectation jitters with the joints that it is computed from, and the live joints
        # do not, the jitter of the noise would come on top.
        change = (output[:, :TARGETS] - target).diff(dim=2) / usual
        changed = F.smooth_l1_loss(change, torch.zeros_like(change), reduction="none").mean(1)
        found = F.binary_cross_entropy_with_logits(output[:, -1], lost.float())
        loss = distance[~lost].mean() + _CHANGE_WEIGHT * changed[~lost[:, 1:]].mean() + 0.1 * found
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
def _error(bias: FrameNetwork, one: PairSequence) -> Tensor:
    left: Tensor = one.target - bias(one.condition[None])[0, :TARGETS]
    return left


def _explained(sequences: Sequence[PairSequence], errors: dict[int, Tensor], chosen: Sequence[int]) -> float:
    left = torch.cat([errors[index][:, ~sequences[index].lost] for index in chosen], dim=1)
    whole = torch.cat([sequences[index].target[:, ~sequences[index].lost] for index in chosen], dim=1)
    return float(1 - (left[DIRECTIONS] ** 2).mean() / (whole[DIRECTIONS] ** 2).mean())


def _whiten(
    sequences: Sequence[PairSequence], errors: Sequence[Tensor], scales: Scales
) -> tuple[Scales, Sequence[Tensor]]:
    """Turn errors into uncorrelated components of unit variance; measure how each is correlated over time.

    Their changes from frame to frame are uncorrelated too, so that what changes slowly is apart from what jitters.
    """
    seen = torch.cat([error[:, ~one.lost] for one, error in zip(sequences, errors, strict=True)], dim=1).double()
    variance, axes = torch.linalg.eigh(seen @ seen.T / seen.shape[1])
    # Directions have unit length: some components hardly vary, and are not to count as much as the others.
    deviation = variance.clamp_min(_LEAST_DEVIATION**2).sqrt()
    unmix, mix = (axes / deviation).T, axes * deviation
    changes = torch.cat([(unmix @ error.double()).diff(dim=1) for error in errors], dim=1)
    turn = torch.linalg.eigh(changes @ changes.T).eigenvectors
    unmix, mix = turn.T @ unmix, mix @ turn
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


def _fit_jitter(
    sequences: Sequence[PairSequence],
    errors: Sequence[Tensor],
    scales: Scales,
    settings: FitSettings,
    rng: np.random.Generator,
) -> tuple[FrameNetwork, Scales]:
    """Fit how much errors change from frame to frame in each pose, and what all of a frame's changes have in common."""
    quick = [(error - _moving_mean(error)).abs() for error in errors]
    usual = torch.cat(quick, dim=1).mean(1, keepdim=True).clamp_min(1e-4)
    quick = [one / usual for one in quick]
    network, steps = jitter_network().train(), settings.jitter_steps
    optimiser = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, steps)
    for _ in range(steps):
        spans = draw_spans(sequences, settings, rng)
        size = network(torch.stack([sequences[index].condition[:, span] for index, span in spans])).clamp(-4, 4)
        change = torch.stack([quick[index][:, span] for index, span in spans])
        # The likelihood of a Laplace distribution: jitter has heavier tails than a normal one.
        _descend((size + change * torch.exp(-size)).mean(), network, optimiser, schedule)
    network.eval()
    with torch.inference_mode():
        sizes = [network(one.condition[None])[0].clamp(-2.5, 2.5) for one in sequences]
    common = [
        torch.log((change * torch.exp(-size)).mean(0).clamp_min(1e-3))
        for change, size in zip(quick, sizes, strict=True)
    ]
    burst_shares = _burst_shares(common)
    square = torch.cat([torch.exp(2 * size) for size in sizes], dim=1).mean(1)
    jitter_scale = 1 / (square * float(torch.exp(2 * burst_shares.sum()))).sqrt()
    return network, Scales(**{**vars(scales), "burst_shares": burst_shares, "jitter_scale": jitter_scale})


def _moving_mean(error: Tensor) -> Tensor:
    padded = F.pad(error[None], (_SMOOTH_FRAMES // 2, _SMOOTH_FRAMES // 2), mode="replicate")
    return F.avg_pool1d(padded, _SMOOTH_FRAMES, stride=1)[0]


def _burst_shares(common: Sequence[Tensor]) -> Tensor:
    """Fit noise to the logarithms (T,) of the jitter that frames have in common. Returns (1, PARTS)."""
    mean = torch.cat(list(common)).mean()
    products = np.zeros(len(LAGS))
    for row, lag in enumerate(LAGS):
        pairs = [(one[lag:] - mean) * (one[: len(one) - lag] - mean) for one in common if len(one) > lag]
        products[row] = torch.cat(pairs).mean()
    return torch.from_numpy(fit_shares(products[None] / products[0])) * float(products[0])


def _fit_flow(
    model: JointErrorModel,
    sequences: Sequence[PairSequence],
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
    with torch.no_grad():
        sizes = [model.jitter(one.condition[None])[0] for one in sequences]
    noises, running = _NoisePool(model, settings, rng), 0.0
    for step in range(1, steps + 1):
        spans = draw_spans(sequences, settings, rng)
        condition = torch.stack([sequences[index].condition[:, span] for index, span in spans])
        error = torch.stack([errors[index][:, span] for index, span in spans])
        lost = torch.stack([sequences[index].lost[span] for index, span in spans])
        noise = model.shape_noise(torch.stack([sizes[index][:, span] for index, span in spans]), *noises.draw())
        time = torch.from_numpy(rng.random(settings.batch, np.float32))
        state = noise + time[:, None, None] * (error - noise)
        velocity = network(state, time, network.encode(condition))
        loss = ((velocity - (error - noise)) ** 2).mean(1)[~lost].mean()
        _descend(loss, network, optimiser, schedule)
        running += 0.01 * (loss.item() - running) if running else loss.item()
        keep = min(settings.average, step / (step + 10))
        for key, value in network.state_dict().items():
            averaged[key].lerp_(value, 1 - keep)
        if step % 250 == 0 or step == 1:
            report(f"flow step {step} of {steps}: loss {running:.4f}")
    network.load_state_dict(averaged)
    network.eval()


class _NoisePool:
    """Noise for many steps, drawn at once; windows of it are cut at random."""

    def __init__(self, model: JointErrorModel, settings: FitSettings, rng: np.random.Generator) -> None:
        self._model, self._settings, self._rng = model, settings, rng
        self._left = 0
        self._pool: Sequence[Tensor] = ()

    def draw(self) -> Sequence[Tensor]:
        """Draw slow noise, jitter and bursts of one batch, (batch, TARGETS or 1, window) each."""
        window = self._settings.window
        if self._left == 0:
            self._pool = self._model.draw_parts(self._rng, _NOISE_ROWS, _NOISE_WINDOWS * window)
            self._left = _NOISE_STEPS
        self._left -= 1
        rows = self._rng.integers(_NOISE_ROWS, size=self._settings.batch).tolist()
        starts = self._rng.integers(_NOISE_WINDOWS * window - window, size=self._settings.batch).tolist()
        return [
            torch.stack([part[row, :, start : start + window] for row, start in zip(rows, starts, strict=True)])
            for part in self._pool
        ]
