"""Probes are fitted and their hyperparameters chosen on the training tokens only."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from hitrs_live.evaluation.probes import (
    FEW_LABELS_DECAY,
    WEIGHT_DECAYS,
    NeighbourProbe,
    Standardiser,
    choose_weight_decay,
    draw_folds,
    fit_linear,
)


def clusters(each: tuple[int, ...], width: int = 6, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Make tokens around one point a class, points two apart from the others."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.repeat_interleave(torch.arange(len(each)), torch.tensor(each))
    centres = 2.0 * torch.eye(len(each), width)
    return centres[labels] + 0.2 * torch.randn(len(labels), width, generator=generator), labels


def test_a_feature_is_measured_on_the_training_tokens_and_a_constant_one_is_zero() -> None:
    standardise = Standardiser.of(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
    assert standardise(torch.tensor([[5.0, 5.0]])).tolist() == [[3.0, 0.0]]


@pytest.mark.slow
def test_the_linear_probe_stands_at_the_minimum_of_its_objective() -> None:
    tokens, labels = clusters((12, 8, 5))
    decay = 0.1
    probe = fit_linear(tokens, labels, 3, decay)
    features = (tokens - tokens.mean(0)) / tokens.std(0, correction=0)
    excess = (features @ probe.weight.T + probe.bias).softmax(-1) - F.one_hot(labels, 3)
    gradient = excess.T @ features / len(labels) + decay * probe.weight
    assert gradient.abs().max() < 1e-3
    assert excess.mean(0).abs().max() < 1e-3


def test_where_the_search_starts_does_not_change_where_it_ends() -> None:
    tokens, labels = clusters((12, 8, 5))
    cold = fit_linear(tokens, labels, 3, 0.1)
    warm = fit_linear(tokens, labels, 3, 0.1, start=fit_linear(tokens, labels, 3, 10.0))
    torch.testing.assert_close(warm.score(tokens), cold.score(tokens), atol=1e-3, rtol=0)


def test_scores_sum_to_one_whatever_the_shape() -> None:
    tokens, labels = clusters((6, 6, 6))
    for probe in (fit_linear(tokens, labels, 3, 0.1), NeighbourProbe.of(tokens, labels, 3)):
        scores = probe.score(tokens.view(3, 6, -1))
        assert scores.shape == (3, 6, 3)
        torch.testing.assert_close(scores.sum(-1), torch.ones(3, 6))
        assert torch.equal(scores.argmax(-1).flatten(), labels)


@pytest.mark.slow
def test_a_decay_so_strong_that_only_the_commonest_class_is_predicted_is_not_chosen() -> None:
    tokens, labels = clusters((80, 8, 8))
    assert (fit_linear(tokens, labels, 3, WEIGHT_DECAYS[0]).score(tokens).argmax(-1) == 0).all()
    chosen = choose_weight_decay(tokens, labels, 3, seed=0)
    assert chosen < WEIGHT_DECAYS[0]
    assert torch.equal(fit_linear(tokens, labels, 3, chosen).score(tokens).argmax(-1), labels)


@pytest.mark.slow
def test_a_decay_so_weak_that_wrong_labels_are_learned_by_heart_is_not_chosen() -> None:
    tokens, labels = clusters((60, 60), width=60)
    labels[::6] = 1 - labels[::6]
    by_heart = fit_linear(tokens, labels, 2, WEIGHT_DECAYS[-1])
    assert torch.equal(by_heart.score(tokens).argmax(-1), labels)
    chosen = choose_weight_decay(tokens, labels, 2, seed=0)
    assert (fit_linear(tokens, labels, 2, chosen).score(tokens).argmax(-1) == labels).float().mean() < 0.9


def test_of_decays_that_do_as_well_the_strongest_is_chosen() -> None:
    tokens, labels = clusters((10, 10))
    assert choose_weight_decay(tokens, labels, 2, seed=0) == max(WEIGHT_DECAYS)


def test_with_one_sequence_a_class_nothing_is_chosen() -> None:
    tokens, labels = clusters((1, 1, 1))
    assert choose_weight_decay(tokens, labels, 3, seed=0) == FEW_LABELS_DECAY


@pytest.mark.parametrize("folds", [2, 5])
def test_every_fold_has_its_share_of_every_class(folds: int) -> None:
    labels = np.repeat(np.arange(3), (11, 4, 7))
    fold = draw_folds(labels, folds, seed=0)
    for number in range(3):
        counts = np.bincount(fold[labels == number], minlength=folds)
        assert counts.max() - counts.min() <= 1
    assert not np.array_equal(fold, draw_folds(labels, folds, seed=1))


def test_neighbours_vote_in_proportion_to_their_similarity() -> None:
    # Already of mean 0 and deviation 1, so that similarities can be read off.
    known = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    probe = NeighbourProbe.of(known, torch.tensor([0, 1, 1, 2]), 4)
    scores = probe.score(torch.tensor([2.0, 0.0]))
    # Two neighbours at 45 degrees, two at 135 whose votes are next to nothing.
    torch.testing.assert_close(scores, torch.tensor([0.5, 0.5, 0.0, 0.0]), atol=1e-4, rtol=0)
