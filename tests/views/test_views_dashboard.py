"""The dashboard, printed into consoles of many sizes."""

import io
import re

import msgspec
import pytest
from rich.console import Console
from views_messages import at, ended, motion, scores, session, source, started, status

from hitrs_live.messages import AnyMessage, SourceEvent, SourceState, StageLatency, Status, UnclearPerson
from hitrs_live.views.dashboard import Dashboard
from hitrs_live.views.session_state import EVENTS_KEPT


def shown(dashboard: Dashboard, width: int = 120, height: int = 36) -> str:
    console = Console(width=width, height=height, record=True, file=io.StringIO(), force_terminal=True)
    console.print(dashboard.render(), height=height)
    return console.export_text()


def filled(people: int = 1) -> Dashboard:
    dashboard = Dashboard()
    for message in session(people):
        dashboard.update(message)
    return dashboard


def test_a_wide_terminal_shows_everything() -> None:
    text = shown(filled())
    for words in (
        "hitrs-live 0.1.0", " up ", "camera-0", "29.8 fps", "age 41 ms", "612 MB", "camera 3",
        "S I D E   L U N G E", "0.87", "for 2 s", "motion 400 ms: 62 mm, zero velocity 118 mm",
        "pose", "31.2", "44.8", "model", "motion prediction error",
        "00:03.0", "squat", "6.5 s", "0.28 s", "finished", "00:12.0", "2.2 s ▸",
    ):  # fmt: skip
        assert words in text, words


def test_a_small_terminal_shows_the_essentials() -> None:
    text = shown(filled(), 60, 18)
    for words in (" up ", "camera-0", "29.8 fps", "pose 31.2", "S I D E   L U N G E", "0.87", "squat", "6.5 s"):
        assert words in text, words


@pytest.mark.parametrize(("width", "height"), [(60, 18), (80, 24), (100, 30), (132, 43), (240, 70), (30, 8), (12, 4)])
@pytest.mark.parametrize("people", [0, 1, 3, 9])
def test_the_dashboard_fills_the_terminal_exactly(width: int, height: int, people: int) -> None:
    dashboard = filled(people) if people else Dashboard()
    lines = shown(dashboard, width, height).splitlines()
    assert len(lines) <= height + 1
    assert max(len(line) for line in lines) <= width


def test_stages_stand_in_the_order_of_a_frame_and_without_room_the_slowest_are_shown() -> None:
    took_ms = {"wait": 3.0, "pose": 20.0, "track": 0.4, "lift": 1.2, "model": 4.0, "frame_to_event": 30.0}
    dashboard = Dashboard()
    dashboard.update(status(1.0, stages={name: StageLatency(p50_ms=ms, p99_ms=ms) for name, ms in took_ms.items()}))

    def listed(height: int) -> list[str]:
        panel = shown(dashboard, 120, height).partition("latency, ms")[2]
        return re.findall("wait|pose|track|lift|model|frame to event", panel.partition("motion prediction error")[0])

    assert listed(50) == ["wait", "pose", "track", "lift", "model", "frame to event"]
    assert listed(20) == ["pose", "frame to event"]


def test_before_the_first_message_the_dashboard_says_that_it_waits() -> None:
    text = shown(Dashboard())
    assert "connecting" in text
    assert "no message yet" in text
    assert "no person in view" in text


def test_bars_are_as_long_as_the_scores() -> None:
    dashboard = Dashboard()
    dashboard.update(source("up"))
    dashboard.update(scores(1.0, squat=0.8, background=0.4, walk=0.0))
    lines = [line for line in shown(dashboard).splitlines() if re.search(r" 0\.[840]0 │", line)]
    lengths = [line.count("━") for line in lines]
    assert lengths[0] == pytest.approx(2 * lengths[1], abs=2)
    assert lengths[2] == 0


def test_people_without_room_are_counted_and_those_with_an_action_shown() -> None:
    dashboard = filled(9)
    dashboard.update(started("walk", 13.0, track_id=7))
    text = shown(dashboard, 80, 21)
    assert re.findall(r"─ person (\d)", text) == ["1", "2", "7"]
    assert "and 6 more" in text


def test_a_person_who_left_is_removed() -> None:
    dashboard = filled(2)
    assert "person 2" in shown(dashboard)
    dashboard.update(status(20.0, people=(1,)))
    assert "─ person 2" not in shown(dashboard)
    assert "─ person 1" in shown(dashboard)


def test_an_ended_action_leaves_the_headline_and_keeps_its_row() -> None:
    dashboard = filled()
    dashboard.update(ended("side_lunge", 12.0, 15.0, reason="source_lost"))
    text = shown(dashboard)
    assert "S I D E" not in text
    assert "no action" in text
    assert "source lost" in text


