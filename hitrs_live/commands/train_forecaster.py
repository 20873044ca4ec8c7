"""`hitrs-live train-forecaster`: train where joints go next, on a finished detector."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import count, positive
from hitrs_live.commands.training_flags import add_data, add_people, add_run_flags
from hitrs_live.training.memory import use_huge_pages


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    parser.add_argument(
        "--checkpoint", type=Path, required=True, help="detector, which keeps its answers; or an encoder alone"
    )
    add_data(parser, also=", labelled or not")
    parser.add_argument("--out", type=Path, default=Path("runs/forecasting.safetensors"), help="detector to write")
    parser.add_argument("--joint", action="store_true", help="train the detector's encoder and actions too")
    add_people(parser)
    parser.add_argument("--window-clips", type=count, help="history, for an encoder alone (default: 16)")
    parser.add_argument("--batch", type=count, default=16, help="streams a step, on each process")
    parser.add_argument("--learning-rate", type=positive, default=2e-3)
    add_run_flags(parser, steps=3000, new_encoder=False)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    use_huge_pages()
    from hitrs_live.training.run_train_forecaster import run_train_forecaster

    return run_train_forecaster(options)
