"""Play a synthetic figure that moves like a person, as a source that needs no camera."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import Pose, PoseFrame, SourceChange
from hitrs_live.skeleton import NTU25
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.demo.acts import ACTS, ActionSpan, perform
from hitrs_live.sources.demo.figure import compute_joints
from hitrs_live.sources.demo.motion import RATE_HZ
from hitrs_live.sources.kinds import SourceOptions
from hitrs_live.sources.naming import name_source
from hitrs_live.sources.pacing import MonotonicClock, Pacer, Speed

FLOOR_M = -0.9
"""The floor's y: the virtual camera is 90 cm above it."""
MAX_PEOPLE = 4


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Place a figure, facing the camera but for a small turn, and give its size."""

    left_m: float
    away_m: float
    turn_deg: float
    scale: float
    first_act: int


_PLACES = (
    _Place(left_m=0.0, away_m=3.0, turn_deg=10.0, scale=1.0, first_act=0),
    _Place(left_m=0.7, away_m=4.3, turn_deg=-12.0, scale=0.94, first_act=3),
    _Place(left_m=-0.8, away_m=5.6, turn_deg=14.0, scale=1.05, first_act=6),
    _Place(left_m=0.3, away_m=6.9, turn_deg=-6.0, scale=0.98, first_act=4),
)


def make_demo(_value: str, options: SourceOptions) -> "DemoSource":
    """Make the source of `--demo`, which takes no value."""
    return DemoSource(options.speed, source_id=options.source_id)


class DemoSource:
    """Show one to four figures doing the model's actions in a row, with pauses of standing still between.

    30 poses a second, every joint seen. Speed "real": frames are returned when they are due, counted from the first
    read; speed "max": as fast as they are read, capture time counts from 0. With `loop` the script repeats without a
    jump; otherwise the source ends with it. The same seed gives the same movements.
    """

    has_pictures = False
    live = False

    def __init__(
        self,
        speed: Speed = "real",
        people: int = 1,
        loop: bool = True,
        *,
        seed: int = 0,
        source_id: str = "",
        clock: MonotonicClock = time.monotonic_ns,
    ) -> None:
        """Compute the movements. Raises ValueError for an unknown speed, a bad name or more figures than places."""
        if not 1 <= people <= MAX_PEOPLE:
            raise ValueError(f"people: got {people}, expected 1 to {MAX_PEOPLE} figures")
        self.source_id = name_source(source_id, "demo")
        self._pacer = Pacer(speed, clock)
        self._clock = clock
        self._loop = loop
        shows = [perform(place.first_act, seed + number) for number, place in enumerate(_PLACES[:people])]
        self.scripts: tuple[tuple[ActionSpan, ...], ...] = tuple(spans for _, spans in shows)
        """For each figure its actions, in seconds from its first frame, of one pass."""
        self._joints_m = np.stack(
            [
                _on_stage(compute_joints(poses, scale=place.scale), place)
                for (poses, _), place in zip(shows, _PLACES, strict=False)
            ]
        )
        self._frames: int = self._joints_m.shape[1]
        self._confidence = np.ones(len(NTU25), np.float32)
        self._index = 0
        self._begun = False
        self._over = False

    @property
    def script(self) -> tuple[ActionSpan, ...]:
        """The first figure's actions: label, start and end in seconds from its first frame, of one pass."""
        return self.scripts[0]

    @property
    def duration_s(self) -> float:
        """How long one pass takes."""
        return self._frames / RATE_HZ

    @property
    def joints_m(self) -> NDArray[np.float32]:
        """The joints of one pass: (P, T, 25, 3) float32, metres, camera frame, 30 frames a second."""
        return self._joints_m

    def open(self) -> None:
        """Do nothing: there is no device that could fail."""

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        """Return one item, or () where the next frame is not due within timeout_s or all is over."""
        if self._over:
            return ()
        if not self._begun:
            self._begun = True
            self._pacer.start()
            people = "1 synthetic person" if len(self.scripts) == 1 else f"{len(self.scripts)} synthetic people"
            detail = f"demo: {people}, {len(ACTS)} exercises, no camera"
            return (SourceChange(state="up", time_ns=self._pacer.capture_time_ns(0), detail=detail),)
        show_time_ns = round(self._index * 1e9 / RATE_HZ)
        if not self._loop and self._index == self._frames:
            self._over = True
            detail = f"demo: {self._index} frames"
            return (SourceChange(state="ended", time_ns=self._pacer.capture_time_ns(show_time_ns), detail=detail),)
        if not self._pacer.wait(show_time_ns, timeout_s):
            return ()
        return (self._frame(show_time_ns),)

    def drops(self) -> dict[str, int]:
        """Return {}: the figure waits until it is read."""
        return {}

    def close(self) -> None:
        """End, also a read in another thread."""
        self._over = True
        self._pacer.cancel()

    def _frame(self, show_time_ns: int) -> PoseFrame:
        joints_m = self._joints_m[:, self._index % self._frames]
        frame = PoseFrame(
            index=self._index,
            capture_time_ns=self._pacer.capture_time_ns(show_time_ns),
            received_ns=self._clock(),
            poses=tuple(
                Pose(joints_m=joints, confidence=self._confidence, body_id=body) for body, joints in enumerate(joints_m)
            ),
        )
        self._index += 1
        return frame


def _on_stage(joints: NDArray[np.float64], place: _Place) -> NDArray[np.float32]:
    """Move a figure from its stage to the camera's frame: facing the camera, its left at smaller x."""
    turn = np.radians(180.0 + place.turn_deg)
    cos, sin = np.cos(turn), np.sin(turn)
    x, y, z = np.moveaxis(joints, -1, 0)
    placed = np.stack([cos * x + sin * z + place.left_m, y + FLOOR_M, cos * z - sin * x + place.away_m], axis=-1)
    return placed.astype(np.float32)