def test_a_running_action_shows_how_often_it_was_repeated() -> None:
    dashboard = filled()
    dashboard.update(msgspec.structs.replace(started("jumping_jack", 14.0), state="update", count=7))
    assert "7 times" in shown(dashboard)


def test_a_person_who_cannot_be_recognised_has_the_reason_until_a_status_without_it() -> None:
    dashboard = Dashboard()
    unclear = (UnclearPerson(track_id=1, reason="legs_not_seen"),)
    dashboard.update(status(5.0, unclear_people=unclear))
    assert "actions of the arms alone: legs not seen" in shown(dashboard)
    dashboard.update(status(6.0, unclear_people=(UnclearPerson(track_id=1, reason="head_not_seen"),)))
    assert "not recognised: head not seen" in shown(dashboard)
    dashboard.update(status(7.0))
    assert "not seen" not in shown(dashboard)


def test_an_action_received_only_at_its_end_still_gets_a_row() -> None:
    dashboard = Dashboard()
    dashboard.update(ended("squat", 3.0, 9.5))
    assert "6.5 s" in shown(dashboard)


def test_two_people_doing_the_same_have_a_row_each() -> None:
    dashboard = Dashboard()
    for track_id in (1, 2):
        dashboard.update(started("squat", 3.0, track_id=track_id))
    dashboard.update(ended("squat", 3.0, 6.0, track_id=2))
    rows = list(dashboard.sessions.by_source["camera-0"].actions)
    assert [(row.start.track_id, row.end is not None) for row in rows] == [(1, False), (2, True)]


def lines_with(text: str, *words: str) -> list[list[str]]:
    """The lines that begin with each of these words, past the frame, cut into columns."""
    matches = [re.search(rf"│ +{word} +([^│]*)│", text) for word in words]
    assert all(matches), words
    return [match.group(1).split() for match in matches if match]


def test_motion_errors_are_shown_by_horizon_beside_the_zero_velocity_baseline() -> None:
    rows = lines_with(shown(filled()), "ms ahead", "predicted", "zero velocity", "better by")
    # A horizon that was not measured yet is left out.
    assert rows == [["100", "400"], ["31", "92"], ["30", "120"], ["-3%", "23%"]]


def test_predictions_worse_than_the_baseline_are_shown_as_unreliable_and_unmeasured_ones_are_not() -> None:
    for reliable, expected in ((True, False), (None, False), (False, True)):
        dashboard = filled()
        dashboard.update(motion(14.1, error_mm=130.0, reliable=reliable))
        text = shown(dashboard)
        assert "motion 400 ms: 130 mm, zero velocity 118 mm" in text
        assert ("unreliable" in text) == expected


def test_the_single_error_of_an_older_publisher_is_shown() -> None:
    dashboard = filled()
    by_horizon = {"motion_horizons_ms": (), "motion_errors_mm": (), "motion_held_errors_mm": ()}
    dashboard.update(status(14.3, **by_horizon))
    dashboard.update(msgspec.structs.replace(motion(14.3), errors_mm=(), held_errors_mm=(), reliable=None))
    text = shown(dashboard)
    assert "all: 62 mm, zero velocity 118 mm" in text
    assert "motion: 46 mm, zero velocity 88 mm" in text


def test_before_the_first_measured_prediction_no_error_is_shown() -> None:
    dashboard = Dashboard()
    dashboard.update(status(1.0, motion_error_mm=None, motion_held_error_mm=None, motion_errors_mm=(None,) * 3))
    assert "not measured yet" in shown(dashboard)


def test_a_lost_source_shows_the_reason() -> None:
    dashboard = filled()
    dashboard.update(status(30.0, "lost", detail="camera 0 is gone; trying again in 10 s"))
    text = shown(dashboard)
    assert " lost " in text
    assert "camera 0 is gone" in text


def test_notices_stand_at_the_bottom() -> None:
    dashboard = filled()
    dashboard.update(status(15.0, notices=("an old one", "the pose process was restarted")))
    lines = shown(dashboard, 80, 24).splitlines()
    assert "the pose process was restarted" in lines[-1]


def test_information_stands_below_in_grey_and_makes_room_for_notices() -> None:
    cost = "a prediction every frame costs 8.1 ms"
    dashboard = filled()
    dashboard.update(status(15.0, information=(cost,)))
    last = shown(dashboard, 80, 24).splitlines()[-1]
    assert last.strip() == f"i  {cost}"
    assert "!" not in last
    dashboard.update(status(16.0, information=(cost,), notices=("the pose process was restarted",)))
    assert cost not in shown(dashboard, 80, 24)
    assert cost in shown(dashboard, 120, 40)


def test_time_without_messages_is_shown() -> None:
    now_ns = [0]
    dashboard = Dashboard(clock=lambda: now_ns[0])
    dashboard.update(source("up"))
    assert "silent" not in shown(dashboard)
    now_ns[0] = 8_000_000_000
    assert "no message for 8 s" in shown(dashboard)


