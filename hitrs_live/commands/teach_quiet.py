"""`hitrs-live teach quiet`: record what is none of the actions."""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hitrs_live.commands.flags import positive
from hitrs_live.commands.settings import add_settings, settings
from hitrs_live.commands.teach_flags import add_folder

if TYPE_CHECKING:
    from hitrs_live.config import Config
    from hitrs_live.teaching.joint_stream import StreamStep
    from hitrs_live.teaching.quiet_recording import QuietRecording

_READ = ("camera.", "pose.", "track.")
_LINE_EVERY_S = 60.0


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the action's flags."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--camera", metavar="N|URL", help="a camera's number, address, or file:PATH, as `hitrs-live live --camera`"
    )
    where.add_argument(
        "--from", dest="recordings", type=Path, nargs="+", metavar="FILE",
        help="recordings of live --record (.mcap), .skeleton files, videos, or .npz of joints",
    )  # fmt: skip
    parser.add_argument(
        "--minutes", type=positive, default=10.0, metavar="M", help="of a camera, how long (default: 10)"
    )
    parser.add_argument("--person", default="", metavar="NAME", help="who is seen, if it is one person")
    add_folder(parser)
    add_settings(parser, read=_READ)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the action; return the exit code."""
    from hitrs_live.errors import DataError
    from hitrs_live.process.signals import stop_on_signals
    from hitrs_live.teaching.quiet_recording import QuietRecording

    config = settings(options)
    saved_s, files = 0.0, 0
    with stop_on_signals() as stop:
        for name, steps in _streams(options, config):
            recording = QuietRecording(options.folder, person=options.person, origin=name)
            limit_s = options.minutes * 60 if options.recordings is None else None
            with contextlib.closing(recording), _Progress(recording, name, limit_s) as progress:
                for step in steps:
                    recording.observe(step)
                    progress.update(step.time_s)
                    if stop.is_set() or (limit_s is not None and step.time_s >= limit_s):
                        break
            saved_s, files = saved_s + recording.saved_s, files + recording.files
            if stop.is_set():
                break
    if not files:
        raise DataError(
            "no person was seen for 2 s in a row, so nothing was saved; expected people who do everyday things, whole "
            "in the picture"
        )
    print(
        f"quiet: {saved_s / 60:.1f} minutes of people saved in {options.folder / 'quiet'}, {files} files; "
        "next: hitrs-live teach fit"
    )
    return 0


def _streams(options: argparse.Namespace, config: "Config") -> "Iterator[tuple[str, Iterator[StreamStep]]]":
    """Yield the name and the steps of the camera or of each file."""
    from hitrs_live.teaching.archive_examples import steps_of
    from hitrs_live.teaching.joint_stream import JointStream, file_source
    from hitrs_live.teaching.recorded_people import read_people

    if options.recordings is None:
        with JointStream(("camera", options.camera), config) as stream:
            # An address may contain a login.
            yield f"camera {options.camera}" if options.camera.isdigit() else "camera", stream.steps()
        return
    for path in options.recordings:
        if path.suffix.lower() == ".npz":
            for one in read_people(path):
                yield f"{path.name}, {one.name}", steps_of(one)
            continue
        with JointStream(file_source(path), config) as stream:
            yield path.name, stream.steps()


class _Progress:
    """Show how much was recorded: a bar in a terminal, else a line a minute."""

    def __init__(self, recording: "QuietRecording", name: str, limit_s: float | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        from hitrs_live.process.terminal import why_not_drawable

        self._recording, self._name, self._limit_s, self._written = recording, name, limit_s, 0
        self._bar: Progress | None = None
        if why_not_drawable(sys.stdout) is None:
            self._bar = Progress(
                TextColumn("[cyan]{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[people]}"),
                TimeRemainingColumn(), console=Console(highlight=False), transient=True,
            )  # fmt: skip
            self._task = self._bar.add_task(f"quiet, {name}", total=limit_s, people="")

    def __enter__(self) -> "_Progress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, time_s: float) -> None:

        if self._bar is not None:
            people = f"{self._recording.people_s / 60:.1f} min of people"
            self._bar.update(self._task, completed=time_s, people=people)
        elif time_s // _LINE_EVERY_S > self._written:
            self._written = int(time_s // _LINE_EVERY_S)
            print(f"quiet, {self._name}: {time_s / 60:.0f} min, {self._recording.people_s / 60:.1f} min of people")
