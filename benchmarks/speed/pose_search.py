"""Measure how soon a person who comes into the picture is found, and what searching costs while no one comes.

    taskset -c 1 python benchmarks/speed/pose_search.py [--data FOLDER] [--json FILE]

A grey wall of 1280 x 720 with some noise is shown for 75 pictures, empty or with one person of a clip, until the search
has become seldom; then another person comes in, who walks in from the side or is there from one picture to the next, in
another picture each time. Counted are the pictures until that one is found, from the first one that shows all of it.
Time is CPU time of the process and all its threads, of the quiet pictures after the first 65.
To compare with another version, set PYTHONPATH to its checkout.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import PoseConfig
from hitrs_live.pose.factory import open_landmarker

KNOWN, NEW = "asl_eat.mkv", "pose2sim_single_cam02.mp4"
WIDTH, HEIGHT = 1280, 720
QUIET, PHASES, GIVE_UP = 75, 5, 40
WARM_UP = 65
"""Pictures before someone comes, more in each of so many trials, and pictures after which no one is waited for."""
STEP_PX = 20
"""A person of 1.7 m and 400 pixels, at 30 pictures a second, who walks at 2.5 m/s."""
CUT = {KNOWN: (0, None), NEW: (200, 1500)}
"""Rows of a clip with its person."""
SHARE = {KNOWN: 1.0, NEW: 0.62}
"""Of those rows, the person's height."""
SIDE = 640
"""The new person stays to the right of this, pixels."""
Picture = NDArray[np.uint8]


def read(clip: Path, *, every: int = 2, most: int = 60) -> list[Picture]:
    """Return pictures of a clip, blue-green-red."""
    video = cv2.VideoCapture(str(clip))
    pictures: list[Picture] = []
    index = 0
    while len(pictures) < most and (got := video.read())[0]:
        if index % every == 0:
            pictures.append(np.asarray(got[1], np.uint8))
        index += 1
    return pictures


def people(folder: Path, clip: str, height_px: int) -> list[Picture]:
    """Return a clip's person, so many pixels tall, in all pictures, forwards and backwards."""
    top, bottom = CUT[clip]
    cut = [picture[top:bottom] for picture in read(folder / clip)]
    scale = height_px / (SHARE[clip] * len(cut[0]))
    shown = [cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for picture in cut]
    return [*shown, *shown[-2:0:-1]]  # type: ignore[list-item]


def paste(canvas: Picture, picture: Picture, left: int, top: int) -> None:
    """Put a picture into another, what is outside left out."""
    high, wide = picture.shape[:2]
    begin, end = max(left, 0), min(left + wide, canvas.shape[1])
    if begin < end:
        part = picture[: canvas.shape[0] - top, begin - left : end - left]
        canvas[top : top + high, begin:end] = part


class Scene:
    """A room, perhaps with a person, into which another one comes."""

    def __init__(self, folder: Path, *, known: bool, height_px: int, walks: bool) -> None:
        """Read the clips."""
        noise = np.random.default_rng(0)
        self._walls = [noise.integers(124, 131, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(4)]
        self._known = people(folder, KNOWN, 360) if known else []
        self._new, self._walks = people(folder, NEW, height_px), walks
        self._left = 700

    def pictures(self, quiet: int) -> Iterator[tuple[Picture, bool]]:
        """Yield pictures, red-green-blue, and whether each shows all of the new person; the first so many do not."""
        wide = self._new[0].shape[1]
        start = WIDTH if self._walks else self._left
        for index in range(quiet + (start - self._left) // STEP_PX + GIVE_UP):
            canvas = self._walls[index % len(self._walls)].copy()
            if self._known:
                paste(canvas, self._known[index % len(self._known)], 20, 200)
            since = index - quiet
            left = max(start - STEP_PX * since, self._left)
            if since >= 0:
                paste(canvas, self._new[index % len(self._new)], left, 60)
            yield np.ascontiguousarray(canvas[..., ::-1]), since >= 0 and left + wide <= WIDTH


def measure(folder: Path, *, known: bool, height_px: int, walks: bool, phases: int) -> dict[str, Any]:
    """Show one scene several times. Returns counts and times."""
    scene = Scene(folder, known=known, height_px=height_px, walks=walks)
    waits: list[int] = []
    quiet_ms: list[float] = []
    for phase in range(phases):
        landmarker = open_landmarker(PoseConfig(max_people=4))
        quiet, shown = QUIET + phase, 0
        for index, (picture, whole) in enumerate(scene.pictures(quiet)):
            began = time.process_time()
            landmarks = landmarker.step(picture)
            took_ms = (time.process_time() - began) * 1000
            if WARM_UP <= index < quiet:
                quiet_ms.append(took_ms)
            middles = np.median(landmarks[:, :, 0], axis=1) * WIDTH
            if index >= quiet and (middles > SIDE).any():
                break
            shown += whole
        waits.append(shown)
        landmarker.close()
    return {
        "known": int(known), "height_px": height_px, "walks": walks, "quiet_cpu_ms": float(np.mean(quiet_ms)),
        "pictures_until_found": waits, "mean": float(np.mean(waits)), "worst": max(waits),
        "found": sum(wait < GIVE_UP for wait in waits),
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every scene and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("HITRS_DATA", Path(__file__).resolve().parents[2] / ".." / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--phases", type=int, default=PHASES, help="trials of each scene")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    rows = []
    print("person known, height of the new one and how it comes: CPU ms of a quiet picture; pictures until found")
    for known in (True, False):
        for height_px in (400, 100):
            for walks in (False, True):
                row = measure(
                    chosen.data / "video", known=known, height_px=height_px, walks=walks, phases=chosen.phases
                )
                rows.append(row)
                print(
                    f"{known:2}{height_px:6}{'walking' if walks else 'at once':>9}: {row['quiet_cpu_ms']:.1f}; "
                    f"mean {row['mean']:.1f}, worst {row['worst']}, found in {row['found']} of {chosen.phases}",
                    flush=True,
                )
    if chosen.json:
        chosen.json.write_text(
            json.dumps({"cpus": os.cpu_count(), "load": os.getloadavg()[0], "rows": rows}, indent=2) + "\n"
        )


if __name__ == "__main__":
    main()
