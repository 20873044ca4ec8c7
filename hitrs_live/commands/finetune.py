"""`hitrs-live finetune`: train a recogniser of trimmed sequences."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import add_readout, fraction, not_negative, positive, share, whole
from hitrs_live.commands.training_flags import add_modality, add_run_flags, add_tested
from hitrs_live.training.memory import use_huge_pages


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    parser.add_argument("--data", type=Path, required=True, help="prepared folder, or an .npz in the array format")
    parser.add_argument("--checkpoint", type=Path, help="encoder to begin from (default: none, from scratch)")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    add_tested(parser)
    labels = parser.add_mutually_exclusive_group()
    labels.add_argument("--subset", type=Path, metavar="FILE", help="train on the sequences named there alone")
    labels.add_argument(
        "--label-share", type=share, metavar="S",
        help="draw that share of every class with --seed, such as 0.1, and keep the names beside --out",
    )  # fmt: skip
    parser.add_argument("--head-only", action="store_true", help="leave the encoder as it is: linear evaluation")
    parser.add_argument("--preset", choices=("live", "published"), default="live", help="of the flags below")
    parser.add_argument("--epochs", type=whole, help="default: live 50, published 60, and 300 steps at least")
    parser.add_argument("--batch", type=whole, help="sequences a step, on each process: live 16, published 128")
    parser.add_argument("--learning-rate", type=positive, help="live 0.001, published 0.0004, or 0.01 for a head only")
    parser.add_argument(
        "--encoder-rate", type=share, metavar="S", help="share of it for a pre-trained encoder: live 1, published 1"
    )
    parser.add_argument(
        "--mirror", action=argparse.BooleanOptionalAction, default=None,
        help="learn from mirror images too and name by both; classes of one side have it in their names",
    )  # fmt: skip
    parser.add_argument("--weight-decay", type=not_negative, help="live 0.05, published 0.01")
    parser.add_argument("--dropout", type=fraction, help="live 0.1, published 0.2")
    add_readout(parser, default=None, default_text="live max, published token")
    add_modality(parser)
    add_run_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    use_huge_pages()
    from hitrs_live.training.run_finetune import run_finetune

    return run_finetune(options)
