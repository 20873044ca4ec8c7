"""`hitrs-live bench`: measure what the model costs on this machine."""

import argparse
from pathlib import Path


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--checkpoint", type=Path, metavar="FILE", help="model to measure, instead of the one shipped")
    which.add_argument("--size", choices=("base", "small", "tiny"), help="a model of random weights, for speed alone")
    parser.add_argument("--quick", action="store_true", help="less of everything, under a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write figures, tables and plots (PNG) there")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.bench.run_bench import bench

    bench(options.checkpoint, size=options.size, quick=options.quick, json_path=options.json, folder=options.out)
    return 0
