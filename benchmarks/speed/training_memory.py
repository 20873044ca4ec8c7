"""Measure the memory of a training run over its whole length.

    python benchmarks/speed/training_memory.py [--every 0.2] [--json FILE] -- finetune --data FILE --out FILE ...

Runs the given `hitrs-live` command as a process of its own and samples the resident memory of that process and of
its workers. Figures: the highest and the last resident memory of the training process, in MB, its mean over each tenth
of the run, the highest of all processes together, and the duration, as wall-clock time and as CPU time of the training
process.

Resident pages that processes share are counted in each: the figure of all processes together is an upper bound.
"""

import argparse
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean
from typing import Any

import psutil

_MB = 1_000_000


def sample(process: psutil.Process) -> tuple[int, int]:
    """Return the resident bytes of a process alone and with its workers; zeros once it has ended."""
    try:
        own = process.memory_info().rss
        workers = process.children(recursive=True)
    except psutil.Error:
        return 0, 0
    everything = own
    for worker in workers:
        try:
            everything += worker.memory_info().rss
        except psutil.Error:
            continue
    return own, everything


def measure(command: list[str], every_s: float) -> dict[str, Any]:
    """Run a command to its end. Raises SystemExit with its code where it fails."""
    began = time.perf_counter()
    process = psutil.Popen([sys.executable, "-m", "hitrs_live.cli", *command])
    samples = []
    cpu_s = 0.0
    while process.poll() is None:
        own, everything = sample(process)
        if own:
            samples.append((own, everything))
        try:
            times = process.cpu_times()
            cpu_s = times.user + times.system
        except psutil.Error:
            pass
        try:
            process.wait(every_s)
        except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
            continue
    if process.returncode:
        raise SystemExit(process.returncode)
    own = [one for one, _ in samples]
    bounds = [len(own) * tenth // 10 for tenth in range(11)]
    tenths = [own[a:b] for a, b in itertools.pairwise(bounds) if b > a]
    return {
        "command": " ".join(command),
        "highest_mb": round(max(own) / _MB),
        "last_mb": round(own[-1] / _MB),
        "mean_of_tenths_mb": [round(mean(part) / _MB) for part in tenths],
        "highest_with_workers_mb": round(max(everything for _, everything in samples) / _MB),
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds": round(cpu_s, 1),
        "samples": len(samples),
    }


def main() -> None:
    """Run the command, print the figures and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=float, default=0.2, help="seconds between samples")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("command", nargs="+", help="hitrs-live command to run, after --: finetune --data ...")
    options = parser.parse_args()
    figures = measure(options.command, options.every)
    for name, value in figures.items():
        print(f"{name}: {value}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
