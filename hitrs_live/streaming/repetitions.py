"""Count the repetitions of a running action from the joints: 10 squats in one event are 10.

The detector says what a person does and when; it may report one event for several repetitions without pause. Here the
joints of that time are reduced to one signal, and its swings out and back are counted:

- Joints are normalised as for the model, and only those of the parts of the body that the class moves are used: arms
  that do anything during a squat are left out.
- Left and right are split into their mean and half of their difference, and of the difference the absolute value is
  taken: knees that are raised in turn are as many repetitions as knees that are raised. Where the class names a side,
  or one repetition goes to both sides (`twist`), the difference itself is used.
- The signal is the first principal component. A swing is complete once the signal has moved by a share of its range
  since its last extreme; two swings are a repetition. Pauses in any pose and tremor swing too little, and half a
  repetition at the end is a single swing.
"""

from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.messages import ActionEvent, JointFrame
from hitrs_live.skeleton import NTU25
from hitrs_live.transforms import NormaliserConfig, NormaliserState, normalise_step

Floats = NDArray[np.float32]

UNCOUNTED: Final = frozenset(
    {
        "walk", "run", "march", "high_knees", "side_step", "turn", "crawl",
        "lie", "plank", "carry", "read_phone", "phone_to_ear", "cross_arms", "type",
        "wave", "wipe", "sweep", "clap", "calf_raise",
    }
)  # fmt: skip
"""Classes without a count: gaits, states, what goes on without a number, and what is too fast (`clap`) or too small
(`calf_raise`) to be counted from the joints of a camera."""

_LEGS: Final = frozenset(
    {
        "squat", "lunge", "side_lunge", "hurdle_step", "leg_raise", "leg_raise_side", "leg_raise_back", "knee_raise",
        "step", "burpee", "mountain_climber", "glute_bridge", "front_kick_left", "front_kick_right",
        "side_kick_left", "side_kick_right", "roundhouse_kick_left", "roundhouse_kick_right", "kneel", "sit_to_stand",
        "stand_to_sit",
    }
)  # fmt: skip
_TRUNK: Final = frozenset({"side_bend", "bow", "toe_touch", "hip_hinge", "pick_up", "sit_up", "jump"})
_ARMS: Final = frozenset(
    {
        "punch_left", "punch_right", "hook_left", "hook_right", "uppercut_left", "uppercut_right", "elbow_strike",
        "back_fist", "throw", "catch", "push", "pull", "drink", "point", "raise_hand", "put_on_shelf",
        "shoulder_abduction", "shoulder_extension", "shoulder_rotation", "shoulder_scaption", "shoulder_press",
        "front_raise", "lateral_raise", "biceps_curl", "arm_circle", "push_up",
    }
)  # fmt: skip
"""By the parts that move. Of other classes, also of other models, the whole body counts."""
_BOTH_SIDES: Final = frozenset({"twist"})
"""Classes of which one repetition goes to the left and to the right."""

_WINDOW_S: Final = 12.0
"""How far back joints are kept. Repetitions of an action that lasts longer are counted as they come."""
_RECOUNT_S: Final = 2.0
"""An action is counted at least this often, so that nothing leaves the window uncounted."""
_AFTER_END_S: Final = 0.3
"""Joints after an action's end that count: its score falls before the last repetition is quite complete."""
_SMOOTHING_S: Final = 0.3
_SWING_SHARE: Final = 0.4
"""Share of the signal's range by which it moves in a swing."""
_LEAST_SWING: Final = 0.06
"""Body sizes (trunk and thigh, about 0.9 m) that a swing has at least: more than the tremor of live joints."""
_RANGE_PERCENTILES: Final = (3, 97)

_PAIRED: Final = ("shoulder", "elbow", "wrist", "knee", "ankle")
_LEFT, _RIGHT = ([NTU25.index(f"{side}_{part}") for part in _PAIRED] for side in ("left", "right"))
_MIDDLE: Final = [NTU25.index("head"), NTU25.index("spine_shoulder")]
_MIRROR: Final = np.array((-1, 1, 1), np.float32)
_SINGLE: Final = np.float32(np.sqrt(0.5))
"""Weight of a joint without a counterpart: a pair's mean and half difference are each of two joints."""


def _columns(*parts: str) -> list[int]:
    return [3 * _PAIRED.index(part) + axis for part in parts for axis in range(3)]


_PAIR_COLUMNS: Final = 3 * len(_PAIRED)
_HEAD_AND_CHEST: Final = list(range(_PAIR_COLUMNS, _PAIR_COLUMNS + 4))
_SHARED_COUNT: Final = _PAIR_COLUMNS + 4
_SIDED_COUNT: Final = _PAIR_COLUMNS + 2
_SIDEWAYS: Final = [_PAIR_COLUMNS, _PAIR_COLUMNS + 1]


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """Columns of the features of some parts of the body."""

    shared: list[int]
    """Of what both sides have in common."""
    sided: list[int]
    """Of the sides' difference."""


