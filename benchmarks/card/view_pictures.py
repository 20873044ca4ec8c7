"""Draw a sheet of views of the virtual camera: people of the training sets in rooms and outdoors.

    python benchmarks/card/view_pictures.py --out docs/virtual_camera.png

Needs the extra `render` and the data folder.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hitrs_live.data.array_format import data_folder
from hitrs_live.virtual_camera.views.render_jobs import Job, RenderPlan, list_jobs, setup_of
from hitrs_live.virtual_camera.views.view_frames import view_frames
from hitrs_live.virtual_camera.views.view_rendering import RendererPool

_FILES = ("precog16", "ui_prmd_kinect", "cmu_bvh_01_14", "mars_kinect")
_TILE = (280, 210)
_ROWS = 3
_COLOURS = 128
"""Of the file's palette: noise makes a full picture four times as large."""
_FRAMES = 4


def tile(job: Job, plan: RenderPlan, renderers: RendererPool) -> NDArray[np.uint8]:
    """Return the last picture of a view (height, width, 3), red-green-blue; earlier ones give it its motion blur."""
    setup, _ = setup_of(job, plan)
    last = [
        replace(person, bones=person.bones[-_FRAMES:], joints_m=person.joints_m[-_FRAMES:]) for person in setup.people
    ]
    camera = setup.placement.camera
    frames = view_frames(replace(setup, people=tuple(last)), renderers.of_size((camera.width, camera.height)))
    return np.asarray(cv2.resize(list(frames)[-1].picture, _TILE, interpolation=cv2.INTER_AREA))


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the PNG file to write")
    parser.add_argument("--seed", type=int, default=8, help="another seed draws other views")
    arguments = parser.parse_args()
    plan = RenderPlan(
        files=tuple(data_folder() / "ship" / f"{name}.npz" for name in _FILES), views=1, seed=arguments.seed,
        split="train", sequences=_ROWS, seconds=0.8, sizes=((640, 480),),
    )  # fmt: skip
    renderers = RendererPool()
    tiles = [tile(job, plan, renderers) for job in list_jobs(plan)]
    rows = [np.concatenate(tiles[k : k + len(_FILES)], axis=1) for k in range(0, len(tiles), len(_FILES))]
    sheet = Image.fromarray(np.concatenate(rows))
    sheet.quantize(_COLOURS, dither=Image.Dither.NONE).save(arguments.out, optimize=True)


if __name__ == "__main__":
    main()
