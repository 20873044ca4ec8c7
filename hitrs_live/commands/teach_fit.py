"""`hitrs-live teach fit`: a file of actions from the examples, and a report of what it will do."""

import argparse
import sys
from pathlib import Path

from hitrs_live.commands.flags import positive
from hitrs_live.commands.teach_flags import action_name, add_folder


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the action's flags."""
    parser.add_argument("names", type=action_name, nargs="*", metavar="NAME", help="actions (default: all)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write, for live --actions")
    parser.add_argument(
        "--false-alarms-per-hour", type=positive, metavar="N",
        help="accepted rate of false alarms of each action (default: that of its action.toml, else 5)",
    )  # fmt: skip
    parser.add_argument("--checkpoint", metavar="FILE", help="model whose encoder is used (default: the one shipped)")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write the report as one HTML file")
    add_folder(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the action; return the exit code."""
    import torch

    from hitrs_live.config import ActionConfig
    from hitrs_live.process.line_writer import write_line
    from hitrs_live.streaming.thresholds import find_thresholds, reported_classes
    from hitrs_live.teaching.actions_file import save_actions
    from hitrs_live.teaching.fit import fit_folder
    from hitrs_live.teaching.model_check import load_teacher
    from hitrs_live.teaching.report import print_report
    from hitrs_live.teaching.report_html import save_html

    def progress(made: int, of: int) -> None:
        if made == 1 or made % 10 == 0:
            write_line(f"generating the background, once: {made} of {of} streams", sys.stderr)

    torch.set_num_threads(1)
    checkpoint = load_teacher(options.checkpoint)
    thresholds = find_thresholds("", checkpoint, options.checkpoint).thresholds
    fitted = fit_folder(
        options.folder, checkpoint, names=options.names,
        reported=reported_classes(checkpoint.info.labels, ActionConfig(), thresholds),
        false_alarms_per_hour=options.false_alarms_per_hour, on_background=progress,
    )  # fmt: skip
    save_actions(options.out, fitted.taught)
    print_report(fitted)
    if options.html is not None:
        save_html(options.html, fitted)
        write_line(f"report: {options.html}", sys.stdout)
    write_line(
        f"{options.out}: {', '.join(fitted.taught.all_names)}; next: hitrs-live live --actions {options.out}",
        sys.stdout,
    )
    return 0
