"""Event metrics: whole detected actions against the actions that a person saw, where edges are known only roughly.

A true action is found where a detected one of its class overlaps it at all: edges that were labelled by eye are good to
some 0.15 s, and a late or cut detection is still of use. A detected action is right where it overlaps a true one of its
class; it is near where its class is one of those that a labeller would also have accepted, there or during an action
that it overlaps; otherwise it is false. What begins in a part of which it is not known what happens is not counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hitrs_live.data.formats.real_clips import TrueAction
from hitrs_live.data.reality_classes import UNLABELLED_ACTION
from hitrs_live.evaluation.kept_streams import DetectedAction


class LabelledRecording(Protocol):
    """A recording and what happens in it. Seconds from its first frame."""

    @property
    def name(self) -> str:
        """The name of the recording."""

    @property
    def actions(self) -> Sequence[TrueAction]:
        """What happens, also actions that a detector does not know."""

    @property
    def near(self) -> frozenset[str]:
        """Classes whose detection counts neither as right nor as false anywhere in the recording."""

    @property
    def other(self) -> bool:
        """Whether nothing of a detector's classes happens."""

    @property
    def labelled_s(self) -> float:
        """How much of the recording was looked through; what is detected later is not counted."""

    @property
    def recorded_s(self) -> float:
        """The time in which false alarms are counted."""

    @property
    def left_out(self) -> Sequence[tuple[float, float]]:
        """Stretches of which it is not known what happens."""


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
    more_repetitions: int = 0
    """Of the right and false detections, beyond one each: an event of three repetitions has two more."""

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
            more_repetitions=self.more_repetitions + other.more_repetitions,
        )  # fmt: skip


def compare_events(
    scene: LabelledRecording, detected: Sequence[DetectedAction], labels: Sequence[str]
) -> dict[str, EventCounts]:
    """Compare a recording's detected actions with its true ones, class by class.

    labels: classes of the model; true actions of other classes are left out. What is detected after the labelled part
    of the recording is left out too. Returns the counts of each class that occurs. A right detection counts for the
    true action's label, which for one whose side is unknown names no side.
    """
    true, kept = known_actions(scene, labels), counted_detections(scene, detected)
    counts: dict[str, EventCounts] = {}

    def add(label: str, one: EventCounts) -> None:
        counts[label] = counts.get(label, EventCounts()) + one

    for action in true:
        fragments = sum(_is_right(one, action) for one in kept)
        add(action.label, EventCounts(true=1, found=int(fragments > 0), fragments=fragments))
    for one in kept:
        first = next((action for action in true if _is_right(one, action)), None)
        if first is not None:
            add(first.label, EventCounts(right=1, more_repetitions=_repeated(one)))
        elif is_near(one, scene):
            add(one.label, EventCounts(near=1))
        else:
            add(one.label, EventCounts(false=1, more_repetitions=_repeated(one)))
    return dict(sorted(counts.items()))


def known_actions(scene: LabelledRecording, labels: Sequence[str]) -> list[TrueAction]:
    """List the true actions of a recording that a model with these classes can detect."""
    return [action for action in scene.actions if action.classes & set(labels) and action.start_s < scene.labelled_s]


def unknown_stretches(scene: LabelledRecording, labels: Sequence[str]) -> list[tuple[float, float, frozenset[str]]]:
    """List where a recording has actions that a model with these classes does not know.

    Returns start, end and the nearly right classes of each: the whole labelled part of a recording of other actions,
    else the intervals of its unknown actions. What a data set leaves unnamed is none.
    """
    if scene.other and not known_actions(scene, labels):
        return [(0.0, scene.labelled_s, scene.near)]
    return [
        (action.start_s, min(action.end_s, scene.labelled_s), scene.near | action.near)
        for action in scene.actions
        if action.label != UNLABELLED_ACTION and not action.classes & set(labels) and action.start_s < scene.labelled_s
    ]


def counted_detections(scene: LabelledRecording, detected: Sequence[DetectedAction]) -> list[DetectedAction]:
    """List the detected actions that begin where it is known what happens."""
    return [
        one
        for one in detected
        if one.onset_s < scene.labelled_s and not any(start <= one.onset_s < end for start, end in scene.left_out)
    ]


def false_detections(
    scene: LabelledRecording, detected: Sequence[DetectedAction], labels: Sequence[str]
) -> list[DetectedAction]:
    """List the detected actions of a recording that are neither right nor nearly right."""
    true = known_actions(scene, labels)
    return [
        one
        for one in counted_detections(scene, detected)
        if not any(_is_right(one, action) for action in true) and not is_near(one, scene)
    ]


def is_near(detected: DetectedAction, scene: LabelledRecording) -> bool:
    """Return whether a detection that is not right is nearly right."""
    return detected.label in scene.near or any(
        detected.label in action.near and overlaps(detected, action) for action in scene.actions
    )


def overlaps(detected: DetectedAction, true: TrueAction) -> bool:
    """Return whether a detected action and a true one overlap at all."""
    return detected.onset_s < true.end_s and detected.end_s > true.start_s


def _repeated(detected: DetectedAction) -> int:
    return 0 if detected.count is None else detected.count - 1


def _is_right(detected: DetectedAction, true: TrueAction) -> bool:
    return detected.label in true.classes and overlaps(detected, true)
