"""Tell who is who from frame to frame.

Each track predicts where its trunk should be; poses are paired with tracks at the least total distance. A pairing
that another one rivals is not believed: the tracks concerned coast, as if occluded, until it is clear again, and
where it stays unclear they end and their people get new ids. A wrong id mixes two people's motion, a new id only
begins a window afresh, so a doubt is always settled by a new id.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import TrackConfig
from hitrs_live.messages import People, Pose, PoseFrame
from hitrs_live.pose.assignment import assign
from hitrs_live.skeleton import NTU25

_SPINE = ("spine_base", "spine_middle", "spine_shoulder")
_TRUNK = [NTU25.index(name) for name in (*_SPINE, "left_shoulder", "right_shoulder", "left_hip", "right_hip")]
# Depth from one camera is the least certain of the three.
_AXIS_WEIGHTS = np.array((1.0, 1.0, 0.5))
# Poses nearer than this are one person found twice: no two trunks fit into the same place.
_DOUBLE_M = 0.25
# How far from its prediction a person may be: measuring noise, and what people do in the meantime.
_GATE_M, _GATE_SPEED_M_S, _WIDEST_GATE_M = 0.4, 2.5, 1.5
_OVERLAP_BONUS_M = 0.2
_BODY_ID_BONUS_M = 0.3
# By how much a pairing must beat its rival, more for every second that nobody was watched.
_SWAP_MARGIN_M, _SWAP_MARGIN_M_S = 0.2, 0.5
_LONE_MARGIN_M = 0.1
# Whoever was seen a moment ago goes on more likely than that they vanish just where somebody lost returns.
_STALE_COST_M_S = 0.3
# Poses further apart than this have come apart, and a doubt about them will not go away by itself.
_APART_M = 0.6
_LONGEST_DOUBT_S = 0.3
_VELOCITY_MEMORY_S = 0.15
_COAST_S = 0.25
_FASTEST_M_S = 4.0
_NEWCOMER_S = 0.06


@dataclass(kw_only=True)
class _Track:
    trunk: NDArray[np.float64]
    """(7, 3) metres, when last seen."""
    pose: Pose
    first_ns: int
    seen_ns: int
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    """(3,) metres a second."""
    track_id: int = -1
    doubt_ns: int | None = None
    """When its pairing became doubtful; None while it is clear."""

    def predict(self, now_ns: int) -> NDArray[np.float64]:
        """Return where the trunk should be; people slow down when nobody watches."""
        age_s = max(0, now_ns - self.seen_ns) / 1e9
        coasted: NDArray[np.float64] = self.velocity * (_COAST_S * (1 - np.exp(-age_s / _COAST_S)))
        return self.trunk + coasted

    def follow(self, pose: Pose, now_ns: int) -> None:
        """Take in where the person is now."""
        trunk, elapsed_s = _trunk(pose), (now_ns - self.seen_ns) / 1e9
        if elapsed_s > 0:
            moved = np.clip((trunk - self.trunk).mean(axis=0) / elapsed_s, -_FASTEST_M_S, _FASTEST_M_S)
            self.velocity += (moved - self.velocity) * (1 - np.exp(-elapsed_s / _VELOCITY_MEMORY_S))
        self.trunk, self.pose, self.seen_ns, self.doubt_ns = trunk, pose, now_ns, None


class Tracker:
    """Give people rows and ids that stay theirs. `resets` counts tracks ended for doubt."""

    def __init__(self, rows: int, config: TrackConfig) -> None:
        """Take the number of people tracked at once and the time that an unseen one is kept."""
        if rows < 1:
            raise ValueError(f"got {rows} rows, wanted at least 1")
        self._rows: list[_Track | None] = [None] * rows
        self._newcomers: list[_Track] = []
        self._keep_ns = int(config.keep_s * 1e9)
        self._next_id = 1
        self.resets = 0

    def step(self, frame: PoseFrame) -> Sequence[People]:
        """Sort one frame's poses into rows; one People for every frame, also an empty one."""
        now_ns = frame.capture_time_ns
        for row, track in enumerate(self._rows):
            if track is not None and now_ns - track.seen_ns > self._keep_ns:
                self._rows[row] = None
        poses = _without_doubles(frame.poses)
        taken, present = self._follow(poses, now_ns)
        present |= self._welcome([pose for index, pose in enumerate(poses) if index not in taken], now_ns)
        return (self._people(frame, present),)

    def _follow(self, poses: list[Pose], now_ns: int) -> tuple[set[int], set[int]]:
        """Pair tracks with poses. Returns the poses spoken for and the rows that were clearly seen."""
        rows = [row for row, track in enumerate(self._rows) if track is not None]
        tracks = [track for track in self._rows if track is not None]
        if not tracks or not poses:
            return set(), set()
        cost, allowed = _cost(tracks, poses, now_ns)
        pairs = assign(cost, allowed)
        doubtful, come_apart = _doubts(cost, allowed, pairs, tracks, poses, now_ns)
        taken, present = set(), set()
        for index in doubtful:
            tracks[index].doubt_ns = now_ns if tracks[index].doubt_ns is None else tracks[index].doubt_ns
        for index, column in pairs:
            track = tracks[index]
            too_long = track.doubt_ns is not None and now_ns - track.doubt_ns > _LONGEST_DOUBT_S * 1e9
            if index in come_apart or (index not in doubtful and too_long):
                self._rows[rows[index]] = None
                self.resets += 1
                continue
            taken.add(column)
            if index not in doubtful:
                track.follow(poses[column], now_ns)
                present.add(rows[index])
        return taken, present

    def _welcome(self, poses: list[Pose], now_ns: int) -> set[int]:
        """Watch people without a track until they are believed. Returns the rows newly given."""
        staying: list[_Track] = []
        pairs: dict[int, int] = {}
        if self._newcomers and poses:
            cost, allowed = _cost(self._newcomers, poses, now_ns)
            pairs = {column: index for index, column in assign(cost, allowed)}
        given = set()
        for column, pose in enumerate(poses):
            if column not in pairs:
                staying.append(_Track(trunk=_trunk(pose), pose=pose, first_ns=now_ns, seen_ns=now_ns))
                continue
            newcomer = self._newcomers[pairs[column]]
            newcomer.follow(pose, now_ns)
            free = next((row for row, track in enumerate(self._rows) if track is None), None)
            if free is None or now_ns - newcomer.first_ns < _NEWCOMER_S * 1e9:
                staying.append(newcomer)
                continue
            newcomer.track_id = self._next_id
            self._next_id += 1
            self._rows[free] = newcomer
            given.add(free)
        self._newcomers = staying
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
                    joints_m[row], confidence[row] = track.pose.joints_m, track.pose.confidence
        return People(
            capture_time_ns=frame.capture_time_ns,
            received_ns=frame.received_ns,
            track_ids=track_ids,
            present=np.array([row in present for row in range(count)]),
            joints_m=joints_m,
            confidence=confidence,
        )


