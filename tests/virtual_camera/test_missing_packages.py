"""Where a package is missing, the error says what to install."""

import sys
from pathlib import Path

import pytest

from hitrs_live.errors import RenderUnavailable
from hitrs_live.virtual_camera.people.body_shapes import body_shapes
from hitrs_live.virtual_camera.pictures.renderer import Renderer


def test_without_moderngl_the_renderer_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moderngl", None)

    with pytest.raises(RenderUnavailable, match=r"moderngl is not installed.*pip install 'hitrs-live\[render\]'"):
        Renderer(64, 64)


def test_without_anny_the_body_mesh_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "anny", None)

    with pytest.raises(RenderUnavailable, match=r"anny.*is not installed.*pip install 'hitrs-live\[render\]'"):
        body_shapes.__wrapped__()
