"""What the whole recording tells of each of its frames: how far the labels of other people can be told at all.

    python benchmarks/hindsight.py --json reports/hindsight.json

A GRU that reads streams both ways, past and future, is trained on PRECOG's training people and measured on its test
people, beside one that reads the past alone, as anything live must. What hindsight lacks, no model of these joints
gains by being quicker: it is what people and labels differ by, of whom there are eight to learn from.
"""

import argparse
import json
from pathlib import Path
from statistics import mean, stdev

import msgspec
import torch
from rich.console import Console
from rich.table import Table
from turned import DATA, in_body_axes, in_camera_axes, train_gru

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.data.arrays import data_folder
from hitrs_live.data.class_map import read_classes
from hitrs_live.data.opening import open_dataset
from hitrs_live.evaluation.deciding import decide
from hitrs_live.evaluation.detection import detection_report


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description="What the future would tell of a frame")
    parser.add_argument("--data", type=Path, default=data_folder() / DATA)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    info = msgspec.structs.replace(load_checkpoint(None).info, label_lag_frames=0)
    train, test = (read_classes(half, info.labels) for half in open_dataset(options.data).split())
    figures: dict[str, list[float]] = {}
    for axes, prepare in (("camera's axes", in_camera_axes), ("body's axes", in_body_axes)):
        for way, both_ways in (("past alone", False), ("past and future", True)):
            name = f"{axes}, {way}"
            figures[name] = []
            for seed in range(options.seeds):
                gru = train_gru(train, len(info.labels), prepare, steps=options.steps, seed=seed, both_ways=both_ways)
                report = detection_report(decide([gru.judge(s) for s in test], info, hop=1), info.labels)
                figures[name].append(report["frame_map"])
                print(f"{name}, seed {seed}: {figures[name][-1]}", flush=True)
    Console().print(table(figures))
    if options.json:
        options.json.write_text(json.dumps({"steps": options.steps, "frame_map": figures}, indent=2) + "\n")


def table(figures: dict[str, list[float]]) -> Table:
    """Lay the figures out, mean and spread over seeds."""
    laid = Table("GRU", "frame mAP")
    for name, seeds in figures.items():
        laid.add_row(name, f"{mean(seeds):.3f}" + (f" ± {stdev(seeds):.3f}" if len(seeds) > 1 else ""))
    return laid


if __name__ == "__main__":
    main()
