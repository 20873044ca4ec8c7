"""Run `hitrs-live render`: render joint streams as people, and keep what the live pose stage makes of them."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec

from hitrs_live.config import Config, PoseConfig
from hitrs_live.errors import ConfigError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.process.line_writer import write_line
from hitrs_live.virtual_camera.source_streams import find_files
from hitrs_live.virtual_camera.views.render_jobs import Job, RenderPlan, list_jobs, unfinished
from hitrs_live.virtual_camera.views.render_workers import ViewDone, film_in_process, render_all
from hitrs_live.virtual_camera.views.rendered_sets import VIEWS, write_array_sets, write_clip_labels

ARRAYS: Final = "arrays"
"""Folder of the live joints in the array format."""
_MANIFEST: Final = "render.json"
_LINE_EVERY_S: Final = 10.0
_FILM_VIEWS: Final = 6
_FILM_SECONDS: Final = 2.5
_FILM_SIZE: Final = (640, 480)


def run_render(options: argparse.Namespace) -> int:
    """Render what is not rendered yet, and write the sets. Return the exit code."""
    plan = _plan(options)
    jobs = list_jobs(plan)
    if options.film:
        _write_film(jobs, plan, options.film)
    if options.out:
        _render(jobs, plan, options.out, workers=options.workers)
    return 0


def _plan(options: argparse.Namespace) -> RenderPlan:
    if not options.out and not options.film:
        raise ConfigError("neither --out FOLDER nor --film FILE: nothing to write; give one of them")
    return RenderPlan(
        files=tuple(find_files(options.data)), views=options.views, seed=options.seed, split=options.split,
        subjects=options.subjects, sequences=options.sequences, seconds=options.seconds,
        sizes=tuple(options.size or ()), pose=PoseConfig() if options.pose else None,
    )  # fmt: skip


def _render(jobs: list[Job], plan: RenderPlan, out: Path, *, workers: int) -> None:
    views = out / VIEWS
    views.mkdir(parents=True, exist_ok=True)
    _check_manifest(out / _MANIFEST, plan)
    todo = unfinished(jobs, views)
    if len(todo) < len(jobs):
        write_line(f"{len(jobs) - len(todo)} of {len(jobs)} views are in {views} already", sys.stdout)
    try:
        _show_progress(render_all(todo, plan, views, workers=workers) if todo else iter(()), len(todo))
    except KeyboardInterrupt:
        write_line(f"interrupted; finished views are kept in {views}, the same command goes on from there", sys.stderr)
        raise
    if plan.pose is None:
        return
    write_clip_labels(views)
    for done in write_array_sets(views, out / ARRAYS, {file.stem: file for file in plan.files}, Config()):
        if done.views:
            write_line(f"{done.path}: {done.views} views, {done.frames:,} frames at 30 Hz", sys.stdout)
        if done.left_out:
            shown = ", ".join(done.left_out[:3])
            more = f" and {len(done.left_out) - 3} more" if len(done.left_out) > 3 else ""
            write_line(f"left out of {done.path.name}, the person hardly seen: {shown}{more}", sys.stdout)


def _show_progress(rendered: Iterator[ViewDone], total: int) -> None:
    """Print a line every ten seconds: views done, the rate, and the time left."""
    began_s = shown_s = time.monotonic()
    frames = 0
    for number, view in enumerate(rendered, start=1):
        frames += view.frames
        now_s = time.monotonic()
        if now_s - shown_s > _LINE_EVERY_S or number == total:
            shown_s = now_s
            left_s = (now_s - began_s) * (total - number) / number
            write_line(
                f"{number} of {total} views, {frames:,} frames, {frames / (now_s - began_s):.1f} frames/s, "
                f"{left_s / 60:.0f} min left", sys.stdout,
            )  # fmt: skip
            sys.stdout.flush()


def _check_manifest(path: Path, plan: RenderPlan) -> None:
    """Keep what the views depend on beside them. Raises ConfigError where they were made with other settings."""
    now: dict[str, Any] = {
        "seed": plan.seed,
        "seconds": plan.seconds,
        "sizes": [list(size) for size in plan.sizes],
        "pose": msgspec.to_builtins(plan.pose) if plan.pose else None,
    }
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if changed := [key for key, value in now.items() if before.get(key) != value]:
            raise ConfigError(
                f"{path.parent}: its views were made with another {changed[0]} ({before.get(changed[0])}, now "
                f"{now[changed[0]]}); give another --out, or the same settings to go on"
            )
    with whole_file(path) as part:
        part.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")


def _write_film(jobs: list[Job], plan: RenderPlan, path: Path) -> None:
    film = replace(
        plan, seconds=plan.seconds or _FILM_SECONDS, sizes=plan.sizes[:1] or (_FILM_SIZE,),
        pose=plan.pose or PoseConfig(),
    )  # fmt: skip
    film_in_process(jobs[:_FILM_VIEWS], film, path)
    write_line(f"{path}: {len(jobs[:_FILM_VIEWS])} views", sys.stdout)
