"""The plain log: people read its lines and scripts parse them, so their form is fixed."""

import logging

import msgspec
from views_messages import at, ended, motion, scores, source, started, status

from hitrs_live.messages import AnyMessage, SourceEvent, UnclearPerson
from hitrs_live.views.formatting import clock_time, drops_in_words, duration
from hitrs_live.views.log_lines import PlainLog


def lines_of(log: PlainLog, message: AnyMessage) -> list[str]:
    return [line.text for line in log.update(message)]


def test_a_session_reads_line_by_line() -> None:
    log = PlainLog()
    messages = [
        source("up", 0.0, "640 x 480 at 30 fps"),
        status(1.0),
        started("squat", 3.0),
        ended("squat", 3.0, 9.5),
        started("jumping_jack", 9.8, track_id=12),
        ended("jumping_jack", 9.8, 12.0, track_id=12, reason="track_lost"),
        status(13.0, people=(1, 2), frame_age_ms=None, drops={}),
        source("stalled", 14.0, "no frame for 1.0 s"),
    ]
    lines = [line for message in messages for line in lines_of(log, message)]
    assert lines == [
        " 00:00.0  source     up     640 x 480 at 30 fps",
        " 00:01.0  status     up     29.8 fps  1 person  drops camera 3  age 41 ms  pose 31.2/44.8 ms  "
        "model 4.9/9.2 ms  612 MB  prediction 62 mm, zero velocity 118 mm",
        " 00:03.3  person 1   start  squat               0.91  (since 00:03.0, delay 0.28 s)",
        " 00:09.9  person 1   end    squat               0.88  (00:03.0 to 00:09.5, 6.5 s, finished)",
        " 00:10.1  person 12  start  jumping jack        0.91  (since 00:09.8, delay 0.28 s)",
        " 00:12.4  person 12  end    jumping jack        0.88  (00:09.8 to 00:12.0, 2.2 s, track lost)",
        " 00:13.0  status     up     29.8 fps  2 people  drops none  pose 31.2/44.8 ms  model 4.9/9.2 ms  612 MB  "
        "prediction 62 mm, zero velocity 118 mm",
        " 00:14.0  source     stalled no frame for 1.0 s",
    ]


def test_late_knowledge_is_logged_with_the_time_at_which_it_became_known() -> None:
    log = PlainLog()
    lost = msgspec.structs.replace(ended("squat", 3.0, 6.0, reason="track_lost"), capture_time_ns=at(6.0))
    messages = [source("up", 0.0), started("squat", 3.0), started("walk", 6.5, track_id=2), lost]
    lines = [line for message in messages for line in log.update(message)]
    assert [line.time_s for line in lines] == sorted(line.time_s for line in lines)
    assert lines[-1].text == (
        " 00:06.8  person 1   end    squat               0.88  (00:03.0 to 00:06.0, 3.0 s, track lost)"
    )


def test_an_end_says_how_often_the_action_was_repeated() -> None:
    ten = msgspec.structs.replace(ended("jumping_jack", 3.0, 13.0), count=10)
    (line,) = lines_of(PlainLog(), ten)
    assert line.endswith("10.0 s, 10 times, finished)")
    assert "times" not in lines_of(PlainLog(), msgspec.structs.replace(ten, count=1))[0]


def test_levels_show_what_needs_attention() -> None:
    log = PlainLog()
    messages = [
        source("connecting"),
        source("up", 1.0),
        started("squat", 3.0),
        source("stalled", 5.0),
        source("lost", 15.0),
        msgspec.structs.replace(source("ended", 16.0, "the file broke off"), fault=True),
    ]
    levels = [line.level for message in messages for line in log.update(message)]
    assert levels == [logging.INFO] * 3 + [logging.WARNING, logging.ERROR, logging.ERROR]
    assert [line.level for line in PlainLog().update(source("ended", 1.0, "over"))] == [logging.INFO]
    logged = PlainLog().update(status(1.0, notices=("the pose process was restarted",)))
    assert [(line.subject, line.level) for line in logged if line.subject == "notice"] == [("notice", logging.WARNING)]


def test_scores_predictions_and_updates_are_not_logged() -> None:
    log = PlainLog()
    log.update(source("up"))
    assert log.update(scores(1.0, squat=0.9)) == []
    assert log.update(motion(1.0)) == []


def test_a_status_is_logged_every_ten_seconds_and_at_a_change_of_state() -> None:
    log = PlainLog()
    logged = [s for s in range(31) if log.update(status(float(s), "up" if s < 25 else "stalled"))]
    assert logged == [0, 10, 20, 25]


def test_each_notice_is_logged_once() -> None:
    log = PlainLog()
    log.update(status(1.0))
    first = lines_of(log, status(2.0, notices=("the pose process was restarted",)))
    assert first == [" 00:01.0  notice     the pose process was restarted"]
    assert log.update(status(3.0, notices=("the pose process was restarted",))) == []


def test_information_is_not_logged_as_a_warning() -> None:
    logged = PlainLog().update(status(1.0, information=("a prediction every frame costs 8 ms",)))
    assert [(line.text, line.level) for line in logged if "costs" in line.text] == [
        (" 00:00.0  note       a prediction every frame costs 8 ms", logging.INFO)
    ]


def test_why_a_person_is_not_recognised_is_logged_once() -> None:
    log = PlainLog()
    unclear = (UnclearPerson(track_id=1, reason="too_small"),)
    lines = [line for second in (1.0, 2.0) for line in lines_of(log, status(second, unclear_people=unclear))]
    assert [line.split("note")[1].strip() for line in lines if "note" in line] == [
        "person 1: not recognised: too small in the picture"
    ]


def test_a_restarted_publisher_begins_a_new_clock() -> None:
    log = PlainLog()
    log.update(source("up", 0.0))
    again = SourceEvent(source_id="camera-0", session_id="s2", capture_time_ns=at(500), state="up")
    assert lines_of(log, again) == [
        " 00:00.0  session    the publisher was restarted",
        " 00:00.0  source     up",
    ]


def test_a_status_without_a_frame_does_not_set_the_clock() -> None:
    log = PlainLog()
    log.update(status(-5000.0, "connecting", frames=0))
    assert lines_of(log, source("up", 0.0)) == [" 00:00.0  source     up"]


def test_times_read_like_a_stopwatch() -> None:
    assert clock_time(3.24) == "00:03.2"
    assert clock_time(59.96) == "01:00.0"
    assert clock_time(3723.4) == "1:02:03.4"
    assert clock_time(-0.3) == "-00:00.3"
    assert (duration(8.9), duration(185.0), duration(3723.0)) == ("8 s", "3:05", "1:02:03")
    assert drops_in_words({"stale": 2, "camera": 9, "clock": 0}) == "camera 9, stale 2"


def test_terminal_commands_in_a_message_are_neutralised() -> None:
    assert lines_of(PlainLog(), source("up", 0.0, "\x1b[2Jb\nc\u202e")) == [
        " 00:00.0  source     up     \ufffd[2Jb c\ufffd"
    ]


def test_with_several_sources_each_line_names_its_source_and_has_its_time() -> None:
    log = PlainLog()
    door = source("up")
    hall = msgspec.structs.replace(source("up", 100.0), source_id="hall")
    walk = msgspec.structs.replace(started("walk", 103.0), source_id="hall")
    assert lines_of(log, door) == [" 00:00.0  source     up"]
    assert lines_of(log, hall) == ["hall   00:00.0  source     up"]
    assert lines_of(log, walk)[0].startswith("hall   00:03.3  person 1   start  walk")
    assert lines_of(PlainLog(several=True), door)[0].startswith("camera-0   00:00.0")
