"""Make a trained detector the shipped model: give it the model's name, and its thresholds the file's new SHA-256.

    python scripts/ship_model.py runs/detector.safetensors runs/detector.thresholds.toml
    hitrs-live build-engines --package

The weights stay as they are. The name is in the file's description, so the SHA-256 of the file changes with it: a
thresholds file of the trained detector is rewritten for the shipped one.
"""

import argparse
import sys
from pathlib import Path

import msgspec

from hitrs_live.checkpoint import SHIPPED, load_checkpoint, save_checkpoint
from hitrs_live.errors import HitrsLiveError
from hitrs_live.streaming.thresholds import load_thresholds, save_thresholds


def ship(trained: Path, tuned: Path, shipped: Path) -> None:
    """Write a detector under the name of the file `shipped`, and its thresholds beside it.

    Raises CheckpointMismatch or ConfigError, before anything is written, where a file is no detector or its thresholds
    are of another one.
    """
    checkpoint = load_checkpoint(trained)
    thresholds = load_thresholds(tuned, checkpoint)
    info = msgspec.structs.replace(checkpoint.info, name=shipped.stem)
    save_checkpoint(shipped, msgspec.structs.replace(checkpoint, info=info))
    renamed = msgspec.structs.replace(thresholds, checkpoint=info.name, sha256=load_checkpoint(shipped).fingerprint)
    save_thresholds(shipped.with_suffix(".thresholds.toml"), renamed)


def main() -> int:
    """Ship one detector; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="detector from train-detector or train-forecaster")
    parser.add_argument("thresholds", type=Path, help="its file from tune-thresholds")
    parser.add_argument("--to", type=Path, default=SHIPPED, metavar="FILE", help=f"file to write (default: {SHIPPED})")
    options = parser.parse_args()
    try:
        ship(options.checkpoint, options.thresholds, options.to)
    except (HitrsLiveError, OSError) as error:
        print(f"ship_model: {error}", file=sys.stderr)
        return 2
    print(f"{options.to}: written; now run hitrs-live build-engines --package")
    return 0


if __name__ == "__main__":
    sys.exit(main())
