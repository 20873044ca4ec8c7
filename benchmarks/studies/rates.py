"""Resample a data set to the models' rate; imported by benchmarks whose data sets have another, no script."""

import subprocess
import sys
from pathlib import Path

from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.data.protocols import USUAL_RATE_HZ


def at_usual_rate(path: Path, out: Path) -> Path:
    """Return the path of a data set at the models' rate: its own, or the folder `out`, which is prepared if missing."""
    if out.exists():
        return out
    if open_dataset(path).index.rate_hz == USUAL_RATE_HZ:
        return path
    prepare = ["prepare", "arrays", str(path), "--rate-hz", f"{USUAL_RATE_HZ:g}", "--out", str(out)]
    done = subprocess.run([sys.executable, "-m", "hitrs_live.cli", *prepare], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(prepare)}: {done.stderr.strip()}")
    return out
