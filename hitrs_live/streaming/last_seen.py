"""Where each person was last seen, in the picture and in the room, for the messages about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import ActionEvent, Array, People
from hitrs_live.skeleton import NTU25

_BOX_DIGITS: Final = 5
_ROOT_DIGITS: Final = 4


def place_fields(people: People, row: int) -> Mapping[str, Any]:
    """Return the fields of a PoseEvent or ActionEvent that locate one row's person; unknown ones are None."""
    boxes, keypoints = people.boxes, people.keypoints
    has_box = boxes is not None and not np.isnan(boxes[row]).any()
    has_keypoints = keypoints is not None and not np.isnan(keypoints[row]).all()
    has_root = people.confidence[row, NTU25.root] > 0
    return {
        "box": _rounded(boxes[row], _BOX_DIGITS) if boxes is not None and has_box else None,
        "keypoints": Array.of(keypoints[row]) if keypoints is not None and has_keypoints else None,
        "keypoint_layout": people.keypoint_layout if has_keypoints else None,
        "root_m": _rounded(people.joints_m[row, NTU25.root], _ROOT_DIGITS) if has_root else None,
    }


class LastSeen:
    """Remember the newest frame in which each row's person was seen. R rows.

    A row's person stays known until the next one in that row has gone as well: an action's end may be published
    only after another person has taken the row.
    """

    def __init__(self, rows: int) -> None:
        """Begin with no person in any row."""
        self._now = _Rows.empty(rows)
        self._before = _Rows.empty(rows)

    def observe(self, people: People) -> None:
        """Take in one frame's people."""
        taken = people.present & (people.track_ids != self._now.track_ids)
        if taken.any():
            self._before.copy(self._now, taken)
        self._now.take(people)

    def locate(self, event: ActionEvent) -> ActionEvent:
        """Return the event with the place of its person, as far as that is known."""
        for rows in (self._now, self._before):
            found = np.flatnonzero((rows.track_ids == event.track_id) & (rows.track_ids >= 0))
            if len(found):
                return msgspec.structs.replace(event, **place_fields(rows.people(), int(found[0])))
        return event


@dataclass(kw_only=True)
class _Rows:
    """The newest values of each of R rows, as in People."""

    track_ids: NDArray[np.int64]
    joints_m: NDArray[np.float32]
    confidence: NDArray[np.float32]
    boxes: NDArray[np.float32] | None = None
    keypoints: NDArray[np.float32] | None = None
    keypoint_layout: str | None = None

    @classmethod
    def empty(cls, rows: int) -> "_Rows":
        return cls(
            track_ids=np.full(rows, -1, np.int64),
            joints_m=np.zeros((rows, len(NTU25), 3), np.float32),
            confidence=np.zeros((rows, len(NTU25)), np.float32),
        )

    def take(self, people: People) -> None:
        self._put(people, people.present)

    def copy(self, other: "_Rows", chosen: NDArray[np.bool_]) -> None:
        self._put(other, chosen)

    def _put(self, other: "People | _Rows", chosen: NDArray[np.bool_]) -> None:
        for name in ("track_ids", "joints_m", "confidence"):
            getattr(self, name)[chosen] = getattr(other, name)[chosen]
        self.boxes = _merged(self.boxes, other.boxes, chosen)
        self.keypoints = _merged(self.keypoints, other.keypoints, chosen)
        self.keypoint_layout = other.keypoint_layout or self.keypoint_layout

    def people(self) -> People:
        """Return the same as the people of a frame."""
        return People(
            capture_time_ns=0,
            track_ids=self.track_ids,
            present=self.track_ids >= 0,
            joints_m=self.joints_m,
            confidence=self.confidence,
            boxes=self.boxes,
            keypoints=self.keypoints,
            keypoint_layout=self.keypoint_layout,
        )


def _merged(
    old: NDArray[np.float32] | None, new: NDArray[np.float32] | None, chosen: NDArray[np.bool_]
) -> NDArray[np.float32] | None:
    """Write the chosen rows of the new values over the old ones; NaN where there are no new ones."""
    if new is None:
        if old is not None:
            old[chosen] = np.nan
        return old
    if old is None or old.shape != new.shape:
        old = np.full_like(new, np.nan)
    old[chosen] = new[chosen]
    return old


def _rounded(values: NDArray[np.float32], digits: int) -> tuple[float, ...]:
    return tuple(np.round(values.astype(np.float64), digits).tolist())
