"""`hitrs-live bench`: measure the model's speed on this machine."""

import argparse
from pathlib import Path


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--checkpoint", type=Path, metavar="FILE", help="model to measure (default: the one shipped)")
    which.add_argument("--size", choices=("base", "small", "tiny"), help="measure a model of random weights instead")
    parser.add_argument("--quick", action="store_true", help="measure less, in under a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to a JSON file")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write results, tables and plots (PNG) to a folder")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.bench.run_bench import bench

    bench(options.checkpoint, size=options.size, quick=options.quick, json_path=options.json, folder=options.out)
    return 0
