"""Compare causal and bidirectional GRUs: how much the future of a recording helps to classify its frames.

    python benchmarks/studies/hindsight.py --json reports/hindsight.json

A bidirectional GRU, which reads past and future, is trained on PRECOG's training people and measured on its test
people, next to one that reads the past alone, as a live model must. The error that remains with the future is not a
matter of latency: it comes from differences between people and labels, with eight people to train on.
"""

import json

import msgspec
from rich.console import Console
from rich.table import Table
from turned import AXES, cell, frame_map, read_halves, read_options, train_gru

from hitrs_live.checkpoint import load_checkpoint


def main() -> None:
    """Train and measure both GRUs, print one table and write the figures where asked."""
    options = read_options(__doc__)
    info = msgspec.structs.replace(load_checkpoint(None).info, label_lag_frames=0)
    train, test = read_halves(options, info.labels)
    figures: dict[str, list[float]] = {}
    for axes, prepare in AXES.items():
        for way, both_ways in (("past alone", False), ("past and future", True)):
            name = f"{axes}, {way}"
            figures[name] = []
            for seed in range(options.seeds):
                gru = train_gru(train, len(info.labels), prepare, steps=options.steps, seed=seed, both_ways=both_ways)
                figures[name].append(frame_map([gru.predict(s) for s in test], info))
                print(f"{name}, seed {seed}: {figures[name][-1]}", flush=True)
    table = Table("GRU", "frame mAP")
    for name, seeds in figures.items():
        table.add_row(name, cell(seeds, digits=3))
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps({"steps": options.steps, "frame_map": figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
