"""`hitrs-live pretrain`: pre-train an encoder without labels."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import fraction, whole
from hitrs_live.commands.training_flags import add_data, add_modality, add_run_flags
from hitrs_live.training.memory import use_huge_pages


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    add_data(parser)
    parser.add_argument("--out", type=Path, default=Path("runs/encoder.safetensors"), help="checkpoint to write")
    parser.add_argument("--split", metavar="NAME", help="whose training half to learn from (default: the first)")
    parser.add_argument("--preset", choices=("live", "published"), default="live", help="recipe (default: live)")
    parser.add_argument("--batch", type=whole, help="sequences a step, on each process")
    parser.add_argument("--target-decay", type=fraction, metavar="D", help="of the slow average that makes the targets")
    add_modality(parser)
    add_run_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    use_huge_pages()
    from hitrs_live.training.run_pretrain import run_pretrain

    return run_pretrain(options)
