"""Drawing over pictures: positions of joints, people, actions and predicted poses."""

import numpy as np
import pytest
from views_messages import extrapolated, forecast, people_of, scene, standing_people

from hitrs_live.messages import Frame, People
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.skeleton import NTU25
from hitrs_live.views.frame_renderer import EMPTY_SIZE, FrameRenderer
from hitrs_live.views.overlay import GHOST, LEFT, NOW, RIGHT, draw
from hitrs_live.views.projection import Lens, default_lens, project

LENS = Lens(fx=500.0, fy=500.0, cx=320.0, cy=240.0)


def blank(width: int = 640, height: int = 480) -> np.ndarray:
    return np.full((height, width, 3), 60, np.uint8)


def near_colour(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(image.astype(int) - colour).max(-1) < 8


def test_the_left_of_the_camera_is_left_in_the_picture_and_up_is_up() -> None:
    points = np.array([[0.0, 0.0, 2.0], [1.0, 0.0, 2.0], [0.0, 0.5, 2.0]])
    np.testing.assert_allclose(project(points, LENS), [[320, 240], [70, 240], [320, 115]])


def test_projection_undoes_what_the_lens_model_of_the_pose_stage_does() -> None:
    camera = Intrinsics(
        fx=500.0, fy=510.0, cx=310.0, cy=250.0, width=640, height=480, distortion=(-0.2, 0.05, 0.001, -0.002, 0.0)
    )
    fractions = np.array([[0.1, 0.2], [0.5, 0.5], [0.85, 0.9]])
    rays = camera.rays(fractions)
    joints_m = np.stack([-3 * rays[:, 0], -3 * rays[:, 1], np.full(3, 3.0)], axis=-1)
    # The pose stage undoes the distortion in a few rounds; a tenth of a pixel remains.
    np.testing.assert_allclose(project(joints_m, camera), fractions * (640, 480), atol=0.1)


def test_joints_behind_the_camera_or_unknown_have_no_pixels() -> None:
    points = np.array([[0.0, 0.0, -1.0], [0.0, 0.0, 0.0], [np.nan, 0.0, 2.0], [0.0, np.inf, 2.0]])
    assert np.isnan(project(points, LENS)).all()


def test_the_left_hand_is_drawn_in_the_left_colour_where_it_is() -> None:
    joints = standing_people()
    image = draw(blank(), scene(people_of(joints)), lens=LENS)
    for side, colour in (("left", LEFT), ("right", RIGHT)):
        x, y = project(joints[0, NTU25.index(f"{side}_elbow")], LENS).round().astype(int)
        assert near_colour(image[y - 2 : y + 3, x - 2 : x + 3], colour).any()


def test_joints_of_low_confidence_are_drawn_darker() -> None:
    joints = standing_people()
    sure, unsure = (draw(blank(), scene(people_of(joints, c)), lens=LENS).astype(int) for c in (1.0, 0.1))
    x, y = project(joints[0, NTU25.index("spine_middle")], LENS).round().astype(int)
    assert unsure[y, x].sum() < 0.6 * sure[y, x].sum()


def test_people_who_are_not_present_are_not_drawn() -> None:
    people = people_of(standing_people(2))
    absent = People(
        capture_time_ns=0, track_ids=people.track_ids, present=np.zeros(3, np.bool_),
        joints_m=people.joints_m, confidence=people.confidence,
    )  # fmt: skip
    no_people = people_of(np.zeros((0, 25, 3)))
    np.testing.assert_array_equal(
        draw(blank(), scene(absent, {1: ("squat", 0.9)}), lens=LENS), draw(blank(), scene(no_people), lens=LENS)
    )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda joints: joints * np.nan,
        lambda joints: joints * np.array([1, 1, -1]),
        lambda joints: joints + np.array([500, 0, 0]),
        lambda joints: joints * np.array([1e6, 1e6, 1e-3]),
        lambda joints: np.where(np.arange(25)[:, None] % 2, joints, np.nan),
        lambda joints: joints - np.array([0, 0, 2.9]),
        lambda joints: np.zeros_like(joints),
        lambda joints: joints * 1e30,
    ],
)
@pytest.mark.parametrize("size", [(640, 480), (33, 21), (1, 1), (1920, 1080)])
def test_joints_outside_the_picture_are_not_an_error(spoil, size: tuple[int, int]) -> None:  # type: ignore[no-untyped-def]
    joints = spoil(standing_people()).astype(np.float32)
    image = blank(*size)
    people = people_of(joints, np.nan)
    gone = extrapolated(people, (0.0, 0.0, 0.0), 400.0)
    drawn = draw(image, scene(people, {1: ("squat", 0.9)}, forecast=forecast(gone, gone, reliable=False)), lens=LENS)
    assert drawn is image
    assert drawn.shape == (size[1], size[0], 3)


def test_an_action_and_its_score_are_written_over_the_person() -> None:
    people = people_of(standing_people())
    without = draw(blank(), scene(people), lens=LENS).astype(int)
    low, high = (draw(blank(), scene(people, {1: ("squat", score)}), lens=LENS).astype(int) for score in (0.2, 0.9))
    assert np.abs(without - low).any()
    # The bar under the words is longer for the higher score.
    assert (low != high).any(-1).sum(1).max() > 60


