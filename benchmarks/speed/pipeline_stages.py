"""Time every stage of the pipeline on a video.

    python benchmarks/speed/pipeline_stages.py --video ../shared/data/video/sports2d_demo.mp4 --json runs/stages.json

The figures come from the pipeline's own Status messages, read by a subscriber in another process than the one
measured. "overhead" is everything between a frame's poses and its published events except the model.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.messages import Status
from hitrs_live.transport.subscriber import subscribe

PORT = 5599
URL = f"tcp://127.0.0.1:{PORT}"
ROOT = Path(__file__).parents[2]


def statuses(flags: list[str], limit_s: float) -> list[Status]:
    """Run the pipeline with these flags and collect its statuses until it ends."""
    command = [sys.executable, str(ROOT / "run_live.py"), *flags, "--plain", "--bind", URL, "--wait-subscriber", "30"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + limit_s
    received: list[Status] = []
    with subscribe(URL, "status") as subscription:
        while process.poll() is None and time.monotonic() < deadline:
            received += [message for message in subscription.read(0.5) if isinstance(message, Status)]
    process.terminate()
    process.wait(10)
    return received


def main() -> None:
    """Measure the stages and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, required=True, help="time the stages on this video, at full speed")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    received = statuses(["--video", str(options.video), "--speed", "max"], limit_s=900)
    last = received[-1]
    table = Table("stage", "p50 ms", "p99 ms", title=f"{options.video.name}: {last.frames} frames")
    for name, stage in last.stages.items():
        table.add_row(name, f"{stage.p50_ms:.2f}", f"{stage.p99_ms:.2f}")
    result = {"frames": last.frames, "fps": last.fps, "stages": msgspec.to_builtins(last.stages)}
    Console().print(table)
    if options.json:
        write_report(options.json, result)


if __name__ == "__main__":
    main()
