"""One picture a frame, with all that is known drawn in: what a window shows and a file keeps."""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import Scene
from hitrs_live.views.empty_scene import Stage
from hitrs_live.views.overlay import draw
from hitrs_live.views.projection import LensFor, LensLike, imagined_lens

STAGE_SIZE = (960, 720)
"""Width and height of the picture for sources that have none."""


class FrameRenderer:
    """Paint frames in a row; remembers the lens of their size and the floor of an empty stage."""

    def __init__(self, lens_for: LensFor = imagined_lens) -> None:
        """Take what gives the camera's lens for a picture size; it is asked when pictures change their size."""
        self._lens_for = lens_for
        self._lens: tuple[int, int, LensLike] | None = None
        self._stage: Stage | None = None

    def render(self, scene: Scene) -> NDArray[np.uint8]:
        """Return a new picture (height, width, 3) uint8, blue-green-red; the frame's own stays as it is."""
        if scene.frame is not None:
            image = np.ascontiguousarray(scene.frame.image).copy()
            height, width = image.shape[:2]
            lens = self._camera_lens(width, height)
        else:
            lens = imagined_lens(*STAGE_SIZE)
            if self._stage is None:
                self._stage = Stage(*STAGE_SIZE, lens)
            image = self._stage.picture(scene.people.joints_m[scene.people.present])
        return draw(image, scene, lens=lens)

    def _camera_lens(self, width: int, height: int) -> LensLike:
        if self._lens is None or self._lens[:2] != (width, height):
            self._lens = (width, height, self._lens_for(width, height))
        return self._lens[2]
