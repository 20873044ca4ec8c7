"""Run `hitrs-live train-detector`: from its flags to a detector's checkpoint."""

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hitrs_live.checkpoint import Checkpoint, EncoderCheckpoint, checkpoint_kind, load_checkpoint, load_encoder
from hitrs_live.data.array_format import BACKGROUND, LabelledSequence, data_folder
from hitrs_live.data.camera_faults import CameraFaults
from hitrs_live.data.class_map import read_classes
from hitrs_live.data.dataset import UNLABELLED, Dataset
from hitrs_live.data.open_dataset import BACKGROUND_NAME, check_rates, open_datasets
from hitrs_live.data.shipped_classes import ARMS_FREE, LABELS, SHIP_CLASSES, SOURCE_WEIGHTS
from hitrs_live.errors import CheckpointMismatch, ConfigError, DataError
from hitrs_live.model.detector import DetectorConfig
from hitrs_live.model.hitrs import SIZES, HiTRSConfig
from hitrs_live.negative_bank.encoder import open_bank_encoder
from hitrs_live.skeleton import mirrored_labels
from hitrs_live.training.clip_store import read_clip_store
from hitrs_live.training.distributed import Processes, join_processes
from hitrs_live.training.run_pretrain import DEFAULT_SIZE, check_counts
from hitrs_live.training.stream_store import read_store
from hitrs_live.training.threads import use_threads
from hitrs_live.training.train_clip_detector import ClipDetectorTraining, train_clip_detector
from hitrs_live.training.train_detector import DetectorTraining, TrainingStreams, train_detector
from hitrs_live.training.train_stream_detector import StreamDetectorTraining, train_stream_detector
from hitrs_live.training.trainer import TrainerConfig
from hitrs_live.training.training_logger import TrainingLogger
from hitrs_live.transforms import NormaliserConfig

_MAX_CLIPS = 64
"""Positions of an encoder trained from scratch; the window is shorter."""
_SAVE_EVERY = 1000
"""Steps from one save of a training on clips to the next, which takes a minute."""


def run_train_detector(options: argparse.Namespace) -> int:
    """Train with the given flags; resume an interrupted run to the same file. Return the exit code."""
    use_threads(options.threads)
    check_counts(options, "batch", "accumulate", "steps", "window_clips")
    given = [f"--{name}" for name in ("data", "streams", "bank") if getattr(options, name)]
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)}: a detector is trained on one of them; leave the others out")
    if options.camera_faults and not options.streams:
        raise ConfigError(
            "--camera-faults: needs --streams; joints of --data are augmented anyway, and banks have none"
        )
    if options.bank:
        return _train_on_clips(options)
    begin = load_encoder(options.checkpoint) if options.checkpoint else None
    if options.streams:
        return _train_on_streams(options, begin)
    normaliser = begin.info.normaliser if begin else NormaliserConfig()
    datasets = training_data(options, labelled=True)
    check_rates(datasets, normaliser.rate_hz)
    labels = _classes(datasets)
    streams_data = TrainingStreams(
        sources={data.index.name: read_classes(data, labels) for data in datasets},
        weights=SOURCE_WEIGHTS,
        mirrored=mirrored_labels(labels),
        arms_free=arms_free(labels),
    )
    absent = check_actions(datasets, streams_data.sources, labels)
    encoder = _encoder(options, begin)
    check_window(options.window_clips, encoder)
    config = DetectorTraining(
        name=_name(options, begin),
        labels=labels,
        pair_labels=_pair_labels(datasets),
        detector=DetectorConfig(encoder=encoder, classes=len(labels), window_clips=options.window_clips),
        normaliser=normaliser,
        loop=_loop(options),
        batch=options.batch,
    )
    return _run(
        options, begin, lambda *run: train_detector(config, streams_data, begin, options.out, *run),
        note=f"no training sequence contains {', '.join(absent)}: the detector cannot learn it" if absent else "",
        then="measure it with: hitrs-live evaluate detection --data DATA",
    )  # fmt: skip


