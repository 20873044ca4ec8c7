"""A pose estimator in a process of its own, which may hang, crash or leak memory without stopping the stream."""

import logging
import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import PoseConfig
from hitrs_live.errors import PoseProcessFailed
from hitrs_live.messages import Frame, Pose, PoseFrame
from hitrs_live.pose.base import already_open, check_picture, not_open
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.landmarks import poses_of
from hitrs_live.pose.people_limit import SLOWEST_S, PeopleLimit
from hitrs_live.pose.worker.landmarker import LandmarkerCall
from hitrs_live.pose.worker.process import PoseProcess, ProcessDied
from hitrs_live.pose.worker.shared_frame import NoRoomForPicture, SharedPixels
from hitrs_live.skeleton import KeypointLayout

# Loading takes under a second on an idle desktop; a small machine that swaps may take very long.
_START_WAIT_S = 60.0
_MEMORY_CHECK_S = 1.0
_FAILURES_IN_A_ROW = 5
# After that many failures the next process has to wait, each time twice as long.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
# A failure after this many replies, or a memory limit reached only after this long, starts a new count of failures.
_PROVEN_REPLIES = 3
_PROVEN_S = 10.0

_log = logging.getLogger(__name__)


class IsolatedPoseEstimator:
    """Run a landmarker in a child process and watch over it. A `PoseEstimator`.

    A process that is killed, gives no reply for config.hang_after_s or grows above config.memory_limit_mb is
    replaced. The frame it failed on has no result and is counted; the stream goes on. After five failures in a row
    there are pauses between the processes, of a second at first and a minute at most; frames meanwhile have no result.
    It is given up only where none ever replied as expected: then the settings are wrong.

    On a machine that is too slow for everyone, fewer people are looked for (`people_limit`), where the landmarker
    limits people.
    """

    def __init__(
        self,
        find_landmarker: Callable[[], LandmarkerCall],
        *,
        skeleton: KeypointLayout,
        config: PoseConfig,
        intrinsics: Intrinsics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the settings; nothing is loaded or started.

        find_landmarker: called by `open`; names what runs in the process. skeleton: the layout of its points.
        intrinsics: of the camera; scaled to the size of each picture. clock: monotonic seconds; also measures how long
        a picture takes.
        """
        self.skeleton = skeleton
        """The layout of the keypoints."""
        self._find_landmarker, self._config, self._intrinsics = find_landmarker, config, intrinsics
        self._landmarker: LandmarkerCall | None = None
        self._pixels: SharedPixels | None = None
        self._process: PoseProcess | None = None
        self._clock = clock
        self._failures = 0
        self._proven_once = False
        self._paused_until = 0.0
        self._memory_checked = 0.0
        self._limit = PeopleLimit(config.max_people, hang_after_s=config.hang_after_s)
        self._seq = 0
        self._lost = 0
        self._interrupted = False
        self.restarts = 0
        """Processes that had to be replaced."""
        self.memory_mb: float | None = None
        """Resident memory of the process at the last check, MiB."""
        self._failure = ""

    @property
    def notice(self) -> str:
        """What went wrong last, whether fewer people are looked for, and what the process reports, in one line."""
        limit = self._limit
        fewer = f"pose estimation is too slow here: looks for at most {limit.limit} of {limit.most} people"
        return "; ".join(
            filter(
                None,
                (
                    self._failure,
                    fewer if limit.limit < limit.most else "",
                    self._process.notice if self._process else "",
                ),
            )
        )

    @property
    def people_limit(self) -> int:
        """How many people are looked for at most: config.max_people, or fewer while the machine is too slow."""
        return self._limit.limit

    @property
    def process_id(self) -> int | None:
        """The running process; None before open, after close and during a pause."""
        return self._process.pid if self._process else None

    def open(self) -> None:
        """Find the landmarker, start the process and wait until it is ready.

        Raises what finding it raises (PoseModelMissing), and PoseProcessFailed where it failed five times in a row.
        """
        if self._pixels is not None:
            raise already_open()
        self._landmarker = self._find_landmarker()
        try:
            self._pixels = SharedPixels()
        except OSError as error:
            raise PoseProcessFailed(
                f"no file to share pictures with the pose process ({error.strerror}); "
                "end other programs or raise their limits"
            ) from None
        self._failures, self._paused_until, self._interrupted = 0, 0.0, False
        self._spawn()
        if self._process is None:
            self.close()
            raise PoseProcessFailed(f"{self._failure}; end other programs or raise their limits")
        try:
            self._ready_process()
        except PoseProcessFailed:
            self.close()
            raise

    def step(self, frame: Frame) -> PoseFrame | None:
        """Find the people in one frame; None where the process failed on it, or there is none during a pause.

        Raises PoseProcessFailed where no process ever replied as expected, ValueError before open or for a picture of
        another kind.
        """
        if self._pixels is None:
            raise not_open()
        check_picture(frame)
        process = self._resumed()
        self._seq += 1
        try:
            landmarks = self._ask(process, frame) if process else None
        except ProcessDied as death:
            self._replace(str(death))
            landmarks = None
        except NoRoomForPicture as fault:
            self._failure, landmarks = str(fault), None
        if landmarks is None:
            self._lost += 1
            return None
        self._proven_once = True
        height, width = frame.image.shape[:2]
        lens = self._intrinsics.scaled(width=width, height=height)
        return PoseFrame(
            index=frame.index,
            capture_time_ns=frame.capture_time_ns,
            received_ns=frame.received_ns,
            poses=self._poses(landmarks, lens),
            keypoint_layout=self.skeleton.name,
            lens=lens.lens,
        )

    def drops(self) -> Mapping[str, int]:
        """Count the frames without a result, under "pose_gap"."""
        return {"pose_gap": self._lost}

    def measure_memory_mb(self) -> float | None:
        """Measure the process's resident memory now, MiB; None where there is no process."""
        self.memory_mb = self._process.memory_mb() if self._process else None
        return self.memory_mb

    def interrupt(self) -> None:
        """Kill the process, so that a step in another thread raises PoseProcessFailed soon; only close may follow."""
        self._interrupted = True
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process and free the shared memory; safe at any time, also twice."""
        if self._process is not None:
            self._process.close()
            self._process = None
        if self._pixels is not None:
            self._pixels.close()
            self._pixels = None

    def _ask(self, process: PoseProcess, frame: Frame) -> NDArray[np.float32]:
        limit, before = self._limit, self._limit.limit
        took_s = limit.mean_s
        if process.limits_people and limit.begin(frame.index, frame.capture_time_ns):
            if limit.limit < before:
                _log.warning(
                    "a picture takes the pose process %.0f ms, more than %.0f: looks for at most %d of %d people",
                    took_s * 1000, SLOWEST_S * 1000, limit.limit, limit.most,
                )  # fmt: skip
            else:
                _log.info("the pose process has room: looks for up to %d of %d people", limit.limit, limit.most)
        began_s = self._clock()
        landmarks = process.ask(
            self._seq, frame.image, self._config.hang_after_s, most_people=limit.limit, spare=limit.spare
        )
        limit.finish(self._clock() - began_s, len(landmarks))
        return landmarks

    def _poses(self, landmarks: NDArray[np.float32], lens: Intrinsics) -> tuple[Pose, ...]:
        return poses_of(landmarks, self.skeleton, lens, min_joint_confidence=self._config.min_joint_confidence)

    def _spawn(self) -> None:
        """Start a process; where the system has no means for one, begin a pause."""
        assert self._landmarker is not None
        assert self._pixels is not None
        self._process, self._memory_checked = None, self._clock()
        try:
            self._process = PoseProcess(self._landmarker, self._pixels, points=len(self.skeleton))
        except OSError as error:
            self._failure = f"the pose process could not be started ({error.strerror or error})"
            self._paused_until = self._clock() + _FIRST_PAUSE_S

    def _resumed(self) -> PoseProcess | None:
        """Return a process that is ready and within its memory limit; None during a pause."""
        if self._process is None:
            if self._clock() < self._paused_until:
                return None
            self._spawn()
        self._check_memory()
        return self._ready_process()

    def _ready_process(self) -> PoseProcess | None:
        """Wait until a process is ready, replacing those that fail; None where a pause began."""
        while self._process is not None:
            try:
                self._process.wait_ready(max(_START_WAIT_S, self._config.hang_after_s))
            except ProcessDied as death:
                self._replace(str(death))
            else:
                return self._process
        return None

    def _check_memory(self) -> None:
        now = self._clock()
        if self._process is None or now - self._memory_checked < _MEMORY_CHECK_S:
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
        """Replace the process, at once or after a pause, or raise PoseProcessFailed.

        proven: whether it worked well for some time before.
        """
        assert self._process is not None
        if self._interrupted:
            raise PoseProcessFailed("the pose process was ended because the run stops")
        if proven is None:
            proven = self._process.replies >= _PROVEN_REPLIES
        self._failures = 1 if proven else self._failures + 1
        self.restarts += 1
        self._process.close(at_once=True)
        self._failure = f"the pose process {reason}"
        if self._failures < _FAILURES_IN_A_ROW:
            self._spawn()
            return
        words = self._process.last_words()
        self._process = None
        if not self._proven_once:
            raise PoseProcessFailed(
                f"{self._failure}, {self._failures} times in a row; its last words: {words or 'none'}; "
                "`hitrs-live models` shows its model, pose.memory_limit_mb and pose.hang_after_s are its limits"
            )
        pause_s = min(_FIRST_PAUSE_S * 2 ** (self._failures - _FAILURES_IN_A_ROW), _LONGEST_PAUSE_S)
        self._paused_until = self._clock() + pause_s
        self._failure += f", {self._failures} times in a row; the next one starts in {pause_s:.0f} s"
