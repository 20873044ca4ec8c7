"""What every view does, wherever it shows things. A new view joins by a line in CASES or MESSAGE_CASES."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from rich.console import Console
from views_messages import (
    at,
    ended,
    extrapolated,
    forecast,
    motion,
    people_of,
    scene,
    scores,
    session,
    source,
    standing_people,
    started,
    status,
)

from hitrs_live.errors import ViewUnavailable
from hitrs_live.messages import AnyMessage, Frame, People, Scene, StageLatency
from hitrs_live.views.base import MessageView, Viewer
from hitrs_live.views.continued_video import ContinuedVideo
from hitrs_live.views.dashboard import Dashboard
from hitrs_live.views.log_lines import PlainLog
from hitrs_live.views.save_video import SaveVideo
from hitrs_live.views.window import Window

CASES: dict[str, Callable[[Path], Viewer]] = {
    "window": lambda _folder: Window(),
    "webm": lambda folder: SaveVideo(folder / "a.webm"),
    "avi": lambda folder: SaveVideo(folder / "a.avi"),
    "continued": lambda folder: ContinuedVideo(folder / "a.webm"),
}


@pytest.fixture(params=CASES)
def viewer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Viewer]:
    if request.param == "window":
        try:
            Window().close()
        except ViewUnavailable as error:
            pytest.skip(str(error))
    made = CASES[request.param](tmp_path)
    yield made
    made.close()


def picture(width: int = 64, height: int = 48) -> Frame:
    image = np.full((height, width, 3), 90, np.uint8)
    return Frame(index=0, capture_time_ns=0, received_ns=0, image=image)


def odd_people() -> People:
    """Two people with joints that are not numbers, endless, behind the camera, at its centre, or very far away."""
    people = people_of(standing_people(2))
    joints_m, confidence = people.joints_m.copy(), people.confidence.copy()
    joints_m[0, ::2] = np.nan
    joints_m[0, 1] = np.inf
    joints_m[1, :5] *= -1
    joints_m[1, 5:10] = 0
    joints_m[1, 10:15] *= 1e30
    confidence[0] = np.nan
    confidence[1] = -3
    return replace(people, joints_m=joints_m, confidence=confidence)


def odd_scenes() -> dict[str, Scene]:
    no_people, one, crowd = people_of(np.zeros((0, 25, 3))), people_of(standing_people()), people_of(_crowd(40))
    odd = odd_people()
    ahead = forecast(extrapolated(one, (0.1, 0.0, 0.0), 400.0), extrapolated(one, (0.0, 0.1, 0.0), 80.0))
    return {
        "no person and no picture": scene(no_people),
        "no person in a picture": scene(no_people, frame=picture()),
        "one person and a forecast": scene(one, {1: ("squat", 0.9)}, frame=picture(), forecast=ahead),
        "one person without a picture": scene(one, {1: ("squat", 0.9)}, forecast=ahead),
        "many people": scene(crowd, dict.fromkeys(range(1, 41), ("walk", 0.5)), frame=picture()),
        "odd joints": scene(odd, {1: ("a label\nof two lines", float("nan"))}, frame=picture(),
                            forecast=forecast(extrapolated(odd, (np.nan, np.inf, 0.0), 400.0))),
        "odd joints without a picture": scene(odd),
        "an action of a person who is not there": scene(no_people, {7: ("walk", 2.0)}, frame=picture()),
        "a very small picture": scene(one, frame=picture(2, 2)),
        "another size of picture": scene(one, frame=picture(80, 60)),
        "a source that is lost": replace(scene(no_people), state="lost", fps=float("nan")),
    }  # fmt: skip


def _crowd(count: int) -> np.ndarray:
    joints = standing_people()[0]
    return np.stack([joints + np.float32((0.3 * (n % 8) - 1.2, 0.0, 0.5 * (n // 8))) for n in range(count)])


@pytest.mark.slow
def test_any_scene_is_shown_and_close_may_be_called_twice(viewer: Viewer) -> None:
    for number, shown in enumerate(odd_scenes().values()):
        times = replace(shown.people, capture_time_ns=number * 33_333_333)
        viewer.show(replace(shown, people=times))
    viewer.close()
    viewer.close()


def test_a_view_that_showed_nothing_can_be_closed(viewer: Viewer) -> None:
    viewer.close()


@pytest.mark.slow
def test_a_view_that_shows_every_picture_has_lost_none_and_has_no_notice_until_after_its_end(viewer: Viewer) -> None:
    people = people_of(standing_people())
    for number in range(3):
        viewer.show(scene(replace(people, capture_time_ns=number * 33_333_333), frame=picture()))
        assert (tuple(viewer.notices), viewer.lost) == ((), 0)
    viewer.close()
    assert (tuple(viewer.notices), viewer.lost) == ((), 0)


@pytest.mark.slow
def test_times_that_stand_still_or_go_back_are_shown_too(viewer: Viewer) -> None:
    people = people_of(standing_people())
    for time_ns in (10**9, 10**9, 0, -(10**9), 10**15):
        viewer.show(scene(replace(people, capture_time_ns=time_ns), frame=picture()))
    viewer.close()


class DrawnDashboard:
    """The dashboard, drawn after every message as its process draws it."""

    def __init__(self, width: int, height: int) -> None:
        self._dashboard = Dashboard()
        self._console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True)

    def update(self, message: AnyMessage) -> None:
        self._dashboard.update(message)
        self._console.print(self._dashboard.render())


MESSAGE_CASES: dict[str, Callable[[], MessageView]] = {
    "dashboard": lambda: DrawnDashboard(140, 40),
    "small dashboard": lambda: DrawnDashboard(40, 10),
    "log lines": PlainLog,
}


@pytest.fixture(params=MESSAGE_CASES)
def message_view(request: pytest.FixtureRequest) -> MessageView:
    return MESSAGE_CASES[request.param]()


def odd_messages() -> list[AnyMessage]:
    """Messages with values that are not numbers, out of range, or of text that a terminal would obey."""
    nan, inf = float("nan"), float("inf")
    late = status(20.0, fps=nan, frame_age_ms=inf, memory_mb=-1.0, people=tuple(range(300)), uptime_s=nan)
    return [
        scores(1.0, walk=nan, run=inf),
        started("walk", 1.0, score=nan),
        ended("never started", 5.0, 4.0),
        motion(2.0, error_mm=nan, zero_velocity_mm=inf, reliable=None),
        msgspec.structs.replace(late, stages={"pose": StageLatency(p50_ms=nan, p99_ms=inf)}),
        status(21.0, detail="\x1b[2J[bold]not markup[/]", notices=("two\nlines", "\x07")),
        status(1e9, drops={"camera": 10**15}),
        source("lost", -5000.0, "x" * 5000),
        msgspec.structs.replace(source("up", 1.0), capture_time_ns=-at(0.0)),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_session_is_shown_from_its_start_or_from_the_middle(message_view: MessageView) -> None:
    for message in (*session(people=12)[3:], *session(people=2)):
        message_view.update(message)


@pytest.mark.slow
def test_many_sources_are_shown(message_view: MessageView) -> None:
    for number in range(12):
        for message in session():
            message_view.update(msgspec.structs.replace(message, source_id=f"camera-{number}"))


@pytest.mark.slow
def test_no_value_that_a_message_can_carry_raises(message_view: MessageView) -> None:
    for message in odd_messages():
        message_view.update(message)
        message_view.update(message)
    for message in odd_messages():
        message_view.update(msgspec.structs.replace(message, session_id="another", source_id="door"))
