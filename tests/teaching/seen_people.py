"""People of whom each does something, as the model sees them: computed side by side, once for all tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from taught_joints import hold, lift, standing

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Config
from hitrs_live.messages import ActionEvent, JointFrame, Prediction
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.predictor import Predictor
from hitrs_live.streaming.stream_model import StreamDescription
from hitrs_live.teaching.actions_file import TaughtActions
from hitrs_live.teaching.taught_decoder import TaughtDecoder

FRAMES = 360
LENGTH = 45
"""Frames of a raised arm."""
STARTS = (60, 180, 255)
"""Frames in which `raises` begins to raise the arm."""
HOLD = (60, 270)
"""Frames in which `holds` holds the arm out, with the ways there and back."""
CHANGED_FROM = {"changed_soon": 231, "changed_later": 250}
"""Frames from which these are elsewhere than `raises`; the last frame that is before all of them is 230."""


def raises(seed: int, starts: Sequence[int] = STARTS, frames: int = FRAMES) -> NDArray[np.float32]:
    """Return (T, 25, 3): someone who raises the right arm to the side and lowers it."""
    joints_m = standing(frames, np.random.default_rng(seed))
    for start in starts:
        lift(joints_m, "right", start, start + LENGTH)
    return joints_m


def people() -> dict[str, NDArray[np.float32]]:
    """Return the people by what they do, (T, 25, 3) each."""
    found = {
        "raises": raises(1), "exercises": raises(2, (60, 120, 180, 240)), "stands": raises(3, ()),
        "raises_once": raises(4, (150,)), "nearly_raises": raises(5, (60, 260)), "other_side": raises(6, ()),
        "holds": raises(8, ()),
    }  # fmt: skip
    lift(found["nearly_raises"], "right", 160, 160 + LENGTH, share=0.55)
    lift(found["other_side"], "left", 120, 120 + LENGTH, forward=True)
    hold(found["holds"], "right", *HOLD)
    for name, first in CHANGED_FROM.items():
        found[name] = raises(1)
        found[name][first:] += np.float32(0.3)
    return found


@dataclass(frozen=True, kw_only=True)
class SeenPeople:
    """Joint frames of some people, one row each, and what the model makes of each frame."""

    rows: Mapping[str, int]
    joint_frames: Sequence[JointFrame]
    predictions: Sequence[Sequence[Prediction]]
    model: StreamDescription

    def events(self, taught: TaughtActions, config: Config | None = None) -> dict[str, list[ActionEvent]]:
        """Find taught actions; return the events of each person."""
        decoder = TaughtDecoder(taught, self.model, config or Config(), source_id="a", rows=len(self.rows))
        found: list[ActionEvent] = []
        for joint_frame, predictions in zip(self.joint_frames, self.predictions, strict=True):
            found += decoder.step(joint_frame, predictions)
        found += decoder.close_all("shutdown")
        return {name: [one for one in found if one.track_id == row] for name, row in self.rows.items()}


def see(checkpoint: Checkpoint, shown: Mapping[str, NDArray[np.float32]]) -> SeenPeople:
    """Pass people through the model, with an output for every frame."""
    model = HitrsStream(checkpoint, step_frames=1)
    predictor = Predictor(model, rows=len(shown), mirror=False)
    joint_frames = [
        JointFrame.of(np.stack(joints_m), time_ns=round(frame * 1e9 / 30), reset=frame == 0)
        for frame, joints_m in enumerate(zip(*shown.values(), strict=True))
    ]
    return SeenPeople(
        rows={name: row for row, name in enumerate(shown)}, joint_frames=joint_frames,
        predictions=[predictor.step(one) for one in joint_frames], model=model.description,
    )  # fmt: skip