def _train_on_streams(options: argparse.Namespace, begin: EncoderCheckpoint | None) -> int:
    """Train on streams of `bank streams`, a sigmoid for each class. Return the exit code."""
    store = read_store(options.streams)
    encoder = _encoder(options, begin)
    check_window(options.window_clips, encoder)
    config = StreamDetectorTraining(
        name=_name(options, begin),
        detector=DetectorConfig(encoder=encoder, classes=len(store.labels), window_clips=options.window_clips),
        normaliser=begin.info.normaliser if begin else NormaliserConfig(),
        loop=_loop(options),
        batch=options.batch,
        faults=CameraFaults().as_often(options.camera_faults),
    )
    earlier = _earlier(options)
    return _run(
        options, begin, lambda *run: train_stream_detector(config, store, earlier or begin, options.out, *run),
        note=f"{store.hours:.1f} h in {len(store.streams)} streams, {len(store.labels) - 1} classes",
        then="predict motion too with: hitrs-live train-forecaster",
    )  # fmt: skip


def _train_on_clips(options: argparse.Namespace) -> int:
    """Train the video level and the head of a detector on banks of its own clips. Return the exit code."""
    if options.checkpoint is None:
        raise ConfigError("--bank: needs --checkpoint, the detector that the bank was built with")
    begin = load_checkpoint(options.checkpoint)
    store = read_clip_store(options.bank, open_bank_encoder(options.checkpoint).description)
    encoder = replace(begin.info.detector.encoder, dropout=options.dropout)
    check_window(options.window_clips, encoder)
    config = ClipDetectorTraining(
        name=begin.info.name,
        detector=replace(
            begin.info.detector, encoder=encoder, classes=len(store.labels), window_clips=options.window_clips
        ),
        normaliser=begin.info.normaliser,
        label_lag_frames=begin.info.label_lag_frames,
        # Batches are read from memory, and hard clips are chosen by the process that trains.
        loop=replace(_loop(options), workers=0, save_every=_SAVE_EVERY),
        batch=options.batch,
    )
    return _run(
        options, None, lambda *run: train_clip_detector(config, store, begin, options.out, *run),
        note=f"{store.hours:.1f} h, {len(store)} clips, {len(store.labels) - 1} classes",
        then="predict motion too with: hitrs-live train-forecaster",
    )  # fmt: skip


def _run(
    options: argparse.Namespace, begin: EncoderCheckpoint | None, train: Callable[[Processes, TrainingLogger], Path],
    *, note: str, then: str,
) -> int:  # fmt: skip
    """Train in this process or several, and say what was written. Return the exit code.

    note: logged before; empty for none. then: what to do with the checkpoint, a command that lacks --checkpoint.
    """
    with join_processes(options.device) as processes:
        with TrainingLogger(
            "training", steps=options.steps, first=processes.first, tensorboard=options.tensorboard
        ) as logger:
            if note:
                logger.note(note)
            if begin and options.size:
                logger.note(f"--size {options.size}: not used, since the encoder of --checkpoint has a size of its own")
            written = train(processes, logger)
        if processes.first:
            print(f"wrote {written}; {then} --checkpoint {written}")
    return 0


def _earlier(options: argparse.Namespace) -> Checkpoint | None:
    """Return the detector of --checkpoint if its classes are independent, so that its heads are of use."""
    if options.checkpoint is None or checkpoint_kind(options.checkpoint) != "detector":
        return None
    earlier = load_checkpoint(options.checkpoint)
    return earlier if earlier.info.independent else None


def _name(options: argparse.Namespace, begin: EncoderCheckpoint | None) -> str:
    return begin.info.name if begin else f"hitrs_{options.size or DEFAULT_SIZE}"


