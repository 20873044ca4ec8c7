"""Estimate the landmarks of the real videos from their pixels, once: later runs read them from a file."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import PoseConfig
from hitrs_live.data.formats.real_clips import RealClip, read_clip
from hitrs_live.data.reality_classes import VIDEO_LABELS, VideoLabels
from hitrs_live.errors import DataError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.files.file_names import why_unusable
from hitrs_live.pose.factory import open_landmarker


def available_videos(folder: Path) -> list[Path]:
    """List the videos of the data folder whose content is known."""
    return [path for name in VIDEO_LABELS if (path := folder / "video" / name).is_file()]


def read_video_clips(videos: Sequence[Path], config: PoseConfig, work: Path) -> list[RealClip]:
    """Read videos as clips of landmarks, which are estimated where `work` does not have them yet.

    Raises PoseModelMissing where landmarks are missing and no pose model is there, DataError for a damaged video or
    file of landmarks.
    """
    work.mkdir(parents=True, exist_ok=True)
    clips = []
    for video in videos:
        # A video or a model of another size makes another file, and so does another backend.
        seen_by = f"{config.backend}-{Path(config.model).stem}-{config.max_people}"
        kept = work / f"{video.stem}-{video.stat().st_size}-{seen_by}.npz"
        if not kept.is_file():
            _estimate(video, kept, config)
        clips.append(_as_clip(video.stem, kept, VIDEO_LABELS[video.name]))
    return clips


def _as_clip(name: str, kept: Path, labels: VideoLabels) -> RealClip:
    return read_clip(
        kept, name=name, actions=labels.actions, near=labels.near, other=labels.other, view=labels.view,
        labelled_until_s=None,
    )  # fmt: skip


def _estimate(video: Path, kept: Path, config: PoseConfig) -> None:
    """Run the pose stage's landmarker over every picture and write what it found."""
    if unusable := why_unusable(video.resolve()):
        raise DataError(f"video {video}: {unusable}")
    landmarker = open_landmarker(config)
    capture = cv2.VideoCapture(str(video.resolve()), cv2.CAP_FFMPEG)
    fps = capture.get(cv2.CAP_PROP_FPS)
    people: list[NDArray[np.float32]] = []
    frame: list[int] = []
    frames, size = 0, (0, 0)
    try:
        while (read := capture.read())[0]:
            picture = np.ascontiguousarray(read[1][..., ::-1], np.uint8)
            found = landmarker.step(picture)
            people.append(found)
            frame += [frames] * len(found)
            frames, size = frames + 1, (picture.shape[1], picture.shape[0])
    finally:
        capture.release()
        landmarker.close()
    if not frames:
        raise DataError(f"{video}: holds no picture that can be decoded; copy it again, or leave it out with --sets")
    with whole_file(kept) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(
            file, landmarks=np.concatenate(people), frame=np.array(frame, np.int32), frames=frames, fps=fps,
            width=size[0], height=size[1],
        )  # fmt: skip
