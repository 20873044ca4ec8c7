"""Time the parts of the virtual camera: drawing, dressing and posing a body, and each step of a picture.

    taskset -c 0 python benchmarks/speed/rendering.py --json reports/rendering.json

CPU time of this process, all threads together, so a busy machine does not count; the median over the turns.
Needs the extra `render` and the data folder (a stream of precog16).
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from hitrs_live.data.array_format import data_folder, load_archive
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.virtual_camera.camera import Camera
from hitrs_live.virtual_camera.mesh import floor_mesh
from hitrs_live.virtual_camera.people.appearance import Appearance
from hitrs_live.virtual_camera.people.body import Body
from hitrs_live.virtual_camera.pictures.renderer import RenderedPerson, Renderer
from hitrs_live.virtual_camera.pictures.visibility import visible_joints

_SIZE = (640, 480)
_FRAMES = 90


def cpu_ms(work: Callable[[], object], *, rounds: int, items: int = 1) -> float:
    """Return the median CPU time of one item, milliseconds; the first round warms up."""
    work()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append((time.process_time() - start) * 1e3 / items)
    return statistics.median(times)


def measure() -> dict[str, float]:
    """Measure all parts. Returns milliseconds of CPU time by part."""
    archive = load_archive(data_folder() / "ship" / "precog16.npz")
    joints_m = archive.joints[:_FRAMES].astype(np.float32)
    joints_m[..., 1] -= np.percentile(joints_m[..., 1].min(1), 5)
    rng = np.random.default_rng(0)
    body = Body.drawn_for(joints_m, rng)
    posed, appearance = body.pose(joints_m), Appearance.draw(body, rng)
    renderer = Renderer(*_SIZE)
    floor = floor_mesh(8, np.array([0.5, 0.45, 0.4], np.float32))
    middle = posed.joints_m[:, 0].mean(0).astype(float)
    camera = Camera.looking_at(middle + np.array([0.8, 0.3, 3.0]), middle, width=_SIZE[0], height=_SIZE[1], fov_deg=55)

    def picture(frame: int, things: int = 1) -> object:
        person = RenderedPerson(appearance=appearance, bones=posed.bones[frame])
        return renderer.draw([person], [floor] * things, camera)

    def pictures(things: int = 1) -> None:
        for frame in range(0, _FRAMES, 6):
            picture(frame, things)

    drawn = renderer.draw([RenderedPerson(appearance=appearance, bones=posed.bones[0])], [floor], camera)
    count = len(range(0, _FRAMES, 6))
    return {
        "draw a body for a stream": cpu_ms(lambda: Body.drawn_for(joints_m, np.random.default_rng(1)), rounds=9),
        "dress it": cpu_ms(lambda: Appearance.draw(body, np.random.default_rng(1)), rounds=9),
        "pose it, a frame": cpu_ms(lambda: body.pose(joints_m), rounds=9, items=_FRAMES),
        "picture of a person, nothing else": cpu_ms(lambda: pictures(0), rounds=7, items=count),
        "picture of a person on a floor": cpu_ms(pictures, rounds=7, items=count),
        "which joints are seen": cpu_ms(lambda: visible_joints(drawn, camera, posed.joints_m[0], person=1), rounds=30),
    }


def main() -> None:
    """Measure, print a table and write a report where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the report here")
    arguments = parser.parse_args()
    parts = measure()
    table = Table("part", "CPU ms", title=f"{_SIZE[0]}x{_SIZE[1]}, one person")
    for name, value in parts.items():
        table.add_row(name, f"{value:.2f}")
    Console().print(table)
    frame_ms = parts["pose it, a frame"] + parts["picture of a person on a floor"] + parts["which joints are seen"]
    Console().print(f"{1000 / frame_ms:.0f} frames/s and core: posed, rendered, with which joints are seen")
    if arguments.json:
        report = {"size": list(_SIZE), "cpu_ms": {name: round(value, 3) for name, value in parts.items()}}
        write_report(arguments.json, {**report, "frames_per_s_and_core": round(1000 / frame_ms, 1)})


if __name__ == "__main__":
    main()
