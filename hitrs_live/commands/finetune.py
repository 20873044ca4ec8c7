"""`hitrs-live finetune`: train a recogniser, a classifier of trimmed sequences."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import add_readout, fraction, not_negative, positive, share, whole
from hitrs_live.commands.training_flags import add_modality, add_run_flags, add_tested


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    parser.add_argument(
        "--data", type=Path, metavar="PATH", required=True, help="prepared folder, or an .npz in the array format"
    )
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="encoder to start from (default: none, from scratch)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", required=True, help="checkpoint to write")
    add_tested(parser)
    labels = parser.add_mutually_exclusive_group()
    labels.add_argument("--subset", type=Path, metavar="FILE", help="train only on the sequences named in a file")
    labels.add_argument(
        "--label-share", type=share, metavar="X",
        help="train on this fraction of every class, such as 0.1, drawn with --seed; write its names beside --out",
    )  # fmt: skip
    parser.add_argument("--head-only", action="store_true", help="freeze the encoder: linear evaluation")
    parser.add_argument(
        "--preset", choices=("live", "published"), default="live", help="defaults of the flags below (default: live)"
    )
    parser.add_argument(
        "--epochs", type=whole, metavar="N", help="epochs: live 50, published 60, but 300 steps at least"
    )
    parser.add_argument(
        "--batch", type=whole, metavar="N", help="sequences per step and process: live 16, published 128"
    )
    parser.add_argument(
        "--learning-rate", type=positive, metavar="X",
        help="learning rate: live 0.001, published 0.0004, or 0.01 with --head-only",
    )  # fmt: skip
    parser.add_argument(
        "--encoder-rate", type=share, metavar="X",
        help="learning rate of a pre-trained encoder, as a fraction of --learning-rate: live 1, published 1",
    )  # fmt: skip
    parser.add_argument(
        "--mirror", action=argparse.BooleanOptionalAction, default=None,
        help="train on mirror images too and classify by both; classes of one side have the side in their names",
    )  # fmt: skip
    parser.add_argument(
        "--weight-decay", type=not_negative, metavar="X", help="weight decay: live 0.05, published 0.01"
    )
    parser.add_argument("--dropout", type=fraction, metavar="X", help="dropout: live 0.1, published 0.2")
    add_readout(parser, default=None, default_text="live max, published token")
    add_modality(parser)
    add_run_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.training.memory import use_huge_pages

    use_huge_pages()  # Before anything imports torch.
    from hitrs_live.training.run_finetune import run_finetune

    return run_finetune(options)