def test_a_cameras_picture_is_copied_and_the_lens_is_for_its_size() -> None:
    asked: list[tuple[int, int]] = []

    def lens_for(width: int, height: int) -> Lens:
        asked.append((width, height))
        return default_lens(width, height)

    painter = FrameRenderer(lens_for)
    image = blank()
    image.setflags(write=False)
    people = people_of(standing_people())
    for _ in range(2):
        painted = painter.render(
            scene(people, {}, frame=Frame(index=0, capture_time_ns=0, received_ns=0, image=image), forecast=None)
        )
    assert asked == [(640, 480)]
    assert (image == 60).all()
    assert (painted != 60).any()


def test_without_a_picture_people_stand_on_a_floor() -> None:
    painter = FrameRenderer()
    no_people = people_of(np.zeros((0, 25, 3)))
    picture = painter.render(scene(no_people))
    assert picture.shape == (EMPTY_SIZE[1], EMPTY_SIZE[0], 3)
    joints = standing_people()
    x, y = project(joints[0, NTU25.index("left_foot")], default_lens(*EMPTY_SIZE)).round().astype(int)
    assert picture[y : y + 60].std(axis=1).max() > 2
    standing = painter.render(scene(people_of(joints)))
    assert near_colour(standing[y - 2 : y + 3, x - 2 : x + 3], LEFT).any()


def test_the_floor_follows_feet_that_are_lower() -> None:
    painter = FrameRenderer()
    low = standing_people() - np.array([0, 0.4, 0], np.float32)
    before = painter.render(scene(people_of(np.zeros((0, 25, 3)))))
    for _ in range(30):
        painter.render(scene(people_of(low)))
    after = painter.render(scene(people_of(np.zeros((0, 25, 3)))))
    assert (before != after).any()


def added(image: np.ndarray, plain: np.ndarray, side: slice) -> np.ndarray:
    """What was drawn in a part of the picture that no person stands in: (N, 3), how much each pixel changed."""
    change = image[80:400, side].astype(int) - plain[80:400, side]
    return change[np.abs(change).max(-1) > 4]


FAR_RIGHT, FAR_LEFT = slice(420, 640), slice(0, 220)
"""Of a picture of a person in its middle: where one who stepped aside by 0.8 m is seen."""


def test_future_and_present_poses_are_drawn_in_their_own_colours() -> None:
    people = people_of(standing_people())
    later, now = extrapolated(people, (-0.8, 0, 0), 400.0), extrapolated(people, (0.8, 0, 0), 63.0)
    plain = draw(blank(), scene(people), lens=LENS)
    image = draw(blank(), scene(people, forecast=forecast(later, now)), lens=LENS)
    for side, colour in ((FAR_RIGHT, GHOST), (FAR_LEFT, NOW)):
        change = added(image, plain, side)
        assert len(change) > 300
        np.testing.assert_allclose(change[change.sum(1).argmax()], np.array(colour) - 60, atol=2)


def test_a_person_without_a_prediction_has_no_predicted_pose() -> None:
    people = people_of(standing_people())
    unknown = extrapolated(people, (-0.8, 0, 0), 400.0, known=False)
    plain = draw(blank(), scene(people), lens=LENS)
    np.testing.assert_array_equal(draw(blank(), scene(people, forecast=forecast(unknown)), lens=LENS), plain)


def test_unreliable_predicted_poses_are_fainter() -> None:
    people = people_of(standing_people())
    later = extrapolated(people, (-0.8, 0, 0), 400.0)
    plain = draw(blank(), scene(people), lens=LENS)
    sure, unsure = (
        added(draw(blank(), scene(people, forecast=forecast(later, reliable=reliable)), lens=LENS), plain, FAR_RIGHT)
        for reliable in (True, False)
    )
    assert 0.25 * sure.max() < unsure.max() < 0.5 * sure.max()


def test_present_poses_are_drawn_at_full_strength_since_only_reliable_ones_exist() -> None:
    people = people_of(standing_people())
    later, now = extrapolated(people, (0, 0, 0), 400.0, known=False), extrapolated(people, (0.8, 0, 0), 63.0)
    plain = draw(blank(), scene(people), lens=LENS)
    change = added(
        draw(blank(), scene(people, forecast=forecast(later, now, reliable=False)), lens=LENS), plain, FAR_LEFT
    )
    np.testing.assert_allclose(change[change.sum(1).argmax()], np.array(NOW) - 60, atol=2)


def test_a_legend_explains_predicted_poses_and_faint_ones_on_a_further_line() -> None:
    people = people_of(standing_people())
    later = extrapolated(people, (-0.8, 0, 0), 400.0)
    plain = draw(blank(), scene(people), lens=LENS)

    def lines(reliable: bool, now: bool) -> int:
        image = draw(
            blank(), scene(people, forecast=forecast(later, later if now else None, reliable=reliable)), lens=LENS
        )
        return int((image[380:, 5:100] != plain[380:, 5:100]).any((1, 2)).sum())

    assert 0 < lines(True, now=False) < lines(True, now=True) < lines(False, now=True)
