"""Read a recording of ours as streams, one for each person followed without a gap."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.data.array_format import BACKGROUND, Sequence
from hitrs_live.evaluation.kept_streams import KeptStream
from hitrs_live.evaluation.run_model import judge
from hitrs_live.messages import JointsEvent, PoseFrame
from hitrs_live.skeleton import NTU25
from hitrs_live.sources.recording import Recording
from hitrs_live.streaming.recorded_tracks import follow
from hitrs_live.wire.codec import pose_frame

_MOST_PEOPLE = 6


def judge_recording(
    checkpoint: Checkpoint, path: Path, *, hop: int | None = None, mirror: bool = True
) -> list[KeptStream]:
    """Judge all that is followed in a recording, with the confidence that its joints had. All of it is background.

    hop: frames from one judgement to the next, by default the clip stride; mirror: whether everybody is judged mirrored
    too. Raises SourceUnavailable or DataError where the file is none of ours or damaged.
    """
    followed = follow(_frames(path), rate_hz=checkpoint.info.normaliser.rate_hz, most_people=_MOST_PEOPLE)
    sequences = [
        Sequence(
            name=f"{path.stem}_{number}",
            subject=path.stem,
            joints_m=np.stack(one.joints_m),
            labels=np.full(len(one.joints_m), BACKGROUND, np.int64),
            valid_mask=np.ones(len(NTU25), bool),
        )
        for number, one in enumerate(followed)
    ]
    return judge(
        checkpoint, sequences, confidence=[np.stack(one.confidence) for one in followed], hop=hop, mirror=mirror
    )


def _frames(path: Path) -> Iterator[PoseFrame]:
    for event in Recording(path).messages(JointsEvent):
        assert isinstance(event, JointsEvent)
        yield pose_frame(event, event.capture_time_ns)
