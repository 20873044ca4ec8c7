"""People followed through pictures: found, kept, lost and found again, never merged or doubled."""

import itertools
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hitrs_live.errors import PoseModelMissing
from hitrs_live.messages import Frame
from hitrs_live.pose.blazepose.known import Known, about_both, covering_pair, is_turned_over, without_doubles
from hitrs_live.pose.blazepose.landmarker import BlazePoseLandmarker
from hitrs_live.pose.blazepose.networks import BlazePoseNetworks
from hitrs_live.pose.blazepose.person import Person, find_person
from hitrs_live.pose.blazepose.regions import Region
from hitrs_live.pose.blazepose.search import Search
from hitrs_live.pose.mediapipe.models import find_pose_model
from hitrs_live.pose.mediapipe.task_bundle import CONTENT
from hitrs_live.pose.same_person import SAME_PERSON, apart
from hitrs_live.pose.worker.protocol import LANDMARK_FIELDS

Show = Callable[..., Frame]
Picture = NDArray[np.uint8]
WIDE = {"width": 960, "size": 360}
SQUARE = np.ones(2, np.float32)


@pytest.fixture(scope="module")
def networks() -> BlazePoseNetworks:
    return BlazePoseNetworks(find_pose_model("full"))


@pytest.fixture
def landmarker() -> Iterator[BlazePoseLandmarker]:
    opened = BlazePoseLandmarker(find_pose_model("full"), max_people=2, min_confidence=0.5)
    yield opened
    opened.close()


def red_green_blue(frame: Frame) -> Picture:
    return np.ascontiguousarray(frame.image[..., ::-1])


def lefts(people: NDArray[np.float32], width: int) -> list[float]:
    """Pixels from the picture's left edge to each nose."""
    return [float(person[0, 0]) * width for person in people]


def person_at(x: float, y: float = 0.5, height: float = 0.8, lean: float = 0.0) -> Person:
    """A person of landmarks in a column, fractions of a square picture of 100 pixels; lean moves the lower ones."""
    landmarks = np.zeros((33, LANDMARK_FIELDS), np.float32)
    landmarks[:, 1] = y + height * np.linspace(-0.5, 0.5, 33)
    landmarks[:, 0] = x + 0.1 * np.tile([-1, 0, 1], 11) + lean * np.linspace(0, 1, 33)
    landmarks[:, 5:] = 1
    return Person(landmarks=landmarks, presence=1.0, region=Region(x=100 * x, y=100 * y, side=100 * height, angle=0.0))


@pytest.mark.slow
def test_one_person_stays_one_and_moves_with_the_picture(landmarker: BlazePoseLandmarker, show: Show) -> None:
    noses = []
    for index in range(20):
        people = landmarker.step(red_green_blue(show(index, 60 + 6 * index, size=400)))
        assert people.shape == (1, 33, LANDMARK_FIELDS)
        noses += lefts(people, 640)
    # 19 steps of 6 pixels; half of her is outside the picture, so the network's region wavers by some pixels.
    assert noses[-1] - noses[0] == pytest.approx(114, abs=15)


@pytest.mark.slow
def test_a_picture_that_stays_the_same_gives_landmarks_that_do(landmarker: BlazePoseLandmarker, show: Show) -> None:
    still = red_green_blue(show(0, 150, size=400))
    people = [landmarker.step(still) for _ in range(12)]
    for person in people[6:]:
        np.testing.assert_array_equal(person, people[-1])


@pytest.mark.slow
def test_the_same_pictures_give_the_same_bytes_and_the_future_changes_no_past(show: Show) -> None:
    pictures = [red_green_blue(show(index, 40 + 5 * index, 420 - 5 * index, **WIDE)) for index in range(12)]
    runs = []
    for shown in (pictures, pictures, [*pictures[:6], *pictures[:5:-1]]):
        landmarker = BlazePoseLandmarker(find_pose_model("full"), max_people=2, min_confidence=0.5)
        runs.append([landmarker.step(picture).tobytes() for picture in shown])
    assert runs[0] == runs[1]
    assert runs[0][:6] == runs[2][:6]


@pytest.mark.slow
def test_a_persons_landmarks_do_not_depend_on_who_is_beside_the_region(networks: BlazePoseNetworks, show: Show) -> None:
    alone, together = (red_green_blue(show(0, *places, **WIDE)) for places in ((20,), (20, 580)))
    region = Region(x=200, y=330, side=420, angle=0.05)
    first, second = (find_person(networks, picture, region) for picture in (alone, together))
    np.testing.assert_array_equal(first.landmarks, second.landmarks)
    assert first.presence == second.presence > 0.5


@pytest.mark.slow
def test_two_people_keep_their_places_in_the_order_while_both_are_seen(
    landmarker: BlazePoseLandmarker, show: Show
) -> None:
    for index in range(25):
        people = landmarker.step(red_green_blue(show(index, 20, 580, **WIDE)))
        if index == 10:
            order = np.argsort(lefts(people, 960)).tolist()
        if index >= 10:
            assert len(people) == 2
            assert np.argsort(lefts(people, 960)).tolist() == order


