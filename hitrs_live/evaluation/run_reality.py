"""`hitrs-live evaluate reality`: a detector on people, cameras and sensors that it was not trained on."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.config import Config, override
from hitrs_live.data.array_format import data_folder
from hitrs_live.data.class_map import read_streams
from hitrs_live.data.formats.real_clips import LABELS, read_real_clips
from hitrs_live.data.measure_sets import MeasuredStream, available_sets, labelled_stream, read_measure_set
from hitrs_live.data.open_dataset import BACKGROUND_NAME, check_rates, open_dataset
from hitrs_live.data.reality_classes import MEASURE_SETS
from hitrs_live.data.shipped_classes import SHIP_CLASSES
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.evaluation.kept_logits import logits_file
from hitrs_live.evaluation.reports.det_plot import draw_det
from hitrs_live.evaluation.reports.reality import NamedSet, evaluate_reality
from hitrs_live.evaluation.reports.reality_tables import print_reality
from hitrs_live.evaluation.reports.write import about_run, write_report
from hitrs_live.evaluation.scored_sets import score_clips, score_streams
from hitrs_live.evaluation.video_landmarks import available_videos, read_video_clips
from hitrs_live.inference.backend_selection import open_engine
from hitrs_live.inference.base import Engine
from hitrs_live.streaming.thresholds import find_thresholds

CLIPS, VIDEO = "clips", "video"
"""Names of the sets that are no data set of joints."""
_ROWS = 32


def run_reality(options: argparse.Namespace) -> int:
    """Measure a detector on what the data folder has, print tables, write report and plot. Returns the exit code."""
    folder = options.data or data_folder()
    chosen = _choose(options.sets, folder)
    checkpoint = load_checkpoint(options.checkpoint)
    found = find_thresholds(options.thresholds, checkpoint, options.checkpoint)
    earlier = {path.stem: _read_report(path) for path in options.compare or ()}
    given = [(name, _read_given(path, checkpoint)) for name, path in options.streams or ()]
    torch.set_num_threads(options.threads)
    config = override(
        Config(), {"model.update": options.update, "model.mirror": options.mirror, "action.classes": options.classes}
    )
    engine = open_engine(checkpoint, "onnx", max_rows=2 * _ROWS, threads=options.threads).engine
    sets = list(_score(checkpoint, chosen, given, folder=folder, work=options.work, config=config, engine=engine))
    report = about_run(checkpoint, found.thresholds, options.update, mirror=options.mirror, classes=options.classes)
    report |= evaluate_reality(checkpoint, sets, config.action, thresholds=found.thresholds)
    print_reality(Console(), report)
    if options.json:
        write_report(options.json, report)
    if options.plot and (reason := draw_det({checkpoint.info.name: report} | earlier, options.plot)):
        print(reason, file=sys.stderr)
    return 0


def _choose(wanted: frozenset[str] | None, folder: Path) -> list[str]:
    """List the sets to measure, those before cameras first. Raises ConfigError or DataError where there is none."""
    there = [CLIPS] if (folder / "real" / LABELS).is_file() else []
    there += [VIDEO] if available_videos(folder) else []
    there += available_sets(folder)
    known = (CLIPS, VIDEO, *MEASURE_SETS)
    if wanted is None:
        if not there:
            raise DataError(
                f"{folder}: none of real/{LABELS}, video/ and measure/ is there; set HITRS_DATA or --data to the "
                "folder that contains them"
            )
        return there
    if unknown := sorted(wanted - set(known)):
        raise ConfigError(f"--sets {','.join(unknown)}: expected some of {', '.join(known)}")
    if missing := [name for name in known if name in wanted and name not in there]:
        raise DataError(f"{folder}: {', '.join(missing)} not there; set HITRS_DATA or --data, or leave out of --sets")
    return [name for name in there if name in wanted]


def _score(
    checkpoint: Checkpoint,
    chosen: Sequence[str],
    given: Sequence[tuple[str, list[MeasuredStream]]],
    *,
    folder: Path,
    work: Path,
    config: Config,
    engine: Engine,
) -> Iterator[NamedSet]:
    """Run the model over every set."""
    for name in chosen:
        kept = logits_file(
            work, name, fingerprint=checkpoint.fingerprint, update=config.model.update, mirror=config.model.mirror
        )
        if name in MEASURE_SETS:
            scored = score_streams(checkpoint, read_measure_set(folder, name), config, engine, keep_in=kept)
            yield NamedSet(name=name, title=MEASURE_SETS[name].title, group="sensor", scored=scored)
            continue
        if name == CLIPS:
            title, clips = "clips of real people", read_real_clips(folder / "real")
        else:
            title, clips = "videos, from their pixels", read_video_clips(available_videos(folder), config.pose, work)
        scored_clips = score_clips(checkpoint, clips, config, engine, keep_in=kept)
        yield NamedSet(name=name, title=title, group="camera", scored=scored_clips)
    for name, streams in given:
        scored = score_streams(checkpoint, streams, config, engine)
        yield NamedSet(name=name, title=name, group="given", scored=scored)


def _read_report(path: Path) -> dict[str, Any]:
    """Read a report of this command. Raises DataError."""
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if all(figures["det"] for figures in report["groups"].values()):
            return report
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise DataError(f"{path}: no report of `hitrs-live evaluate reality --json`; give one to --compare")


def _read_given(path: Path, checkpoint: Checkpoint) -> list[MeasuredStream]:
    """Read labelled streams, such as rendered people, with their own class names; of a shipped set the test subjects.

    Raises DataError where the file is missing, damaged or of another rate.
    """
    data = open_dataset(path)
    check_rates([data], checkpoint.info.normaliser.rate_hz)
    translate = SHIP_CLASSES.get(data.index.name)
    names = [name for number, name in enumerate(data.index.labels) if number != data.index.background]
    named = names if translate is None else [translate(name) for name in names]
    classes = tuple(dict.fromkeys([BACKGROUND_NAME, *(name for name in named if name)]))
    return [labelled_stream(one, classes) for one in read_streams(data.tested_on(None, None), classes)]
