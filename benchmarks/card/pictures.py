"""Make the pictures of the documents: run the pipeline and save what the views show at one moment.

    python benchmarks/card/pictures.py
    python benchmarks/card/pictures.py --clip demo.mp4 --frame 156

The first command runs the demo in real time and writes overlay.png and dashboard.svg. The second one runs a video file
and writes overlay_real.png, which is the picture of the README; its clip is Sports2D/Demo/demo.mp4 in the wheel of
sports2d 0.8.34 (BSD-3-Clause). Pillow comes with the extra `test`.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from hitrs_live.checkpoint import SHIPPED, load_checkpoint
from hitrs_live.config import Config
from hitrs_live.messages import AnyMessage, Scene
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.pipeline import Pipeline
from hitrs_live.pose.factory import make_pose_estimator
from hitrs_live.pose.intrinsics import camera_intrinsics
from hitrs_live.sources.demo.source import DemoSource
from hitrs_live.sources.video import VideoSource
from hitrs_live.streaming.hitrs_stream import HitrsLoader
from hitrs_live.streaming.thresholds import find_thresholds
from hitrs_live.transport.sink import ListSink
from hitrs_live.views.dashboard import Dashboard
from hitrs_live.views.frame_renderer import FrameRenderer
from hitrs_live.views.overlay import GHOST, LEFT, MIDDLE, NOW, RIGHT, STATE_COLOURS
from hitrs_live.views.projection import LensFor, LensLike, default_lens

FOLDER = Path(__file__).parents[2] / "docs"
MOMENT_S = 15.6
"""In the middle of the jumping jacks."""


class DashboardSink(ListSink):
    """Keep messages and update a dashboard with them, except with those that end the run."""

    def __init__(self, dashboard: Dashboard) -> None:
        super().__init__("pictures")
        self._dashboard = dashboard

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Stamp and keep the message, then update the dashboard."""
        stamped = super().publish(message)
        if getattr(message, "state", "") != "ended" and getattr(message, "reason", None) != "shutdown":
            self._dashboard.update(stamped)
        return stamped


class FrameWriter:
    """A viewer that renders every frame and writes one of them: frame number `frame`, or the last one."""

    notices: Sequence[str] = ()
    lost = 0

    def __init__(self, file: Path, width: int, *, frame: int | None = None, lens_for: LensFor = default_lens) -> None:
        self._renderer = FrameRenderer(lens_for)
        self._file, self._width, self._frame = file, width, frame
        self._image: NDArray[np.uint8] | None = None

    def show(self, scene: Scene) -> None:
        """Render the frame."""
        image = self._renderer.render(scene)
        if self._frame is None or (scene.frame is not None and scene.frame.index == self._frame):
            self._image = image

    def close(self) -> None:
        """Write the picture."""
        if self._image is None:
            raise SystemExit(f"{self._file}: there is no frame {self._frame}")
        height, width = self._image.shape[:2]
        size = (self._width, round(self._width * height / width))
        small = cv2.resize(self._image, size, interpolation=cv2.INTER_AREA)
        picture = Image.fromarray(small[:, :, ::-1])
        # Only for a photograph; the drawn figure compresses well without.
        (picture if self._frame is None else _with_palette(picture)).save(self._file, optimize=True)


def _with_palette(picture: Image.Image) -> Image.Image:
    """Reduce a picture to 256 colours, those of the overlay among them: a third of the bytes of full colour."""
    drawn = [colour[::-1] for colour in (LEFT, RIGHT, MIDDLE, GHOST, NOW, STATE_COLOURS["up"])]
    most = picture.quantize(256 - len(drawn)).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*most, *(value for colour in drawn for value in colour)])
    return picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def picture_clip(clip: Path, frame: int, width: int) -> None:
    """Write overlay_real.png: one frame of a video file with the overlay."""
    config = Config()
    lens = camera_intrinsics(config.camera)

    def lens_for(wide: int, high: int) -> LensLike:
        return lens.scaled(width=wide, height=high)

    writer = FrameWriter(FOLDER / "overlay_real.png", width, frame=frame, lens_for=lens_for)
    stream = InputStream(source=VideoSource(clip), pose=make_pose_estimator(config.pose, lens), viewers=(writer,))
    _pipeline(stream, ListSink("pictures")).run()


def _pipeline(stream: InputStream, sink: ListSink) -> Pipeline:
    """Build the pipeline that `hitrs-live live` runs."""
    config, checkpoint = Config(), load_checkpoint()
    thresholds = find_thresholds(config.action.thresholds, checkpoint, Path(SHIPPED))
    loader = HitrsLoader(checkpoint, config.model)
    return Pipeline([stream], model=loader, config=config, sink=sink, thresholds=thresholds)


def picture_demo() -> None:
    """Write overlay.png and dashboard.svg."""
    dashboard = Dashboard()
    stream = InputStream(source=DemoSource("real"), viewers=(FrameWriter(FOLDER / "overlay.png", 720),))
    pipeline = _pipeline(stream, DashboardSink(dashboard))
    pipeline.run(duration_s=MOMENT_S)
    console = Console(record=True, width=112, height=30, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(dashboard.render(), height=30)
    svg = console.export_svg(title="python run_live.py --demo")
    # No web font: the picture is read offline too.
    svg = re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.DOTALL)
    (FOLDER / "dashboard.svg").write_text(svg, encoding="utf-8")


def main() -> None:
    """Make the pictures that the flags ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, help="video file for overlay_real.png")
    parser.add_argument("--frame", type=int, default=156, help="number of its frame, from 0")
    parser.add_argument("--width", type=int, default=880, help="of the picture, pixels")
    flags = parser.parse_args()
    torch.set_num_threads(1)
    if flags.clip is not None:
        picture_clip(flags.clip, flags.frame, flags.width)
    else:
        picture_demo()


if __name__ == "__main__":
    main()
