"""Who moves outside the people who are known is noticed at once; noise, light and screens are not."""

from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from hitrs_live.pose.blazepose.motion import MotionFinder, Movement
from hitrs_live.pose.blazepose.regions import Region
from hitrs_live.pose.blazepose.search import Search

Picture = NDArray[np.uint8]
WIDTH, HEIGHT = 640, 360
CELL = 10
"""Pixels."""


def wall(index: int, *, light: float = 0.0, shift: int = 0) -> Picture:
    """A textured wall with the noise of a sensor."""
    texture = np.random.default_rng(0).integers(40, 200, (HEIGHT // 20, WIDTH // 20 + 4))
    picture = np.kron(texture, np.ones((20, 20)))[:, 40 + shift : 40 + shift + WIDTH, None]
    noise = np.random.default_rng(index).normal(light, 4, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8).repeat(3, axis=2)


def with_box(picture: Picture, left: int, top: int, size: int, level: int = 230) -> Picture:
    """A picture with a bright thing in it."""
    changed = picture.copy()
    changed[top : top + size, left : left + size] = level
    return changed


def seen(pictures: Iterable[Picture], people: list[NDArray[np.float32]] | None = None) -> list[Movement]:
    finder = MotionFinder()
    return [finder.observe(picture, people or []) for picture in pictures]


def test_a_wall_with_noise_is_still_after_half_a_second_and_nothing_moves_there() -> None:
    movements = seen(wall(index) for index in range(40))
    assert all(movement.place is None for movement in movements)
    assert [movement.still for movement in movements].index(True) == 15
    assert all(movement.still for movement in movements[15:])


def test_what_comes_in_is_noticed_in_the_picture_that_first_shows_it() -> None:
    pictures = [wall(index) for index in range(30)] + [with_box(wall(30), 400, 100, 60)]
    *before, now = seen(pictures)
    assert all(movement.place is None for movement in before)
    assert now.place is not None
    assert (now.place.x, now.place.y) == pytest.approx((430, 130), abs=CELL)
    assert now.place.side == pytest.approx(60, abs=2 * CELL)
    assert not now.still


def test_what_moves_by_less_than_a_cell_a_picture_is_noticed() -> None:
    movements = seen(with_box(wall(index), 100 + 4 * index, 100, 60) for index in range(30))
    assert all(movement.place is not None for movement in movements[5:])


def test_a_person_who_is_known_may_move_and_who_moves_beside_is_noticed() -> None:
    person = np.array([[100, 80], [200, 300]], np.float32)
    moving = [with_box(wall(index), 120 + 3 * (index % 8), 150, 60) for index in range(30)]
    assert all(movement.place is None for movement in seen(moving, [person]))
    *_, beside = seen([*moving, with_box(moving[-1], 300, 150, 60)], [person])
    assert beside.place is not None
    assert beside.place.x == pytest.approx(330, abs=CELL)


def test_where_a_known_person_has_just_been_nothing_is_noticed() -> None:
    finder = MotionFinder()
    for index in range(30):
        left = 40 + 12 * index
        person = np.array([[left, 100], [left + 60, 260]], np.float32)
        movement = finder.observe(with_box(wall(index), left, 120, 60), [person])
        assert movement.place is None


def test_light_that_changes_for_all_of_the_picture_is_no_movement() -> None:
    movements = seen(wall(index, light=12.0 * (index > 20)) for index in range(30))
    assert all(movement.place is None for movement in movements)


def test_a_camera_that_moves_tells_nothing_and_its_scene_is_not_still() -> None:
    movements = seen(wall(index, shift=max(0, index - 20) * 4) for index in range(30))
    assert movements[20].still
    assert [(movement.place, movement.still) for movement in movements[-3:]] == [(None, False)] * 3


def test_a_screen_that_always_changes_is_left_alone_after_some_time_and_what_comes_in_is_not() -> None:
    pictures = [with_box(wall(index), 300, 100, 80, level=60 * (index // 2 % 4)) for index in range(120)]
    movements = seen(pictures)
    assert any(movement.place is not None for movement in movements[:20])
    assert all(movement.place is None for movement in movements[60:])
    *_, come_in = seen([*pictures, with_box(pictures[-1], 100, 100, 60)])
    assert come_in.place is not None
    assert come_in.place.x == pytest.approx(130, abs=CELL)


def test_pictures_may_change_their_size_and_have_any() -> None:
    finder = MotionFinder()
    for size in ((1, 1), (2, 3), (40, 1200), (1200, 16), (720, 1280)):
        for _ in range(5):
            assert finder.observe(np.full((*size, 3), 90, np.uint8), []).place is None


MOVING = Movement(place=Region(x=900, y=300, side=100, angle=0.0))
STILL = Movement(still=True)


def searched(search: Search, pictures: int, *, seen: int, movement: Movement | None) -> list[int]:
    """The numbers of the pictures that are searched, from 0."""
    return [
        index
        for index in range(pictures)
        if search.next_parts(1280, 720, seen=seen, missing=[], movement=movement)
    ]  # fmt: skip


def test_in_a_still_scene_the_detector_runs_more_seldom() -> None:
    busy, still, empty = Search(), Search(), Search()
    for search, count in ((busy, 1), (still, 1), (empty, 0)):
        searched(search, 70, seen=count, movement=Movement())
    # Without small tiles, for which this picture is too small.
    assert set(np.diff(searched(busy, 60, seen=1, movement=Movement()))) == {6}
    assert set(np.diff(searched(still, 60, seen=1, movement=STILL))) == {12}
    assert set(np.diff(searched(empty, 60, seen=0, movement=STILL))) == {4}
    assert searched(empty, 5, seen=0, movement=Movement()) == [0, 1, 2, 3, 4], "not still: every picture"


def test_between_the_searches_of_a_large_still_picture_there_is_one_of_a_small_tile() -> None:
    search = Search()
    still = {"seen": 1, "missing": [], "movement": STILL}
    shown = [search.next_parts(1600, 900, **still) for _ in range(71)][-11:]
    shown += [search.next_parts(1600, 900, **still) for _ in range(600)]
    small = [index for index, parts in enumerate(shown) if parts and parts[0].region.side == 400]
    usual = [index for index, parts in enumerate(shown) if parts and parts[0].region.side != 400]
    assert set(np.diff(small)) == set(np.diff(usual)) == {12}
    assert (small[0] - usual[0]) % 12 == 6
    assert all(shown[index][0].strict for index in small)
    covered = np.zeros((900, 1600), bool)
    for index in small:
        region = shown[index][0].region
        left, top = round(region.x - 200), round(region.y - 200)
        covered[top : top + 400, left : left + 400] = True
    assert covered.all(), "one after the other"


@pytest.mark.parametrize(
    ("size", "movement", "spare"),
    [
        ((1600, 900), STILL, False),
        ((1600, 900), Movement(), True),
        ((1600, 900), None, True),
        ((1280, 720), STILL, True),
    ],
)
def test_without_time_in_a_busy_scene_and_in_a_small_picture_there_are_no_small_tiles(
    size: tuple[int, int], movement: Movement | None, spare: bool
) -> None:
    search = Search()
    shown = [search.next_parts(*size, seen=1, missing=[], movement=movement, spare=spare) for _ in range(300)]
    assert all(part.region.side != 400 for parts in shown for part in parts)


def test_where_something_moves_the_detector_looks_at_once_there_first() -> None:
    search = Search()
    searched(search, 70, seen=1, movement=STILL)
    while not search.next_parts(1600, 900, seen=1, missing=[], movement=STILL, spare=False):
        pass
    assert search.next_parts(1600, 900, seen=1, missing=[], movement=STILL) == []
    (part,) = search.next_parts(1600, 900, seen=1, missing=[], movement=MOVING)
    assert part.strict
    assert (part.region.x, part.region.y, part.region.side) == (900, 300, 320)
    # Then in turn with the usual parts, every other picture.
    sides = [
        [part.region.side for part in search.next_parts(1600, 900, seen=1, missing=[], movement=MOVING)]
        for _ in range(6)
    ]
    assert sides[0::2] == [[]] * 3
    assert sides[1] != [320]
    assert sides[3] == [320]
    assert sides[5] != [320]


def test_where_nobody_is_seen_the_whole_picture_comes_before_what_moves() -> None:
    search = Search()
    first, second = (
        [part.region.side for part in search.next_parts(1600, 900, seen=0, missing=[], movement=MOVING)]
        for _ in range(2)
    )
    assert first == [1600, 320]
    assert second[0] == 1600
    assert second[1] != 320, "in turn with the usual parts"


def test_about_something_large_that_moves_the_whole_picture_is_searched() -> None:
    search = Search()
    searched(search, 70, seen=1, movement=STILL)
    large = Movement(place=Region(x=800, y=500, side=500, angle=0.0))
    shown = [search.next_parts(1600, 900, seen=1, missing=[], movement=large, spare=False) for _ in range(3)]
    (part,) = next(parts for parts in shown if parts)
    assert part.region.side == 1600
    assert not part.strict


def test_as_many_as_are_wanted_are_enough_whatever_moves() -> None:
    search = Search()
    shown = [search.next_parts(1600, 900, seen=2, missing=[], full=True, movement=MOVING) for _ in range(30)]
    assert [index for index, each in enumerate(shown) if each] == [14, 29]
