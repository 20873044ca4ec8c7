"""Sequences in a running pipeline: of built-in classes and of taught actions, beside the events of these."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from pipeline_runs import ENDED, EVERY_CLIP, UP, ScriptedSource, actions, demo_frames, make_pipeline
from taught_folder import Taught
from taught_joints import lift, standing

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.config import Config, override
from hitrs_live.messages import ActionEvent, Pose, PoseFrame
from hitrs_live.teaching.action_settings import save_sequence
from hitrs_live.teaching.actions_file import TaughtActions
from hitrs_live.teaching.fit import fit_folder
from hitrs_live.teaching.step_sequence import make_sequence
from hitrs_live.transport.sink import ListSink


def _run(
    frames: Sequence[PoseFrame], checkpoint: Checkpoint, taught: TaughtActions | None, config: Config = EVERY_CLIP
) -> list[ActionEvent]:
    sink = ListSink()
    make_pipeline([ScriptedSource([UP, *frames, ENDED])], checkpoint, sink, config, taught=taught).run()
    return [
        msgspec.structs.replace(one, seq=0, log_seq=0, publish_time_ns=0, utc_ns=0) for one in actions(sink.messages)
    ]


@pytest.mark.slow
def test_a_sequence_of_built_in_classes_lasts_from_the_first_to_the_last_step(tmp_path: Path) -> None:
    checkpoint, frames = load_checkpoint("hitrs_tiny_3"), demo_frames(14)
    built_in = _run(frames, checkpoint, None)
    ends = [one for one in built_in if one.state == "end"]
    first, last = next(
        (one, after) for one, after in pairwise(ends) if one.label != after.label and one.reason == "finished"
    )
    save_sequence(tmp_path, make_sequence("both", [first.label, last.label], [30.0]))
    found = _run(frames, checkpoint, fit_folder(tmp_path, checkpoint).taught)
    assert [one for one in found if one.label != "both"] == built_in
    start, end = [one for one in found if one.label == "both"][:2]
    assert (start.state, start.onset_time_ns, start.capture_time_ns) == (
        "start", first.onset_time_ns, last.capture_time_ns,
    )  # fmt: skip
    assert (end.state, end.onset_time_ns, end.end_time_ns) == ("end", first.onset_time_ns, last.end_time_ns)
    assert end.root_m is not None


@pytest.mark.slow
def test_a_sequence_of_taught_actions_is_reported_with_the_end_of_its_last_step(
    taught: Taught, checkpoint: Checkpoint
) -> None:
    joints_m = standing(360, np.random.default_rng(1))
    lift(joints_m, "right", 90, 135)
    lift(joints_m, "right", 200, 245, forward=True)
    frames = [
        PoseFrame(
            index=index, capture_time_ns=round(index * 1e9 / 30), received_ns=0,
            poses=(Pose(joints_m=pose, confidence=np.ones(25, np.float32)),),
        )
        for index, pose in enumerate(joints_m)
    ]  # fmt: skip
    sequences = (
        make_sequence("soon", ["raise", "forward"], [4.0]), make_sequence("sooner", ["raise", "forward"], [1.0]),
        make_sequence("turned", ["forward", "raise"], [4.0]),
    )  # fmt: skip
    both = msgspec.structs.replace(taught.fitted.taught, sequences=sequences)
    found = _run(frames, checkpoint, both, override(Config(), {"model.update": "frame"}))
    ends = {one.label: one for one in found if one.state == "end"}
    assert {"raise", "forward", "soon"} <= set(ends)
    assert not {"sooner", "turned"} & set(ends)
    soon = ends["soon"]
    assert (soon.onset_time_ns, soon.end_time_ns) == (ends["raise"].onset_time_ns, ends["forward"].end_time_ns)
    assert soon.score == min(ends["raise"].score, ends["forward"].score)
    assert [one.label for one in found][-3:] == ["forward", "soon", "soon"]
