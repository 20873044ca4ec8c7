"""Count small people who are found in large pictures, and bodies that are found in an empty room of the same size.

    taskset -c 1 python benchmarks/studies/small_people.py [--data FOLDER] [--json FILE]

A person of a clip, 100 or 150 pixels tall, is at several places of a grey picture: moving, in 20 pictures, or still, in
300. The room is `intel_one_by_one.mp4` enlarged to 1920 x 1080, its first 500 pictures; a person in it fills more
than a third of the height, and what is smaller is furniture. Time is CPU time of the process. To compare with another
version, set PYTHONPATH to its checkout.
"""

import argparse
import json
import os
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import PoseConfig
from hitrs_live.pose.factory import open_landmarker

CLIP, ROOM = "pose2sim_single_cam02.mp4", "intel_one_by_one.mp4"
ROWS, CLIP_HEIGHT_PX = slice(200, 1500), 806
"""Of the clip: the rows with the person, and the person's height."""
HD, UHD = (1920, 1080), (3840, 2160)
PLACES = ((HD, 150, (860, 560)), (HD, 150, (1500, 100)), (HD, 100, (860, 560)), (HD, 100, (1500, 100)),
          (UHD, 150, (1720, 1120)))  # fmt: skip
"""Size of the picture, height of the person, left and top of the clip in it."""
MOVING, STILL, ROOM_PICTURES = 20, 300, 500
PERSON_HEIGHT = 0.35
Picture = NDArray[np.uint8]


def read(clip: Path, *, every: int = 1) -> Iterator[Picture]:
    """Yield pictures of a clip, red-green-blue."""
    video = cv2.VideoCapture(str(clip))
    index = 0
    while (got := video.read())[0]:
        if index % every == 0:
            yield np.ascontiguousarray(got[1][..., ::-1], np.uint8)
        index += 1


def placed(
    pictures: Iterable[Picture], size: tuple[int, int], height_px: int, at: tuple[int, int]
) -> Iterator[Picture]:
    """Yield grey pictures with the clip's person, so tall, at a place."""
    scale = height_px / CLIP_HEIGHT_PX
    for picture in pictures:
        small = cv2.resize(picture[ROWS], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        canvas = np.full((size[1], size[0], 3), 127, np.uint8)
        canvas[at[1] : at[1] + small.shape[0], at[0] : at[0] + small.shape[1]] = small
        yield canvas


def watch(pictures: Iterable[Picture]) -> tuple[list[NDArray[np.float32]], float]:
    """Return the people found in each picture, and the CPU time of one, milliseconds."""
    landmarker = open_landmarker(PoseConfig())
    found, took_s = [], 0.0
    for picture in pictures:
        began = time.process_time()
        found.append(landmarker.step(picture))
        took_s += time.process_time() - began
    landmarker.close()
    return found, 1000 * took_s / len(found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("HITRS_DATA", Path(__file__).resolve().parents[2] / ".." / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--json", type=Path, help="write the numbers here")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    folder = chosen.data / "video"
    clip = list(islice(read(folder / CLIP, every=3), MOVING))
    rows: list[dict[str, Any]] = []
    for size, height_px, at in PLACES:
        for name, pictures in (("moving", clip), ("still", [clip[0]] * STILL)):
            found, cpu_ms = watch(placed(pictures, size, height_px, at))
            counts = [len(people) for people in found]
            first = next((index for index, count in enumerate(counts) if count), None)
            rows.append(
                {
                    "picture": f"{size[0]}x{size[1]}",
                    "height_px": height_px,
                    "at": at,
                    "person": name,
                    "pictures": len(counts),
                    "found": sum(count > 0 for count in counts),
                    "first": first,
                    "more_than_one": sum(count > 1 for count in counts),
                    "cpu_ms": cpu_ms,
                }
            )
            print(rows[-1], flush=True)
    enlarged = (
        np.asarray(cv2.resize(picture, HD, interpolation=cv2.INTER_CUBIC), np.uint8)
        for picture in islice(read(folder / ROOM), ROOM_PICTURES)
    )
    found, cpu_ms = watch(enlarged)
    heights = [float(np.ptp(person[:, 1])) for people in found for person in people]
    furniture = sum(height < PERSON_HEIGHT for height in heights)
    room = {"pictures": len(found), "furniture": furniture, "people": len(heights) - furniture, "cpu_ms": cpu_ms}
    print(room)
    if chosen.json:
        chosen.json.write_text(json.dumps({"cpus": os.cpu_count(), "rows": rows, "room": room}, indent=2) + "\n")


if __name__ == "__main__":
    main()
