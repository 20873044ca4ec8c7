"""What `hitrs-live render` has to do: one job for each view of each sequence, each with a seed of its own."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from hitrs_live.config import PoseConfig
from hitrs_live.virtual_camera.source_streams import (
    SourceStream,
    Split,
    choose_sequences,
    draw_piece,
    load_stream,
    sequence_name,
)
from hitrs_live.virtual_camera.views.rendered_view import RenderedView, write_view
from hitrs_live.virtual_camera.views.view_rendering import RendererPool, ShowFrame, render_view
from hitrs_live.virtual_camera.views.view_setup import SetupRanges, ViewSetup, draw_setup

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]+")
_OTHERS: Final = 2
"""Most further people in a view."""


@dataclass(frozen=True, kw_only=True)
class RenderPlan:
    """What to render and how. Views of one plan can be rendered in any order, in any number of processes."""

    files: tuple[Path, ...]
    views: int
    seed: int = 0
    split: Split = "all"
    subjects: frozenset[str] | None = None
    sequences: int | None = None
    """Most sequences of each file."""
    seconds: float | None = None
    """Longest piece of a sequence; each view takes a piece of its own."""
    sizes: tuple[tuple[int, int], ...] = ()
    """Widths and heights of pictures to draw from; empty for those of the cameras' ranges."""
    pose: PoseConfig | None = field(default_factory=PoseConfig)
    """None for the truth without landmarks."""
    ranges: SetupRanges = field(default_factory=SetupRanges)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One view of one sequence."""

    file: Path
    number: int
    """Position of the sequence in its file."""
    others: tuple[int, ...]
    """Positions of sequences of the same file, for further people."""
    view: int
    name: str
    """Of the view, and of its file without suffix."""


def list_jobs(plan: RenderPlan) -> list[Job]:
    """List all views: the first view of every sequence, then the second, and so on, so that any beginning is a spread.

    Raises DataError where a file is damaged or has no sequence of the chosen people.
    """
    chosen = [
        (file, choose_sequences(file, split=plan.split, subjects=plan.subjects, most=plan.sequences, seed=plan.seed))
        for file in plan.files
    ]
    jobs = [
        (view, place, Job(
            file=file, number=number, view=view, name=_name(file, number, view),
            others=tuple(numbers[(place + step) % len(numbers)] for step in (1, 2)[:_OTHERS]),
        ))
        for file, numbers in chosen
        for place, number in enumerate(numbers)
        for view in range(plan.views)
    ]  # fmt: skip
    return [job for _, _, job in sorted(jobs, key=lambda one: one[:2])]


def run_job(job: Job, plan: RenderPlan, folder: Path, renderers: RendererPool) -> int:
    """Render a view and write it to the folder. Returns its frames.

    Raises RenderUnavailable, PoseModelMissing, OSError.
    """
    view = make_view(job, plan, renderers)
    write_view(folder / f"{job.name}.npz", view)
    return len(view)


def make_view(job: Job, plan: RenderPlan, renderers: RendererPool, *, show: ShowFrame | None = None) -> RenderedView:
    """Render a view. The same job of the same plan gives the same pictures."""
    setup, stream = setup_of(job, plan)
    return render_view(setup, stream, job.name, renderers, pose=plan.pose, show=show)


def setup_of(job: Job, plan: RenderPlan) -> tuple[ViewSetup, SourceStream]:
    """Draw a job's setup. Returns it, and the piece of the stream that its person follows."""
    rng = np.random.default_rng([plan.seed, zlib.crc32(job.name.encode())])
    stream = draw_piece(load_stream(job.file, job.number), plan.seconds, rng)
    others = [draw_piece(load_stream(job.file, other), plan.seconds, rng) for other in job.others]
    size = plan.sizes[rng.integers(len(plan.sizes))] if plan.sizes else None
    return draw_setup(stream, others, rng, plan.ranges, size=size), stream


def _name(file: Path, number: int, view: int) -> str:
    return f"{file.stem}.{_NOT_IN_NAMES.sub('-', sequence_name(file, number))}.v{view}"


def unfinished(jobs: Sequence[Job], folder: Path) -> list[Job]:
    """Return the jobs whose view is not in the folder."""
    return [job for job in jobs if not (folder / f"{job.name}.npz").exists()]
