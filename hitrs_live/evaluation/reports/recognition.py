"""Compute the report of recognition: accuracy on trimmed sequences, whole and partly observed as streams.

The report has these keys, all shares being fractions of 1 to four decimals:

    top1, top5      share of sequences whose class has the best score, one of the five best
    per_class       by class name: number of test sequences, recall, the class it was most often mistaken for
    observed        top1 by percent of each sequence's frames seen, through the streaming path; that of 100 is top1
    samples         number of test sequences
    protocol        head: the recogniser's own; linear, knn: a probe on the frozen encoder's embeddings
    split, data     what was tested on
    checkpoints     file, name, modality, readout and top1 of each; several are fused by the mean of their scores
    classes         names, in the data set's order
    probe           of a probe: number of training sequences, subset file, seed; its settings are with the checkpoints
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hitrs_live.checkpoint import EncoderCheckpoint, checkpoint_kind, load_encoder
from hitrs_live.data.dataset import Dataset
from hitrs_live.data.open_dataset import check_classes, check_rates
from hitrs_live.data.subsets import take_subset
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.evaluation.classifiers import Classifier, class_numbers, open_head
from hitrs_live.evaluation.embeddings import SHARES, observed_tokens, sequence_tokens
from hitrs_live.evaluation.metrics.classification import Labels, Scores, confusion_counts, mistaken_for, recalls, top_k
from hitrs_live.evaluation.probes import NEIGHBOURS, NeighbourProbe, choose_weight_decay, fit_linear
from hitrs_live.model.recogniser import Readout
from hitrs_live.skeleton import mirrored_labels
from hitrs_live.transforms import average_sides

PROTOCOLS = ("auto", "head", "linear", "knn")


@dataclass(frozen=True, kw_only=True)
class SequenceScores:
    """Scores of one checkpoint, or of several fused, for S sequences. K classes, P shares observed."""

    whole: Scores
    """(S, K)."""
    observed: Scores
    """(S, P, K), after each of SHARES of a sequence."""


def recognise(classifier: Classifier, dataset: Dataset) -> tuple[Scores, Labels]:
    """Classify whole sequences offline. Returns scores (S, K) in the order of the data set's classes, and labels (S,).

    Raises DataError where a joint is not finite.
    """
    return _score_sequences(classifier, dataset, sequence_tokens), class_numbers(dataset)


def observe(classifier: Classifier, dataset: Dataset) -> Scores:
    """Classify partly observed sequences through the streaming path. Returns scores (S, P, K) after each of SHARES."""
    return _score_sequences(classifier, dataset, observed_tokens)


def _score_sequences(classifier: Classifier, dataset: Dataset, pool: Callable[..., Tensor]) -> Scores:
    """Score sequences by the embeddings that `pool` returns, averaged with those of mirror images if it mirrors."""

    def scores_of(*, mirror: bool) -> Tensor:
        tokens = pool(classifier.reader, dataset, classifier.readout, mirror=mirror)
        return classifier.score(tokens).detach()

    scores = scores_of(mirror=False)
    if classifier.mirror:
        mirrored = torch.from_numpy(mirrored_labels(dataset.classes))
        scores = average_sides(scores, scores_of(mirror=True), mirrored)
    array: Scores = scores.numpy()
    return array


def fuse(scores: Sequence[SequenceScores]) -> SequenceScores:
    """Average the scores of several checkpoints."""
    return SequenceScores(
        whole=np.mean([each.whole for each in scores], axis=0),
        observed=np.mean([each.observed for each in scores], axis=0),
    )


def summarise(scores: SequenceScores, labels: Labels, classes: tuple[str, ...]) -> dict[str, Any]:
    """Compute the metrics of scores against labels, (S,), ready for JSON."""
    counts = confusion_counts(scores.whole.argmax(1), labels, len(classes))
    rows = zip(classes, counts.sum(1).tolist(), recalls(counts), mistaken_for(counts), strict=True)
    seen = (scores.observed.argmax(-1) == labels[:, None]).mean(0)
    return {
        "top1": _top1(scores, labels),
        "top5": round(top_k(scores.whole, labels, 5), 4),
        "per_class": {
            name: {
                "samples": samples,
                "recall": None if recall is None else round(recall, 4),
                "mistaken_for": None if other is None else classes[other],
            }
            for name, samples, recall, other in rows
        },
        "observed": {str(share): round(float(value), 4) for share, value in zip(SHARES, seen, strict=True)},
        "samples": len(labels),
    }


def evaluate_recognition(
    dataset: Dataset,
    files: Sequence[Path],
    *,
    split: str | None = None,
    protocol: str = "auto",
    subset: Path | None = None,
    seed: int = 0,
    readout: Readout = "max",
) -> dict[str, Any]:
    """Measure checkpoints, each alone and all fused, on the test sequences of a split.

    Returns the report that the module's docstring describes. With `auto`, recognisers use their own head; if any
    checkpoint is an encoder or a detector, all are probed with a linear classifier. readout: pooling that probes use.
    Raises DataError, CheckpointMismatch or ConfigError where data, checkpoints and options do not fit together.
    """
    train, test = (half.segments() for half in dataset.split(split))
    if not test.samples:
        raise DataError(f"{dataset.path}: this split has no labelled test sequence; choose another")
    protocol = _choose_protocol(protocol, files)
    probe: dict[str, Any] = {}
    if protocol == "head":
        if subset is not None:
            raise ConfigError(f"got --subset {subset} with --protocol head, which trains nothing; use linear or knn")
        classifiers = [open_head(file, dataset) for file in files]
        _check_rates(dataset, [classifier.reader for classifier in classifiers])
    else:
        train = _training_half(train, test, subset)
        readers = [load_encoder(file) for file in files]
        _check_rates(dataset, readers)
        classifiers = [
            _fit(protocol, file, reader, train, seed, readout) for file, reader in zip(files, readers, strict=True)
        ]
        probe = {"samples": len(train.samples), "subset": None if subset is None else str(subset), "seed": seed}

    scores = [SequenceScores(whole=recognise(each, test)[0], observed=observe(each, test)) for each in classifiers]
    labels = class_numbers(test)
    return {
        **summarise(fuse(scores), labels, test.classes),
        "protocol": protocol,
        "split": split or dataset.index.splits[0],
        "checkpoints": [
            {
                "file": str(each.file),
                "name": each.reader.info.name,
                "modality": each.reader.info.modality,
                "readout": each.readout,
                "top1": _top1(own, labels),
                **each.settings,
            }
            for each, own in zip(classifiers, scores, strict=True)
        ],
        "data": str(dataset.path),
        "classes": list(test.classes),
        **({"probe": probe} if probe else {}),
    }


def _choose_protocol(protocol: str, files: Sequence[Path]) -> str:
    if protocol != "auto":
        return protocol
    return "head" if all(checkpoint_kind(file) == "recogniser" for file in files) else "linear"


def _check_rates(dataset: Dataset, readers: Sequence[EncoderCheckpoint]) -> None:
    for reader in readers:
        check_rates([dataset], reader.info.normaliser.rate_hz)


def _training_half(train: Dataset, test: Dataset, subset: Path | None) -> Dataset:
    """Check the training sequences of a probe and reduce them to a subset."""
    check_classes(train, test)
    if subset is None:
        return train
    return take_subset(subset, train)


def _fit(
    protocol: str, file: Path, reader: EncoderCheckpoint, train: Dataset, seed: int, readout: Readout
) -> Classifier:
    """Train a probe on the frozen encoder's tokens."""
    tokens, classes = sequence_tokens(reader, train, readout), len(train.classes)
    labels = torch.from_numpy(class_numbers(train))
    if protocol == "knn":
        neighbours = NeighbourProbe.of(tokens, labels, classes)
        chosen: dict[str, Any] = {"neighbours": NEIGHBOURS}
        return Classifier(file=file, reader=reader, score=neighbours.score, readout=readout, settings=chosen)
    weight_decay = choose_weight_decay(tokens, labels, classes, seed)
    linear = fit_linear(tokens, labels, classes, weight_decay)
    chosen = {"weight_decay": weight_decay}
    return Classifier(file=file, reader=reader, score=linear.score, readout=readout, settings=chosen)


def _top1(scores: SequenceScores, labels: Labels) -> float:
    return round(float((scores.whole.argmax(1) == labels).mean()), 4)
