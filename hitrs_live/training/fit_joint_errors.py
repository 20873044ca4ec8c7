"""Fit the error model of live joints to pairs of true and live joints.

A network learns the error that a pose in a view lets expect; what remains is kept and copied. "Remains" is measured
with networks that have not seen the person, or it would be too small for people whom nobody has seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

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
from hitrs_live.virtual_camera.joint_errors.coordinates import DIRECTIONS
from hitrs_live.virtual_camera.joint_errors.error_library import ErrorLibrary, describe, principal_axes
from hitrs_live.virtual_camera.joint_errors.expected_targets import ExpectedTargets
from hitrs_live.virtual_camera.joint_errors.model import JointErrorModel, Scales
from hitrs_live.virtual_camera.joint_errors.pairs import JointPair, mirrored

Report = Callable[[str], None]
_LEAST_PEOPLE = 3
_CHANGE_WEIGHT = 0.3


def fit_joint_errors(pairs: Sequence[JointPair], settings: FitSettings, report: Report) -> JointErrorModel:
    """Fit the whole model. Raises DataError where there are too few people or frames."""
    usable = [pair for pair in pairs if prepare(pair) is not None]
    people = sorted({pair.subject for pair in usable})
    if len(people) < _LEAST_PEOPLE:
        raise DataError(
            f"{len(people)} people with sequences of {LEAST_FRAMES} frames and more in the pairs, "
            f"expected at least {_LEAST_PEOPLE}; render more with `hitrs-live render`"
        )
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    both = [made for pair in usable for one in (pair, mirrored(pair)) if (made := prepare(one, settings.window))]
    scales = measure_scales(both)
    both = [normalise(one, scales) for one in both]
    views = [normalise(made, scales) for pair in usable if (made := prepare(pair))]
    fold_of = {person: place % settings.folds for place, person in enumerate(rng.permutation(people).tolist())}
    expected: dict[int, Tensor] = {}
    for fold in range(settings.folds):
        network = _fit_expected([one for one in both if fold_of[one.subject] != fold], settings, rng)
        outside = [number for number, one in enumerate(views) if fold_of[one.subject] == fold]
        expected |= {number: _expect(network, views[number]) for number in outside}
        explained = _explained([views[number] for number in outside], [expected[number] for number in outside])
        report(f"without group {fold + 1} of {settings.folds}: {explained:.1%} of its errors expected")
    library, scales = _library(views, [expected[number] for number in range(len(views))], scales, settings, rng)
    report(f"{len(library)} frames of errors kept")
    return JointErrorModel(_fit_expected(both, settings, rng), library, scales)


def _fit_expected(
    sequences: Sequence[PairSequence], settings: FitSettings, rng: np.random.Generator
) -> ExpectedTargets:
    network = ExpectedTargets().train()
    usual = torch.cat([one.target.diff(dim=1) for one in sequences], dim=1).std(1)[:, None].clamp_min(1e-3)
    optimiser = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, settings.steps)
    for _ in range(settings.steps):
        spans = draw_spans(sequences, settings, rng)
        condition = torch.stack([sequences[index].condition[:, span] for index, span in spans])
        target = torch.stack([sequences[index].target[:, span] for index, span in spans])
        lost = torch.stack([sequences[index].lost[span] for index, span in spans])
        off = network(condition) - target
        # A robust loss: frames with left and right exchanged are not to move the expectation of all others.
        distance = F.smooth_l1_loss(off, torch.zeros_like(off), reduction="none").mean(1)
        # Changes count too: where the expectation jitters with the joints that it is computed from, and the live joints
        # do not, the jitter of the copied errors would come on top.
        change = off.diff(dim=2) / usual
        changed = F.smooth_l1_loss(change, torch.zeros_like(change), reduction="none").mean(1)
        loss = distance[~lost].mean() + _CHANGE_WEIGHT * changed[~lost[:, 1:]].mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return network.eval()


@torch.inference_mode()
def _expect(network: ExpectedTargets, one: PairSequence) -> Tensor:
    expected: Tensor = network(one.condition[None])[0]
    return expected


def _explained(views: Sequence[PairSequence], expected: Sequence[Tensor]) -> float:
    whole = torch.cat([one.target[:, ~one.lost] for one in views], dim=1)
    left = whole - torch.cat([each[:, ~one.lost] for each, one in zip(expected, views, strict=True)], dim=1)
    return float(1 - (left[DIRECTIONS] ** 2).mean() / (whole[DIRECTIONS] ** 2).mean())


def _library(
    views: Sequence[PairSequence],
    expected: Sequence[Tensor],
    scales: Scales,
    settings: FitSettings,
    rng: np.random.Generator,
) -> tuple[ErrorLibrary, Scales]:
    """Keep the errors of views, drawn at random until there are enough frames."""
    lengths = np.array([one.lost.shape[0] for one in views])
    order = rng.permutation(len(views))
    chosen = np.sort(order[: max(1, int(np.searchsorted(lengths[order].cumsum(), settings.library_frames, "right")))])
    kept, likely = [views[number] for number in chosen], [expected[number] for number in chosen]
    described = [
        describe(each.mT.numpy(), one.condition.mT.numpy(), one.rate_hz) for each, one in zip(likely, kept, strict=True)
    ]
    mean, axes = principal_axes(np.concatenate(described))
    people = sorted({one.subject for one in kept})
    library = ErrorLibrary(
        error=np.concatenate([(one.target - each).mT.numpy() for one, each in zip(kept, likely, strict=True)]),
        key=((np.concatenate(described) - mean) @ axes).astype(np.float32),
        lost_mask=np.concatenate([one.lost.numpy() for one in kept]),
        remaining=np.concatenate([np.arange(len(one.lost))[::-1] for one in kept]),
        person=np.concatenate([np.full(len(one.lost), people.index(one.subject)) for one in kept]),
        people=tuple(people),
    )
    return library, replace(scales, description_mean=torch.from_numpy(mean), key_axes=torch.from_numpy(axes))