@pytest.mark.slow
def test_people_who_cross_are_never_doubled_and_are_two_before_and_after(
    landmarker: BlazePoseLandmarker, show: Show
) -> None:
    aspect = np.array([960 / 480, 1], np.float32)
    counts = []
    for index in range(60):
        shift = 10 * index
        people = landmarker.step(red_green_blue(show(index, shift, 590 - shift, **WIDE)))
        counts.append(len(people))
        for one, other in itertools.combinations(people, 2):
            assert apart(one, other, aspect) > SAME_PERSON
    assert set(counts[8:14]) == {2}
    assert set(counts[-6:]) == {2}
    # The one behind is hidden in the middle.
    assert counts[29] == 1


@pytest.mark.slow
def test_a_person_who_was_hidden_for_a_moment_is_found_at_once(landmarker: BlazePoseLandmarker, show: Show) -> None:
    there, hidden = red_green_blue(show(0, 150, size=400)), np.full((480, 640, 3), 127, np.uint8)
    assert [len(landmarker.step(there)) for _ in range(3)] == [1, 1, 1]
    assert [len(landmarker.step(hidden)) for _ in range(4)] == [0] * 4
    assert len(landmarker.step(there)) == 1


@pytest.mark.slow
def test_no_more_people_than_asked_for(show: Show) -> None:
    landmarker = BlazePoseLandmarker(find_pose_model("full"), max_people=1, min_confidence=0.5)
    for index in range(6):
        assert len(landmarker.step(red_green_blue(show(index, 20, 580, **WIDE)))) == 1


