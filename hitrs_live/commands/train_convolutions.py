"""`hitrs-live train-convolutions`: train convolutions beside Hi-TRS, whose logits are averaged with its own."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import count, fraction, share
from hitrs_live.commands.training_flags import add_batch_and_rate, add_camera_faults, add_out, add_run_flags


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE", required=True,
        help="detector with a sigmoid for each class; Hi-TRS and its heads do not change, and convolutions that it has "
        "already are trained further",
    )  # fmt: skip
    parser.add_argument(
        "--streams", type=Path, nargs="+", metavar="FOLDER", required=True,
        help="folders of `hitrs-live bank streams`",
    )  # fmt: skip
    add_out(parser, "runs/convolutions.safetensors", "detector to write")
    parser.add_argument("--width", type=count, default=160, metavar="N", help="channels of a layer (default: 160)")
    parser.add_argument(
        "--share", type=share, default=0.5, metavar="X",
        help="weight of their logits in the average with those of Hi-TRS (default: 0.5)",
    )  # fmt: skip
    parser.add_argument(
        "--keep", type=fraction, default=0.0, metavar="X",
        help="share of the weights of convolutions that are trained further that stays in the result: halfway, at 0.5, "
        "less of what they could do before other cameras is lost (default: 0)",
    )  # fmt: skip
    add_camera_faults(parser, default=1.0)
    add_batch_and_rate(parser, batch=48, of="windows", learning_rate=2e-3)
    add_run_flags(parser, steps=3000, new_encoder=False)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    from hitrs_live.training.memory import use_huge_pages

    use_huge_pages()  # Before anything imports torch.
    from hitrs_live.training.run_train_convolutions import run_train_convolutions

    return run_train_convolutions(options)
