"""A film of rendered people with what the live path makes of them drawn over the pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import Config
from hitrs_live.messages import Frame, PoseFrame, Scene
from hitrs_live.pose.intrinsics import Intrinsics, camera_intrinsics
from hitrs_live.pose.landmarks import poses_of
from hitrs_live.skeleton import MEDIAPIPE33
from hitrs_live.streaming.joint_tracker import JointTracker
from hitrs_live.views.save_video import SaveVideo
from hitrs_live.virtual_camera.views.render_jobs import Job, RenderPlan, make_view
from hitrs_live.virtual_camera.views.view_rendering import RendererPool


def write_film(jobs: Sequence[Job], plan: RenderPlan, path: Path, renderers: RendererPool) -> None:
    """Render views one after another and write their pictures, with the tracked skeletons, to a video file.

    Raises ViewUnavailable where the file cannot be written, and what rendering raises.
    """
    config = Config(pose=plan.pose) if plan.pose else Config()
    lens = camera_intrinsics(config.camera)

    def lens_for(width: int, height: int) -> Intrinsics:
        return lens.scaled(width=width, height=height)

    film = SaveVideo(path, lens_for=lens_for, patience_s=60)
    try:
        painter = _Painter(film=film, config=config, lens=lens)
        for job in jobs:
            painter.begin()
            make_view(job, plan, renderers, show=painter.show)
    finally:
        film.close()


@dataclass(kw_only=True)
class _Painter:
    film: SaveVideo
    config: Config
    lens: Intrinsics
    rate_hz: float = 30.0
    _time_ns: int = 0
    _frames: int = 0
    _tracker: JointTracker = field(init=False)

    def begin(self) -> None:
        """Begin another view, with no one tracked."""
        self._tracker = JointTracker(self.config.pose, self.config.track)

    def show(self, picture: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> None:
        height, width = picture.shape[:2]
        lens = self.lens.scaled(width=width, height=height)
        poses = poses_of(landmarks, MEDIAPIPE33, lens, min_joint_confidence=self.config.pose.min_joint_confidence)
        self._time_ns += round(1e9 / self.rate_hz)
        self._frames += 1
        people = self._tracker.step(
            PoseFrame(
                index=self._frames, capture_time_ns=self._time_ns, received_ns=self._time_ns,
                poses=poses[: self.config.pose.max_people], keypoint_layout=MEDIAPIPE33.name, lens=lens.lens,
            )
        )  # fmt: skip
        frame = Frame(
            index=self._frames, capture_time_ns=self._time_ns, received_ns=self._time_ns,
            image=np.ascontiguousarray(picture[..., ::-1]),
        )  # fmt: skip
        self.film.show(Scene(frame=frame, people=people, actions={}, state="up", fps=self.rate_hz))
