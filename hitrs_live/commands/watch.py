"""`hitrs-live watch`: print the events of a running pipeline."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import position, seconds
from hitrs_live.errors import ConfigError


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's flags."""
    parser.add_argument(
        "url", nargs="?", default="tcp://127.0.0.1:5556",
        help="address that the pipeline publishes on (default: tcp://127.0.0.1:5556)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.add_argument("--dashboard", action="store_true", help="show the terminal dashboard")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="print all messages, not only actions and source states")
    which.add_argument(
        "--topics", nargs="*", metavar="TOPIC",
        help="print these topics instead, matched by whole words: action, or action.hall, which is not action.hallway",
    )  # fmt: skip
    parser.add_argument("--duration", type=seconds, metavar="S", help="stop after this many seconds")
    parser.add_argument("--idle", type=seconds, metavar="S", help="stop after this many seconds without a message")
    parser.add_argument(
        "--reliable",
        action="store_true",
        help="print each action and source state exactly once and in order, also those lost on the way, and say which "
        "ones cannot be recovered",
    )
    parser.add_argument(
        "--after",
        type=position,
        metavar="SESSION:NUMBER",
        help="with --reliable, continue after this event: session_id and log_seq of the last one that was processed",
    )
    parser.add_argument(
        "--save-last", type=Path, metavar="FILE.mcap",
        help="write the joints and events of the last minutes (keep.minutes) as a recording, and end",
    )  # fmt: skip
    parser.add_argument("--secret-key", metavar="FILE", help="own secret key, for a publisher that uses keys")
    parser.add_argument("--server-key", metavar="FILE", help="that publisher's public key")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    if options.after is not None and not options.reliable:
        raise ConfigError("--after needs --reliable: without it events are not recovered")
    if options.save_last is not None:
        from hitrs_live.commands.save_last import save_last

        return save_last(options.url, options.save_last, secret_key=options.secret_key, server_key=options.server_key)
    if options.dashboard:
        from hitrs_live.pipeline.dashboard_process import main as dashboard

        keys = [("--secret-key", options.secret_key), ("--server-key", options.server_key)]
        return dashboard([options.url, *(f"{flag}={file}" for flag, file in keys if file)])
    from hitrs_live.commands.watch_printer import USUAL_TOPICS, watch
    from hitrs_live.wire.curve import ClientKeys

    topics = () if options.all else USUAL_TOPICS if options.topics is None else options.topics
    watch(
        options.url, options.json, topics, duration_s=options.duration, idle_s=options.idle,
        reliable=options.reliable, after=options.after, keys=ClientKeys.load(options.secret_key, options.server_key),
    )  # fmt: skip
    return 0
