"""Measure what a rendered view costs on one core: once per view, and for each of its pictures, by part.

    taskset -c 0 python benchmarks/speed/view_rendering.py --json reports/view_rendering.json

Needs the extra `render`, the pose model and the data folder.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from hitrs_live.config import PoseConfig
from hitrs_live.data.array_format import data_folder
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.pose.factory import open_landmarker
from hitrs_live.virtual_camera.pictures.camera_placement import CameraRanges
from hitrs_live.virtual_camera.pictures.picture_effects import PictureEffects
from hitrs_live.virtual_camera.pictures.renderer import Renderer
from hitrs_live.virtual_camera.places.backdrop import paint
from hitrs_live.virtual_camera.source_streams import choose_sequences, draw_piece, load_stream
from hitrs_live.virtual_camera.views import view_frames as frames_module
from hitrs_live.virtual_camera.views.view_setup import SetupRanges, draw_setup

_SIZE = (640, 480)
_VIEWS = 6
_SECONDS = 3.0


class Stopwatch:
    """Add up the CPU time of calls, of all threads of this process."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.cpu_s: dict[str, float] = {}

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the call with its CPU time added under a name."""

        def wrapped(*values: Any, **named: Any) -> Any:
            began = time.process_time()
            try:
                return call(*values, **named)
            finally:
                self.cpu_s[name] = self.cpu_s.get(name, 0.0) + time.process_time() - began

        return wrapped


def measure() -> tuple[dict[str, float], dict[str, float], int]:
    """Return CPU milliseconds per view and per picture, by part, and the number of pictures."""
    once, each = Stopwatch(), Stopwatch()
    frames_module.paint = once.timed("paint the place", paint)
    frames_module.composite = each.timed("put people into the place", frames_module.composite)
    frames_module.visible_joints = each.timed("which joints are seen", frames_module.visible_joints)
    Renderer.draw = each.timed("draw people and shadow", Renderer.draw)  # type: ignore[method-assign]
    PictureEffects.apply = each.timed("camera effects", PictureEffects.apply)  # type: ignore[method-assign]
    file = data_folder() / "ship" / "precog16.npz"
    renderer = Renderer(*_SIZE)
    ranges = SetupRanges(cameras=CameraRanges(rates_hz={30.0: 1.0}), others=(1.0, 0.0, 0.0))
    pictures = 0
    for number, sequence in enumerate(choose_sequences(file, split="train", most=_VIEWS + 1)):
        rng = np.random.default_rng(number)
        stream = draw_piece(load_stream(file, sequence), _SECONDS, rng)
        setup = once.timed("draw bodies, place and camera", draw_setup)(stream, [], rng, ranges, size=_SIZE)
        whole = list(frames_module.view_frames(setup, renderer))
        landmarker = once.timed("open the pose network", open_landmarker)(PoseConfig())
        # Its first picture also loads.
        once.timed("open the pose network", landmarker.step)(whole[0].picture)
        for frame in whole:
            each.timed("pose network", landmarker.step)(frame.picture)
        landmarker.close()
        pictures += len(whole)
        if number == 0:
            # The first view also loads and compiles.
            once.cpu_s.clear()
            each.cpu_s.clear()
            pictures = 0
    return (
        {name: 1e3 * value / _VIEWS for name, value in once.cpu_s.items()},
        {name: 1e3 * value / pictures for name, value in each.cpu_s.items()},
        pictures,
    )


def main() -> None:
    """Measure, print a table and write a report where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the report here")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    once, each, pictures = measure()
    table = Table("part", "CPU ms", title=f"{_SIZE[0]}x{_SIZE[1]}, one person, views of {_SECONDS:g} s")
    for name, value in once.items():
        table.add_row(f"{name}, once a view", f"{value:.0f}")
    for name, value in each.items():
        table.add_row(name, f"{value:.1f}")
    Console().print(table)
    fixed_ms = (sum(once.values()) - once["open the pose network"]) * _VIEWS / pictures
    render_ms = sum(each.values()) - each["pose network"] + fixed_ms
    Console().print(f"{1000 / render_ms:.1f} pictures/s and core; with the pose network "
                    f"{1000 / (render_ms + each['pose network']):.1f}")  # fmt: skip
    if arguments.json:
        report = {"size": list(_SIZE), "pictures": pictures, "seconds_a_view": _SECONDS}
        rounded = {"once_a_view_cpu_ms": once, "picture_cpu_ms": each}
        report |= {key: {name: round(value, 2) for name, value in parts.items()} for key, parts in rounded.items()}
        rates = {"without_pose": 1000 / render_ms, "with_pose": 1000 / (render_ms + each["pose network"])}
        write_report(
            arguments.json, {**report, "pictures_per_s_and_core": {key: round(v, 1) for key, v in rates.items()}}
        )


if __name__ == "__main__":
    main()
