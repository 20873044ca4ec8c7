"""Fixture: pictures of a person, scikit-image's astronaut, moved and scaled into frames."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.data import astronaut

from hitrs_live.messages import Frame

WIDTH, HEIGHT = 640, 480


@pytest.fixture(scope="session")
def show() -> Callable[..., Frame]:
    """Make frame number `index` with a person whose left edge is at each of `lefts`, `size` pixels high."""
    person = np.ascontiguousarray(astronaut()[..., ::-1])

    def make(index: int, *lefts: int, size: int = 300, width: int = WIDTH, height: int = HEIGHT) -> Frame:
        picture: NDArray[np.uint8] = np.full((height, width, 3), 127, np.uint8)
        small = cv2.resize(person, (size, size), interpolation=cv2.INTER_AREA)
        for left in lefts:
            picture[height - size :, left : left + size] = small[:, : max(0, width - left)]
        stamp = index * 33_333_333
        return Frame(index=index, capture_time_ns=stamp, received_ns=stamp, image=picture)

    return make
