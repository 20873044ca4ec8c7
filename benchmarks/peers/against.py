"""Time a frame of our stream against a frame of continual ST-GCN, side by side in one run.

    pip install 'hitrs-live[peers,export]'
    python benchmarks/peers/against.py --json reports/peers.json

One thread; CPU time, so that other processes do not count; contenders take turns. Every window is full.

What is fair to know. Ours is everything from metres to logits and the future: normalising, the rings, the
judgement. The peer's is its network alone, on joints made ready, and it gives logits alone. CoST-GCN* answers every
frame, CoST-GCN every fourth; ours every seventh (a clip) or, asked to, every frame, and both are timed. The peer
takes one body a row, as ours does, where the published 0.27 and 0.16 G are of two; weights are random and do not
change the time. What the networks recognise is not compared here.

The peer is run three ways: the modules of `continual-inference` eagerly; their step in ONNX Runtime; and the same
step written anew as matrix products, folded and without the zeros that the package convolves, in ONNX Runtime. The
last is not what anyone gets who installs the package; it is the least that the published network costs here. In
fp32 it is held to the package's logits; in int8 it is timed alone, since with random weights nothing says what int8
would cost it in accuracy, where our int8 has passed its gate. Beside these were tried, and were no faster than the
package eagerly: torch.compile, and torch.jit.trace but for one person, where ONNX Runtime is faster than both.
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
from peer_engines import EagerPeer, MatrixPeer, PeerEngine, TracedPeer, frames_until_full, made_joints
from rich.console import Console
from rich.table import Table

from hitrs_live.bench.random_models import make_checkpoint
from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.inference.backend_selection import open_engine
from hitrs_live.inference.base import Engine
from hitrs_live.streaming.profile_step import ms_per_frame, time_steps

_FRAMES = 8
"""Frames of a peer in a turn: whole strides of it; as many go before, untimed."""
_OURS = (("torch", "fp32"), ("onnx", "fp32"), ("onnx", "int8"))


@dataclass(frozen=True, kw_only=True)
class Contender:
    """Something that is stepped."""

    network: str
    engine: str
    kind: str
    """ours; modules: the package's; products: the peer written anew, and that in int8."""
    answers_every: int
    """Frames."""
    run: Callable[[], float]
    """Run a turn; returns the CPU milliseconds of a mean frame, for all rows."""


def open_ours(checkpoint: Checkpoint, folder: Path | None) -> list[Engine]:
    """Open a detector in every engine that can be had; folder: where built ones are kept, None for the usual place.

    One that does not pass its gate is left out, as int8 may be with random weights.
    """
    wanted = {name: open_engine(checkpoint, *name, folder=folder).engine for name in _OURS}
    return [engine for name, engine in wanted.items() if (engine.name, engine.precision) == name]


def our_contenders(network: str, checkpoint: Checkpoint, engines: list[Engine], rows: int) -> list[Contender]:
    """Run a detector, called so, in every engine, with an answer every clip and every frame."""

    def turn(engine: Engine, hop: int) -> float:
        clock = time.process_time_ns
        return ms_per_frame(time_steps(engine, checkpoint.info.normaliser, rows=rows, hop=hop, strides=1, clock=clock))

    return [
        Contender(
            network=network, engine=f"{engine.name} {engine.precision}", kind="ours", answers_every=hop,
            run=lambda engine=engine, hop=hop: turn(engine, hop),
        )
        for engine in engines
        for hop in (engine.grid.clip_stride, 1)
    ]  # fmt: skip


def peer_contenders(config: PeerConfig, rows: int) -> list[Contender]:
    """Run one form of the peer in every way."""
    joints = made_joints(0, rows)

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
        Contender(
            network=config.name, engine=engine.name, kind=kind, answers_every=config.frames_a_prediction,
            run=lambda engine=engine: turn(engine),
        )
        for kind, engine in engines
    ]  # fmt: skip


def check_alike(config: PeerConfig) -> float:
    """Hold the faster ways against the package's own. Returns the largest difference as a part of the largest logit."""
    eager, traced, products = EagerPeer(config, 1), TracedPeer(config, 1), MatrixPeer(config, 1)
    full, worst = frames_until_full(config), 0.0
    for frame in range(full):
        products.step(made_joints(frame, 1))
    for frame in range(full, full + 2 * config.frames_a_prediction):
        wanted, *others = (engine.step(made_joints(frame, 1)) for engine in (eager, traced, products))
        for got in others:
            assert (wanted is None) == (got is None), f"{config.name}: an answer at another frame than the package's"
            if wanted is not None and got is not None:
                worst = max(worst, float((wanted - got).abs().max() / wanted.abs().max()))
    assert worst < 1e-4, f"{config.name}: logits are {worst:.1e} from the package's"
    return worst


def measure(contenders: list[Contender], *, rows: int, turns: int) -> list[dict[str, Any]]:
    """Time all in turns. Returns a row of the table for each."""
    took: list[list[float]] = [[] for _ in contenders]
    for _ in range(turns):
        for contender, each in zip(contenders, took, strict=True):
            each.append(contender.run())
    return [
        {
            "rows": rows,
            "network": contender.network,
            "engine": contender.engine,
            "kind": contender.kind,
            "answers_every": contender.answers_every,
            "ms_per_frame": float(np.median(each)),
            "ms_per_frame_p25": float(np.percentile(each, 25)),
            "ms_per_frame_p75": float(np.percentile(each, 75)),
        }
        for contender, each in zip(contenders, took, strict=True)
    ]


def compare(figures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Set the fastest of each way of the peer against the fastest engine of each of ours, at equal rows."""
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
    """Print what was timed, and the ratios of the fastest."""
    console = Console()
    table = Table(title="CPU ms on one thread, the mean frame")
    for heading in ("people", "network", "engine", "answers\nevery", "a frame,\nall", "a frame,\na person"):
        table.add_column(heading, justify="right")
    for each in figures:
        table.add_row(
            str(each["rows"]), each["network"], each["engine"], f"{each['answers_every']} f.",
            f"{each['ms_per_frame']:.2f}", f"{each['ms_per_frame'] / each['rows']:.2f}",
        )  # fmt: skip
    console.print(table)
    ours = list(dict.fromkeys((each["ours"], each["ours_answers_every"]) for each in ratios))
    table = Table(title="the peer's frame over ours, each in its fastest engine; in brackets: its answer over ours")
    for heading in ("people", "peer", "run as", *(f"{name},\nevery {hop} f." for name, hop in ours)):
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
            contenders = [each for mine in ours for each in our_contenders(*mine, rows)]
            contenders += [each for config in configs for each in peer_contenders(config, rows)]
            figures += measure(contenders, rows=rows, turns=max(5, options.turns // max(1, rows // 4)))
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
