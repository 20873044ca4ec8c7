"""`hitrs-live watch`: print what a running pipeline publishes."""

import argparse

from hitrs_live.commands.flags import seconds


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    parser.add_argument("url", nargs="?", default="tcp://127.0.0.1:5556", help="where the pipeline publishes")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--dashboard", action="store_true", help="the live view of the terminal")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="everything, not only actions and source states")
    which.add_argument("--topics", nargs="*", metavar="PREFIX", help="such as action or status.cam, instead")
    parser.add_argument("--duration", type=seconds, metavar="S", help="end after so many seconds")
    parser.add_argument("--idle", type=seconds, metavar="S", help="end after so many seconds of silence")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    if options.dashboard:
        from hitrs_live.pipeline.dashboard_process import main as dashboard

        return dashboard([options.url])
    from hitrs_live.commands.watch_printer import USUAL_TOPICS, watch

    topics = () if options.all else USUAL_TOPICS if options.topics is None else options.topics
    watch(options.url, options.json, topics, duration_s=options.duration, idle_s=options.idle)
    return 0
