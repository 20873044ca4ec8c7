"""Actions that need no legs are taught at a desk and found at a desk, and so are those taught on whole bodies."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from seen_people import LENGTH, STARTS, raises
from shown_joints import LEGS, write_recording
from taught_folder import Taught
from taught_pipeline import pipeline_messages

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.cli import main
from hitrs_live.messages import ActionEvent
from hitrs_live.model.encoder_fingerprint import encoder_fingerprint
from hitrs_live.skeleton import NTU25
from hitrs_live.teaching.actions_file import TaughtActions
from hitrs_live.teaching.background import Background
from hitrs_live.teaching.fit import fit
from hitrs_live.teaching.taught_set import read_taught
from hitrs_live.teaching.tokens import TokenEncoder

pytestmark = pytest.mark.slow

RECORDED = (100, 210, 320, 430, 540)
FRAMES = STARTS[1] + 2 * LENGTH
HIPS = [NTU25.index("left_hip"), NTU25.index("right_hip")]
UNSEEN: Mapping[str, Sequence[int]] = {"whole": (), "desk": LEGS}


def events_of(checkpoint: Checkpoint, taught: TaughtActions, body: str) -> list[ActionEvent]:
    """Show the raised arm twice to the pipeline; return what is found of the taught actions."""
    rng = np.random.default_rng(5)
    joints_m = raises(1, STARTS[:2], frames=FRAMES)
    seen = np.ones(25, np.float32)
    unseen = list(UNSEEN[body])
    seen[unseen] = 0.05
    guessed = [joint for joint in unseen if joint not in HIPS]
    # A pose network guesses what it does not see, in each picture.
    joints_m[:, guessed] += rng.normal(0, 0.08, (FRAMES, len(guessed), 3)).astype(np.float32)
    messages = pipeline_messages(checkpoint, taught, joints_m, seen)
    return [one for one in messages if isinstance(one, ActionEvent) and one.label in taught.names]


def assert_found(events: Sequence[ActionEvent]) -> None:
    starts = [(one.label, one.onset_time_ns / 1e9) for one in events if one.state == "start"]
    assert starts == [("raise", pytest.approx(start / 30, abs=0.5)) for start in STARTS[:2]]


@pytest.fixture(scope="module")
def taught_at_desk(
    tmp_path_factory: pytest.TempPathFactory, checkpoint: Checkpoint, encoder: TokenEncoder, background: Background
) -> TaughtActions:
    """An action recorded by `teach record` from people whose legs are not seen."""
    folder = tmp_path_factory.mktemp("desk")
    for number, person in enumerate(("anna", "ben")):
        recording = write_recording(folder / f"{person}.mcap", raises(20 + number, RECORDED, frames=680), unseen=LEGS)
        arguments = ["record", "raise", "--from", str(recording), "--person", person]
        assert main(["teach", *arguments, "--folder", str(folder / "actions")]) == 0
    fingerprint = encoder_fingerprint(checkpoint.model.encoder, checkpoint.info.normaliser)
    fitted = fit(
        read_taught(folder / "actions"), encoder, background, fingerprint=fingerprint, encoder_name="hitrs_tiny"
    )
    return fitted.taught


@pytest.mark.parametrize("body", UNSEEN)
def test_an_action_recorded_at_a_desk_is_found_on_people_of_either_kind(
    body: str, taught_at_desk: TaughtActions, checkpoint: Checkpoint
) -> None:
    assert [(one.examples, one.needs_legs) for one in taught_at_desk.actions] == [(10, False)]
    assert_found(events_of(checkpoint, taught_at_desk, body))


def test_an_action_of_an_arm_taught_on_whole_bodies_is_found_at_a_desk(taught: Taught, checkpoint: Checkpoint) -> None:
    assert not any(one.needs_legs for one in taught.fitted.taught.actions)
    assert_found(events_of(checkpoint, taught.fitted.taught, "desk"))


def test_an_action_that_needs_legs_does_not_start_where_they_are_not_seen(
    taught: Taught, checkpoint: Checkpoint
) -> None:
    actions = tuple(msgspec.structs.replace(one, needs_legs=True) for one in taught.fitted.taught.actions)
    needing = msgspec.structs.replace(taught.fitted.taught, actions=actions)
    assert events_of(checkpoint, needing, "desk") == []
    assert_found(events_of(checkpoint, needing, "whole"))


def test_the_recording_command_says_that_the_upper_body_is_enough(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = write_recording(tmp_path / "room.mcap", raises(1, RECORDED, frames=680), unseen=LEGS)
    folder = ["--folder", str(tmp_path / "actions")]
    line = "raise: the legs are not seen, so it will be recognised by the upper body"
    for arguments in (
        ["record", "raise"],
        ["add", "raise", "--intervals", "3.3-4.8"],
        ["missed", "raise", "--at", "4"],
    ):
        assert main(["teach", *arguments, "--from", str(recording), *folder]) == 0
        assert capsys.readouterr().out.splitlines().count(line) == 1
    assert main(["teach", "list", *folder]) == 0
    assert "s each, upper body" in capsys.readouterr().out
