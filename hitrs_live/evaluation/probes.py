"""Probe a frozen encoder: a linear classifier and nearest neighbours on its video tokens.

Hyperparameters are chosen by cross-validation within the training sequences; test sequences are only classified.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

WEIGHT_DECAYS = (10.0, 1.0, 0.1, 0.01, 0.001, 0.0001)
"""Candidates of the linear probe, strongest first."""
FEW_LABELS_DECAY = 0.1
"""Used where no class has two sequences, so that cross-validation is impossible."""
NEIGHBOURS = 5
_FOLDS = 5
_STEPS = 100


@dataclass(frozen=True, kw_only=True)
class Standardiser:
    """Scale every feature to mean 0 and standard deviation 1 over the training sequences."""

    mean: Tensor
    """(C,)."""
    deviation: Tensor
    """(C,)."""

    @classmethod
    def of(cls, tokens: Tensor) -> "Standardiser":
        """Compute mean and deviation of tokens, (N, C)."""
        deviation = tokens.std(0, correction=0)
        # A constant feature becomes zero.
        return cls(mean=tokens.mean(0), deviation=torch.where(deviation > 1e-6, deviation, torch.ones(())))

    def __call__(self, tokens: Tensor) -> Tensor:
        """Standardise tokens, (..., C)."""
        return (tokens - self.mean) / self.deviation


@dataclass(frozen=True, kw_only=True)
class LinearProbe:
    """Multinomial logistic regression on standardised tokens."""

    standardise: Standardiser
    weight: Tensor
    """(K, C)."""
    bias: Tensor
    """(K,)."""

    def score(self, tokens: Tensor) -> Tensor:
        """Score tokens. tokens: (..., C) -> (..., K), summing to one."""
        return F.linear(self.standardise(tokens), self.weight, self.bias).softmax(-1)


def fit_linear(
    tokens: Tensor, labels: Tensor, classes: int, weight_decay: float, start: LinearProbe | None = None
) -> LinearProbe:
    """Minimise mean cross-entropy + weight_decay / 2 * the squared weights, a convex loss, with full-batch L-BFGS.

    tokens: (N, C); labels: (N,) int64; start: a probe near the minimum, which saves steps and changes nothing else.
    """
    standardise = Standardiser.of(tokens)
    features = standardise(tokens)
    weight = torch.zeros(classes, tokens.shape[1]) if start is None else start.weight.clone()
    bias = torch.zeros(classes) if start is None else start.bias.clone()
    weight.requires_grad_()
    bias.requires_grad_()
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=_STEPS, tolerance_grad=1e-5, tolerance_change=1e-7, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = F.cross_entropy(F.linear(features, weight, bias), labels) + weight_decay / 2 * weight.square().sum()
        torch.autograd.backward(value)
        return value

    with torch.enable_grad():
        optimiser.step(loss)  # type: ignore[no-untyped-call]
    return LinearProbe(standardise=standardise, weight=weight.detach(), bias=bias.detach())


def choose_weight_decay(tokens: Tensor, labels: Tensor, classes: int, seed: int) -> float:
    """Choose the weight decay with the best cross-validated accuracy, of equals the strongest.

    tokens: (N, C); labels: (N,) int64. Up to five folds, stratified by class.
    """
    count = min(_FOLDS, int(torch.bincount(labels).max()))
    if count < 2:
        return FEW_LABELS_DECAY
    fold = torch.from_numpy(draw_folds(labels.numpy(), count, seed))
    right = [0] * len(WEIGHT_DECAYS)
    for held_out in range(count):
        train, test = fold != held_out, fold == held_out
        probe = None
        for place, weight_decay in enumerate(WEIGHT_DECAYS):
            probe = fit_linear(tokens[train], labels[train], classes, weight_decay, start=probe)
            right[place] += int((probe.score(tokens[test]).argmax(-1) == labels[test]).sum())
    return WEIGHT_DECAYS[right.index(max(right))]


def draw_folds(labels: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Assign sequences to folds, stratified: a class's counts differ by one at most between folds. Returns (N,)."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold = np.empty(len(labels), np.int64)
    fold[by_class] = np.arange(len(labels)) % folds
    return fold


@dataclass(frozen=True, kw_only=True)
class NeighbourProbe:
    """Classify by a vote of the nearest training sequences, by cosine similarity of standardised tokens."""

    standardise: Standardiser
    known: Tensor
    """(N, C), unit vectors."""
    labels: Tensor
    """(N,) int64."""
    classes: int

    @classmethod
    def of(cls, tokens: Tensor, labels: Tensor, classes: int) -> "NeighbourProbe":
        """Store the training sequences. tokens: (N, C); labels: (N,) int64."""
        standardise = Standardiser.of(tokens)
        return cls(
            standardise=standardise, known=F.normalize(standardise(tokens), dim=-1), labels=labels, classes=classes
        )

    def score(self, tokens: Tensor) -> Tensor:
        """Score tokens by the votes of their neighbours, weighted by similarity.

        tokens: (..., C) -> (..., K), summing to one; a class without a neighbour gets 0.
        """
        similar = F.normalize(self.standardise(tokens), dim=-1) @ self.known.T
        nearest, which = similar.topk(min(NEIGHBOURS, len(self.known)), dim=-1)
        # A dissimilar neighbour's vote is small but positive, so that scores exist where all are dissimilar.
        votes = nearest.clamp_min(1e-6)
        scores = torch.zeros(*tokens.shape[:-1], self.classes).scatter_add(-1, self.labels[which], votes)
        return scores / scores.sum(-1, keepdim=True)