def test_a_restarted_publisher_empties_the_dashboard() -> None:
    dashboard = filled()
    dashboard.update(
        Status(
            source_id="camera-0", session_id="s2", capture_time_ns=at(100), state="up", version="0.1.0", uptime_s=1.0,
            fps=30.0, frames=10,
        )
    )  # fmt: skip
    text = shown(dashboard)
    assert "publisher restarts 1" in text
    assert "side lunge" not in text
    assert "no person in view" in text


def test_a_source_that_has_ended_shows_no_rate_and_no_person() -> None:
    dashboard = filled()
    dashboard.update(source("ended", 16.0))
    dashboard.update(status(16.0, "ended"))
    text = shown(dashboard)
    assert "29.8 fps" not in text
    assert "no person in view" in text


def test_only_a_status_of_ended_ends_the_dashboard() -> None:
    dashboard = filled()
    dashboard.update(SourceEvent(source_id="camera-0", session_id="s1", capture_time_ns=at(15), state="ended"))
    assert not dashboard.ended
    dashboard.update(status(15.5, "ended"))
    assert dashboard.ended


def test_hours_of_actions_use_bounded_memory() -> None:
    dashboard = Dashboard()
    for number in range(3 * EVENTS_KEPT):
        dashboard.update(started("squat", 10.0 * number))
        dashboard.update(ended("squat", 10.0 * number, 10.0 * number + 3))
    assert len(dashboard.sessions.by_source["camera-0"].actions) == EVENTS_KEPT
    assert dashboard.sessions.by_source["camera-0"].actions_received == 3 * EVENTS_KEPT


def test_markup_and_terminal_commands_in_names_are_only_text() -> None:
    dashboard = Dashboard()
    dashboard.update(
        status(1.0, "stalled", detail="[bold]no[/] camera", version="[/]", notices=("[red]\x1b]0;owned\x07",),
               stages={"[/x]": StageLatency(p50_ms=1.0, p99_ms=2.0)}, drops={"[blink]": 1})
    )  # fmt: skip
    dashboard.update(started("[red]squat\x1b[2J\u202e", 1.0))
    text = shown(dashboard)
    for words in ("[bold]no[/] camera", "hitrs-live [/]", "[red]squat", "[/x]", "[blink] 1", "[red]\ufffd]0;owned"):
        assert words in text, words
    assert "\x1b]0" not in text
    assert "\x1b[2J" not in text
    assert "\u202e" not in text


def of_source(name: str, *messages: AnyMessage) -> list[AnyMessage]:
    return [msgspec.structs.replace(message, source_id=name, publish_time_ns=n) for n, message in enumerate(messages)]


def several() -> Dashboard:
    dashboard = Dashboard()
    door = of_source(
        "door", source("up"), status(12.0), started("squat", 3.0), ended("squat", 3.0, 9.5), started("walk", 11.0)
    )
    hall = of_source("hall", source("lost", 2.0), status(12.0, "lost", people=(), detail="unplugged"))
    for message in (*door, *hall):
        dashboard.update(message)
    return dashboard


def test_each_of_several_sources_has_a_box_and_their_actions_share_one_list() -> None:
    text = shown(several())
    for words in (" up  door", "WALK", " lost  hall", "unplugged", "door 1", "squat", "6.5 s"):
        assert words in text, words


def test_a_person_of_one_source_is_not_one_of_another() -> None:
    dashboard = several()
    for message in of_source("hall", status(13.0, people=(1,))):
        dashboard.update(message)
    assert shown(dashboard).count("person 1") == 2


@pytest.mark.parametrize(("width", "height"), [(60, 18), (80, 24), (132, 43), (30, 8), (12, 4)])
@pytest.mark.parametrize("sources", [2, 5, 40])
def test_several_sources_fill_the_terminal_exactly(width: int, height: int, sources: int) -> None:
    dashboard = Dashboard()
    for number in range(sources):
        for message in of_source(f"camera-{number}", *session(2)):
            dashboard.update(message)
    lines = shown(dashboard, width, height).splitlines()
    assert len(lines) <= height + 1
    assert max(len(line) for line in lines) <= width


def test_sources_without_room_are_counted_and_those_with_a_fault_shown() -> None:
    dashboard = Dashboard()
    for number in range(30):
        state: SourceState = "lost" if number == 17 else "up"
        for message in of_source(f"camera-{number}", status(1.0, state)):
            dashboard.update(message)
    text = shown(dashboard, 100, 30)
    assert "camera-17" in text
    assert re.search(r"and 2\d more sources", text)


def test_the_dashboard_ends_when_the_last_of_several_sources_has_ended() -> None:
    dashboard = several()
    for name, over in (("door", False), ("hall", True)):
        for message in of_source(name, status(20.0, "ended")):
            dashboard.update(message)
        assert dashboard.ended is over
