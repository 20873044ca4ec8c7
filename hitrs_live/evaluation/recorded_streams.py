"""Run the model over an MCAP recording: one stream for each person tracked without a gap."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.data.array_format import BACKGROUND, LabelledSequence
from hitrs_live.evaluation.kept_streams import KeptStream
from hitrs_live.evaluation.run_model import run_model
from hitrs_live.messages import JointsEvent, PoseFrame
from hitrs_live.skeleton import NTU25
from hitrs_live.sources.recording import Recording
from hitrs_live.streaming.recorded_tracks import track_frames
from hitrs_live.wire.codec import pose_frame

_MOST_PEOPLE = 6


def run_on_recording(
    checkpoint: Checkpoint, path: Path, *, step_frames: int | None = None, mirror: bool = True
) -> list[KeptStream]:
    """Track the people of a recording and run the model on them, with the recorded joint confidence.

    All of it is labelled background. step_frames: frames from one prediction to the next, by default the clip stride;
    mirror: whether the mirror image is predicted too and both are averaged. Raises SourceUnavailable or DataError
    where the file is not a recording of this program or is damaged.
    """
    tracks = track_frames(_frames(path), rate_hz=checkpoint.info.normaliser.rate_hz, most_people=_MOST_PEOPLE)
    sequences = [
        LabelledSequence(
            name=f"{path.stem}_{number}",
            subject=path.stem,
            joints_m=np.stack(one.joints_m),
            labels=np.full(len(one.joints_m), BACKGROUND, np.int64),
            valid_mask=np.ones(len(NTU25), bool),
        )
        for number, one in enumerate(tracks)
    ]
    return run_model(
        checkpoint,
        sequences,
        confidence=[np.stack(one.confidence) for one in tracks],
        step_frames=step_frames,
        mirror=mirror,
    )


def _frames(path: Path) -> Iterator[PoseFrame]:
    for event in Recording(path).messages(JointsEvent):
        assert isinstance(event, JointsEvent)
        yield pose_frame(event, event.capture_time_ns)
