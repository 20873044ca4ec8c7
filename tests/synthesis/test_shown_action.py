"""People who show an action to a camera: every repetition is labelled, and nothing else."""

from itertools import pairwise

import numpy as np
import pytest

from hitrs_live.data.labelled_motion import RATE_HZ, LabelledMotion
from hitrs_live.synthesis.shown_action import ShownActions, ShownActionSettings

pytestmark = pytest.mark.slow


def repetitions(motion: LabelledMotion) -> list[tuple[int, int]]:
    """List the labelled repetitions, first frame and end."""
    edges = np.flatnonzero(np.diff(motion.repetition, prepend=0, append=0)).tolist()
    return [(a, b) for a, b in pairwise(edges) if motion.repetition[a]]


@pytest.fixture(scope="module")
def shown() -> ShownActions:
    return ShownActions(seed=5)


def test_with_pauses_the_body_rests_between_repetitions_and_does_other_things_around_them(shown: ShownActions) -> None:
    motion = shown.show("bow", 0, ShownActionSettings(repetitions=3, rest_s=(1.0, 2.0)))
    spans = repetitions(motion)
    assert len(spans) == 3
    assert all(after[0] - before[1] >= 0.3 * RATE_HZ for before, after in pairwise(spans))
    assert spans[0][0] > RATE_HZ
    assert spans[-1][1] < len(motion) - RATE_HZ
    assert set(np.unique(motion.labels).tolist()) == {0, shown.classes.index("bow")}


def test_back_to_back_one_repetition_begins_where_another_ends(shown: ShownActions) -> None:
    settings = ShownActionSettings(repetitions=4, rest_s=(0.0, 0.0), distractions=0, walks=False)
    spans = repetitions(shown.show("biceps_curl", 0, settings))
    assert len(spans) == 4
    assert all(before[1] == after[0] for before, after in pairwise(spans))


def test_a_stream_of_a_seed_is_always_the_same(shown: ShownActions) -> None:
    settings = ShownActionSettings(repetitions=2, distractions=1)
    one, other = shown.show("push", 3, settings), ShownActions(seed=5).show("push", 3, settings)
    np.testing.assert_array_equal(one.joints_m, other.joints_m)
    np.testing.assert_array_equal(one.repetition, other.repetition)
