"""Compare int8 predictions with fp32 ones on people whom training never saw: the held-out test subjects.

    python benchmarks/studies/int8_answers.py --sources precog16 ui_prmd_kinect --seconds 300 --json reports/int8.json

fp32 is the reference in torch. int8 is built unless it exists, with the ranges of `--quantisation` or, by default, with
those that `build-engines` uses. Streams are used in their order up to `--seconds` of each source.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.data.array_format import IGNORE, LabelledSequence, data_folder
from hitrs_live.data.class_map import as_streams, read_ship
from hitrs_live.data.shipped_classes import SOURCES
from hitrs_live.evaluation.decode_streams import decode_streams
from hitrs_live.evaluation.kept_streams import KeptStream
from hitrs_live.evaluation.reports.detection import detection_report
from hitrs_live.evaluation.reports.write import about_run, write_report
from hitrs_live.evaluation.run_model import run_model
from hitrs_live.inference.base import Engine
from hitrs_live.inference.build import open_onnx
from hitrs_live.inference.engine_cache import engines_folder
from hitrs_live.inference.int8_ranges import find_ranges
from hitrs_live.inference.parity import measure_parity
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.streaming.thresholds import Thresholds, find_thresholds


def main() -> None:
    """Run every stream with both engines and print a row for each source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", help="detector to measure (default: the one shipped)")
    parser.add_argument("--quantisation", type=Path, metavar="FILE", help="of `hitrs-live calibrate quantisation`")
    parser.add_argument("--sources", nargs="+", choices=SOURCES, default=list(SOURCES))
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), metavar="S", help="of each source, approximately"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(options.checkpoint)
    thresholds = find_thresholds("", checkpoint, options.checkpoint).thresholds
    loaded = find_ranges(options.quantisation, checkpoint)
    int8 = open_onnx(checkpoint, "int8", engines_folder(), ranges=loaded.ranges)
    gate = measure_parity(int8, TorchEngine(checkpoint.model))
    rows = {
        name: compare(checkpoint, int8, streams, thresholds)
        for name, streams in read(options.sources, options.seconds, checkpoint.info.labels).items()
    }
    Console().print(table(rows, loaded.origin))
    print(f"parity gate: {gate.same:.1%} of clips with the same class; {gate.refusal('int8') or 'passed'}")
    if options.json:
        report = {"ranges": loaded.origin, "gate_same": round(gate.same, 4), "sources": rows}
        write_report(options.json, about_run(checkpoint, thresholds, "clip", mirror=False) | report)


def read(sources: Sequence[str], seconds: float, labels: tuple[str, ...]) -> dict[str, list[LabelledSequence]]:
    """Read the test subjects' streams of some sources, in order, until they last `seconds` together."""
    halves = read_ship(data_folder(), test=True, labels=labels)
    taken: dict[str, list[LabelledSequence]] = {}
    for name in sources:
        streams = as_streams(name, halves[name])
        known = [stream for stream in streams if (stream.labels != IGNORE).any()]
        before_s = np.cumsum([0, *(len(stream.labels) for stream in known)])[:-1] / 30.0
        taken[name] = [stream for stream, begin_s in zip(known, before_s, strict=True) if begin_s < seconds]
    return taken


def compare(
    checkpoint: Checkpoint, int8: Engine, streams: list[LabelledSequence], thresholds: Thresholds | None
) -> dict[str, Any]:
    """Run streams with both engines and compare the outputs."""
    expected, got = (run_model(checkpoint, streams, mirror=False, engine=engine) for engine in (None, int8))
    both = [np.concatenate([one.logits for one in kept]) for kept in (expected, got)]
    best = [logits.argmax(1) for logits in both]
    acting = best[0] > 0
    figures = [figures_of(checkpoint, kept, thresholds) for kept in (expected, got)]
    return {
        "streams": len(streams),
        "seconds": round(sum(len(stream.labels) for stream in streams) / 30.0, 1),
        "clips": len(best[0]),
        "same": round(float((best[0] == best[1]).mean()), 4),
        "acting": int(acting.sum()),
        "same_acting": round(float((best[0] == best[1])[acting].mean()), 4) if acting.any() else None,
        "logit_p50": round(float(np.median(np.abs(both[0] - both[1]))), 4),
        "logit_max": round(float(np.abs(both[0] - both[1]).max()), 4),
        "fp32": figures[0],
        "int8": figures[1],
    }


def figures_of(checkpoint: Checkpoint, kept: list[KeptStream], thresholds: Thresholds | None) -> dict[str, Any]:
    """Compute the detection metrics of the streams."""
    info = checkpoint.info
    results = decode_streams(kept, info, thresholds=thresholds)
    report = detection_report(results, info.labels, rate_hz=info.normaliser.rate_hz)
    return {key: report[key] for key in ("frame_map", "frame_map_later", "start_f1", "false_alarms")}


def table(rows: dict[str, dict[str, Any]], origin: str) -> Table:
    """Build the table, a row for each source."""
    shown = Table(
        "source", "clips", "same class", "of actions", "logit difference p50, max", "frame mAP fp32", "int8",
        "start F1 fp32", "int8",
        title=f"int8 by {origin}",
    )  # fmt: skip
    for name, row in rows.items():
        shown.add_row(
            name, str(row["clips"]), f"{row['same']:.1%}", f"{row['same_acting'] or 0:.1%} of {row['acting']}",
            f"{row['logit_p50']:.3f}, {row['logit_max']:.2f}",
            *(f"{row[kind][key]}" for key in ("frame_map",) for kind in ("fp32", "int8")),
            *(" / ".join(f"{value:.3f}" for value in row[kind]["start_f1"].values()) for kind in ("fp32", "int8")),
        )  # fmt: skip
    return shown


if __name__ == "__main__":
    main()
