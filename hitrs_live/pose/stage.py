"""Frames in, poses out, whatever happens to the process that finds them."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import PoseConfig
from hitrs_live.errors import PoseProcessFailed
from hitrs_live.messages import Frame, Pose, PoseFrame
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.lifting import lift
from hitrs_live.pose.mediapipe.models import find_pose_model
from hitrs_live.pose.mediapipe.process import PoseProcess, ProcessDied
from hitrs_live.pose.mediapipe.shared_frame import SharedPixels

# Loading takes under a second on an idle desktop; a small machine that swaps may take very long.
_START_WAIT_S = 60.0
_MEMORY_CHECK_S = 1.0
KEYPOINT_LAYOUT: Final = "mediapipe33"
KEYPOINT_DIGITS: Final = 5
"""Of a keypoint's numbers, after the point: a thousandth of a pixel. More would only make recordings larger."""
_FAILURES_IN_A_ROW = 5
# A process that gave so many answers, or grew too fat only after so long, is not to blame for the one before it.
_PROVEN_ANSWERS = 3
_PROVEN_S = 10.0


class PoseStage:
    """Own the pose process and its watchdog.

    Killed, silent for config.hang_after_s or above config.memory_limit_mb, the process is replaced and the
    stream goes on; each frame that got no answer is counted.
    """

    def __init__(self, config: PoseConfig, intrinsics: Intrinsics, *, model: Path | None = None) -> None:
        """Take the settings. model: a `.task` file in place of the one that config.model names."""
        self._config = config
        self._intrinsics = intrinsics
        self._model = model
        self._pixels: SharedPixels | None = None
        self._process: PoseProcess | None = None
        self._failures = 0
        self._memory_checked = 0.0
        self._seq = 0
        self.restarts = 0
        """Processes that had to be replaced."""
        self.frames_lost = 0
        """Frames that got no answer ("pose_gap")."""
        self.memory_mb: float | None = None
        """Resident memory of the process at the last check."""
        self.notice = ""
        """What went wrong last, in one line; empty where nothing did."""

    @property
    def process_id(self) -> int | None:
        """The process that is now in charge, None before start and after close."""
        return self._process.pid if self._process else None

    def get_model(self) -> None:
        """Find the model, so that `start` need not; nothing is fetched. Raises PoseModelMissing."""
        if self._model is None:
            self._model = find_pose_model(self._config.model)

    def start(self) -> None:
        """Find the model, start the process and wait until it is ready.

        Raises PoseModelMissing, and PoseProcessFailed where it failed five times in a row.
        """
        if self._process is not None:
            raise ValueError("the pose stage is started already; close it first")
        self.get_model()
        self._pixels = SharedPixels()
        self._process = self._spawn()
        try:
            while not self._wait_ready():
                pass
        except PoseProcessFailed:
            self.close()
            raise

    def step(self, frame: Frame) -> Sequence[PoseFrame]:
        """Find everybody in one frame; () where the process failed on it.

        Raises PoseProcessFailed where the process cannot be kept alive, ValueError before start.
        """
        if self._process is None:
            raise ValueError("the pose stage is not started; call start first")
        if frame.image.ndim != 3 or frame.image.shape[2] != 3 or frame.image.dtype != np.uint8:
            raise ValueError(
                f"frame {frame.index}: got a picture of {frame.image.shape} {frame.image.dtype}, "
                "wanted (height, width, 3) uint8"
            )
        self._check_memory()
        self._seq += 1
        try:
            while not self._wait_ready():
                pass
            landmarks = self._process.ask(self._seq, frame.image, self._config.hang_after_s)
        except ProcessDied as death:
            self.frames_lost += 1
            self._replace(str(death))
            return ()
        return (
            PoseFrame(
                index=frame.index,
                capture_time_ns=frame.capture_time_ns,
                received_ns=frame.received_ns,
                poses=self._poses(landmarks, frame.image),
                keypoint_layout=KEYPOINT_LAYOUT,
            ),
        )

    def measure_memory_mb(self) -> float | None:
        """Measure the process's resident memory now, MiB; None where there is no process."""
        self.memory_mb = self._process.memory_mb() if self._process else None
        return self.memory_mb

    def close(self) -> None:
        """End the process and let its memory go; safe at any time, also twice."""
        if self._process is not None:
            self._process.close()
            self._process = None
        if self._pixels is not None:
            self._pixels.close()
            self._pixels = None

    def _poses(self, landmarks: NDArray[np.float32], image: NDArray[np.uint8]) -> tuple[Pose, ...]:
        if not len(landmarks):
            return ()
        height, width = image.shape[:2]
        spots = landmarks[..., :2]
        joints_m, confidence = lift(
            landmarks[..., 2:5],
            spots,
            landmarks[..., 5],
            landmarks[..., 6],
            self._intrinsics.scaled(width=width, height=height),
        )
        confidence = np.where(confidence < self._config.min_joint_confidence, 0, confidence).astype(np.float32)
        boxes = np.clip(np.concatenate((spots.min(axis=1), spots.max(axis=1)), axis=-1), 0, 1)
        certainty = np.clip(landmarks[..., 5] * landmarks[..., 6], 0, 1)
        keypoints = np.round(np.concatenate((spots, certainty[..., None]), axis=-1), KEYPOINT_DIGITS)
        people = zip(joints_m, confidence, boxes, keypoints.astype(np.float32), strict=True)
        return tuple(Pose(joints_m=j, confidence=c, box=b, keypoints=k) for j, c, b, k in people)

    def _spawn(self) -> PoseProcess:
        assert self._model is not None
        assert self._pixels is not None
        self._memory_checked = time.monotonic()
        return PoseProcess(
            self._model,
            self._pixels,
            max_people=self._config.max_people,
            min_confidence=self._config.min_confidence,
        )

    def _wait_ready(self) -> bool:
        """Wait for the process in charge; False where it died meanwhile and another is in charge now."""
        assert self._process is not None
        try:
            self._process.wait_ready(max(_START_WAIT_S, self._config.hang_after_s))
        except ProcessDied as death:
            self._replace(str(death))
            return False
        return True

    def _check_memory(self) -> None:
        assert self._process is not None
        now = time.monotonic()
        if now - self._memory_checked < _MEMORY_CHECK_S:
            return
        self._memory_checked = now
        self.measure_memory_mb()
        if self.memory_mb is not None and self.memory_mb > self._config.memory_limit_mb:
            # The time to load does not count: on a slow machine it alone may be longer.
            ready_since = self._process.ready_since
            proven = ready_since is not None and now - ready_since > _PROVEN_S
            self._replace(
                f"took {self.memory_mb:.0f} MB, above pose.memory_limit_mb = {self._config.memory_limit_mb}",
                proven=proven,
            )

    def _replace(self, reason: str, *, proven: bool | None = None) -> None:
        assert self._process is not None
        if proven is None:
            proven = self._process.answers >= _PROVEN_ANSWERS
        self._failures = 1 if proven else self._failures + 1
        self.restarts += 1
        self._process.close(at_once=True)
        self.notice = f"the pose process {reason}"
        if self._failures >= _FAILURES_IN_A_ROW:
            words = self._process.last_words()
            self._process = None
            raise PoseProcessFailed(
                f"{self.notice}, {self._failures} times in a row; its last words: {words or 'none'}; "
                "`hitrs-live models` shows its model, pose.memory_limit_mb and pose.hang_after_s are its limits"
            )
        self._process = self._spawn()
