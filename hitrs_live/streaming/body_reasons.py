"""Why not every action of a tracked person can start: what of the body is not seen, where the decoder needs it."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import People, UnclearPerson, UnclearReason
from hitrs_live.streaming.body_confidence import LEG_PARTS, PARTS, part_confidence

_AFTER_NS: Final = 1_000_000_000
"""A body is unclear for this long before it is reported: a hidden elbow for a moment is no reason."""
_FORGET_NS: Final = 1_000_000_000
"""A person who was not seen for longer begins to be unclear when seen again."""
_SMALL: Final = 0.12
"""Share of the picture's height below which an unclear person is too small: 58 of 480 pixels."""
_EDGE: Final = 0.01
"""Distance from the left or right edge, as a share of the width, from which on a box touches it."""
_ARMS, _HEAD = (np.isin(PARTS, names) for names in (("shoulder", "elbow"), ("head",)))


class UnclearBodies:
    """Follow since when the body of each row's person has been unclear. R rows.

    A body is unclear where the confidence of a part is below the decoder's `min_pose_confidence`.
    """

    def __init__(self, *, rows: int, min_confidence: float) -> None:
        """Begin with no person. min_confidence: the decoder's."""
        self._min_confidence = min_confidence
        self._track_ids = np.full(rows, -1, np.int64)
        self._since_ns = np.zeros(rows, np.int64)
        self._seen_ns = np.zeros(rows, np.int64)
        self._unclear = np.zeros(rows, bool)
        self._missing = np.zeros((rows, len(PARTS)), bool)
        """(R, 5); the parts that were not seen in the newest frame of the row's person."""
        self._boxes = np.full((rows, 4), np.nan, np.float32)

    def observe(self, people: People) -> None:
        """Take in one frame's people."""
        seen, now_ns = people.present, people.capture_time_ns
        missing = part_confidence(people.confidence) < self._min_confidence
        continues = self._unclear & (people.track_ids == self._track_ids) & (now_ns - self._seen_ns <= _FORGET_NS)
        self._since_ns[seen & ~continues] = now_ns
        self._track_ids[seen], self._seen_ns[seen] = people.track_ids[seen], now_ns
        self._missing[seen] = missing[seen]
        self._unclear[seen] = missing[seen].any(axis=1)
        self._boxes[seen] = np.nan if people.boxes is None else people.boxes[seen]

    def reasons(self, people: People | None) -> Sequence[UnclearPerson]:
        """Return the reason for each current track whose body is unclear for long enough."""
        if people is None:
            return ()
        unclear = self._unclear & (people.track_ids >= 0) & (people.track_ids == self._track_ids)
        unclear &= self._seen_ns - self._since_ns >= _AFTER_NS
        return [
            UnclearPerson(track_id=int(self._track_ids[row]), reason=_reason(self._missing[row], self._boxes[row]))
            for row in np.flatnonzero(unclear)
        ]


def _reason(missing: NDArray[np.bool_], box: NDArray[np.float32]) -> UnclearReason:
    """Name what keeps a body from being clear. missing: (5,), in the order of PARTS; box: (4,), NaN where unknown."""
    left, top, right, bottom = box.tolist()
    if bottom - top < _SMALL:
        return "too_small"
    if left <= _EDGE or right >= 1 - _EDGE:
        return "at_edge"
    for parts, reason in _BY_PARTS:
        if not (missing & ~parts).any():
            return reason
    return "body_unclear"


_BY_PARTS: Final[tuple[tuple[NDArray[np.bool_], UnclearReason], ...]] = (
    (LEG_PARTS, "legs_not_seen"),
    (_ARMS, "arms_not_seen"),
    (_HEAD, "head_not_seen"),
)
