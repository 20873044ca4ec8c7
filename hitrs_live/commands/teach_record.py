"""`hitrs-live teach record`: record somebody who repeats an action, find the repetitions, save them as examples."""

import argparse
import contextlib
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hitrs_live.commands.flags import count, not_negative, seconds
from hitrs_live.commands.settings import add_settings, settings
from hitrs_live.commands.teach_flags import action_name, add_folder
from hitrs_live.commands.teach_source_flags import add_teach_source, teach_source

if TYPE_CHECKING:
    from hitrs_live.sources.factory import NamedSource
    from hitrs_live.teaching.examples import Example
    from hitrs_live.teaching.joint_stream import JointStream
    from hitrs_live.teaching.record_session import FoundRepetition, RecordSession
    from hitrs_live.teaching.record_window import RecordWindow
    from hitrs_live.transport.recorder import Recorder

_READ = ("camera.", "pose.", "track.")
"""Settings that this reads."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the action's flags."""
    parser.add_argument("name", type=action_name, metavar="NAME", help="name of the action")
    add_teach_source(parser)
    parser.add_argument("--reps", type=count, default=5, metavar="N", help="repetitions to record (default: 5)")
    parser.add_argument("--person", default="", metavar="NAME", help="who does it; others are measured by them")
    parser.add_argument(
        "--countdown", type=not_negative, default=5.0, metavar="S",
        help="seconds from when the person is seen to the recording; files have none (default: 5)",
    )  # fmt: skip
    parser.add_argument(
        "--longest", type=seconds, default=180.0, metavar="S", help="end the recording after this long (default: 180)"
    )
    parser.add_argument("--yes", action="store_true", help="keep all that resemble each other without asking")
    parser.add_argument("--show", action="store_true", help="also show the camera's picture in a window")
    add_folder(parser)
    add_settings(parser, read=_READ)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the action; return the exit code."""
    from hitrs_live.errors import DataError
    from hitrs_live.teaching.examples import read_examples, save_example
    from hitrs_live.teaching.needed_legs import unseen_legs_line

    source = teach_source(options)
    if source[1].lower().endswith(".npz"):
        return _from_archive(options, Path(source[1]))
    session, kept_file = _record(options, source)
    try:
        found = session.finish()
    except DataError as error:
        raise DataError(f"{error}{_kept(kept_file)}") from None
    chosen = _confirmed(found, options)
    saved = [session.example(one, person=options.person, origin=_shown(source)) for one in chosen]
    for one in saved:
        save_example(options.folder, one)
    every = read_examples(options.folder, options.name)
    if not chosen:
        print(f"{options.name}: nothing was saved{_kept(kept_file)}")
        return 0
    if kept_file is not None:
        kept_file.unlink(missing_ok=True)
        # Where other recordings are kept, the folder stays.
        with contextlib.suppress(OSError):
            kept_file.parent.rmdir()
    if line := unseen_legs_line(options.name, saved, every):
        print(line)
    print(
        f"{options.name}: {len(chosen)} examples saved in {options.folder / options.name}, {len(every)} in all\n"
        "next: hitrs-live teach quiet, then hitrs-live teach fit"
    )
    return 0


def _record(options: argparse.Namespace, source: "NamedSource") -> "tuple[RecordSession, Path | None]":
    """Read a camera or a file; return the session, and the file with the joints of a camera."""
    from hitrs_live.process.signals import interrupted_by, stop_on_signals
    from hitrs_live.teaching.joint_stream import JointStream
    from hitrs_live.teaching.record_screen import RecordScreen
    from hitrs_live.teaching.record_session import RecordSession, RecordSettings
    from hitrs_live.wire.codec import joints_event

    config = settings(options)
    stream = JointStream(source, config)
    session = RecordSession(
        RecordSettings(
            action=options.name, repetitions=options.reps, countdown_s=options.countdown if stream.live else 0.0,
            longest_s=options.longest, until_end=not stream.live,
        )
    )  # fmt: skip
    kept_file: Path | None = None
    with stop_on_signals() as stop, contextlib.ExitStack() as stack:
        window = stack.enter_context(contextlib.closing(_window(options))) if options.show else None
        with interrupted_by(stop):
            stack.enter_context(stream)
        recorder: Recorder | None = None
        if stream.live and not stop.is_set():
            recorder = stack.enter_context(_recorder(options, stream))
            kept_file = recorder.path
        screen = stack.enter_context(RecordScreen(session, source=_shown(source)))
        for step in stream.steps() if not stop.is_set() else ():
            session.observe(step)
            if recorder is not None and step.pose_frame is not None:
                recorder.publish(joints_event(step.pose_frame, stream.source_id))
            screen.update(step.detail)
            if window is not None:
                window.show(session, step)
            if stop.is_set() or session.phase == "done":
                break
    return session, kept_file


def _shown(source: "NamedSource") -> str:
    """Name a source in one word or two; an address may contain a login."""
    kind, value = source
    return Path(value).name if kind != "camera" else f"camera {value}" if value.isdigit() else "camera"


def _window(options: argparse.Namespace) -> "RecordWindow":
    from hitrs_live.teaching.record_window import RecordWindow

    return RecordWindow(options.name)


def _recorder(options: argparse.Namespace, stream: "JointStream") -> "Recorder":
    """Keep what a camera sees, without pictures, until it has become examples."""
    from hitrs_live.errors import DataError
    from hitrs_live.teaching.examples import utc_now
    from hitrs_live.transport.recorder import Recorder

    stamp = "".join(one for one in utc_now() if one.isdigit())
    folder = options.folder / ".recordings"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made ({error.strerror}); give --folder one that can be written") from None
    return Recorder(
        folder / f"{options.name}-{stamp}.mcap", session_id=uuid.uuid4().hex, source_id=stream.source_id
    )  # fmt: skip


def _kept(file: Path | None) -> str:
    return f"; the joints are kept in {file}, for --from" if file is not None and file.exists() else ""


def _confirmed(found: "Sequence[FoundRepetition]", options: argparse.Namespace) -> "list[FoundRepetition]":
    """Show the repetitions, and ask which to keep where somebody can reply."""
    from hitrs_live.teaching.find_repetitions import LEAST_LIKENESS
    from hitrs_live.teaching.record_screen import show_found

    alike = [one.likeness >= LEAST_LIKENESS for one in found]
    rows = [(one.time_s, one.length_s, one.likeness, keep) for one, keep in zip(found, alike, strict=True)]
    show_found(rows, action=options.name)
    if not options.yes and sys.stdin.isatty() and sys.stdout.isatty():
        alike = _asked(alike)
    return [one for one, keep in zip(found, alike, strict=True) if keep]


def _asked(kept: list[bool]) -> list[bool]:
    """Ask which of the repetitions to keep. kept: what Enter means."""
    numbers = [number for number, keep in enumerate(kept, 1) if keep]
    default = "all" if all(kept) else " ".join(map(str, numbers)) or "none"
    while True:
        try:
            reply = input(f"Keep which? Enter for {default}, numbers such as 1 3 4, all, or none: ").strip().lower()
        except EOFError:
            reply = ""
        if reply in ("", "all", "none"):
            return kept if not reply else [reply == "all"] * len(kept)
        words = reply.replace(",", " ").split()
        if all(word.isdecimal() and 1 <= int(word) <= len(kept) for word in words):
            return [number in map(int, words) for number in range(1, len(kept) + 1)]
        print(f"got {reply[:40]!a}, expected numbers from 1 to {len(kept)}, all or none")


def _from_archive(options: argparse.Namespace, path: Path) -> int:
    """Find the repetitions in each sequence of an .npz of labelled joints."""
    from hitrs_live.errors import DataError
    from hitrs_live.teaching.archive_examples import archive_sessions
    from hitrs_live.teaching.examples import save_example

    saved: list[Example] = []
    problems: list[str] = []
    for name, session in archive_sessions(path, options.name, options.reps, options.longest):
        try:
            found = session.finish()
        except DataError as error:
            problems.append(f"{path.name}, {name}: {error}")
            continue
        print(f"{path.name}, {name}:")
        saved += [
            session.example(one, person=options.person, origin=path.name) for one in _confirmed(found, options)
        ]  # fmt: skip
    if not saved:
        raise DataError(problems[0] if problems else f"{path}: no sequence in it")
    for one in saved:
        save_example(options.folder, one)
    for problem in problems:
        print(f"left out: {problem}")
    print(f"{options.name}: {len(saved)} examples saved in {options.folder / options.name}")
    return 0