_WHOLE: Final = _Parts(shared=list(range(_SHARED_COUNT)), sided=list(range(_SIDED_COUNT)))
_OF_LEGS: Final = _Parts(shared=_columns("knee", "ankle"), sided=_columns("knee", "ankle"))
_OF_ARMS: Final = _Parts(shared=_columns("elbow", "wrist"), sided=_columns("elbow", "wrist"))
_OF_TRUNK: Final = _Parts(shared=[*_columns("shoulder"), *_HEAD_AND_CHEST], sided=[*_columns("shoulder"), *_SIDEWAYS])


def _parts_of(label: str) -> _Parts:
    for labels, parts in ((_LEGS, _OF_LEGS), (_ARMS, _OF_ARMS), (_TRUNK, _OF_TRUNK)):
        if label in labels:
            return parts
    return _WHOLE


def body_features(joints: Floats) -> Floats:
    """Split normalised joints into what both sides have in common and their difference.

    joints: (R, 25, 3), normalised: x to the person's left, y up. Returns (R, D), first the mean of left and mirrored
    right joints and head and chest (y, z), then half of the differences and head and chest (x). The root's own slot is
    left out: it is relative to a slow average, so it returns during a pause.
    """
    rows = len(joints)
    left, right = joints[:, _LEFT], joints[:, _RIGHT] * _MIRROR
    middle = joints[:, _MIDDLE] * _SINGLE
    return np.concatenate(
        (
            ((left + right) / 2).reshape(rows, -1), middle[..., 1:].reshape(rows, -1),
            ((left - right) / 2).reshape(rows, -1), middle[..., 0],
        ),
        axis=1,
    )  # fmt: skip


def find_swings(signal: NDArray[np.floating], least: float) -> list[tuple[int, bool]]:
    """Find where a signal has moved by `least` since its last extreme, in turn up and down.

    signal: (T,). Returns the index of each, in order, and whether it is up; two are a swing out and back.
    """
    low = high = signal[0] if len(signal) else 0.0
    up: bool | None = None
    found = []
    for index, value in enumerate(signal.tolist()):
        low, high = min(low, value), max(high, value)
        if up is not True and value - low >= least:
            up, high = True, value
        elif up is not False and high - value >= least:
            up, low = False, value
        else:
            continue
        found.append((index, up))
    return found


@dataclass(kw_only=True)
class _Running:
    """A running action of one row."""

    row: int
    label: str
    onset_ns: int
    parts: _Parts
    folded: bool
    """Whether left and right count alike."""
    axis: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    """(D',), the principal component; fixed once the action is longer than the window."""
    widest: float = 0.0
    """Widest range of the signal so far: a pause in any pose does not make tremor a repetition."""
    swings: int = 0
    """Number of swings up to `counted_ns`."""
    counted_ns: int = 0
    counted_up: bool | None = None
    """Direction of the last of those; None for none."""
    recounted_ns: int = 0
    count: int = 0
    """Repetitions so far."""


