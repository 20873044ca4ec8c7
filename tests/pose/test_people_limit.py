"""Fewer people are looked for where the machine is too slow, and more again where there is room. No clock is read."""

import logging
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from patience import PATIENCE_S

from hitrs_live.config import PoseConfig
from hitrs_live.messages import Frame
from hitrs_live.pose.blazepose.landmarker import BlazePoseLandmarker
from hitrs_live.pose.factory import make_pose_estimator
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.isolated import IsolatedPoseEstimator
from hitrs_live.pose.mediapipe.models import find_pose_model
from hitrs_live.pose.people_limit import PeopleLimit
from hitrs_live.pose.worker.landmarker import LandmarkerCall, LimitsPeople
from hitrs_live.skeleton import COCO17, MEDIAPIPE33

CAMERA_HZ = 30
WIDE = {"width": 960, "size": 360}
LENS = Intrinsics.from_field_of_view(60, width=960, height=480)
Show = Callable[..., Frame]


class Machine:
    """A camera of 30 pictures a second and a machine on which a picture takes a fixed time and a time for each person.

    Of the pictures that come while one is processed, the newest is the next one. `live` is False for a file, of which
    none is left out.
    """

    def __init__(self, limit: PeopleLimit, *, fixed_s: float = 0.01, live: bool = True) -> None:
        self.limit, self.fixed_s, self.live = limit, fixed_s, live
        self.time_s, self.index = 0.0, -1
        self.limits: list[tuple[float, int]] = []

    def run(self, duration_s: float, *, people: int, person_s: float) -> int:
        """Process pictures for some time. Returns the limit at the end."""
        until_s = self.time_s + duration_s
        while self.time_s < until_s:
            self.index = max(self.index + 1, int(self.time_s * CAMERA_HZ) if self.live else 0)
            captured_s = self.index / CAMERA_HZ
            if self.limit.begin(self.index, round(captured_s * 1e9)):
                self.limits.append((captured_s, self.limit.limit))
            found = min(people, self.limit.limit)
            took_s = self.fixed_s + person_s * found
            self.limit.finish(took_s, found)
            self.time_s = max(self.time_s, captured_s) + took_s
        return self.limit.limit


def machine(*, most: int = 4, fixed_s: float = 0.01, live: bool = True) -> Machine:
    return Machine(PeopleLimit(most, hang_after_s=5), fixed_s=fixed_s, live=live)


@pytest.mark.parametrize("person_s", [0.005, 0.01, 0.02])
def test_a_machine_that_keeps_ten_pictures_a_second_looks_for_everyone_for_ever(person_s: float) -> None:
    running = machine()
    assert running.run(600, people=4, person_s=person_s) == 4
    assert running.limits == []


def test_where_the_rate_falls_below_ten_hertz_for_three_seconds_one_person_less_is_looked_for() -> None:
    running = machine()
    assert running.run(60, people=4, person_s=0.03) == 3
    # 0.13 s for four people and 0.1 for three, who fit.
    ((when_s, limit),) = running.limits
    assert limit == 3
    assert 3 <= when_s < 4


def test_people_are_left_out_one_after_the_other_down_to_one() -> None:
    running = machine()
    assert running.run(60, people=4, person_s=0.2) == 1
    assert [limit for _, limit in running.limits] == [3, 2, 1]


def test_the_first_to_be_left_out_is_one_of_those_who_are_there() -> None:
    running = machine(most=8)
    running.run(4.5, people=3, person_s=0.05)
    assert [limit for _, limit in running.limits] == [2]


def test_one_person_is_always_looked_for_however_slow_the_machine() -> None:
    running = machine()
    assert running.run(300, people=1, person_s=1.0) == 4
    assert running.run(300, people=2, person_s=1.0) == 1


def test_a_short_delay_changes_nothing() -> None:
    running = machine()
    for _ in range(20):
        running.run(2, people=4, person_s=0.05)
        running.run(4, people=4, person_s=0.01)
    assert running.limits == []


def test_one_picture_that_took_half_as_long_as_a_hang_is_enough() -> None:
    running = machine()
    running.run(2, people=4, person_s=0.01)
    running.run(0.1, people=4, person_s=0.7)
    running.run(0.1, people=4, person_s=0.01)
    assert [limit for _, limit in running.limits] == [3], "before a hang could be seen in it"


def test_with_room_again_there_is_one_person_more_every_ten_seconds() -> None:
    running = machine()
    running.run(60, people=4, person_s=0.2)
    began_s = running.time_s
    assert running.run(60, people=4, person_s=0.01) == 4
    up = [(when_s - began_s, limit) for when_s, limit in running.limits if when_s > began_s]
    assert [limit for _, limit in up] == [2, 3, 4]
    assert np.diff([0, *(when_s for when_s, _ in up)]) == pytest.approx(10, abs=1)


def test_without_room_for_one_more_it_stays_as_it_is() -> None:
    running = machine()
    running.run(60, people=4, person_s=0.03)
    # Three at 0.09 s leave no room for a fourth; at 0.02 s a person, with 0.01 for the rest, four would not fill 0.07.
    assert running.run(600, people=4, person_s=0.0267) == 3
    assert len(running.limits) == 1


