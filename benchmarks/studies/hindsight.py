"""What the whole recording tells of each of its frames: how far the labels of other people can be told at all.

    python benchmarks/studies/hindsight.py --json reports/hindsight.json

A GRU that reads streams both ways, past and future, is trained on PRECOG's training people and measured on its test
people, beside one that reads the past alone, as anything live must. What hindsight lacks, no model of these joints
gains by being quicker: it is what people and labels differ by, of whom there are eight to learn from.
"""

import json

import msgspec
from rich.console import Console
from rich.table import Table
from turned import AXES, cell, frame_map, read_halves, read_options, train_gru

from hitrs_live.checkpoint import load_checkpoint


def main() -> None:
    """Run the script."""
    options = read_options("What the future would tell of a frame")
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
    laid = Table("GRU", "frame mAP")
    for name, seeds in figures.items():
        laid.add_row(name, cell(seeds, digits=3))
    Console().print(laid)
    if options.json:
        options.json.write_text(json.dumps({"steps": options.steps, "frame_map": figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