def _trunk(pose: Pose) -> NDArray[np.float64]:
    return np.asarray(pose.joints_m[_TRUNK], np.float64)


def _distance_m(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean distance of trunks, each with each. a: (M, 7, 3); b: (N, 7, 3); result (M, N)."""
    offset = (a[:, None] - b[None]) * _AXIS_WEIGHTS
    return np.asarray(np.linalg.norm(offset, axis=-1).mean(axis=-1))


def _without_doubles(poses: Sequence[Pose]) -> list[Pose]:
    """Leave of each person found several times the most certain pose; drop poses that are not finite."""
    kept: list[Pose] = []
    for pose in sorted(poses, key=lambda p: -float(p.confidence.mean())):
        if not np.isfinite(pose.joints_m).all():
            continue
        rivals = [other for other in kept if _maybe_same(pose, other)]
        if not rivals or _distance_m(_trunk(pose)[None], np.stack([_trunk(p) for p in rivals])).min() > _DOUBLE_M:
            kept.append(pose)
    return kept


def _maybe_same(a: Pose, b: Pose) -> bool:
    return a.body_id is None or b.body_id is None or a.body_id == b.body_id


def _cost(tracks: list[_Track], poses: list[Pose], now_ns: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return what each pairing costs in metres, (T, P), and which are possible at all, (T, P)."""
    distance = _distance_m(
        np.stack([track.predict(now_ns) for track in tracks]), np.stack([_trunk(pose) for pose in poses])
    )
    unseen_s = np.array([max(0, now_ns - track.seen_ns) for track in tracks]) / 1e9
    gate = np.minimum(_GATE_M + _GATE_SPEED_M_S * unseen_s, _WIDEST_GATE_M)
    cost = distance + _STALE_COST_M_S * unseen_s[:, None]
    for index, track in enumerate(tracks):
        for column, pose in enumerate(poses):
            if track.pose.box is not None and pose.box is not None:
                cost[index, column] -= _OVERLAP_BONUS_M * _overlap(track.pose.box, pose.box)
            if track.pose.body_id is not None and pose.body_id is not None:
                same = track.pose.body_id == pose.body_id
                cost[index, column] += -_BODY_ID_BONUS_M if same else _BODY_ID_BONUS_M
    return cost, distance < gate[:, None]


def _overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the boxes' intersection over union."""
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    both = float(sides[0] * sides[1])
    union = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - both
    return both / union if union > 0 else 0.0


def _doubts(
    cost: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    pairs: list[tuple[int, int]],
    tracks: list[_Track],
    poses: list[Pose],
    now_ns: int,
) -> tuple[set[int], set[int]]:
    """Return the tracks whose pairing another one rivals, and those of them whose poses are well apart already."""
    doubtful: set[int] = set()
    come_apart: set[int] = set()
    paired = {index for index, _ in pairs}
    for place, (a, i) in enumerate(pairs):
        for b, j in pairs[place + 1 :]:
            if not (allowed[a, j] and allowed[b, i]):
                continue
            unseen_s = (now_ns - min(tracks[a].seen_ns, tracks[b].seen_ns)) / 1e9
            if cost[a, j] + cost[b, i] - cost[a, i] - cost[b, j] < _SWAP_MARGIN_M + _SWAP_MARGIN_M_S * unseen_s:
                doubtful |= {a, b}
                if _distance_m(_trunk(poses[i])[None], _trunk(poses[j])[None])[0, 0] > _APART_M:
                    come_apart |= {a, b}
        for b in range(len(tracks)):
            if b in paired or not allowed[b, i]:
                continue
            # One lost for long must beat a fresh one by more than the other way round.
            staler_s = max(0, tracks[b].seen_ns - tracks[a].seen_ns) / 1e9
            if cost[b, i] - cost[a, i] < _LONE_MARGIN_M + 2 * _SWAP_MARGIN_M_S * staler_s:
                doubtful |= {a, b}
    return doubtful, come_apart
