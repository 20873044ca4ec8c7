"""The renderer draws bodies where the camera projects them, the same each time, and knows what is hidden."""

from dataclasses import replace

import numpy as np
import pytest
from standing_person import SIZE, standing

from hitrs_live.skeleton import NTU25
from hitrs_live.virtual_camera.camera import Camera
from hitrs_live.virtual_camera.mesh import box, floor_mesh, vertex_normals
from hitrs_live.virtual_camera.people.appearance import Appearance
from hitrs_live.virtual_camera.people.body import Body, PosedBody
from hitrs_live.virtual_camera.pictures.renderer import Picture, RenderedPerson, Renderer
from hitrs_live.virtual_camera.pictures.visibility import inside_picture, visible_joints

_GREY = np.array([0.5, 0.5, 0.5])


def _camera(eye_m: tuple[float, float, float] = (0, 1.1, 3.2)) -> Camera:
    width, height = SIZE
    return Camera.looking_at(np.array(eye_m, float), np.array([0, 0.95, 0.0]), width=width, height=height, fov_deg=55)


def _drawn(renderer: Renderer, body: Body, posed: PosedBody, camera: Camera, **things: object) -> Picture:
    appearance = Appearance.draw(body, np.random.default_rng(5))
    person = RenderedPerson(appearance=appearance, bones=posed.bones[0])
    return renderer.draw([person], [floor_mesh(5, _GREY), *things.get("things", ())], camera)  # type: ignore[misc]


@pytest.mark.slow
def test_the_body_is_drawn_where_the_camera_projects_its_joints(body: Body, renderer: Renderer) -> None:
    posed, camera = body.pose(standing()), _camera((1.0, 1.4, 3.0))

    picture = _drawn(renderer, body, posed, camera)

    pixels = camera.project(posed.joints_m[0])[0].astype(int)
    assert inside_picture(camera, posed.joints_m[0]).all()
    assert (picture.person[pixels[:, 1], pixels[:, 0]] == 1).mean() > 0.9
    depth_m = picture.depth_m[pixels[:, 1], pixels[:, 0]]
    assert np.median(np.abs(depth_m - camera.project(posed.joints_m[0])[1])) < 0.12


@pytest.mark.slow
def test_the_renderer_moves_vertices_as_the_slow_reference_does(body: Body, renderer: Renderer) -> None:
    raised = standing(1, left_elbow=(0.35, 1.6, 0.1), left_wrist=(0.3, 1.85, 0.2), right_knee=(-0.12, 0.9, 0.4))
    posed, camera, rest = body.pose(raised), _camera(), body.rest
    bare = replace(
        Appearance.draw(body, np.random.default_rng(5)), vertices_m=rest.vertices_m, faces=rest.faces,
        normals=vertex_normals(rest.vertices_m, rest.faces), bone_indices=rest.bone_indices,
        bone_weights=rest.bone_weights, skin=np.ones((len(rest.vertices_m), 4), np.float32),
        cover=np.full((len(rest.vertices_m), 8), -1, np.float32),
    )  # fmt: skip

    picture = renderer.draw([RenderedPerson(appearance=bare, bones=posed.bones[0])], [], camera)

    pixels, depth_m = camera.project(body.vertices(posed)[0])
    columns, rows = pixels.astype(int).T
    ahead_m = picture.depth_m[rows, columns] - depth_m
    drawn = picture.person[rows, columns] == 1
    # Fingers are as thin as a pixel.
    assert drawn.mean() > 0.9
    # No vertex is nearer than the surface drawn there, and those in front lie on it; a pixel is 11 mm wide here.
    assert np.percentile(ahead_m[drawn], 98) < 0.025
    assert (np.abs(ahead_m[drawn]) < 0.005).mean() > 0.3


@pytest.mark.slow
def test_the_same_seed_gives_the_same_picture(body: Body, renderer: Renderer) -> None:
    posed = body.pose(standing())

    first, second = (_drawn(renderer, body, posed, _camera()) for _ in range(2))

    np.testing.assert_array_equal(first.colour, second.colour)
    assert first.colour.std() > 5


@pytest.mark.slow
def test_an_arm_behind_the_trunk_is_hidden(body: Body, renderer: Renderer) -> None:
    posed, camera = body.pose(standing()), _camera((3.2, 1.1, 0))

    seen = visible_joints(_drawn(renderer, body, posed, camera), camera, posed.joints_m[0], person=1)

    assert seen[NTU25.index("left_elbow")]
    assert seen[NTU25.index("left_wrist")]
    assert not seen[NTU25.index("right_elbow")]
    assert not seen[NTU25.index("right_shoulder")]


@pytest.mark.slow
def test_all_joints_are_seen_from_the_front(body: Body, renderer: Renderer) -> None:
    posed, camera = body.pose(standing()), _camera()

    seen = visible_joints(_drawn(renderer, body, posed, camera), camera, posed.joints_m[0], person=1)

    assert seen.mean() > 0.9


@pytest.mark.slow
def test_legs_behind_a_table_are_hidden(body: Body, renderer: Renderer) -> None:
    posed, camera = body.pose(standing()), _camera()
    table = box(np.array([-0.8, 0, 0.6]), np.array([0.8, 0.75, 1.0]), _GREY)

    picture = _drawn(renderer, body, posed, camera, things=[table])
    seen = visible_joints(picture, camera, posed.joints_m[0], person=1)

    assert not seen[[NTU25.index(name) for name in ("left_knee", "right_ankle", "left_foot")]].any()
    assert seen[NTU25.index("left_shoulder")]


@pytest.mark.slow
def test_what_is_outside_the_picture_is_not_seen(body: Body, renderer: Renderer) -> None:
    posed, camera = body.pose(standing()), _camera((0, 1.4, 1.0))

    seen = visible_joints(_drawn(renderer, body, posed, camera), camera, posed.joints_m[0], person=1)

    assert not seen[NTU25.index("left_ankle")]


@pytest.mark.slow
def test_a_person_throws_a_shadow_on_the_floor(body: Body, renderer: Renderer) -> None:
    posed, camera = body.pose(standing()), _camera((0, 2.5, 3.0))
    with_person = _drawn(renderer, body, posed, camera)
    without = renderer.draw([], [floor_mesh(5, _GREY)], camera)

    floor = (with_person.person == 0) & (without.depth_m < 30)
    darker = without.colour[floor].astype(int).mean(-1) - with_person.colour[floor].mean(-1) > 25
    assert darker.sum() > 300


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_every_drawn_appearance_is_sound(body: Body, seed: int) -> None:
    appearance = Appearance.draw(body, np.random.default_rng(seed))

    assert np.isfinite(appearance.vertices_m).all()
    np.testing.assert_allclose(appearance.bone_weights.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(appearance.normals, axis=1), 1, atol=1e-4)
    assert appearance.faces.max() < len(appearance.vertices_m)
    # Clothes stand off by a few centimetres, not more.
    count = len(body.rest.vertices_m)
    assert np.abs(appearance.vertices_m[:count] - body.rest.vertices_m).max() < 0.12


def test_a_camera_of_another_size_is_an_error(renderer: Renderer) -> None:
    camera = Camera.looking_at(np.array([0, 1, 3.0]), np.zeros(3), width=100, height=100, fov_deg=50)

    with pytest.raises(ValueError, match="got a camera of 100x100"):
        renderer.draw([], [], camera)
