"""Track people from frame to frame.

Each track predicts where its trunk should be; `association` finds the pose that fits and how certain that is. An
ambiguous association, with a rival nearly as likely, is not used: the tracks concerned coast, as if hidden, until it is
clear again. Where it stays ambiguous they end and their people get new ids. A wrong id mixes two people's motion, a new
one only restarts the model's window, so an ambiguity is always resolved by a new id.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import TrackConfig
from hitrs_live.messages import People, Pose, PoseFrame
from hitrs_live.skeleton import NTU25
from hitrs_live.tracking.association import pair, trunk, without_duplicates
from hitrs_live.tracking.body_checks import FilledPose, present_poses
from hitrs_live.tracking.depth_smoothing import DepthFilter

_LONGEST_AMBIGUITY_S = 0.3
_VELOCITY_MEMORY_S = 0.15
_COAST_S = 0.25
_FASTEST_M_S = 4.0
# A new person is tracked from here on: at 30 frames a second with the third frame in a row, at 10 with the second.
_NEWCOMER_S = 0.06
_BYSTANDER_S = 0.5


@dataclass(kw_only=True)
class _Track:
    pose: Pose
    """As last seen."""
    joints_m: NDArray[np.float32]
    """(25, 3): the same with its distance smoothed, as published."""
    first_ns: int
    seen_ns: int
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    """(3,) metres a second."""
    track_id: int = -1
    """-1 while not yet confirmed."""
    depth_filter: DepthFilter = field(default_factory=DepthFilter)
    ambiguous_ns: int | None = None
    """When its association became ambiguous; None while it is clear."""

    @property
    def distance_spread(self) -> float:
        """How uncertain the distance has been, as a share of it."""
        return self.depth_filter.spread

    def predict(self, now_ns: int) -> NDArray[np.float64]:
        """Return where the trunk should be, (7, 3) metres; an unseen person is assumed to slow down."""
        age_s = max(0, now_ns - self.seen_ns) / 1e9
        coasted: NDArray[np.float64] = self.velocity * (_COAST_S * (1 - np.exp(-age_s / _COAST_S)))
        return trunk(self.joints_m) + coasted

    def follow(self, pose: Pose, now_ns: int) -> None:
        """Update with the person's pose; a joint without a position stays where it was on the body."""
        elapsed_s = (now_ns - self.seen_ns) / 1e9
        before, self.joints_m = self.joints_m, self.depth_filter.step(pose, now_ns)
        if isinstance(pose, FilledPose):
            shift = self.joints_m[NTU25.root] - before[NTU25.root]
            self.joints_m = np.where(pose.bad[:, None], before + shift, self.joints_m)
        if elapsed_s > 0:
            moved = (trunk(self.joints_m) - trunk(before)).mean(axis=0) / elapsed_s
            share = 1 - np.exp(-elapsed_s / _VELOCITY_MEMORY_S)
            self.velocity += (np.clip(moved, -_FASTEST_M_S, _FASTEST_M_S) - self.velocity) * share
        self.pose, self.seen_ns, self.ambiguous_ns = pose, now_ns, None


