"""Measure cost and accuracy by length of the window, by update (clip or frame) and by mirror averaging, and draw them.

    python benchmarks/studies/trade.py --checkpoint FILE --out docs/trade.png --json reports/trade.json

On PRECOG p9-p12, continuous streams, with the live stages. A window shorter than the trained one needs no training:
positions count from the beginning of the window, and every shorter window was part of training.
Needs matplotlib: pip install '.[plots]'.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from hitrs_live.bench.plots import FAINT, PLOT_STYLE
from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.config import ActionConfig
from hitrs_live.data.array_format import LabelledSequence, data_folder
from hitrs_live.data.class_map import labelled_classes, read_streams
from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.evaluation.decode_streams import decode_streams
from hitrs_live.evaluation.reports.detection import detection_report
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.evaluation.run_model import run_model
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.model.detector import HitrsDetector
from hitrs_live.streaming.profile_step import time_steps
from hitrs_live.streaming.thresholds import Thresholds, find_thresholds, reported_classes

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ImportError:
    raise SystemExit("matplotlib is not installed; pip install '.[plots]'") from None

COLOURS = {"clip": "#1d5c82", "frame, one side": "#8a94a0", "frame": "#c8553d"}
"""By update; "frame, one side" is a prediction every frame without mirror averaging."""
LINES = {"clip": "prediction every clip", "frame, one side": "every frame, not mirrored", "frame": "every frame"}
"""Names of the updates in the picture."""
PANELS = {
    "frame_map": "frame mAP",
    "start_f1_0.3": "start F1 within 0.3 s",
    "delay_p50_s": "median delay, s",
}
_BESIDE, _BESIDE_LONGEST = ((-8, 0), "right", "center"), ((8, 0), "left", "center")
"""Position of the number beside a point: offset in points, and alignment."""


def with_window(checkpoint: Checkpoint, clips: int) -> Checkpoint:
    """Return the checkpoint with a window of `clips` clips, at most as many as it was trained with."""
    config = replace(checkpoint.info.detector, window_clips=clips)
    model = HitrsDetector(config)
    model.load_state_dict(checkpoint.model.state_dict())
    info = msgspec.structs.replace(checkpoint.info, detector=config)
    return msgspec.structs.replace(checkpoint, info=info, model=model.eval())


def measure(
    checkpoint: Checkpoint,
    thresholds: Thresholds | None,
    streams: list[LabelledSequence],
    step_frames: int | None,
    *,
    mirror: bool,
    labelled: frozenset[str],
) -> dict[str, Any]:
    """Run the streams and return the metrics that are compared with the cost."""
    results = decode_streams(
        run_model(checkpoint, streams, step_frames=step_frames, mirror=mirror),
        checkpoint.info,
        thresholds=thresholds,
        step_frames=step_frames,
    )
    labels = checkpoint.info.labels
    figures = detection_report(
        results, labels, rate_hz=checkpoint.info.normaliser.rate_hz, labelled=labelled,
        reported=reported_classes(labels, ActionConfig(), thresholds),
    )  # fmt: skip
    kept = {key: figures[key] for key in ("frame_map", "frame_map_later", "delay_p50_s", "delay_p95_s")}
    return kept | {"start_f1_0.3": figures["start_f1"]["0.3"]}


def time_all(models: dict[tuple[str, int], tuple[Checkpoint, int, bool]], turns: int) -> dict[tuple[str, int], float]:
    """Time one person's mean frame for every choice, in milliseconds.

    Each frame of a stride counts with its fastest time over all turns, since other load can only add to it.
    """
    took_ms: dict[tuple[str, int], list[np.ndarray]] = {choice: [] for choice in models}
    for _ in range(turns):
        for choice, (checkpoint, step_frames, mirror) in models.items():
            engine = TorchEngine(checkpoint.model)
            took_ms[choice].append(
                time_steps(engine, checkpoint.info.normaliser, rows=1 + mirror, step_frames=step_frames, strides=2)
            )
    return {choice: float(np.concatenate(turn).min(0).mean()) for choice, turn in took_ms.items()}


def draw(rows: list[dict[str, Any]]) -> Figure:
    """Draw each metric over the cost of a frame: a line for each update, a point for each window."""
    mpl.rcParams.update(PLOT_STYLE)
    figure = Figure(figsize=(10.2, 3.8), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)
    for axes, (key, title) in zip(figure.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        _draw_panel(axes, rows, key)
        axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
        axes.set_xlabel("ms a frame for one person")
    figure.suptitle(
        "PRECOG p9-p12, held-out people; beside a point: clips in the window",
        x=0.02,
        ha="left",
        fontsize=9,
        color=FAINT,
    )
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=3, frameon=False)
    return figure


def _draw_panel(axes: Axes, rows: list[dict[str, Any]], key: str) -> None:
    values = [row[key] for row in rows if row[key] is not None] or [0.0]
    for update, colour in COLOURS.items():
        points = [(row["ms_per_frame"], row[key], row["window_clips"]) for row in rows if row["update"] == update]
        known = [point for point in points if point[1] is not None]
        if not known:
            continue
        axes.plot(
            *zip(*(point[:2] for point in known), strict=True), color=colour, linewidth=1.4, marker="o",
            label=LINES[update],
        )  # fmt: skip
        for number, (cost, value, clips) in enumerate(known):
            # Points are close to each other; the number of the longest window is on the other side.
            offset, across, up = _BESIDE_LONGEST if number == len(known) - 1 else _BESIDE
            axes.annotate(
                str(clips), (cost, value), textcoords="offset points", xytext=offset, ha=across, va=up,
                color=colour, fontsize=8.5,
            )  # fmt: skip
    axes.set_xlim(0, 1.15 * max(row["ms_per_frame"] for row in rows))
    low, high = min(values), max(values)
    # At least 0.1, so that noise does not look like a difference.
    reach = max(0.65 * (high - low), 0.05)
    axes.set_ylim((low + high) / 2 - reach, (low + high) / 2 + reach)
    axes.grid(axis="y", color="#e4e9ee", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)


def main() -> None:
    """Measure every choice, print one table and draw one picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", help="detector to measure (default: the one shipped)")
    parser.add_argument("--thresholds", default="", metavar="FILE", help="as the setting action.thresholds has it")
    parser.add_argument("--windows", type=int, nargs="+", default=(4, 12, 24), help="lengths of the window, clips")
    parser.add_argument("--updates", choices=tuple(COLOURS), nargs="+", default=tuple(COLOURS))
    parser.add_argument("--turns", type=int, default=30, help="of timing")
    parser.add_argument("--out", type=Path, default=Path("docs/trade.png"), help="picture to write")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(options.checkpoint)
    thresholds = find_thresholds(options.thresholds, checkpoint, options.checkpoint).thresholds
    data = open_dataset(data_folder() / "ship" / "precog16.npz")
    streams = read_streams(data.split()[1], checkpoint.info.labels)
    labelled = labelled_classes(data, checkpoint.info.labels)
    stride = checkpoint.info.detector.encoder.clip_stride
    ways = {"clip": (stride, True), "frame": (1, True), "frame, one side": (1, False)}
    if max(options.windows) > checkpoint.info.detector.window_clips or min(options.windows) < 1:
        parser.error(f"--windows: expected 1 to {checkpoint.info.detector.window_clips} clips, as it was trained with")
    choices = {
        (update, clips): (with_window(checkpoint, clips), *ways[update])
        for update in options.updates
        for clips in options.windows
    }
    costs_ms = time_all(choices, options.turns)
    rows = [
        {"update": update, "window_clips": clips, "ms_per_frame": round(costs_ms[update, clips], 3)}
        | measure(model, thresholds, streams, step_frames, mirror=mirror, labelled=labelled)
        for (update, clips), (model, step_frames, mirror) in choices.items()
    ]
    Console().print(table(rows))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    draw(rows).savefig(options.out)
    if options.json:
        about = {"name": checkpoint.info.name, "sha256": checkpoint.fingerprint}
        write_report(options.json, {"checkpoint": about, "tuned": thresholds is not None, "rows": rows})


def table(rows: list[dict[str, Any]]) -> Table:
    """Build the table, a row for each choice."""
    built = Table("update", "window, clips", "ms a frame", "frame mAP", "start F1 0.3 s", "delay p50 s")
    for row in rows:
        values = (row["ms_per_frame"], row["frame_map"], row["start_f1_0.3"], row["delay_p50_s"])
        cells = ("-" if value is None else f"{value:.2f}" for value in values)
        built.add_row(row["update"], str(row["window_clips"]), *cells)
    return built


if __name__ == "__main__":
    main()
