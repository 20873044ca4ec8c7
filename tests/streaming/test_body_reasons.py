"""A tracked person of whom no action can start has a reason."""

from typing import get_args

import numpy as np
import pytest

from hitrs_live.messages import People, UnclearReason
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.body_confidence import PARTS, part_confidence
from hitrs_live.streaming.body_reasons import UnclearBodies
from hitrs_live.views.formatting import REASONS

MIDDLE = (0.4, 0.1, 0.6, 0.9)


def people(
    seconds: float, hidden: tuple[str, ...] = (), *, box: tuple[float, ...] | None = MIDDLE, track_id: int = 3
) -> People:
    """One person, whose parts of these names are not seen, in the first of two rows."""
    confidence = np.ones((2, 25), np.float32)
    confidence[0, [number for number, name in enumerate(NTU25.joints) if name.endswith(hidden)]] = 0.1
    return People(
        capture_time_ns=round(seconds * 1e9),
        track_ids=np.array([track_id, -1]),
        present=np.array([True, False]),
        joints_m=np.zeros((2, 25, 3), np.float32),
        confidence=confidence,
        boxes=None if box is None else np.array([box, (np.nan,) * 4], np.float32),
    )


def reasons(*frames: People) -> list[tuple[int, str]]:
    bodies = UnclearBodies(rows=2, min_confidence=0.3)
    for frame in frames:
        bodies.observe(frame)
    return [(one.track_id, one.reason) for one in bodies.reasons(frames[-1])]


@pytest.mark.parametrize(
    ("hidden", "box", "reason"),
    [
        (("knee", "ankle"), MIDDLE, "legs_not_seen"),
        (("hip", "knee"), None, "legs_not_seen"),
        (("shoulder", "elbow"), MIDDLE, "arms_not_seen"),
        (("head",), MIDDLE, "head_not_seen"),
        (("elbow", "knee"), MIDDLE, "body_unclear"),
        (("elbow", "knee"), (0.0, 0.1, 0.2, 0.9), "at_edge"),
        (("elbow", "knee"), (0.8, 0.1, 1.0, 0.9), "at_edge"),
        (("elbow", "knee"), (0.5, 0.5, 0.52, 0.6), "too_small"),
    ],
)
def test_the_reason_names_what_is_not_seen(
    hidden: tuple[str, ...], box: tuple[float, ...] | None, reason: UnclearReason
) -> None:
    assert reasons(*(people(second, hidden, box=box) for second in (0.0, 0.5, 1.0))) == [(3, reason)]


def test_a_whole_body_and_a_hidden_side_have_no_reason() -> None:
    assert reasons(*(people(second) for second in (0.0, 1.0, 2.0))) == []
    assert reasons(*(people(second, ("left_knee", "left_elbow")) for second in (0.0, 1.0, 2.0))) == []


def test_a_moment_is_no_reason_and_seeing_the_body_again_ends_it() -> None:
    legs = ("knee",)
    assert reasons(people(0.0, legs), people(0.9, legs)) == []
    assert reasons(people(0.0, legs), people(0.6), people(1.2, legs), people(2.0, legs)) == []
    assert reasons(people(0.0, legs), people(1.2, legs), people(1.3)) == []


def test_another_person_in_the_row_and_one_who_comes_back_begin_anew() -> None:
    legs = ("knee",)
    assert reasons(people(0.0, legs), people(1.5, legs, track_id=4)) == []
    assert reasons(people(0.0, legs), people(0.5, legs), people(9.0, legs)) == []
    bodies = UnclearBodies(rows=2, min_confidence=0.3)
    assert list(bodies.reasons(None)) == []


def test_a_person_has_a_reason_exactly_where_the_decoder_does_not_decide() -> None:
    for part in (*PARTS, "wrist", "foot"):
        frames = [people(second, (part,)) for second in (0.0, 1.0)]
        undecided = part_confidence(frames[1].confidence)[0].min() < 0.3
        assert (reasons(*frames) != []) == undecided == (part in PARTS)


def test_every_reason_has_words() -> None:
    assert set(REASONS) == set(get_args(UnclearReason))
