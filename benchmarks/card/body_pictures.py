"""Draw a sheet of random people in the demo's poses: what the virtual camera's bodies look like.

    python benchmarks/card/body_pictures.py --out docs/bodies.png

Needs the extra `render`; no data.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.sources.demo.source import DemoSource
from hitrs_live.virtual_camera.camera import Camera
from hitrs_live.virtual_camera.mesh import floor_mesh
from hitrs_live.virtual_camera.people.appearance import Appearance
from hitrs_live.virtual_camera.people.body import Body
from hitrs_live.virtual_camera.pictures.renderer import RenderedPerson, Renderer

_TILE = (210, 280)
_COLUMNS, _ROWS = 7, 2
# Drawn so much larger and shrunk, for smooth edges.
_OVERSAMPLING = 2


def tile(renderer: Renderer, joints_m: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw one person in the middle one of some frames (T, 25, 3). Returns a picture (H, W, 3), RGB."""
    body = Body.draw(rng)
    appearance = Appearance.draw(body, rng)
    size = body.height_m / 1.75
    posed = body.pose(joints_m * np.float32(size))
    frame = len(posed) // 2
    lowest_m = float(body.vertices(posed)[frame, :, 1].min())
    floor = floor_mesh(12, np.array([0.62, 0.58, 0.53], np.float32))
    floor.vertices_m[:, 1] = lowest_m
    joints = posed.joints_m[frame]
    middle = np.array([joints[0, 0], lowest_m + 0.95, joints[0, 2]])
    across = joints[12] - joints[16]
    facing = np.arctan2(-across[2], across[0]) + rng.uniform(-1.1, 1.1)
    eye = middle + np.array([3.6 * np.sin(facing), 0.35, 3.6 * np.cos(facing)])
    width, height = (side * _OVERSAMPLING for side in _TILE)
    camera = Camera.looking_at(eye, middle, width=width, height=height, fov_deg=28)
    drawn = renderer.draw([RenderedPerson(appearance=appearance, bones=posed.bones[frame])], [floor], camera)
    return np.asarray(cv2.resize(drawn.colour, _TILE, interpolation=cv2.INTER_AREA))


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the PNG file to write")
    parser.add_argument("--seed", type=int, default=4, help="another seed draws other people")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    joints_m = DemoSource(people=1).joints_m[0]
    renderer = Renderer(*(side * _OVERSAMPLING for side in _TILE))
    middles = np.linspace(40, len(joints_m) - 40, _COLUMNS * _ROWS).astype(int)
    tiles = [tile(renderer, joints_m[at - 8 : at + 8], rng) for at in middles]
    rows = [np.concatenate(tiles[k : k + _COLUMNS], axis=1) for k in range(0, len(tiles), _COLUMNS)]
    sheet = cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR)
    if not cv2.imwrite(str(arguments.out), sheet, [cv2.IMWRITE_PNG_COMPRESSION, 9]):
        raise SystemExit(f"{arguments.out} cannot be written")


if __name__ == "__main__":
    main()
