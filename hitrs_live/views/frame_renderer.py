"""Render one annotated picture per frame, for the window and the video file."""

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import Scene
from hitrs_live.views.empty_scene import EmptyScene
from hitrs_live.views.overlay import draw
from hitrs_live.views.projection import LensFor, LensLike, default_lens

EMPTY_SIZE = (960, 720)
"""Width and height of the picture for sources without pictures, pixels."""


class FrameRenderer:
    """Render successive frames; keeps the lens of their size and the floor of the empty scene."""

    def __init__(self, lens_for: LensFor = default_lens) -> None:
        """Begin without a frame. lens_for: returns the lens for a picture size; called when the size changes."""
        self._lens_for = lens_for
        self._lens: tuple[int, int, LensLike] | None = None
        self._empty: EmptyScene | None = None

    def render(self, scene: Scene) -> NDArray[np.uint8]:
        """Return a new picture (height, width, 3) uint8, blue-green-red; the frame's own is not modified."""
        if scene.frame is not None:
            image = np.ascontiguousarray(scene.frame.image).copy()
            height, width = image.shape[:2]
            lens = self._camera_lens(width, height)
        else:
            lens = default_lens(*EMPTY_SIZE)
            if self._empty is None:
                self._empty = EmptyScene(*EMPTY_SIZE, lens)
            image = self._empty.picture(scene.people.joints_m[scene.people.present])
        return draw(image, scene, lens=lens)

    def _camera_lens(self, width: int, height: int) -> LensLike:
        if self._lens is None or self._lens[:2] != (width, height):
            self._lens = (width, height, self._lens_for(width, height))
        return self._lens[2]