class Tracker:
    """Give each person a row and an id, and keep them."""

    def __init__(self, rows: int, config: TrackConfig) -> None:
        """Take the number of people tracked at once and the settings. Raises ValueError for less than one row."""
        if rows < 1:
            raise ValueError(f"got {rows} rows, expected at least 1")
        self._rows: list[_Track | None] = [None] * rows
        self._newcomers: list[_Track] = []
        self._keep_ns = int(config.keep_s * 1e9)
        self._next_id = 1
        self.resets = 0
        """Tracks ended because it was ambiguous whose they were."""

    def step(self, frame: PoseFrame) -> People:
        """Sort one frame's poses into rows.

        Bodies that are no people take no row: zeros, untracked ones, ones in one point (see `joint_checks`).
        """
        now_ns = frame.capture_time_ns
        for row, track in enumerate(self._rows):
            if track is not None and now_ns - track.seen_ns > self._keep_ns:
                self._rows[row] = None
        poses = without_duplicates(present_poses(frame.poses))
        rows = [row for row, track in enumerate(self._rows) if track is not None]
        tracks = [track for track in self._rows if track is not None]
        # A bystander seen for some time competes, or a lost person's track would continue in them; a person only just
        # detected does not, or a jump of the pose would start a rival to its own track.
        bystanders = [n for n in self._newcomers if now_ns - n.first_ns >= _BYSTANDER_S * 1e9]
        pairing = pair((*tracks, *bystanders), poses, now_ns)
        present, free = set(), set(range(len(poses)))
        for index, row in enumerate(rows):
            column = pairing.pose_of.get(index)
            if self._end_if_ambiguous(row, index in pairing.ambiguous, index in pairing.separated, column, now_ns):
                continue
            if column is not None:
                free.discard(column)
                if index not in pairing.ambiguous:
                    tracks[index].follow(poses[column], now_ns)
                    present.add(row)
        present |= self._follow_newcomers([poses[column] for column in sorted(free)], now_ns)
        return self._people(frame, present)

    def _end_if_ambiguous(self, row: int, ambiguous: bool, separated: bool, column: int | None, now_ns: int) -> bool:
        """End a track whose person is ambiguous for good; return whether it was ended."""
        track = self._rows[row]
        assert track is not None
        if ambiguous and track.ambiguous_ns is None:
            track.ambiguous_ns = now_ns
        # After an ambiguity all depends on where people were before it, which is soon too long ago.
        unambiguous = column is not None and not ambiguous and track.ambiguous_ns is not None
        too_late = unambiguous and now_ns - (track.ambiguous_ns or 0) > _LONGEST_AMBIGUITY_S * 1e9
        if separated or too_late:
            self._rows[row] = None
            self.resets += 1
            return True
        return False

    def _follow_newcomers(self, poses: list[Pose], now_ns: int) -> set[int]:
        """Follow people without a row and give them one once they are confirmed. Returns those rows."""
        column_of = pair(self._newcomers, poses, now_ns).pose_of
        # A newcomer not seen in this very frame is dropped.
        seen_again = [newcomer for index, newcomer in enumerate(self._newcomers) if index in column_of]
        for newcomer, column in zip(seen_again, (column_of[i] for i in sorted(column_of)), strict=True):
            newcomer.follow(poses[column], now_ns)
        self._newcomers = [
            _Track(pose=pose, joints_m=pose.joints_m, first_ns=now_ns, seen_ns=now_ns)
            for column, pose in enumerate(poses)
            if column not in column_of.values()
        ]
        given = set()
        for newcomer in seen_again:
            free = next((row for row, track in enumerate(self._rows) if track is None), None)
            if free is None or now_ns - newcomer.first_ns < _NEWCOMER_S * 1e9:
                self._newcomers.append(newcomer)
                continue
            newcomer.track_id = self._next_id
            self._next_id += 1
            self._rows[free] = newcomer
            given.add(free)
        return given

    def _people(self, frame: PoseFrame, present: set[int]) -> People:
        count = len(self._rows)
        track_ids = np.full(count, -1, np.int64)
        joints_m = np.zeros((count, len(NTU25), 3), np.float32)
        confidence = np.zeros((count, len(NTU25)), np.float32)
        for row, track in enumerate(self._rows):
            if track is not None:
                track_ids[row] = track.track_id
                if row in present:
                    joints_m[row], confidence[row] = track.joints_m, track.pose.confidence
        seen = {row: track.pose for row, track in enumerate(self._rows) if track is not None and row in present}
        keypoints = _in_rows({row: pose.keypoints for row, pose in seen.items()}, count)
        return People(
            capture_time_ns=frame.capture_time_ns,
            track_ids=track_ids,
            present=np.array([row in present for row in range(count)]),
            joints_m=joints_m,
            confidence=confidence,
            boxes=_in_rows({row: pose.box for row, pose in seen.items()}, count),
            keypoints=keypoints,
            keypoint_layout=None if keypoints is None else frame.keypoint_layout,
        )


def _in_rows(values: Mapping[int, NDArray[np.float32] | None], count: int) -> NDArray[np.float32] | None:
    """Place what is known of people in `count` rows, not-a-number in the others; None where nothing is known."""
    known = {row: value for row, value in values.items() if value is not None}
    if not known:
        return None
    rows = np.full((count, *next(iter(known.values())).shape), np.nan, np.float32)
    rows[list(known)] = list(known.values())
    return rows
