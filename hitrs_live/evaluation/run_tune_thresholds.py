"""`hitrs-live tune-thresholds`: from material without any of the classes to a file of thresholds."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec
import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.config import Config, load_config
from hitrs_live.data.array_format import BACKGROUND
from hitrs_live.data.class_map import map_labels, read_background, read_classes, read_streams
from hitrs_live.data.open_dataset import check_rates, open_datasets
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.evaluation.kept_streams import KeptStream
from hitrs_live.evaluation.recorded_streams import run_on_recording
from hitrs_live.evaluation.run_model import run_model
from hitrs_live.evaluation.tuning import TOLERANCE_S, Alarms, Outcome, Tuner
from hitrs_live.sources.recording import is_recording
from hitrs_live.streaming.thresholds import FOLDER, Thresholds, save_thresholds

_SHOWN_NAMES = 20


def run_tune_thresholds(options: argparse.Namespace) -> int:
    """Run everything through the model once, tune, print what that gives, and write the thresholds."""
    torch.set_num_threads(options.threads)
    checkpoint = load_checkpoint(options.checkpoint)
    out: Path = options.out or FOLDER / f"{Path(checkpoint.info.name).name}.toml"
    if out.exists() and not options.overwrite:
        raise ConfigError(f"thresholds {out}: are there already; replace them with --overwrite, or give another --out")
    config = load_config(options.config) if options.config else Config()
    step_frames = checkpoint.info.step_frames(options.update)
    console = Console()
    negative, notes = _negative(options.data, options.leave_out, checkpoint, step_frames, options.mirror)
    for note in notes:
        _say(console, note)
    labelled = _labelled(options.labelled or [], options.subjects, checkpoint, step_frames, options.mirror)
    if not labelled:
        _say(console, "nothing labelled is given (--labelled): temperatures stay as they are, recall is not known")
    try:
        tuner = Tuner(checkpoint, config.action, negative=negative, labelled=labelled, step_frames=step_frames)
    except ValueError as error:
        raise DataError(
            f"{', '.join(map(str, options.data))}: {error}; give longer recordings of other things"
        ) from None
    before = tuner.measure(tuner.untuned())
    after = tuner.measure(tuner.tune(options.false_alarms_per_hour))
    elsewhere = tuner.cross_check(options.false_alarms_per_hour)
    _print(console, checkpoint.info.labels, before, after)
    for line in _conclude(before, after, elsewhere, options.false_alarms_per_hour):
        _say(console, line)
    provenance = _provenance(options, notes, before, after, elsewhere)
    save_thresholds(out, msgspec.structs.replace(after.thresholds, provenance=provenance))
    use = "give it to hitrs-live live with --thresholds" if options.out else "hitrs-live live finds it from here"
    _say(console, f"{out}: written; {use}")
    return 0


def _negative(
    paths: Sequence[Path], leave_out: frozenset[str], checkpoint: Checkpoint, step_frames: int | None, mirror: bool
) -> tuple[list[KeptStream], list[str]]:
    """Read what should set nothing off. Returns the streams, and a line a file on what of it counts."""
    streams: list[KeptStream] = []
    notes: list[str] = []
    absent = set(leave_out)
    for path in paths:
        recordings = [path] if is_recording(path) else sorted(path.glob("*.mcap")) if path.is_dir() else []
        for recording in recordings:
            streams += run_on_recording(checkpoint, recording, step_frames=step_frames, mirror=mirror)
            notes.append(f"{recording.name}: all of it counts as holding none of the classes")
        for whole in [] if recordings else open_datasets([path]):
            check_rates([whole], checkpoint.info.normaliser.rate_hz)
            left = {sample.subject for sample in whole.samples} & leave_out
            absent -= left
            data = whole.only([sample for sample in whole.samples if sample.subject not in left])
            name = f"{data.index.name}, without {', '.join(sorted(left))}" if left else data.index.name
            if (map_labels(data, checkpoint.info.labels) > BACKGROUND).any():
                sequences = read_classes(data, checkpoint.info.labels)
                notes.append(f"{name}: what is labelled background counts as holding none of the classes")
            else:
                sequences = read_background(data)
                notes.append(f"{name}: has no label of the classes, and counts as holding none of them")
            streams += run_model(checkpoint, sequences, step_frames=step_frames, mirror=mirror)
    if absent:
        raise DataError(f"--leave-out: nobody is called {', '.join(sorted(absent))} in the data")
    return streams, notes


def _labelled(
    paths: Sequence[Path],
    subjects: frozenset[str] | None,
    checkpoint: Checkpoint,
    step_frames: int | None,
    mirror: bool,
) -> list[KeptStream]:
    streams: list[KeptStream] = []
    found: set[str] = set()
    for data in open_datasets(paths):
        check_rates([data], checkpoint.info.normaliser.rate_hz)
        found |= {sample.subject for sample in data.samples}
        chosen = data.only([s for s in data.samples if subjects is None or s.subject in subjects])
        sequences = read_streams(chosen, checkpoint.info.labels)
        if chosen.samples and not any((sequence.labels > BACKGROUND).any() for sequence in sequences):
            raise DataError(f"--labelled {data.path}: holds none of the classes; give it as --data if that is so")
        streams += run_model(checkpoint, sequences, step_frames=step_frames, mirror=mirror)
    if paths and subjects and (missing := sorted(subjects - found)):
        raise DataError(f"{', '.join(map(str, paths))}: no subject {', '.join(missing)}, wanted some of {_few(found)}")
    return streams


def _print(console: Console, labels: tuple[str, ...], before: Outcome, after: Outcome) -> None:
    table = Table("class", "on", "false alarms", "starts", "found", box=SIMPLE, padding=(0, 1, 0, 0))
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


def _conclude(before: Outcome, after: Outcome, elsewhere: Alarms | None, per_hour: float) -> list[str]:
    """Say in plain words what was reached, and what is not known."""
    alarms, hours = after.alarms, after.alarms.hours
    lines = [
        f"false alarms: {before.alarms.count} before, {alarms.count} now, in {hours:.2f} h of background; asked for at "
        f"most {per_hour:g} an hour",
    ]
    if alarms.count > per_hour * hours:
        lines.append("that is more than was asked for: `on` is as high as it goes in the classes that draw them")
    if elsewhere is not None:
        lines.append(
            f"tuned on half of the people or recordings, the other half gave {elsewhere.count} in "
            f"{elsewhere.hours:.2f} h, {elsewhere.count / elsewhere.hours:.1f} an hour: expect that of others"
        )
    if hours < 3 / per_hour:
        heard = elsewhere or alarms
        lines.append(
            f"{hours:.2f} h is too short to know a rate of {per_hour:g} an hour: after {heard.count} in it the true "
            f"one may be up to {heard.most_per_hour:.1f} an hour (95 %), if what is to come is like this; "
            f"{3 / per_hour:g} h without any would do"
        )
    if after.starts:
        was, now = before.all_starts, after.all_starts
        lines.append(
            f"recall of {now.true} labelled starts within {TOLERANCE_S:g} s: {was.recall:.1%} before, {now.recall:.1%} "
            f"now; of what was told {was.precision:.1%} was right, {now.precision:.1%} is now"
        )
    return lines


def _provenance(
    options: argparse.Namespace, notes: Sequence[str], before: Outcome, after: Outcome, elsewhere: Alarms | None
) -> dict[str, str]:
    """Tell how the thresholds were made; files by their names alone, which folders they lay in says nothing."""
    alarms = after.alarms
    told = {
        "false_alarms_per_hour_asked": f"{options.false_alarms_per_hour:g}",
        "false_alarms": f"{alarms.count} in {alarms.hours:.2f} h, {before.alarms.count} untuned",
        "false_alarms_of_the_other_half": "" if elsewhere is None else f"{elsewhere.count} in {elsewhere.hours:.2f} h",
        "false_alarms_per_hour_at_most": f"{(elsewhere or alarms).most_per_hour:.1f} (95 %)",
        "negative": "; ".join(notes),
        "labelled": ", ".join(path.name for path in options.labelled or ()) or "nothing",
        "subjects": ", ".join(sorted(options.subjects or ())) or "all",
        "update": options.update,
        "mirror": "yes" if options.mirror else "no",
    }
    if after.starts:
        now = after.all_starts
        told["recall_of_starts"] = f"{now.recall:.3f} of {now.true}, {before.all_starts.recall:.3f} untuned"
    return {name: text for name, text in told.items() if text}


def _on(thresholds: Thresholds, label: str) -> str:
    return f"{thresholds.classes[label].on:.3g}"


def _few(names: set[str]) -> str:
    return ", ".join(sorted(names)[:_SHOWN_NAMES]) + (", ..." if len(names) > _SHOWN_NAMES else "")


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
