"""`hitrs-live pretrain`: pre-train an encoder without labels."""

import argparse

from hitrs_live.commands.flags import fraction, whole
from hitrs_live.commands.training_flags import add_data, add_modality, add_out, add_run_flags


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    add_data(parser)
    add_out(parser, "runs/encoder.safetensors", "checkpoint to write")
    parser.add_argument("--split", metavar="NAME", help="train on the training half of this split (default: the first)")
    parser.add_argument(
        "--preset", choices=("live", "published"), default="live", help="training recipe (default: live)"
    )
    parser.add_argument("--batch", type=whole, metavar="N", help="sequences per step and process")
    parser.add_argument(
        "--target-decay",
        type=fraction,
        metavar="X",
        help="decay of the moving average of weights that gives the targets",
    )
    add_modality(parser)
    add_run_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.training.memory import use_huge_pages

    use_huge_pages()  # Before anything imports torch.
    from hitrs_live.training.run_pretrain import run_pretrain

    return run_pretrain(options)
