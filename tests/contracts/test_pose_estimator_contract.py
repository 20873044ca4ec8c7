"""What every pose estimator keeps to, whatever network finds the people and in whichever process it runs."""

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from patience import PATIENCE_S
from pictures import show as show

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.config import Config, PoseBackend, PoseConfig, override
from hitrs_live.messages import Frame, Pose, PoseEvent, PoseFrame, ScoreEvent, SourceChange, Status
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.pipeline import Pipeline
from hitrs_live.pose.base import PoseEstimator
from hitrs_live.pose.factory import make_pose_estimator
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.isolated import IsolatedPoseEstimator
from hitrs_live.pose.synthetic import SyntheticPoseEstimator, draw_person
from hitrs_live.pose.worker.landmarker import LandmarkerCall
from hitrs_live.skeleton import COCO17, KEYPOINT_LAYOUTS, NTU25
from hitrs_live.sources.base import SourceItem
from hitrs_live.streaming.hitrs_stream import HitrsLoader
from hitrs_live.transport.sink import ListSink

LENS = Intrinsics.from_field_of_view(60, width=640, height=480)
PATIENT = PoseConfig(hang_after_s=PATIENCE_S)
"""A busy machine may take seconds for a picture."""
FAILING = 20
"""Index of the frame that the estimator is made to fail on."""
FRAMES = 45
Show = Callable[..., Frame]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One implementation: how to make it, a picture of a person that it finds, and how to make it fail."""

    make: Callable[[], PoseEstimator]
    person: Callable[[int, Show], NDArray[np.uint8]]
    """The picture of a frame of this index."""
    fail: Callable[[PoseEstimator], None]
    """Called before the frame FAILING."""


def synthetic_isolated() -> PoseEstimator:
    call = LandmarkerCall(target="hitrs_live.pose.synthetic:SyntheticLandmarker")
    return IsolatedPoseEstimator(lambda: call, skeleton=COCO17, config=PATIENT, intrinsics=LENS)


def networked(backend: PoseBackend) -> PoseEstimator:
    return make_pose_estimator(msgspec.structs.replace(PATIENT, backend=backend), LENS)


def drawn(index: int, show: Show) -> NDArray[np.uint8]:
    picture = empty()
    draw_person(picture, index / 30, LENS)
    return picture


def photographed(index: int, show: Show) -> NDArray[np.uint8]:
    return show(index, 150).image


def fail_by_index(estimator: PoseEstimator) -> None:
    """Do nothing: the estimator knows which frame it leaves out."""


def kill(estimator: PoseEstimator) -> None:
    assert isinstance(estimator, IsolatedPoseEstimator)
    assert estimator.process_id is not None
    os.kill(estimator.process_id, signal.SIGKILL)


CASES = {
    "synthetic": Case(make=lambda: SyntheticPoseEstimator(LENS, gaps={FAILING}), person=drawn, fail=fail_by_index),
    "synthetic_isolated": Case(make=synthetic_isolated, person=drawn, fail=kill),
    "blazepose": Case(make=lambda: networked("blazepose"), person=photographed, fail=kill),
    "mediapipe": Case(make=lambda: networked("mediapipe"), person=photographed, fail=kill),
}


@pytest.fixture(
    params=[
        "synthetic",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("synthetic_isolated", "blazepose", "mediapipe")),
    ]
)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def estimator(case: Case) -> Iterator[PoseEstimator]:
    """An estimator that is not open yet, and is closed after the test."""
    made = case.make()
    yield made
    made.close()


def empty() -> NDArray[np.uint8]:
    return np.full((480, 640, 3), 127, np.uint8)


def frame(index: int, image: NDArray[np.uint8]) -> Frame:
    """A frame whose times cannot be confused with its index or with each other."""
    return Frame(index=index, capture_time_ns=index * 33_333_333, received_ns=index * 33_333_333 + 7, image=image)


def result(estimator: PoseEstimator, frame: Frame) -> PoseFrame:
    """Step an estimator that is expected to give a result."""
    people = estimator.step(frame)
    assert people is not None, estimator.notice
    return people


def test_the_layout_is_in_the_table_and_its_points_are_those_of_every_pose(
    case: Case, estimator: PoseEstimator, show: Show
) -> None:
    assert KEYPOINT_LAYOUTS[estimator.skeleton.name] is estimator.skeleton
    estimator.open()
    people = result(estimator, frame(0, case.person(0, show)))
    assert people.keypoint_layout == estimator.skeleton.name
    (pose,) = people.poses
    assert pose.keypoints is not None
    assert pose.keypoints.shape == (len(estimator.skeleton), 3)
    assert pose.keypoints.dtype == np.float32
    assert ((pose.keypoints[:, 2] >= 0) & (pose.keypoints[:, 2] <= 1)).all()
    assert pose.box is not None
    assert ((pose.box >= 0) & (pose.box <= 1)).all()
    nose = pose.keypoints[estimator.skeleton.index("nose")]
    assert pose.box[0] <= nose[0] <= pose.box[2]


def test_joints_are_metres_in_the_cameras_frame_with_confidences_from_0_to_1(
    case: Case, estimator: PoseEstimator, show: Show
) -> None:
    estimator.open()
    for index in range(3):
        (pose,) = result(estimator, frame(index, case.person(index, show))).poses
        check_joints(pose)
    at = dict(zip(NTU25.joints, pose.joints_m, strict=True))
    assert 0.3 < at["spine_base"][2] < 6, "in front of the camera, and in no other unit than metres"
    assert 0.15 < np.linalg.norm(at["left_shoulder"] - at["right_shoulder"]) < 0.7
    # Both people face the camera, upright: axes are left, up and away.
    assert at["left_shoulder"][0] < at["right_shoulder"][0]
    assert at["head"][1] > at["spine_base"][1]


def check_joints(pose: Pose) -> None:
    assert (pose.joints_m.shape, pose.joints_m.dtype) == ((25, 3), np.float32)
    assert np.isfinite(pose.joints_m).all()
    assert (pose.confidence.shape, pose.confidence.dtype) == ((25,), np.float32)
    assert ((pose.confidence >= 0) & (pose.confidence <= 1)).all()
    assert pose.confidence[NTU25.index("left_shoulder")] > 0.5


def test_index_and_times_are_those_of_the_frame(case: Case, estimator: PoseEstimator, show: Show) -> None:
    estimator.open()
    for index, image in ((3, case.person(3, show)), (4, empty()), (11, case.person(11, show))):
        asked = frame(index, image)
        people = result(estimator, asked)
        assert (people.index, people.capture_time_ns, people.received_ns) == (
            asked.index, asked.capture_time_ns, asked.received_ns,
        )  # fmt: skip


def test_an_empty_picture_has_no_person(case: Case, estimator: PoseEstimator, show: Show) -> None:
    estimator.open()
    assert result(estimator, frame(0, empty())).poses == ()
    assert len(result(estimator, frame(1, case.person(1, show))).poses) == 1


def test_pictures_may_change_their_size(case: Case, estimator: PoseEstimator, show: Show) -> None:
    estimator.open()
    (small,) = result(estimator, frame(0, case.person(0, show))).poses
    doubled = np.ascontiguousarray(case.person(0, show).repeat(2, axis=0).repeat(2, axis=1))
    (large,) = result(estimator, frame(1, doubled)).poses
    # The lens is scaled with the picture, so the person is as far away as before; networks move by a few per cent.
    assert large.joints_m[0, 2] == pytest.approx(small.joints_m[0, 2], rel=0.1)


@pytest.mark.parametrize(
    "image",
    [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3), np.float32)],
    ids=["grey", "four_channels", "float"],
)
def test_a_picture_of_another_kind_is_the_callers_mistake(
    estimator: PoseEstimator, image: NDArray[np.uint8], case: Case, show: Show
) -> None:
    estimator.open()
    with pytest.raises(ValueError, match=r"got a picture of .*, expected \(height, width, 3\) uint8"):
        estimator.step(frame(0, image))
    assert result(estimator, frame(1, case.person(1, show))).poses, "and the next picture is found"
    assert not any(estimator.drops().values()), "and nothing was lost"


def test_a_step_before_open_or_after_close_says_what_to_call(case: Case, estimator: PoseEstimator) -> None:
    with pytest.raises(ValueError, match="not open; call open first"):
        estimator.step(frame(0, empty()))
    estimator.open()
    estimator.close()
    with pytest.raises(ValueError, match="not open; call open first"):
        estimator.step(frame(0, empty()))


def test_a_second_open_says_what_to_call(estimator: PoseEstimator) -> None:
    estimator.open()
    with pytest.raises(ValueError, match="open already; close it first"):
        estimator.open()
    assert result(estimator, frame(0, empty())).poses == (), "and the first open still holds"


def test_close_may_come_twice_or_without_open_and_open_may_follow(
    case: Case, estimator: PoseEstimator, show: Show
) -> None:
    estimator.close()
    estimator.open()
    estimator.close()
    estimator.close()
    estimator.open()
    assert len(result(estimator, frame(0, case.person(0, show))).poses) == 1


def test_a_frame_that_fails_gives_none_is_counted_and_reported_and_the_next_one_is_found(
    case: Case, estimator: PoseEstimator, show: Show
) -> None:
    assert not any(estimator.drops().values())
    assert (estimator.restarts, estimator.notice) == (0, "")
    estimator.open()
    counts = []
    for index in range(FAILING - 2, FAILING + 3):
        if index == FAILING:
            case.fail(estimator)
        people = estimator.step(frame(index, case.person(index, show)))
        assert (people is None) == (index == FAILING)
        counts.append(dict(estimator.drops()))
    assert counts == [{"pose_gap": lost} for lost in (0, 0, 1, 1, 1)]
    assert estimator.notice
    assert "\n" not in estimator.notice
    estimator.close()
    assert estimator.drops() == {"pose_gap": 1}, "closing forgets nothing"


@pytest.mark.parametrize("opened_by", ["the_same_thread", "another_thread"])
def test_steps_may_come_from_any_one_thread(case: Case, estimator: PoseEstimator, show: Show, opened_by: str) -> None:
    found: list[PoseFrame | None] = []

    def work() -> None:
        if opened_by == "the_same_thread":
            estimator.open()
        found.extend(estimator.step(frame(index, case.person(index, show))) for index in range(3))
        estimator.close()

    if opened_by == "another_thread":
        estimator.open()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE_S)
    assert [people is not None and len(people.poses) for people in found] == [1, 1, 1]


class Pictures:
    """Give pictures at 30 a second, one a read, and end."""

    source_id = "pictures"
    has_pictures = True
    live = False

    def __init__(self, images: Sequence[NDArray[np.uint8]]) -> None:
        up, end = SourceChange(state="up", time_ns=0), SourceChange(state="ended", time_ns=len(images) * 33_333_333)
        self._items: Iterator[SourceItem] = iter([up, *itertools.starmap(frame, enumerate(images)), end])

    def open(self) -> None:
        pass

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        return tuple(itertools.islice(self._items, 1))

    def drops(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass


@pytest.mark.slow
def test_the_pipeline_makes_poses_and_scores_of_what_it_finds(case: Case, estimator: PoseEstimator, show: Show) -> None:
    sink = ListSink("session")
    config = override(Config(), {"model.update": "clip", "publish.pose": True, "publish.scores": True})
    source = Pictures([case.person(index, show) for index in range(FRAMES)])
    loader = HitrsLoader(load_checkpoint(), config.model)
    Pipeline([InputStream(source=source, pose=estimator)], model=loader, config=config, sink=sink).run()
    poses = [message for message in sink.messages if isinstance(message, PoseEvent)]
    # The tracker takes about 0.1 s to believe in a person.
    assert len(poses) > FRAMES - 10
    assert {message.track_id for message in poses} == {1}
    assert {message.keypoint_layout for message in poses} == {estimator.skeleton.name}
    assert {message.keypoints.shape for message in poses if message.keypoints} == {(len(estimator.skeleton), 3)}
    assert any(isinstance(message, ScoreEvent) for message in sink.messages)
    last = sink.messages[-1]
    assert isinstance(last, Status)
    assert last.pose_restarts == estimator.restarts
    assert last.pose_people_limit == estimator.people_limit
    lost = sum(estimator.drops().values())
    assert (last.frames, last.drops.get("pose_gap", 0)) == (FRAMES - lost, lost)
    assert [notice for notice in last.notices if notice == estimator.notice] == ([estimator.notice] if lost else [])
    with pytest.raises(ValueError, match="not open"):
        estimator.step(frame(0, empty()))
