"""A recording session counts down, follows one person, and knows when there are enough repetitions."""

import numpy as np
import pytest
from shown_joints import confident, empty_steps, raises, steps
from taught_joints import ARMS

from hitrs_live.errors import DataError
from hitrs_live.teaching.find_repetitions import overlap
from hitrs_live.teaching.record_session import RecordSession, RecordSettings

STARTS = (200, 310, 420, 530, 640)


def session_of(**settings: object) -> RecordSession:
    return RecordSession(RecordSettings(action="raise", **settings))  # type: ignore[arg-type]


def run(session: RecordSession, stream: object) -> list[str]:
    """Take the steps of a stream; return the phases in their order, each once."""
    phases = [session.phase]
    for step in stream:  # type: ignore[attr-defined]
        session.observe(step)
        if session.phase != phases[-1]:
            phases.append(session.phase)
    return phases


def test_it_waits_counts_down_records_and_is_done_once_there_are_enough() -> None:
    session = session_of(countdown_s=3.0)
    assert run(session, steps(raises(STARTS, frames=1200))) == ["waiting", "countdown", "recording", "done"]
    assert session.time_s == pytest.approx(40, abs=0.1)
    # Long before the stream's end, which it was to stop before.
    assert session.person.newest_s < 30
    assert len(session.finish()) == 5


def test_the_countdown_begins_when_somebody_is_seen() -> None:
    session = session_of(countdown_s=3.0)
    run(session, empty_steps(200))
    assert session.phase == "waiting"
    assert session.countdown_left_s == 3.0


def test_what_is_before_the_end_of_the_countdown_is_not_recorded() -> None:
    session = session_of(countdown_s=5.0)
    run(session, steps(raises((20, 80, *STARTS), frames=800)))
    assert session.person.start_s == pytest.approx(5.0, abs=0.1)
    assert len(session.finish()) == 5


def test_an_example_has_its_repetition_and_three_seconds_around_it() -> None:
    joints_m = raises(STARTS, frames=800)
    session = session_of(countdown_s=0.0, until_end=True)
    run(session, steps(joints_m))
    one = session.finish()[2]
    example = session.example(one, person="anna", origin="camera 0")
    assert overlap((example.start, example.end), (90, 135)) > 0.6
    assert len(example.joints_m) == example.end - example.start + 180
    first = one.example_span[0] - 90
    np.testing.assert_array_equal(example.joints_m, joints_m[first : first + len(example.joints_m)])
    assert (example.action, example.person, example.origin) == ("raise", "anna", "camera 0")


def test_a_file_is_read_to_its_end() -> None:
    session = session_of(countdown_s=0.0, until_end=True)
    assert run(session, steps(raises(STARTS, frames=1200))) == ["waiting", "recording"]
    assert session.recorded_s == pytest.approx(40, abs=0.1)


def test_it_ends_at_the_longest_time_and_keeps_no_more_joints() -> None:
    session = session_of(countdown_s=0.0, longest_s=10.0)
    run(session, steps(raises((), frames=900)))
    assert session.phase == "done"
    assert len(session.person) <= 301


def ramp_up(frames: int) -> np.ndarray:
    """Return somebody who raises an arm once, slowly, and leaves it there."""
    joints_m = raises((), frames=frames)
    raised = raises((0,), length=2 * frames, frames=2 * frames)[:frames]
    return np.where(np.isin(np.arange(25), ARMS["right"])[:, None], raised, joints_m)


REFUSED = {
    "no person was seen": lambda: empty_steps(300),
    "1.0 s of one person": lambda: steps(raises((), frames=31)),
    "frames a second": lambda: steps(raises(STARTS, frames=800), every=10),
    "two people": lambda: steps(raises(STARTS, frames=800), raises((), frames=800) + np.float32((1, 0, 0))),
    "not seen in most": lambda: steps(raises(STARTS, frames=800), confidence=0.1),
    "nothing moves": lambda: steps(np.repeat(raises((), frames=1), 300, axis=0)),
    "no movement is repeated": lambda: steps(ramp_up(300)),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_recording_that_cannot_be_used_is_refused_in_one_line_with_the_way_out(reason: str) -> None:
    session = session_of(countdown_s=0.0, until_end=True)
    run(session, REFUSED[reason]())
    with pytest.raises(DataError, match=reason) as caught:
        session.finish()
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value)


def test_a_second_person_for_a_moment_is_no_reason_to_refuse() -> None:
    joints_m = raises(STARTS, frames=800)
    session = session_of(countdown_s=0.0, until_end=True)
    both, alone = list(steps(joints_m, joints_m + np.float32((1, 0, 0)))), list(steps(joints_m))
    run(session, [*alone[:100], *both[100:115], *alone[115:]])
    assert len(session.finish()) == 5


def test_the_joints_are_those_of_the_first_person_when_others_join() -> None:
    joints_m = raises(STARTS, frames=700)
    session = session_of(countdown_s=0.0, until_end=True)
    run(session, steps(joints_m, joints_m + np.float32((1, 0, 0))))
    np.testing.assert_array_equal(session.person.joints()[0], joints_m)
    np.testing.assert_array_equal(session.person.joints()[1], confident(joints_m))
