"""Bring a data set to the rate of the models, for the benchmarks whose sets have others."""

import subprocess
import sys
from pathlib import Path

from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.data.protocols import USUAL_RATE_HZ


def at_usual_rate(path: Path, out: Path) -> Path:
    """Return what holds a data set at the models' rate: itself, or the folder `out`, prepared unless it is there."""
    if out.exists():
        return out
    if open_dataset(path).index.rate_hz == USUAL_RATE_HZ:
        return path
    prepare = ["prepare", "arrays", str(path), "--rate-hz", f"{USUAL_RATE_HZ:g}", "--out", str(out)]
    done = subprocess.run([sys.executable, "-m", "hitrs_live.cli", *prepare], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(prepare)}: {done.stderr.strip()}")
    return out
