"""Measure how long `live --demo` takes from the start of its process to its first message and first action.

    python benchmarks/speed/startup.py --turns 5

The first action also depends on the demo's script: its first squat begins after 2.7 s.
"""

import argparse
import statistics
import subprocess
import sys
import time

import psutil

from hitrs_live import ActionEvent, subscribe

PATIENCE_S = 120.0


def start_once() -> tuple[float, float, float]:
    """Start the pipeline once; return seconds to the first message, to the first action, and of CPU until then."""
    address = f"ipc:///tmp/hitrs-startup-{time.monotonic_ns()}"
    with subscribe(address, timeout_s=PATIENCE_S) as messages:
        began_s = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "hitrs_live.cli", "live", "--demo", "--plain", "--bind", address,
             "--wait-subscriber", str(PATIENCE_S)],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            next(messages)
            first_s = time.monotonic() - began_s
            times = psutil.Process(process.pid).cpu_times()
            while not isinstance(next(messages), ActionEvent):
                pass
            return first_s, time.monotonic() - began_s, times.user + times.system
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    """Start the pipeline several times and print medians and ranges."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5, help="how often (default 5)")
    options = parser.parse_args()
    runs = [start_once() for _ in range(options.turns)]
    for name, values in zip(
        ("first message", "first action", "CPU to the first message"), zip(*runs, strict=True), strict=True
    ):
        print(f"{name}: median {statistics.median(values):.2f} s, {min(values):.2f} to {max(values):.2f}")


if __name__ == "__main__":
    main()
