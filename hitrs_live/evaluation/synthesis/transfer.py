"""Measure how well classifiers trained on synthetic repetitions recognise real ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.evaluation.metrics.classification import confusion_counts, mistaken_for, recalls
from hitrs_live.evaluation.synthesis.repetitions import Repetition
from hitrs_live.evaluation.synthesis.time_warping import nearest_class
from hitrs_live.evaluation.synthesis.window_classifier import (
    WindowClassifier,
    WindowTraining,
    predict,
    train_classifier,
)
from hitrs_live.evaluation.synthesis.windows import CHANNELS, WindowAugmenter, encode_all

Numbers = NDArray[np.int64]
_Labelled = tuple[Sequence[Repetition], Numbers]
"""Repetitions and the classes of each."""

_FOLDS: Final = 3
_WARPED_FRAMES = 2
"""Every second frame is warped: it is four times as fast, and no less accurate."""


@dataclass(frozen=True, kw_only=True)
class TransferConfig:
    """Sizes of the experiments."""

    seeds: int = 3
    variants: int = 300
    """Augmented training inputs of each class."""
    most_warped: int = 20
    """Repetitions of each class that time warping compares."""
    real_people: bool = True
    """Whether classifiers are also trained on real people, for comparison."""
    training: WindowTraining = field(default_factory=WindowTraining)


def measure_transfer(
    real: Sequence[Repetition], synthetic: Sequence[Repetition], config: TransferConfig
) -> dict[str, Any]:
    """Train on synthetic repetitions and test on real ones, beside training on real people and on both.

    Only classes of both sets take part. The keys of the report:

    - `classes`: their names, the order of the confusion counts.
    - `synthetic`: trained on synthetic repetitions alone; per seed, and summed over seeds `per_class` recall and the
      class it is mistaken for most often, `per_source`, and `confusion` (row true, column predicted).
    - `warping`: nearest synthetic example after dynamic time warping.
    - `real`, `both`: trained on other real people, without and with the synthetic repetitions; each person is tested
      once. Only classes of two or more people take part; `synthetic_same` is the first on these classes' repetitions.
    Accuracies: `top1` over all repetitions, and `mean_recall` over the classes.
    """
    labels = sorted({one.label for one in real} & {one.label for one in synthetic})
    true, made = ([one for one in group if one.label in labels] for group in (real, synthetic))
    numbers, made_numbers = (np.array([labels.index(one.label) for one in group], np.int64) for group in (true, made))
    trainer = _Trainer(labels, config)
    inputs = encode_all(true)
    predicted = [
        predict(trainer.train([(made, made_numbers)], seed=seed), inputs).numpy() for seed in range(config.seeds)
    ]
    report = {
        "classes": labels,
        "synthetic": _over_seeds(predicted, numbers, true, labels),
        "warping": _warp(true, numbers, made, made_numbers, labels, config),
    }
    people = _people_of(true)
    several = np.array(
        [len({people[i] for i in np.flatnonzero(numbers == number)}) > 1 for number in range(len(labels))]
    )
    kept = np.flatnonzero(several[numbers])
    if config.real_people and len(kept):
        report |= _left_out([true[i] for i in kept], numbers[kept], made, made_numbers, trainer, labels)
        same = [_figures(one[kept], numbers[kept], len(labels)) for one in predicted]
        report["synthetic_same"] = {key: _mean([one[key] for one in same]) for key in ("top1", "mean_recall")}
    return report


class _Trainer:
    def __init__(self, labels: Sequence[str], config: TransferConfig) -> None:
        self._config = config
        self._classes = len(labels)
        self._augmenter = WindowAugmenter(labels)

    def train(self, sets: Sequence[_Labelled], *, seed: int) -> WindowClassifier:
        """Train on sets of repetitions with their classes; each set has equal weight."""
        rng = np.random.default_rng(seed)
        pools = [self._augmenter.pool(*one, self._config.variants // len(sets), rng) for one in sets]
        inputs, labels = (torch.cat(part) for part in zip(*pools, strict=True))
        return train_classifier(inputs, labels, self._classes, seed=seed, config=self._config.training)


def _left_out(
    real: Sequence[Repetition], numbers: Numbers, made: Sequence[Repetition], made_numbers: Numbers,
    trainer: _Trainer, labels: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    """Train on the real people of two folds, test on those of the third, without and with synthetic repetitions."""
    folds = _folds(real, numbers)
    inputs = encode_all(real)
    predicted = {name: np.zeros(len(real), np.int64) for name in ("real", "both")}
    for fold in range(_FOLDS):
        tested, trained = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold).tolist()
        others = [real[i] for i in trained]
        own = (others, numbers[trained])
        for name, sets in (("real", [own]), ("both", [own, (made, made_numbers)])):
            model = trainer.train(sets, seed=fold)
            predicted[name][tested] = predict(model, inputs[tested]).numpy()
    return {
        name: {**_figures(one, numbers, len(labels)), **_per_class([one], numbers, labels)}
        for name, one in predicted.items()
    }


def _folds(real: Sequence[Repetition], numbers: Numbers) -> Numbers:
    """Divide people into folds, class by class in turn, so that no class is in one fold only. Returns (R,)."""
    people = _people_of(real)
    fold_of: dict[tuple[str, str], int] = {}
    for number in np.argsort(np.bincount(numbers)):
        own = sorted({people[i] for i in np.flatnonzero(numbers == number)})
        used = np.bincount([fold_of[one] for one in own if one in fold_of], minlength=_FOLDS)
        for person in own:
            if person not in fold_of:
                fold_of[person] = int(np.argmin(used))
                used[fold_of[person]] += 1
    return np.array([fold_of[person] for person in people], np.int64)


def _people_of(real: Sequence[Repetition]) -> list[tuple[str, str]]:
    """Name the person of each repetition; the CMU sets have people in common, whose numbers are alike."""
    return [("cmu" if one.source.startswith("cmu") else one.source, one.subject.removeprefix("cmu")) for one in real]


def _warp(
    real: Sequence[Repetition], numbers: Numbers, made: Sequence[Repetition], made_numbers: Numbers,
    labels: Sequence[str], config: TransferConfig,
) -> dict[str, Any]:  # fmt: skip
    rng = np.random.default_rng(0)
    kept, examples = (_some(group, config.most_warped, rng) for group in (numbers, made_numbers))
    queries, stored = (
        encode_all([group[i] for i in chosen])[:, ::_WARPED_FRAMES, : CHANNELS // 2].numpy()
        for group, chosen in ((real, kept), (made, examples))
    )
    predicted = nearest_class(queries, stored, made_numbers[examples])
    return {
        "repetitions": len(kept),
        **_figures(predicted, numbers[kept], len(labels)),
        **_per_class([predicted], numbers[kept], labels),
    }


def _some(numbers: Numbers, most: int, rng: np.random.Generator) -> Numbers:
    """Choose at most so many positions of each class."""
    return np.sort(
        np.concatenate([rng.permutation(np.flatnonzero(numbers == one))[:most] for one in np.unique(numbers)])
    )


def _over_seeds(
    predicted: Sequence[Numbers], numbers: Numbers, real: Sequence[Repetition], labels: Sequence[str]
) -> dict[str, Any]:
    figures = [_figures(one, numbers, len(labels)) for one in predicted]
    sources = np.array([one.source for one in real])
    return {
        **{key: _mean([one[key] for one in figures]) for key in ("top1", "mean_recall")},
        "seeds": figures,
        **_per_class(predicted, numbers, labels),
        "per_source": {
            source: _mean([float((one == numbers)[sources == source].mean()) for one in predicted])
            for source in sorted(set(sources.tolist()))
        },
    }


def _figures(predicted: Numbers, numbers: Numbers, classes: int) -> dict[str, float]:
    found = [one for one in recalls(confusion_counts(predicted, numbers, classes)) if one is not None]
    return {"top1": round(float((predicted == numbers).mean()), 4), "mean_recall": round(float(np.mean(found)), 4)}


def _per_class(predicted: Sequence[Numbers], numbers: Numbers, labels: Sequence[str]) -> dict[str, Any]:
    counts = sum(
        (confusion_counts(one, numbers, len(labels)) for one in predicted), np.zeros((len(labels),) * 2, np.int64)
    )
    wrong = mistaken_for(counts)
    per_class = {
        label: {
            "repetitions": int((numbers == row).sum()),
            "recall": round(recall, 3),
            "mistaken_for": None if (other := wrong[row]) is None else labels[other],
        }
        for row, (label, recall) in enumerate(zip(labels, recalls(counts), strict=True))
        if recall is not None
    }
    return {"per_class": per_class, "confusion": counts.tolist()}


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)