@pytest.mark.slow
def test_a_far_larger_person_takes_the_place_of_one_where_there_is_no_room_for_both(show: Show) -> None:
    landmarker = BlazePoseLandmarker(find_pose_model("full"), max_people=1, min_confidence=0.5)
    small, both = (np.full((1200, 1800, 3), 127, np.uint8) for _ in range(2))
    for picture in (small, both):
        picture[:480, :640] = red_green_blue(show(0, 150, size=200))
    both[:, 600:] = red_green_blue(show(0, 100, size=1150, width=1200, height=1200))
    # The tile that shows her comes in its turn.
    before = [landmarker.step(small) for _ in range(30)][-1]
    after = [landmarker.step(both) for _ in range(16)][-1]
    assert len(before) == len(after) == 1
    assert lefts(before, 1800)[0] < 400 < 700 < lefts(after, 1800)[0]


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (40, 1200), (1200, 16)])
def test_any_size_of_picture_is_taken(landmarker: BlazePoseLandmarker, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    for _ in range(3):
        assert landmarker.step(noise).shape[1:] == (33, LANDMARK_FIELDS)


@pytest.mark.slow
def test_it_runs_without_mediapipe_and_without_torch() -> None:
    code = (
        "import sys; from hitrs_live.config import PoseConfig; from hitrs_live.pose.factory import open_landmarker\n"
        "open_landmarker(PoseConfig(backend='blazepose')); print({'mediapipe', 'torch'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


def test_a_file_that_holds_other_networks_is_refused_with_the_other_backend_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.task"
    with zipfile.ZipFile(path, "w") as archive:
        for name in CONTENT:
            archive.writestr(name, b"\x00" * 64)
    with pytest.raises(PoseModelMissing, match=r"mine\.task.*no TensorFlow Lite file.*pose\.backend = \"mediapipe\""):
        BlazePoseNetworks(path)


def found(*people: tuple[Person, Person | None]) -> list[tuple[Known, Person | None]]:
    return [(Known(person=before), now) for before, now in people]


def test_of_two_regions_with_one_body_the_one_that_moved_farther_is_given_up() -> None:
    left, right = person_at(0.3), person_at(0.7)
    assert without_doubles(found((left, person_at(0.31)), (right, person_at(0.3))), SQUARE)[1] is None
    assert without_doubles(found((left, person_at(0.7)), (right, person_at(0.71))), SQUARE)[0] is None


def test_two_bodies_are_both_kept_and_one_that_is_not_found_stays_so() -> None:
    left, right = person_at(0.3), person_at(0.7)
    assert without_doubles(found((left, left), (right, right)), SQUARE) == [left, right]
    assert without_doubles(found((left, None), (right, left)), SQUARE) == [None, left]


def turned_over(person: Person) -> Person:
    """The same body with the head where the feet are."""
    landmarks = person.landmarks.copy()
    landmarks[:, 1] = landmarks[:, 1].min() + landmarks[:, 1].max() - landmarks[:, 1]
    return Person(landmarks=landmarks, presence=1.0, region=person.region)


def test_a_body_is_not_seen_a_second_time_upside_down() -> None:
    person = person_at(0.5)
    double = turned_over(person_at(0.52))
    assert apart(person.landmarks, double.landmarks, SQUARE) > SAME_PERSON
    assert is_turned_over(double, person, SQUARE)
    assert not is_turned_over(person, double, SQUARE)
    assert without_doubles(found((person, person), (double, double)), SQUARE) == [person, None]
    assert without_doubles(found((double, double), (person, person)), SQUARE) == [None, person]


def test_who_stands_on_the_hands_beside_another_is_a_second_person() -> None:
    person, acrobat = person_at(0.3), turned_over(person_at(0.7))
    assert not is_turned_over(acrobat, person, SQUARE)
    assert without_doubles(found((person, person), (acrobat, acrobat)), SQUARE) == [person, acrobat]


def test_a_body_within_another_is_checked_and_people_side_by_side_are_not() -> None:
    size = np.array([100, 100], np.float32)
    whole, half = Known(person=person_at(0.5)), Known(person=person_at(0.5, y=0.4, height=0.4))
    assert covering_pair([whole, half], size) == (whole, half)
    assert covering_pair([whole, Known(person=person_at(0.62))], size) is None
    assert covering_pair([whole, Known(person=half.person, missed=1)], size) is None
    later = [Known(person=each.person, unchecked=3) for each in (whole, half)]
    assert covering_pair(later, size) is None


def test_the_part_about_two_people_has_both_regions_inside() -> None:
    part = about_both(person_at(0.3, height=0.4), person_at(0.6, height=0.6))
    assert (part.x, part.y) == pytest.approx((50, 50))
    assert part.side == pytest.approx(80)


def parts(search: Search, pictures: int, *, seen: int, missing: Sequence[Region] = ()) -> list[list[float]]:
    """The sides of the parts that the detector is shown of each of so many pictures of 1,600 x 900 pixels."""
    return [
        [part.region.side for part in search.next_parts(1600, 900, seen=seen, missing=missing)] for _ in range(pictures)
    ]


def test_while_someone_is_seen_the_detector_runs_every_third_picture_and_later_every_sixth() -> None:
    search = Search()
    shown = [bool(each) for each in parts(search, 180, seen=1)]
    first = [index for index, searched in enumerate(shown[:60]) if searched]
    later = [index for index, searched in enumerate(shown) if searched and index > 70]
    assert set(np.diff(first)) == {3}
    assert set(np.diff(later)) == {6}
    # Somebody more, or fewer, and it is as at first.
    again = [bool(each) for each in parts(search, 30, seen=2)]
    assert set(np.diff(np.flatnonzero(again)[1:])) == {3}


def test_every_second_search_sees_the_whole_picture_and_parts_come_in_turn() -> None:
    shown = [sides[0] for sides in parts(Search(), 72, seen=1) if sides]
    assert set(shown[::2]) == {1600}
    # Three squares of the picture's height and tiles of 0.6 of it, one after the other.
    assert shown[1:12:2] == [540, 900, 540, 900, 540, 540]


def test_while_all_are_seen_the_detector_runs_every_fifteenth_picture() -> None:
    search = Search()
    shown = [search.next_parts(1600, 900, seen=2, missing=[], full=True) for _ in range(30)]
    assert [index for index, each in enumerate(shown) if each] == [14, 29]


def test_while_nobody_is_seen_every_picture_is_searched_at_first_twice() -> None:
    shown = parts(Search(), 80, seen=0)
    assert shown[:4] == [[1600, 540], [1600, 900], [1600, 540], [1600, 900]]
    assert {tuple(sides) for sides in shown[70::2]} == {(1600,)}
    assert {len(sides) for sides in shown[71::2]} == {1}
    assert max(max(sides) for sides in shown[71::2]) == 900


def test_about_a_missing_person_the_detector_searches_every_other_picture() -> None:
    lost = Region(x=300, y=400, side=500, angle=0.3)
    search = Search()
    assert parts(search, 3, seen=1, missing=[lost]) == [[600], [1600], [600]]
    (part,) = search.next_parts(1600, 900, seen=1, missing=[lost])
    assert part.strict


def test_a_picture_that_is_neither_large_nor_oblong_has_no_parts() -> None:
    search = Search()
    assert [[part.region.side for part in search.next_parts(640, 560, seen=0, missing=[])] for _ in range(4)] == [
        [640]
    ] * 4


@pytest.mark.parametrize("size", [(1600, 900), (900, 1600), (840, 750), (700, 700)])
def test_the_parts_cover_the_picture_and_lie_inside(size: tuple[int, int]) -> None:
    search = Search()
    looked = [search.next_parts(*size, seen=0, missing=[])[-1] for _ in range(60)]
    regions = [part.region for part in looked if part.strict]
    for side in {region.side for region in regions}:
        covered = np.zeros(size, bool)
        for region in regions:
            if region.side == side:
                left, top = round(region.x - side / 2), round(region.y - side / 2)
                assert left >= 0
                assert top >= 0
                covered[left : left + round(side), top : top + round(side)] = True
        assert covered.mean() > 0.99
    assert ({region.side for region in regions} == {0.6 * min(size)}) == (max(size) < 1.2 * min(size))
