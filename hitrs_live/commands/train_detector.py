"""`hitrs-live train-detector`: train the live model, actions on streams and motion."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import fraction, positive, whole
from hitrs_live.commands.training_flags import add_data, add_people, add_run_flags
from hitrs_live.training.memory import use_huge_pages


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    add_data(parser)
    parser.add_argument("--checkpoint", type=Path, help="encoder to begin from (default: none, from scratch)")
    parser.add_argument("--out", type=Path, default=Path("runs/detector.safetensors"), help="checkpoint to write")
    add_people(parser)
    parser.add_argument("--window-clips", type=whole, default=16, help="clips of history that a judgement rests on")
    parser.add_argument("--batch", type=whole, default=16, help="streams a step, on each process")
    parser.add_argument("--learning-rate", type=positive, default=1e-3)
    parser.add_argument("--dropout", type=fraction, default=0.1)
    add_run_flags(parser, steps=2400)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    use_huge_pages()
    from hitrs_live.training.run_train_detector import run_train_detector

    return run_train_detector(options)
