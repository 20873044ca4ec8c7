"""Keep the predictions on clips in a file: a second run of the reality benchmark need not track and encode them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hitrs_live.config import Config
from hitrs_live.data.array_format import BROKEN
from hitrs_live.data.formats.real_clips import RealClip
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.messages import JointFrame, Prediction
from hitrs_live.temporal_lifting.weights import SHIPPED as LIFTER_WEIGHTS

_OF_FRAME = ("time_ns", "track_ids", "active", "reset", "joints_m", "confidence")


def read_predictions(file: Path, clips: Sequence[RealClip], config: Config) -> list[list[Prediction]] | None:
    """Read the predictions on these clips with these settings; None where the file is missing, damaged or of others."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in ("source", "counts", "has_output", "logits", *_OF_FRAME)}
    except (*BROKEN, KeyError):
        return None
    counts = arrays["counts"]
    if str(arrays["source"]) != _digest(clips, config) or counts.sum() != len(arrays["logits"]):
        return None
    ends = np.cumsum(counts)
    return [
        [_prediction(arrays, at) for at in range(start, end)] for start, end in zip(ends - counts, ends, strict=True)
    ]


def write_predictions(
    file: Path, clips: Sequence[RealClip], config: Config, predictions: Sequence[Sequence[Prediction]]
) -> None:
    """Write the predictions on each clip, without future joints."""
    file.parent.mkdir(parents=True, exist_ok=True)
    every = [one for of_clip in predictions for one in of_clip]
    of_frame: dict[str, Any] = {key: np.stack([getattr(one.joint_frame, key) for one in every]) for key in _OF_FRAME}
    with whole_file(file) as unfinished, unfinished.open("wb") as opened:
        np.savez(
            opened,
            source=_digest(clips, config),
            counts=np.array([len(of_clip) for of_clip in predictions]),
            has_output=np.stack([one.has_output for one in every]),
            logits=np.stack([one.logits for one in every]),
            **of_frame,
        )


def _prediction(arrays: dict[str, Any], at: int) -> Prediction:
    logits = arrays["logits"][at]
    joints = arrays["confidence"].shape[-1]
    frame = JointFrame(**{key: arrays[key][at] for key in _OF_FRAME})
    return Prediction(
        joint_frame=frame,
        has_output=arrays["has_output"][at],
        logits=logits,
        future_joints_m=np.zeros((len(logits), 0, joints, 3), np.float32),
        scales_m=np.zeros((len(logits), 0, joints), np.float32),
    )


def _digest(clips: Sequence[RealClip], config: Config) -> str:
    """Identify what predictions depend on besides the model: landmarks, times and the settings of every stage."""
    settings = (config.camera, config.pose, config.track, config.model)
    digest = hashlib.sha256(repr(settings).encode())
    if config.pose.refine:
        digest.update(LIFTER_WEIGHTS.read_bytes())
    for clip in clips:
        digest.update(repr((clip.frames, clip.fps, clip.width, clip.height)).encode())
        digest.update(np.ascontiguousarray(clip.landmarks).tobytes())
        digest.update(clip.frame.tobytes())
    return digest.hexdigest()
