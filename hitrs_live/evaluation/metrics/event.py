"""Event metrics: whole detected actions against the actions that a person saw, where edges are known only roughly.

A true action is found where a detected one of its class overlaps it at all: edges that were labelled by eye are good to
some 0.15 s, and a late or cut detection is still of use. A detected action is right where it overlaps a true one of its
class; it is near where its class is one of those that a labeller would also have accepted; otherwise it is false.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hitrs_live.data.formats.real_clips import RealClip, TrueAction
from hitrs_live.evaluation.kept_streams import DetectedAction


@dataclass(frozen=True, kw_only=True)
class EventCounts:
    """How true and detected actions agree. Add those of several clips."""

    true: int = 0
    found: int = 0
    right: int = 0
    near: int = 0
    false: int = 0
    fragments: int = 0
    """Detections of the found actions' classes that overlap them: as many as found where no action breaks up."""

    @property
    def detected(self) -> int:
        """Number of detected actions."""
        return self.right + self.near + self.false

    @property
    def recall(self) -> float | None:
        """Share of the true actions that were found; None where there is none."""
        return self.found / self.true if self.true else None

    @property
    def precision(self) -> float | None:
        """Share of right ones among right and false ones; None where there is neither."""
        return self.right / (self.right + self.false) if self.right + self.false else None

    @property
    def fragments_per_found(self) -> float | None:
        """Mean number of detections that one found action was broken into; None where none was found."""
        return self.fragments / self.found if self.found else None

    def __add__(self, other: "EventCounts") -> "EventCounts":
        return EventCounts(
            true=self.true + other.true, found=self.found + other.found, right=self.right + other.right,
            near=self.near + other.near, false=self.false + other.false, fragments=self.fragments + other.fragments,
        )  # fmt: skip


def compare_events(clip: RealClip, detected: Sequence[DetectedAction], labels: Sequence[str]) -> dict[str, EventCounts]:
    """Compare a clip's detected actions with its true ones, class by class.

    labels: classes of the model; true actions of other classes are left out. What is detected after the labelled part
    of the clip is left out too. Returns the counts of each class that occurs.
    """
    true = [action for action in clip.actions if action.label in labels and action.start_s < clip.labelled_s]
    kept = [action for action in detected if action.onset_s < clip.labelled_s]
    counts: dict[str, EventCounts] = {}
    for label in sorted({action.label for action in true} | {action.label for action in kept}):
        own_true = [action for action in true if action.label == label]
        own = [action for action in kept if action.label == label]
        overlaps = [[_overlap(action, seen) for action in own] for seen in own_true]
        right = sum(any(column) for column in zip(*overlaps, strict=True)) if overlaps else 0
        wrong = len(own) - right
        near = wrong if label in clip.near else 0
        counts[label] = EventCounts(
            true=len(own_true), found=sum(any(row) for row in overlaps), right=right, near=near, false=wrong - near,
            fragments=sum(sum(row) for row in overlaps),
        )  # fmt: skip
    return counts


def _overlap(detected: DetectedAction, true: TrueAction) -> bool:
    return detected.onset_s < true.end_s and detected.end_s > true.start_s