def test_one_more_who_is_one_too_many_again_and_again_is_tried_ever_more_seldom() -> None:
    running = machine(most=2)
    for _ in range(8):
        # There is room for a second person only until the second comes.
        while running.limit.limit == 2:
            running.run(0.5, people=2, person_s=0.2)
        while running.limit.limit == 1:
            running.run(0.5, people=0, person_s=0.2)
    times_s = [when_s for when_s, _ in running.limits]
    waits_s = np.diff(times_s)[::2]
    assert waits_s == pytest.approx([10, 20, 40, 80, 160, 160, 160, 160], abs=3)


def test_the_people_in_a_file_do_not_depend_on_the_machine() -> None:
    running = machine(live=False)
    assert running.run(600, people=4, person_s=1.0) == 4
    assert running.limits == []


def test_there_is_time_to_spare_until_a_picture_is_left_out_and_again_after_a_second_without() -> None:
    limit = PeopleLimit(2, hang_after_s=5)
    spare = []
    for index in (*range(40), *range(41, 80)):
        limit.begin(index, index * 33_333_333)
        limit.finish(0.01, 1)
        spare.append(limit.spare)
    assert spare[:40] == [True] * 40
    assert spare[40:] == [False] * 30 + [True] * 9


class StepClock:
    """Seconds that go on by as much as the test says, each time they are read."""

    def __init__(self, step_s: float) -> None:
        self.step_s, self.now_s = step_s, 0.0

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s


@pytest.fixture
def clock() -> StepClock:
    return StepClock(0.2)


@pytest.fixture
def estimator(clock: StepClock) -> Iterator[IsolatedPoseEstimator]:
    running = IsolatedPoseEstimator(
        lambda: LandmarkerCall(
            target="hitrs_live.pose.blazepose.landmarker:BlazePoseLandmarker",
            arguments={"model": str(find_pose_model("full")), "max_people": 2, "min_confidence": 0.5},
        ),
        skeleton=MEDIAPIPE33, config=PoseConfig(hang_after_s=PATIENCE_S), intrinsics=LENS, clock=clock,
    )  # fmt: skip
    running.open()
    yield running
    running.close()


@pytest.mark.slow
def test_the_pose_process_finds_fewer_people_while_it_is_too_slow_and_all_of_them_after(
    estimator: IsolatedPoseEstimator, clock: StepClock, show: Show, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hitrs_live.pose")
    found: list[int] = []

    def pictures(count: int, *, every: int) -> list[int]:
        """Show pictures of two people of which the camera had `every` times as many; return how many are found."""
        start = len(found) and indices[-1]
        for index in range(start + every, start + every * (count + 1), every):
            indices.append(index)
            people = estimator.step(show(index, 20, 580, **WIDE))
            assert people is not None
            found.append(len(people.poses))
        return found[-count:]

    indices: list[int] = []
    assert pictures(12, every=6)[-1] == 2
    assert (estimator.people_limit, estimator.notice) == (2, "")
    assert pictures(12, every=6)[-1] == 1
    assert estimator.people_limit == 1
    assert estimator.notice == "pose estimation is too slow here: looks for at most 1 of 2 people"
    clock.step_s = 0.02
    assert pictures(30, every=30)[-1] == 2
    assert (estimator.people_limit, estimator.notice, estimator.restarts) == (2, "", 0)
    changes = [record.getMessage() for record in caplog.records if "looks for" in record.getMessage()]
    assert changes == [
        "a picture takes the pose process 200 ms, more than 100: looks for at most 1 of 2 people",
        "the pose process has room: looks for up to 2 of 2 people",
    ]


@pytest.mark.slow
def test_of_two_people_the_nearer_one_is_kept(show: Show) -> None:
    picture = np.full((480, 960, 3), 127, np.uint8)
    picture[:, 480:] = show(0, 60, size=360, width=480, height=480).image[..., ::-1]
    picture[:260, 40:340] = show(0, 10, size=240, width=300, height=260).image[..., ::-1]
    landmarker = BlazePoseLandmarker(find_pose_model("full"), max_people=2, min_confidence=0.5)
    for _ in range(30):
        both = landmarker.step(picture)
    assert len(both) == 2
    sizes = np.ptp(both[:, :11, 0], axis=1)
    landmarker.limit_people(1, spare=True)
    for _ in range(20):
        (kept,) = landmarker.step(picture)
    assert np.ptp(kept[:11, 0]) == pytest.approx(sizes.max(), rel=0.1)
    assert sizes.max() > 1.4 * sizes.min()
    # No more than it was made for, whatever is asked.
    landmarker.limit_people(9, spare=True)
    for _ in range(30):
        both = landmarker.step(picture)
    assert len(both) == 2


@pytest.mark.slow
def test_what_cannot_look_for_fewer_people_is_asked_for_all(clock: StepClock, show: Show) -> None:
    call = LandmarkerCall(target="hitrs_live.pose.synthetic:SyntheticLandmarker")
    assert not isinstance(call.make(), LimitsPeople)
    config = PoseConfig(max_people=2, hang_after_s=PATIENCE_S)
    estimator = IsolatedPoseEstimator(lambda: call, skeleton=COCO17, config=config, intrinsics=LENS, clock=clock)
    estimator.open()
    for index in range(0, 240, 6):
        assert estimator.step(show(index, **WIDE)) is not None
    assert (estimator.people_limit, estimator.notice) == (2, "")
    estimator.close()


def test_an_estimator_looks_for_as_many_people_as_the_settings_say() -> None:
    assert make_pose_estimator(PoseConfig(max_people=3), LENS).people_limit == 3
