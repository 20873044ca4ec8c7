"""`hitrs-live teach wrong` and `missed` correct a running pipeline, without a recording, as a user does."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from patience import wait_until
from taught_joints import raised_arm

import hitrs_live
from hitrs_live.cli import main
from hitrs_live.messages import ActionEvent, AnyMessage, JointsEvent
from hitrs_live.sources.recording import Recording
from hitrs_live.teaching.examples import read_corrections, read_examples, save_example
from hitrs_live.transport.fetch_last_minutes import fetch_last_minutes
from hitrs_live.wire.kept_minutes import KeptMessage
from hitrs_live.wire.utc import utc_text

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Running:
    """A pipeline that runs, and records what it also keeps."""

    address: str
    recording: Path
    ended: ActionEvent
    """The end of the first action."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The demo figure, whose first action has ended."""
    messages: list[AnyMessage] = []
    path = tmp_path_factory.mktemp("running") / "whole.mcap"
    with hitrs_live.run(
        demo=True, bind="tcp://127.0.0.1:*", record=path, sink=messages.append, model__engine="torch",
        model__update="clip", model__mirror=False,
    ) as run:  # fmt: skip

        def ends() -> list[ActionEvent]:
            assert run.is_running
            return [one for one in messages if isinstance(one, ActionEvent) and one.state == "end"]

        wait_until(ends, "the end of an action")
        yield Running(address=run.address or "", recording=path, ended=ends()[0])


def teach(running: Running, *arguments: object) -> int:
    return main(["teach", *map(str, arguments), "--connect", running.address])


def test_what_is_kept_is_what_the_recording_has(running: Running) -> None:
    kept = fetch_last_minutes(running.address).messages

    def recorded() -> list[AnyMessage]:
        return [one for one in Recording(running.recording).messages() if isinstance(one, KeptMessage)]

    wait_until(lambda: len(recorded()) >= len(kept), "the chunk that is being written")
    assert recorded()[: len(kept)] == list(kept)
    assert sum(isinstance(one, JointsEvent) for one in kept) > 60
    assert any(isinstance(one, ActionEvent) for one in kept)


def test_wrong_makes_the_same_correction_as_from_the_recording(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label, number = running.ended.label, running.ended.log_seq
    save_example(tmp_path, raised_arm(np.random.default_rng(0), action=label))
    assert teach(running, "wrong", number, "--folder", tmp_path, "--person", "anna") == 0
    assert f"{label}, " in capsys.readouterr().out
    wait_until(
        lambda: any(
            isinstance(one, ActionEvent) and one.log_seq == number for one in Recording(running.recording).messages()
        ),
        "the event in the recording",
    )
    assert main(["teach", "wrong", str(number), "--from", str(running.recording), "--folder", str(tmp_path)]) == 0
    recorded, live = sorted(read_corrections(tmp_path, label), key=lambda one: one.person)
    assert (live.start, live.end, live.person) == (recorded.start, recorded.end, "anna")
    assert np.array_equal(live.joints_m[: live.end], recorded.joints_m[: recorded.end])


def test_missed_takes_a_time_before_now(running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The demo figure rests now and then.
    wait_until(lambda: teach(running, "missed", "wave", "--at", -3, "--folder", tmp_path) == 0, "a movement")
    assert "s of movement, saved as" in capsys.readouterr().out
    (example,) = read_examples(tmp_path, "wave")
    assert example.end - example.start >= 10


def test_missed_takes_the_date_that_a_watch_prints(running: Running, tmp_path: Path) -> None:
    ended = running.ended
    middle_ns = (ended.utc_ns or 0) - ended.capture_time_ns + (ended.onset_time_ns + (ended.end_time_ns or 0)) // 2
    assert teach(running, "missed", "wave", "--at", utc_text(middle_ns), "--folder", tmp_path) == 0
    (example,) = read_examples(tmp_path, "wave")
    assert example.end - example.start >= 10


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("wrong", 99_999), "no event 99999 in the last 10 minutes, which the pipeline keeps; they have "),
        (("missed", "wave", "--at", -99_999), " s before what the pipeline keeps, which begins "),
        (("missed", "wave", "--at", "2026-01-01T12:00:00Z"), " s before what the pipeline keeps, which begins "),
        (("missed", "wave", "--at", -2, "--source", "hall"), "the pipeline has the sources demo; choose with --source"),
    ],
)
def test_what_cannot_be_corrected_is_one_line_with_the_way_out(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[object, ...], reason: str
) -> None:
    assert teach(running, *arguments, "--folder", tmp_path) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
    assert not list(tmp_path.iterdir())


def test_without_a_pipeline_it_is_one_line_with_both_ways_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["teach", "wrong", "3", "--folder", str(tmp_path), "--connect", "tcp://127.0.0.1:9"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no publisher at tcp://127.0.0.1:9" in line
    assert line.endswith("start hitrs-live live there, or give a recording of live --record with --from")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--at", "8"), "got 8 without --from, expected seconds before now, such as -8, or a time of day"),
        (("--at", "-8", "--from", "a.mcap"), "with --from, expected seconds from the recording's first frame"),
        (("--at", "14:03:20", "--from", "a.mcap"), "with --from, expected seconds from the recording's first frame"),
        (("--at", "25:00:00"), "got '25:00:00', expected a time such as 14:03:20"),
    ],
)
def test_a_time_that_does_not_fit_is_refused_by_the_parser(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["teach", "missed", "wave", *arguments])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
