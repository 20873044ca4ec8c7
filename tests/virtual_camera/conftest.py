"""What tests of the virtual camera share: a body, a renderer, and motions that need no data folder."""

from collections.abc import Iterator

import numpy as np
import pytest
from standing_person import SIZE

from hitrs_live.errors import RenderUnavailable
from hitrs_live.virtual_camera.people.body import Body
from hitrs_live.virtual_camera.pictures.renderer import Renderer


@pytest.fixture(scope="session")
def body() -> Body:
    """One drawn body; tests that need it are skipped where the body mesh cannot be had."""
    try:
        return Body.draw(np.random.default_rng(3), height_m=1.75)
    except RenderUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def renderer() -> Iterator[Renderer]:
    """One renderer; tests that need it are skipped where OpenGL cannot be had."""
    try:
        renderer = Renderer(*SIZE)
    except RenderUnavailable as error:
        pytest.skip(str(error))
    yield renderer
    renderer.close()
