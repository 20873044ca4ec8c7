"""Make the README's pictures: run the demo in real time and keep what the views show at one moment.

python benchmarks/card/pictures.py
"""

import re
from pathlib import Path

import cv2
import torch
from rich.console import Console

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.config import Config
from hitrs_live.messages import AnyMessage, Scene
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.pipeline import Pipeline
from hitrs_live.sources.demo.source import DemoSource
from hitrs_live.streaming.hitrs_stream import HitrsLoader
from hitrs_live.transport.sink import ListSink
from hitrs_live.views.dashboard import Dashboard
from hitrs_live.views.frame_renderer import FrameRenderer

FOLDER = Path(__file__).parents[2] / "docs"
MOMENT_S = 15.6
"""In the middle of the jumping jacks."""


class Watching(ListSink):
    """A sink that a dashboard looks at, until the moment of the picture."""

    def __init__(self, dashboard: Dashboard) -> None:
        super().__init__("pictures")
        self._dashboard = dashboard

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Stamp, keep and show."""
        stamped = super().publish(message)
        if getattr(message, "state", "") != "ended" and getattr(message, "reason", None) != "shutdown":
            self._dashboard.update(stamped)
        return stamped


class Photographer:
    """A viewer that paints every frame and keeps the last."""

    def __init__(self) -> None:
        self._renderer = FrameRenderer()

    def show(self, scene: Scene) -> None:
        """Paint."""
        self.image = self._renderer.render(scene)

    def close(self) -> None:
        """Write the picture."""
        cv2.imwrite(str(FOLDER / "overlay.png"), cv2.resize(self.image, (720, 540), interpolation=cv2.INTER_AREA))


def main() -> None:
    """Run and write both pictures."""
    torch.set_num_threads(1)
    dashboard = Dashboard()
    pipeline = Pipeline(
        [InputStream(source=DemoSource("real"), viewers=(Photographer(),))],
        model=HitrsLoader(load_checkpoint(), Config().model),
        config=Config(),
        sink=Watching(dashboard),
    )
    pipeline.run(duration_s=MOMENT_S)
    console = Console(record=True, width=112, height=30, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(dashboard.render(), height=30)
    svg = console.export_svg(title="python run_live.py --demo")
    # No web font: the picture is read offline too.
    svg = re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.DOTALL)
    (FOLDER / "dashboard.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