def _loop(options: argparse.Namespace) -> TrainerConfig:
    return TrainerConfig(
        steps=options.steps, seed=options.seed, learning_rate=options.learning_rate, final_learning_rate=1e-5,
        warmup_steps=max(1, min(200, options.steps // 10)), schedule="cosine", weight_decay=0.05,
        accumulate=options.accumulate, average_decay=0.998, precision=options.precision, workers=options.workers,
    )  # fmt: skip


def training_data(options: argparse.Namespace, *, labelled: bool) -> list[Dataset]:
    """Open the data and take the training half of each data set, without the people of --leave-out.

    labelled: skip data sets without any labels, which a folder may contain for pre-training. Otherwise such a data
    set without a split is taken whole. Raises DataError where no sequence remains.
    """
    opened = open_datasets(options.data or [data_folder() / "ship"])
    used = [data for data in opened if data.index.labels or not labelled]
    if options.test_subjects:
        used = [_tested_on(data, options.test_subjects) for data in used]
    training = [data.split(options.split)[0] if data.index.labels or data.index.splits else data for data in used]
    kept = [data.only([s for s in data.samples if s.subject not in options.leave_out]) for data in training]
    if absent := options.leave_out - {sample.subject for data in opened for sample in data.samples}:
        raise DataError(f"--leave-out: no subject {', '.join(sorted(absent))} in the data")
    if not any(data.samples for data in kept):
        raise DataError(
            f"{', '.join(str(data.path) for data in opened)}: no {'labelled ' * labelled}stream to train on; give more"
        )
    return [data for data in kept if data.samples]


def _tested_on(data: Dataset, subjects: frozenset[str]) -> Dataset:
    """Make these people the test subjects; in data without labels, those of them that occur."""
    present = subjects if data.index.labels else subjects & {sample.subject for sample in data.samples}
    return data.with_test_subjects(present)


def _classes(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    """List the classes, background first: the shipped ones where all data is shipped data, else those of the data."""
    if all(data.index.name in SHIP_CLASSES for data in datasets):
        return LABELS
    names = {name: None for data in datasets for name in data.classes if name != BACKGROUND_NAME}
    return (BACKGROUND_NAME, *names)


def check_actions(
    datasets: Sequence[Dataset], sources: Mapping[str, Sequence[LabelledSequence]], labels: Sequence[str]
) -> list[str]:
    """Return the actions that no recording contains. Raises DataError, naming the data, where that is all of them."""
    present = {int(label) for recordings in sources.values() for one in recordings for label in np.unique(one.labels)}
    absent = [name for number, name in enumerate(labels) if number > BACKGROUND and number not in present]
    if len(absent) == len(labels) - 1:
        raise DataError(
            f"{', '.join(str(data.path) for data in datasets)}: no training sequence contains an action, only "
            f"{BACKGROUND_NAME!r}; label at least one action, or train without labels with hitrs-live pretrain"
        )
    return absent


def check_window(window_clips: int, encoder: HiTRSConfig) -> None:
    """Raise ConfigError where a window is too short to train on, or longer than the encoder has positions for."""
    if not 2 <= window_clips <= encoder.max_clips:
        raise ConfigError(
            f"--window-clips: got {window_clips}, expected 2 to {encoder.max_clips}, the number of the encoder's "
            "positions"
        )


def arms_free(labels: Sequence[str]) -> frozenset[int]:
    """Return the numbers of the classes that do not depend on what the arms do."""
    return frozenset(number for number, name in enumerate(labels) if name in ARMS_FREE)


def _pair_labels(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    """List the classes most of whose recordings contain two people, such as NTU RGB+D's interactions."""
    alone, together = Counter[str](), Counter[str]()
    for data in datasets:
        for sample in data.samples:
            number = data.label(sample)
            if number not in (UNLABELLED, data.index.background):
                (together if len(sample.bodies) > 1 else alone)[data.index.labels[number]] += 1
    return tuple(sorted(name for name in together if together[name] > alone[name]))


def _encoder(options: argparse.Namespace, begin: EncoderCheckpoint | None) -> HiTRSConfig:
    if begin is None:
        size = SIZES[options.size or DEFAULT_SIZE]
        return replace(size, max_clips=min(size.max_clips, _MAX_CLIPS), dropout=options.dropout, causal=True)
    if begin.info.modality != "joint":
        raise CheckpointMismatch(
            f"checkpoint {options.checkpoint}: trained on {begin.info.modality}s, expected joints; "
            "a detector reads joints, pre-train an encoder on those"
        )
    return replace(begin.info.encoder, dropout=options.dropout)
