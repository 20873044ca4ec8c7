"""`hitrs-live train-forecaster`: train the motion prediction of a finished detector, or of an encoder."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import count
from hitrs_live.commands.training_flags import add_batch_and_rate, add_data, add_out, add_people, add_run_flags


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE", required=True,
        help="detector, whose action scores do not change; or an encoder alone",
    )  # fmt: skip
    add_data(parser, also=", labelled or not")
    add_out(parser, "runs/forecasting.safetensors", "detector to write")
    parser.add_argument("--joint", action="store_true", help="train the detector's encoder and action head too")
    parser.add_argument(
        "--keep-motion", action="store_true",
        help="begin with the detector's own motion head, which saves steps after its actions were trained on",
    )  # fmt: skip
    add_people(parser)
    parser.add_argument(
        "--window-clips", type=count, metavar="N", help="clips of history, for an encoder alone (default: 16)"
    )
    add_batch_and_rate(parser, batch=16, of="streams", learning_rate=2e-3)
    add_run_flags(parser, steps=3000, new_encoder=False)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.training.memory import use_huge_pages

    use_huge_pages()  # Before anything imports torch.
    from hitrs_live.training.run_train_forecaster import run_train_forecaster

    return run_train_forecaster(options)
