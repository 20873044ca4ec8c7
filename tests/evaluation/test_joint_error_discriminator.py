"""The classifier that distinguishes modelled live joints from rendered ones."""

import numpy as np
import pytest

from hitrs_live.evaluation.joint_error_discriminator import WINDOW_FRAMES, JointStream, balanced_accuracy, windows_of


def streams(people: int, *, jitter_m: float, seed: int = 0) -> list[JointStream]:
    """Two streams of each person, one of them called modelled; only that one's joints jitter."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 0.5, (1, 25, 3))
    made = []
    for person in range(people):
        for modelled in (False, True):
            true = (pose + rng.normal(0, 0.02, (1, 25, 3)) + np.zeros((60, 1, 1))).astype(np.float32)
            live = true + rng.normal(0, 0.01 + jitter_m * modelled, true.shape).astype(np.float32)
            made.append(JointStream(person=str(person), true_m=true, live_m=live.astype(np.float32), modelled=modelled))
    return made


def test_windows_are_a_second_long_and_with_the_truth_they_say_more() -> None:
    stream = streams(1, jitter_m=0.0)[0]
    alone, both = (windows_of(stream, with_truth=with_truth, stride=10) for with_truth in (False, True))
    assert alone.shape == (4, 150, WINDOW_FRAMES)
    assert both.shape == (4, 225, WINDOW_FRAMES)


def test_a_stream_shorter_than_a_window_has_none() -> None:
    stream = streams(1, jitter_m=0.0)[0]
    short = JointStream(person="a", true_m=stream.true_m[:20], live_m=stream.live_m[:20], modelled=False)
    assert len(windows_of(short, with_truth=True, stride=1)) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("jitter_m", "least", "most"), [(0.05, 0.95, 1.0), (0.0, 0.3, 0.7)])
def test_noise_of_another_size_is_found_and_nothing_else(jitter_m: float, least: float, most: float) -> None:
    made = streams(20, jitter_m=jitter_m)
    train, test = [one for one in made if int(one.person) < 14], [one for one in made if int(one.person) >= 14]
    found = balanced_accuracy(train, test, kind="summaries", with_truth=True, seed=0)
    assert least <= found <= most


@pytest.mark.slow
def test_convolutions_find_a_shift_of_a_joint() -> None:
    made = streams(40, jitter_m=0.0)
    for one in made:
        one.live_m[:, 5] += 0.3 * one.modelled
    train, test = [one for one in made if int(one.person) < 32], [one for one in made if int(one.person) >= 32]
    assert balanced_accuracy(train, test, kind="convolutions", with_truth=True, seed=0, epochs=10) > 0.8
