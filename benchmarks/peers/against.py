"""Time a frame of our stream and a frame of continual ST-GCN, in turns in one run.

    pip install '.[peers,export]'
    python benchmarks/peers/against.py --json reports/peers.json

One thread; CPU time, so that other processes do not count; all implementations are timed in turns. Every window is
full.

What is compared. Our time covers everything from joints in metres to logits and predicted motion: normalisation, the
ring buffers, the heads. The peer's covers its network alone, on prepared joints, and it outputs logits alone. CoST-GCN*
predicts every frame, CoST-GCN every fourth; ours every seventh (a clip) or every frame, and both are timed. The peer
has one body a row, as ours does; the published 0.27 and 0.16 G are for two. Weights are random, which does not affect
the time. Accuracy is not compared here.

The peer is run in three ways: the modules of `continual-inference` eagerly; their step in ONNX Runtime; and the same
step rewritten as matrix products, with batch norms folded and without the zeros that the package convolves, in ONNX
Runtime. The last is faster than what the package offers: it is the lowest cost of the published network here. In fp32
its logits are compared with the package's; in int8 only its time is measured, since random weights do not show the
loss of accuracy, whereas our int8 has passed its parity gate. Also tried, and no faster than the package eagerly:
torch.compile, and torch.jit.trace except for one person, where ONNX Runtime is faster than both.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from continual_stgcn import COST_GCN, COST_GCN_STAR, PeerConfig, count_macs
from peer_engines import EagerPeer, MatrixPeer, PeerEngine, TracedPeer, frames_until_full, random_joints
from rich.console import Console
from rich.table import Table

from hitrs_live.bench.random_models import make_checkpoint
from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.inference.backend_selection import open_engine
from hitrs_live.inference.base import Engine
from hitrs_live.streaming.profile_step import ms_per_frame, time_steps

_FRAMES = 8
"""Frames of a peer in a turn, a multiple of its stride; as many are run before them, untimed."""
_OURS = (("torch", "fp32"), ("onnx", "fp32"), ("onnx", "int8"))


@dataclass(frozen=True, kw_only=True)
class TimedStep:
    """One implementation of one network, with a function that times it."""

    network: str
    engine: str
    kind: str
    """ours; modules: the package's; products: the peer as matrix products; products, int8."""
    update_frames: int
    """Frames from one prediction to the next."""
    run: Callable[[], float]
    """Runs a turn and returns the CPU milliseconds of a mean frame, for all rows."""


def open_ours(checkpoint: Checkpoint, folder: Path | None) -> list[Engine]:
    """Open a detector in every available engine. folder: of built engines, None for the default one.

    An engine that does not pass its parity gate is left out, which may happen for int8 with random weights.
    """
    opened = {name: open_engine(checkpoint, *name, folder=folder).engine for name in _OURS}
    return [engine for name, engine in opened.items() if (engine.name, engine.precision) == name]


def our_steps(network: str, checkpoint: Checkpoint, engines: list[Engine], rows: int) -> list[TimedStep]:
    """List the steps of a detector in every engine, with a prediction every clip and every frame. network: its name."""

    def turn(engine: Engine, step_frames: int) -> float:
        clock, normaliser = time.process_time_ns, checkpoint.info.normaliser
        return ms_per_frame(time_steps(engine, normaliser, rows=rows, step_frames=step_frames, strides=1, clock=clock))

    return [
        TimedStep(
            network=network, engine=f"{engine.name} {engine.precision}", kind="ours", update_frames=step_frames,
            run=lambda engine=engine, step_frames=step_frames: turn(engine, step_frames),
        )
        for engine in engines
        for step_frames in (engine.grid.clip_stride, 1)
    ]  # fmt: skip


def peer_steps(config: PeerConfig, rows: int) -> list[TimedStep]:
    """List the steps of one form of the peer in every implementation."""
    joints = random_joints(0, rows)

    def turn(engine: PeerEngine) -> float:
        began_ns = 0
        for frame in range(2 * _FRAMES):
            if frame == _FRAMES:
                began_ns = time.process_time_ns()
            engine.step(joints)
        return (time.process_time_ns() - began_ns) / 1e6 / _FRAMES

    engines: list[tuple[str, PeerEngine]] = [
        ("modules", EagerPeer(config, rows)),
        ("modules", TracedPeer(config, rows)),
        ("products", MatrixPeer(config, rows)),
        ("products, int8", MatrixPeer(config, rows, int8=True)),
    ]
    return [
        TimedStep(
            network=config.name, engine=engine.name, kind=kind, update_frames=config.frames_a_prediction,
            run=lambda engine=engine: turn(engine),
        )
        for kind, engine in engines
    ]  # fmt: skip


def check_alike(config: PeerConfig) -> float:
    """Compare the logits of all implementations. Returns the largest difference as a share of the largest logit."""
    eager, traced, products = EagerPeer(config, 1), TracedPeer(config, 1), MatrixPeer(config, 1)
    full, worst = frames_until_full(config), 0.0
    for frame in range(full):
        products.step(random_joints(frame, 1))
    for frame in range(full, full + 2 * config.frames_a_prediction):
        expected, *others = (engine.step(random_joints(frame, 1)) for engine in (eager, traced, products))
        for got in others:
            assert (expected is None) == (got is None), f"{config.name}: predicts at another frame than the package"
            if expected is not None and got is not None:
                worst = max(worst, float((expected - got).abs().max() / expected.abs().max()))
    assert worst < 1e-4, f"{config.name}: logits differ by {worst:.1e} from the package's"
    return worst


