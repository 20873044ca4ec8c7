"""Render views in several processes, each with a renderer and a pose network of its own."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2

from hitrs_live.errors import RenderUnavailable
from hitrs_live.virtual_camera.film import write_film
from hitrs_live.virtual_camera.render_jobs import Job, RenderPlan, run_job
from hitrs_live.virtual_camera.view_rendering import RendererPool

_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LP_NUM_THREADS")
"""Every process uses one core; several threads in each would only wait for each other."""
_VIEWS_PER_PROCESS: Final = 200
"""A process ends after so many views, and another takes its place: pose networks leak memory."""


@dataclass(frozen=True, kw_only=True)
class ViewDone:
    """A view that was rendered and written."""

    job: Job
    frames: int


def render_all(jobs: Sequence[Job], plan: RenderPlan, folder: Path, *, workers: int) -> Iterator[ViewDone]:
    """Render views into a folder and yield each when it is there.

    Raises what rendering raises, and RenderUnavailable where a process died; finished views stay.
    """
    with _pool(workers) as pool:
        waiting = deque(jobs)
        running: dict[Future[int], Job] = {}
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    job = waiting.popleft()
                    running[pool.submit(_render, job, plan, folder)] = job
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield ViewDone(job=running.pop(future), frames=future.result())
        except BrokenProcessPool:
            raise RenderUnavailable(
                "a rendering process died, perhaps out of memory; run the same command again with fewer --workers: "
                "finished views are kept"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def film_in_process(jobs: Sequence[Job], plan: RenderPlan, path: Path) -> None:
    """Write a film of some views in a process of its own. Raises what writing it raises."""
    with _pool(1) as pool:
        pool.submit(_film, list(jobs), plan, path).result()


def _pool(workers: int) -> ProcessPoolExecutor:
    for variable in _ONE_THREAD:
        os.environ.setdefault(variable, "1")
    return ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        max_tasks_per_child=_VIEWS_PER_PROCESS,
    )


def _begin() -> None:
    # The parent handles Ctrl-C. The pose network's library writes a page of notes to standard error.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


_renderers = RendererPool()


def _render(job: Job, plan: RenderPlan, folder: Path) -> int:
    return run_job(job, plan, folder, _renderers)


def _film(jobs: Sequence[Job], plan: RenderPlan, path: Path) -> None:
    write_film(jobs, plan, path, _renderers)