class RepetitionCounter:
    """Keep the joints of each row for a few seconds and count the repetitions of its running action. R rows.

    Memory is bounded: a window of features a row, and a few numbers for a running action.
    """

    def __init__(self, *, rows: int, rate_hz: float) -> None:
        """Begin with no joints in any row. rate_hz: of the joint frames."""
        self._config = NormaliserConfig(rate_hz=rate_hz)
        self._normaliser = NormaliserState.empty(rows)
        length = round(_WINDOW_S * rate_hz)
        self._features = np.zeros((rows, length, _SHARED_COUNT + _SIDED_COUNT), np.float32)
        """(R, N, D), the newest N frames of each row, the oldest overwritten next."""
        self._times_ns = np.zeros((rows, length), np.int64)
        self._taken = np.zeros(rows, np.int64)
        """(R,); number of frames since the row's reset."""
        self._track_ids = np.full(rows, -1, np.int64)
        self._running: dict[int, _Running] = {}
        """By track id."""
        taps = np.hanning(2 * round(_SMOOTHING_S * rate_hz / 2) + 1)[1:-1]
        self._taps = taps / taps.sum() if taps.sum() > 0 else np.ones(1)

    def observe(self, joint_frame: JointFrame) -> None:
        """Take in the joints of one frame."""
        if joint_frame.reset.any():
            self._forget(joint_frame.reset)
        rows = np.flatnonzero(joint_frame.active)
        if not len(rows):
            return
        joints, _ = normalise_step(
            torch.from_numpy(joint_frame.joints_m), self._normaliser, torch.from_numpy(joint_frame.active), self._config
        )
        at = self._taken[rows] % self._features.shape[1]
        self._features[rows, at] = body_features(joints.numpy()[rows])
        self._times_ns[rows, at] = joint_frame.time_ns[rows]
        self._taken[rows] += 1
        self._track_ids[rows] = joint_frame.track_ids[rows]
        for one in self._running.values():
            now_ns = int(joint_frame.time_ns[one.row])
            if now_ns - one.recounted_ns >= _RECOUNT_S * 1e9 and joint_frame.active[one.row]:
                self._recount(one, now_ns)

    def annotate(self, event: ActionEvent) -> ActionEvent:
        """Return an update or an end with its count; a start, and an action that is not counted, as it is."""
        if event.state == "start":
            self._begin(event)
            return event
        one = self._running.get(event.track_id)
        if one is None or one.label != event.label:
            return event
        if self._track_ids[one.row] == event.track_id:
            until_ns = event.capture_time_ns
            if event.end_time_ns is not None:
                until_ns = min(until_ns, event.end_time_ns + round(_AFTER_END_S * 1e9))
            self._recount(one, until_ns)
        if event.state == "end":
            del self._running[event.track_id]
            return msgspec.structs.replace(event, count=max(one.count, 1))
        return msgspec.structs.replace(event, count=one.count)

    def _begin(self, event: ActionEvent) -> None:
        self._running.pop(event.track_id, None)
        rows = np.flatnonzero(self._track_ids == event.track_id)
        if event.label in UNCOUNTED or not len(rows):
            return
        sided = event.label in _BOTH_SIDES or event.label.endswith(("_left", "_right"))
        self._running[event.track_id] = _Running(
            row=int(rows[0]), label=event.label, onset_ns=event.onset_time_ns, counted_ns=event.onset_time_ns,
            recounted_ns=event.capture_time_ns, parts=_parts_of(event.label), folded=not sided,
        )  # fmt: skip

    def _forget(self, reset: NDArray[np.bool_]) -> None:
        """Drop the joints of some rows; their actions keep the count that they had. reset: (R,)."""
        for one in self._running.values():
            if reset[one.row] and self._taken[one.row]:
                self._recount(one, int(self._times_ns[one.row].max()))
        self._normaliser.seen[torch.from_numpy(reset)] = False
        self._times_ns[reset] = self._taken[reset] = 0
        self._track_ids[reset] = -1

    def _recount(self, one: _Running, until_ns: int) -> None:
        """Count the swings of an action up to a time."""
        one.recounted_ns = until_ns
        features, times_ns = self._window(one.row, one.onset_ns, until_ns)
        if len(features) < 2:
            return
        chosen = features[:, one.parts.shared], features[:, [_SHARED_COUNT + at for at in one.parts.sided]]
        values = np.concatenate((chosen[0], np.abs(chosen[1]) if one.folded else chosen[1]), axis=1)
        values -= values.mean(axis=0)
        if times_ns[0] - one.onset_ns < 1e9 or not len(one.axis):
            axis = np.linalg.eigh(values.T @ values)[1][:, -1]
            # A principal component has no sign of its own; a swing up stays one.
            one.axis = -axis if len(one.axis) and axis @ one.axis < 0 else axis
        signal = self._smooth(values @ one.axis)
        low, high = np.percentile(signal, _RANGE_PERCENTILES)
        one.widest = max(one.widest, float(high - low))
        swings = find_swings(signal, max(_SWING_SHARE * one.widest, _LEAST_SWING))
        later = [(int(times_ns[at]), up) for at, up in swings if times_ns[at] > one.counted_ns]
        # Where the window begins within a swing, its rest is found again, a moment later.
        if later and later[0][1] == one.counted_up:
            later = later[1:]
        one.count = max(one.count, (one.swings + len(later)) // 2)
        # Before the window is full, and it is recounted again before a quarter of it has passed.
        if len(features) >= 0.75 * self._features.shape[1]:
            # What will soon leave the window is counted for good.
            settled = [swing for swing in later if swing[0] < times_ns[len(times_ns) // 2]]
            if settled:
                one.swings += len(settled)
                one.counted_ns, one.counted_up = settled[-1]

    def _window(self, row: int, from_ns: int, until_ns: int) -> tuple[Floats, NDArray[np.int64]]:
        """Return the kept features of a row between two times, (T, D), oldest first, and their times (T,)."""
        length = self._features.shape[1]
        kept = min(int(self._taken[row]), length)
        order = np.arange(self._taken[row] - kept, self._taken[row]) % length
        times_ns = self._times_ns[row, order]
        order = order[(times_ns >= from_ns) & (times_ns <= until_ns)]
        return self._features[row, order], self._times_ns[row, order]

    def _smooth(self, signal: NDArray[np.floating]) -> NDArray[np.floating]:
        """Smooth a signal, (T,)."""
        half = len(self._taps) // 2
        return np.convolve(np.pad(signal, half, mode="edge"), self._taps, mode="valid")
