"""Reducing a mesh leaves out what is flat and keeps the shape closed."""

import numpy as np
import pytest

from hitrs_live.virtual_camera.people.mesh_reduction import reduce_mesh


def _sphere(rows: int = 24, columns: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """A closed sphere of radius 1: its vertices and triangles."""
    down = np.linspace(0, np.pi, rows + 1)[1:-1]
    round_ = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    ring = np.stack(
        (np.outer(np.sin(down), np.cos(round_)), np.outer(np.cos(down), np.ones(columns)),
         np.outer(np.sin(down), np.sin(round_))), axis=-1,
    ).reshape(-1, 3)  # fmt: skip
    vertices = np.concatenate((ring, [[0, 1, 0], [0, -1, 0]]))
    number = np.arange(len(ring)).reshape(rows - 1, columns)
    following = np.roll(number, -1, axis=1)
    a, b, c, d = number[:-1], following[:-1], following[1:], number[1:]
    top, bottom = len(ring), len(ring) + 1
    caps = [(top, following[0, k], number[0, k]) for k in range(columns)]
    caps += [(bottom, number[-1, k], following[-1, k]) for k in range(columns)]
    sides = np.concatenate((np.stack((a, b, d), -1).reshape(-1, 3), np.stack((b, c, d), -1).reshape(-1, 3)))
    return vertices, np.concatenate((sides, np.array(caps)))


def _volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    return abs(float(np.sum(a * np.cross(b, c)))) / 6


@pytest.mark.slow
def test_a_reduced_sphere_is_still_closed_and_nearly_as_large() -> None:
    vertices, faces = _sphere()

    reduced = reduce_mesh(vertices, faces, np.ones(len(vertices)), len(faces) // 3)

    edges = np.sort(np.concatenate((reduced[:, :2], reduced[:, 1:], reduced[:, [2, 0]])), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    assert len(reduced) <= len(faces) // 3
    assert _volume(vertices, reduced) > 0.93 * _volume(vertices, faces)


def test_a_mesh_that_is_small_enough_stays_as_it_is() -> None:
    vertices, faces = _sphere(6, 8)

    np.testing.assert_array_equal(reduce_mesh(vertices, faces, np.ones(len(vertices)), 10_000), faces)