def measure(steps: list[TimedStep], *, rows: int, turns: int) -> list[dict[str, Any]]:
    """Time all in turns. Returns a row of the table for each."""
    took: list[list[float]] = [[] for _ in steps]
    for _ in range(turns):
        for step, each in zip(steps, took, strict=True):
            each.append(step.run())
    return [
        {
            "rows": rows,
            "network": step.network,
            "engine": step.engine,
            "kind": step.kind,
            "answers_every": step.update_frames,
            "ms_per_frame": float(np.median(each)),
            "ms_per_frame_p25": float(np.percentile(each, 25)),
            "ms_per_frame_p75": float(np.percentile(each, 75)),
        }
        for step, each in zip(steps, took, strict=True)
    ]


def compare(figures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compute the ratio of the peer's time to ours, each in its fastest engine, at equal rows."""
    best: dict[tuple[Any, ...], dict[str, Any]] = {}
    for each in figures:
        key = (each["rows"], each["kind"], each["network"], each["answers_every"])
        if key not in best or each["ms_per_frame"] < best[key]["ms_per_frame"]:
            best[key] = each
    ours = [each for each in best.values() if each["kind"] == "ours"]
    return [
        {
            "rows": mine["rows"],
            "ours": mine["network"],
            "our_engine": mine["engine"],
            "ours_answers_every": mine["answers_every"],
            "peer": peer["network"],
            "peer_kind": peer["kind"],
            "peer_engine": peer["engine"],
            "peer_over_ours": peer["ms_per_frame"] / mine["ms_per_frame"],
            "peer_over_ours_per_answer": peer["ms_per_frame"] * peer["answers_every"]
            / (mine["ms_per_frame"] * mine["answers_every"]),
        }
        for mine in ours
        for peer in best.values()
        if peer["kind"] != "ours" and peer["rows"] == mine["rows"]
    ]  # fmt: skip


def show(figures: list[dict[str, Any]], ratios: list[dict[str, Any]]) -> None:
    """Print all times, and the ratios of the fastest."""
    console = Console()
    table = Table(title="CPU ms on one thread, the mean frame")
    for heading in ("people", "network", "engine", "predicts\nevery", "a frame,\nall", "a frame,\na person"):
        table.add_column(heading, justify="right")
    for each in figures:
        table.add_row(
            str(each["rows"]), each["network"], each["engine"], f"{each['answers_every']} f.",
            f"{each['ms_per_frame']:.2f}", f"{each['ms_per_frame'] / each['rows']:.2f}",
        )  # fmt: skip
    console.print(table)
    ours = list(dict.fromkeys((each["ours"], each["ours_answers_every"]) for each in ratios))
    table = Table(title="the peer's frame over ours, each in its fastest engine; in brackets: by prediction")
    for heading in ("people", "peer", "run as", *(f"{name},\nevery {frames} f." for name, frames in ours)):
        table.add_column(heading, justify="right")
    for key in dict.fromkeys((each["rows"], each["peer"], each["peer_kind"]) for each in ratios):
        cells = {
            (each["ours"], each["ours_answers_every"]): f"{each['peer_over_ours']:.1f}x "
            f"({each['peer_over_ours_per_answer']:.1f})"
            for each in ratios
            if (each["rows"], each["peer"], each["peer_kind"]) == key
        }
        table.add_row(*map(str, key), *(cells[each] for each in ours))
    console.print(table)


def main() -> None:
    """Measure at 1 and 16 people and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--checkpoint", type=Path, help="model to time, instead of the one shipped")
    parser.add_argument("--people", type=int, nargs="+", default=(1, 16))
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    configs, figures = (COST_GCN, COST_GCN_STAR), []
    alike = {config.name: check_alike(config) for config in configs}
    with tempfile.TemporaryDirectory() as name:
        shipped, base = load_checkpoint(options.checkpoint), make_checkpoint("base", Path(name))
        ours = [
            (shipped.info.name, shipped, open_ours(shipped, None)),
            (f"{base.info.name}, random", base, open_ours(base, Path(name))),
        ]
        for rows in options.people:
            steps = [each for mine in ours for each in our_steps(*mine, rows)]
            steps += [each for config in configs for each in peer_steps(config, rows)]
            figures += measure(steps, rows=rows, turns=max(5, options.turns // max(1, rows // 4)))
    ratios = compare(figures)
    show(figures, ratios)
    if options.json:
        report = {
            "figures": figures,
            "ratios": ratios,
            "peers": {
                config.name: {
                    "macs_a_prediction_one_body": count_macs(config, skip=False),
                    "macs_a_prediction_one_body_no_skipped_output": count_macs(config, skip=True),
                    "frames_a_prediction": config.frames_a_prediction,
                    "published_gflops_two_bodies": config.published_gflops,
                    "engines_differ_at_most": alike[config.name],
                }
                for config in configs
            },
        }
        write_report(options.json, report)


if __name__ == "__main__":
    main()
