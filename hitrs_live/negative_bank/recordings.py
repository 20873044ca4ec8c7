"""Add a user's own recordings to a bank: every person that the tracker follows becomes a stream.

They pass through the tracker, the resampler and the filling of unseen joints of the live path, so their tokens are
those that the live stream computed.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import CameraConfig, PoseConfig, TrackConfig
from hitrs_live.data.array_format import BACKGROUND
from hitrs_live.data.labelled_motion import LabelledMotion
from hitrs_live.data.shipped_classes import LABELS
from hitrs_live.errors import ConfigError, DataError, MessageMalformed, SourceUnavailable
from hitrs_live.messages import JointsEvent, PoseFrame
from hitrs_live.negative_bank.bank_format import ADDED, StreamInfo, part_folders, part_name, read_bank_info
from hitrs_live.negative_bank.encoded_part import LiveMotion, write_part
from hitrs_live.negative_bank.encoder import BankEncoder, check_encoder
from hitrs_live.negative_bank.shipping_sets import labelled_frames
from hitrs_live.sources.recording import Recording
from hitrs_live.streaming.predictor import fill_missing
from hitrs_live.streaming.recorded_tracks import live_joint_frames, track_histories
from hitrs_live.wire.codec import pose_frame

OWN_RECORDINGS: Final = "own recordings"
_LICENCE: Final = "the user's own"


def add_recordings(
    folder: Path,
    recordings: Sequence[Path],
    encoder: BankEncoder,
    *,
    label: str = LABELS[BACKGROUND],
    max_people: int = PoseConfig().max_people,
) -> list[StreamInfo]:
    """Encode recordings made with --record and append them to a bank as one part. Returns the new streams.

    label: the class of all of their frames, by default background: nothing of any class happens in them. Raises
    DataError where the bank, or a recording, cannot be read or has no person; CheckpointMismatch for another encoder.
    """
    info = read_bank_info(folder)
    check_encoder(info, encoder.description, bank_name=str(folder))
    classes = (LABELS[BACKGROUND], *([label] if label != LABELS[BACKGROUND] else ()))
    rate_hz = encoder.description.normaliser.rate_hz
    motions = [
        motion
        for path in recordings
        for motion in recorded_people(path, label=classes.index(label), rate_hz=rate_hz, max_people=max_people)
    ]
    if not any(len(one) >= encoder.description.span_frames for one in motions):
        raise DataError(
            f"{', '.join(map(str, recordings))}: nobody is seen for {encoder.description.span_frames / rate_hz:.1f} s "
            "in a row; record for longer"
        )
    numbers = [int(path.name.partition("-")[2]) for path in part_folders(folder) if path.name.startswith(ADDED)]
    try:
        return write_part(
            folder, part_name(ADDED, max(numbers, default=0) + 1),
            (LiveMotion(motion=one, lost=0.0) for one in motions), encoder, info, source=OWN_RECORDINGS,
            classes=classes, licence=_LICENCE,
        )  # fmt: skip
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be written ({error.strerror or error}); free some space, or give a bank that can be"
        ) from None


def recorded_people(path: Path, *, label: int, rate_hz: float, max_people: int) -> list[LabelledMotion]:
    """Track the people of a recording as the live path does. Returns one motion for each history of a person.

    Joints are as the model sees them: those not seen are filled. Raises DataError where the file is not a recording
    of this program or is damaged.
    """
    try:
        pose = PoseConfig(max_people=max_people)
        frames = live_joint_frames(
            _frames(path), rate_hz=rate_hz, pose=pose, track=TrackConfig(), camera=CameraConfig()
        )
        histories = track_histories(frames)
    except (SourceUnavailable, MessageMalformed) as error:
        raise DataError(f"{path}: {error}") from None
    motions = []
    for number, one in enumerate(histories):
        joints_m: NDArray[np.float32] = fill_missing(np.stack(one.joints_m), np.stack(one.confidence))
        labels = np.full(len(joints_m), label, np.int64)
        motions.append(labelled_frames(joints_m, labels, name=f"{path.stem}/{number}", subject=path.stem))
    return motions


def _frames(path: Path) -> Iterator[PoseFrame]:
    for event in Recording(path).messages(JointsEvent):
        assert isinstance(event, JointsEvent)
        yield pose_frame(event, event.capture_time_ns)
