"""`hitrs-live tune-thresholds`: choose thresholds by false alarms on data without any of the classes."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.config import Config, load_config
from hitrs_live.data.array_format import BACKGROUND, LabelledSequence
from hitrs_live.data.class_map import map_labels, read_background, read_classes, read_streams
from hitrs_live.data.open_dataset import check_rates, open_datasets
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.evaluation.kept_logits import logits_file, read_logits, write_logits
from hitrs_live.evaluation.kept_streams import KeptStream
from hitrs_live.evaluation.metrics.false_alarms import FalseAlarms
from hitrs_live.evaluation.recorded_streams import run_on_recording
from hitrs_live.evaluation.run_model import run_model
from hitrs_live.evaluation.tuning import TOLERANCE_S, Outcome, Tuner
from hitrs_live.sources.recording import is_recording
from hitrs_live.streaming.thresholds import FOLDER, Thresholds, recall_key, save_thresholds

_SHOWN_NAMES = 20


def run_tune_thresholds(options: argparse.Namespace) -> int:
    """Run all data through the model once, tune, print the outcome, and write the thresholds. Returns the exit code."""
    torch.set_num_threads(options.threads)
    checkpoint = load_checkpoint(options.checkpoint)
    if options.together and not checkpoint.info.independent:
        raise ConfigError(
            f"--together: the classes of checkpoint {checkpoint.info.name!r} share a softmax, expected a sigmoid for "
            "each; leave the flag out"
        )
    reported: frozenset[str] | None = options.classes
    if reported is not None and not options.together:
        raise ConfigError("--classes: needs --together; without it give --least-recall, or edit the file by hand")
    if reported is not None and options.least_recall:
        raise ConfigError("--classes and --least-recall: both choose the classes to report; leave one out")
    if unknown := sorted((reported or frozenset()) - set(checkpoint.info.labels[1:])):
        raise ConfigError(
            f"--classes {','.join(unknown)}: no class of checkpoint {checkpoint.info.name!r}; list them with: "
            "hitrs-live models --classes"
        )
    out: Path = options.out or FOLDER / f"{Path(checkpoint.info.name).name}.toml"
    if out.exists() and not options.overwrite:
        raise ConfigError(f"thresholds {out}: exists already; replace it with --overwrite, or give another --out")
    config = load_config(options.config) if options.config else Config()
    step_frames = checkpoint.info.step_frames(options.update)
    console = Console()
    model = _Model(checkpoint=checkpoint, update=options.update, mirror=options.mirror, work=options.work)
    others = list(options.labelled or [])
    # The model need not run twice over streams that are given as both, and what else is labelled is checked before it
    # runs for minutes.
    given_twice = options.subjects is None and not options.leave_out
    alone = [path for path in others if not (given_twice and path in options.data)]
    read = _read_labelled(alone, options.subjects, checkpoint)
    by_path, notes = _negative(options.data, options.leave_out, model)
    negative = [stream for streams in by_path.values() for stream in streams]
    for note in notes:
        _print_line(console, note)
    twice = {path: by_path[path] for path in others if path not in alone}
    # Refuses those in which nothing is labelled.
    _read_labelled([path for path, streams in twice.items() if not _has_label(streams)], None, checkpoint)
    labelled = [stream for streams in twice.values() for stream in streams]
    labelled += [stream for name, sequences in read for stream in model.run(name, sequences)]
    if not labelled:
        _print_line(console, "no labelled data (--labelled): temperatures stay as they are, recall is not known")
    try:
        tuner = Tuner(checkpoint, config.action, negative=negative, labelled=labelled, step_frames=step_frames)
    except ValueError as error:
        raise DataError(
            f"{', '.join(map(str, options.data))}: {error}; give longer recordings of other actions"
        ) from None
    before = tuner.measure(tuner.untuned())
    rate, together = options.false_alarms_per_hour, options.together
    after = tuner.measure(tuner.tune(rate, least_recall=options.least_recall, together=together, reported=reported))
    other_half = tuner.cross_check(rate, together=together, reported=reported)
    _print(console, checkpoint.info.labels, before, after)
    every = after
    if after.thresholds.experimental:
        every = tuner.measure(msgspec.structs.replace(after.thresholds, experimental=()))
    if weak := after.thresholds.experimental:
        _print_line(console, f"experimental, reported only where `action.classes` names them: {', '.join(weak)}")
    for line in _conclude(before, after, other_half, options.false_alarms_per_hour):
        _print_line(console, line)
    provenance = _provenance(options, notes, before, after, other_half)
    provenance |= _recalls(checkpoint.info.labels, after, every)
    save_thresholds(out, msgspec.structs.replace(after.thresholds, provenance=provenance))
    use = "pass it to hitrs-live live with --thresholds" if options.out else "hitrs-live live finds it from here"
    _print_line(console, f"{out}: written; {use}")
    return 0


@dataclass(frozen=True, kw_only=True)
class _Model:
    """The model, and where its logits are kept."""

    checkpoint: Checkpoint
    update: Literal["clip", "frame"]
    mirror: bool
    work: Path | None

    def run(self, name: str, sequences: list[LabelledSequence]) -> list[KeptStream]:
        """Run over sequences, or read what an earlier run over the same joints kept. name: of the data."""
        file = self.work and logits_file(
            self.work, name, fingerprint=self.checkpoint.fingerprint, update=self.update, mirror=self.mirror
        )
        streams = read_logits(file, sequences) if file else None
        if streams is None:
            step_frames = self.checkpoint.info.step_frames(self.update)
            ran = run_model(self.checkpoint, sequences, step_frames=step_frames, mirror=self.mirror)
            of_sequence = {id(stream.sequence): stream for stream in ran}
            streams = [of_sequence[id(sequence)] for sequence in sequences]
            if file:
                write_logits(file, streams)
        return streams


def _negative(
    paths: Sequence[Path], leave_out: frozenset[str], model: _Model
) -> tuple[dict[Path, list[KeptStream]], list[str]]:
    """Read the data that should give no action. Returns its streams, and a line for each file on what of it counts."""
    checkpoint = model.checkpoint
    step_frames = checkpoint.info.step_frames(model.update)
    by_path: dict[Path, list[KeptStream]] = {}
    notes: list[str] = []
    absent = set(leave_out)
    for path in paths:
        streams = by_path.setdefault(path, [])
        recordings = [path] if is_recording(path) else sorted(path.glob("*.mcap")) if path.is_dir() else []
        for recording in recordings:
            streams += run_on_recording(checkpoint, recording, step_frames=step_frames, mirror=model.mirror)
            notes.append(f"{recording.name}: all of it counts as background")
        for whole in [] if recordings else open_datasets([path]):
            check_rates([whole], checkpoint.info.normaliser.rate_hz)
            left = {sample.subject for sample in whole.samples} & leave_out
            absent -= left
            data = whole.only([sample for sample in whole.samples if sample.subject not in left])
            name = f"{data.index.name}, without {', '.join(sorted(left))}" if left else data.index.name
            if (map_labels(data, checkpoint.info.labels) > BACKGROUND).any():
                sequences = read_classes(data, checkpoint.info.labels)
                notes.append(f"{name}: frames labelled background count as background")
            else:
                sequences = read_background(data)
                notes.append(f"{name}: has no label of the classes, all of it counts as background")
            streams += model.run(data.index.name, sequences)
    if absent:
        raise DataError(f"--leave-out: no subject {', '.join(sorted(absent))} in the data; correct the names")
    return by_path, notes


def _read_labelled(
    paths: Sequence[Path], subjects: frozenset[str] | None, checkpoint: Checkpoint
) -> list[tuple[str, list[LabelledSequence]]]:
    """Read labelled streams, by a name for each file. Raises DataError where one has none, or a subject is missing."""
    read = []
    present: set[str] = set()
    for data in open_datasets(paths):
        check_rates([data], checkpoint.info.normaliser.rate_hz)
        present |= {sample.subject for sample in data.samples}
        chosen = data.only([s for s in data.samples if subjects is None or s.subject in subjects])
        sequences = read_streams(chosen, checkpoint.info.labels)
        if chosen.samples and not any((sequence.labels > BACKGROUND).any() for sequence in sequences):
            raise DataError(
                f"--labelled {data.path}: has no label of the classes, expected at least one; if it contains none of "
                "them, pass it as --data"
            )
        read.append((f"{data.index.name}-labelled", sequences))
    if paths and subjects and (missing := sorted(subjects - present)):
        raise DataError(
            f"{', '.join(map(str, paths))}: no subject {', '.join(missing)}, expected some of {_few(present)}"
        )
    return read


def _has_label(streams: Sequence[KeptStream]) -> bool:
    return any((one.sequence.labels > BACKGROUND).any() for one in streams)


def _print(console: Console, labels: tuple[str, ...], before: Outcome, after: Outcome) -> None:
    table = Table("class", "on", "false alarms", "starts", "detected", box=SIMPLE, padding=(0, 1, 0, 0))
    for number, label in enumerate(labels[1:], start=1):
        was, now = before.starts.get(number), after.starts.get(number)
        true = now.true if now else 0
        table.add_row(
            label,
            f"{_on(before.thresholds, label)} -> {_on(after.thresholds, label)}",
            f"{before.alarms.by_class.get(number, 0)} -> {after.alarms.by_class.get(number, 0)}",
            str(true) if true else "-",
            f"{was.right if was else 0} -> {now.right}" if now and true else "-",
        )
    console.print(table)


def _conclude(before: Outcome, after: Outcome, other_half: FalseAlarms | None, per_hour: float) -> list[str]:
    """Write what was reached, and what is not known, as lines of text."""
    alarms, hours = after.alarms, after.alarms.hours
    lines = [
        f"false alarms: {before.alarms.count} before, {alarms.count} now, in {hours:.2f} h of background; the limit "
        f"is {per_hour:g} an hour",
    ]
    if alarms.count > per_hour * hours:
        lines.append("this exceeds the limit: `on` is at its maximum in the classes that cause false alarms")
    if other_half is not None:
        lines.append(
            f"tuned on half of the people or recordings, the other half gave {other_half.count} in "
            f"{other_half.hours:.2f} h, {other_half.count / other_half.hours:.1f} an hour: expect that for new people"
        )
    if hours < 3 / per_hour:
        counted = other_half or alarms
        lines.append(
            f"{hours:.2f} h is too short to verify a rate of {per_hour:g} an hour: with {counted.count} in it the true "
            f"rate may be up to {counted.most_per_hour:.1f} an hour (95 %) on similar data; "
            f"{3 / per_hour:g} h without any would suffice"
        )
    if after.starts:
        was, now = before.all_starts, after.all_starts
        lines.append(
            f"{now.true} labelled starts within {TOLERANCE_S:g} s: recall {was.recall:.1%} before, {now.recall:.1%} "
            f"now; precision {was.precision:.1%} before, {now.precision:.1%} now"
        )
    return lines


def _provenance(
    options: argparse.Namespace, notes: Sequence[str], before: Outcome, after: Outcome, other_half: FalseAlarms | None
) -> dict[str, str]:
    """Record how the thresholds were tuned. Files appear by name only, without their folders."""
    alarms = after.alarms
    provenance = {
        "false_alarms_per_hour_asked": f"{options.false_alarms_per_hour:g}",
        "moved": "all classes together" if options.together else "each class by itself",
        "false_alarms": f"{alarms.count} in {alarms.hours:.2f} h, {before.alarms.count} untuned",
        "false_alarms_of_the_other_half": ""
        if other_half is None
        else f"{other_half.count} in {other_half.hours:.2f} h",
        "false_alarms_per_hour_at_most": f"{(other_half or alarms).most_per_hour:.1f} (95 %)",
        "negative": "; ".join(notes),
        "labelled": ", ".join(path.name for path in options.labelled or ()) or "nothing",
        "subjects": ", ".join(sorted(options.subjects or ())) or "all",
        "update": options.update,
        "mirror": "yes" if options.mirror else "no",
    }
    if after.starts:
        now = after.all_starts
        provenance["recall_of_starts"] = f"{now.recall:.3f} of {now.true}, {before.all_starts.recall:.3f} untuned"
    return {name: text for name, text in provenance.items() if text}


def _recalls(labels: tuple[str, ...], after: Outcome, every: Outcome) -> dict[str, str]:
    """Record how many labelled actions of each class are found. every: with the experimental ones reported too."""
    recalls = {}
    for number, label in enumerate(labels[1:], start=1):
        one = (every if label in after.thresholds.experimental else after).found.get(number)
        if one:
            recalls[recall_key(label)] = f"{one.found} of {one.true}"
    return recalls


def _on(thresholds: Thresholds, label: str) -> str:
    return f"{thresholds.classes[label].on:.3g}"


def _few(names: set[str]) -> str:
    return ", ".join(sorted(names)[:_SHOWN_NAMES]) + (", ..." if len(names) > _SHOWN_NAMES else "")


def _print_line(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
