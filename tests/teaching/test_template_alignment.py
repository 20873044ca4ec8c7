"""Alignment of templates with a stream: against the full cost matrix, tick by tick, causal, row by row."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hitrs_live.teaching.alignment import Aligner, AlignmentState, align
from hitrs_live.teaching.template_alignment import align_all, mean_least, minima
from hitrs_live.teaching.templates import Templates

Floats = NDArray[np.float32]
TOLERANCE = 1e-4
"""Of sums of at most a hundred distances of about 3 in single precision."""


def _templates(rng: np.random.Generator) -> Templates:
    lengths = (5, 9, 2, 12)
    return Templates.of(
        [rng.normal(size=(length, 6)).astype(np.float32) for length in lengths], [0, 0, 1, 2], [1.0, 2.0, 0.5, 1.5]
    )


def _stream(rng: np.random.Generator, ticks: int = 40) -> Floats:
    return rng.normal(size=(ticks, 6)).astype(np.float32)


def _slowly(templates: Templates, stream: Floats) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Compute the whole matrix of each template, cell by cell."""
    count = len(templates.lengths)
    distances, starts = np.empty((len(stream), count)), np.empty((len(stream), count), np.int64)
    for number in range(count):
        length = int(templates.lengths[number])
        points = templates.points[number, :length].astype(np.float64)
        local = np.linalg.norm(stream[:, None].astype(np.float64) - points, axis=2)
        cost, began = np.full(local.shape, np.inf), np.zeros(local.shape, np.int64)
        for tick in range(len(stream)):
            for at in range(length):
                ways = [(0.0, tick)] if at == 0 else [(local[tick, 0], tick)] if at == 1 else []
                if tick:
                    ways.append((cost[tick - 1, at], began[tick - 1, at]))
                    if at >= 1:
                        ways.append((cost[tick - 1, at - 1], began[tick - 1, at - 1]))
                    if at >= 2:
                        ways.append((cost[tick - 1, at - 2] + local[tick, at - 1], began[tick - 1, at - 2]))
                least = min(ways, key=lambda way: way[0], default=(np.inf, 0))
                cost[tick, at], began[tick, at] = least[0] + local[tick, at], least[1]
        distances[:, number] = cost[:, -1] / (length * templates.scales[number])
        starts[:, number] = began[:, -1]
    return distances, starts


def test_stepping_equals_the_whole_cost_matrix() -> None:
    rng = np.random.default_rng(1)
    templates, stream = _templates(rng), _stream(rng)
    distances, starts = align(templates, stream)
    expected, expected_starts = _slowly(templates, stream)
    reachable = np.isfinite(expected)
    np.testing.assert_allclose(distances[reachable], expected[reachable], rtol=TOLERANCE)
    np.testing.assert_array_equal(starts[reachable], expected_starts[reachable])
    assert (distances[~reachable] > 1e6).all()


def test_a_template_in_the_stream_has_distance_zero_and_begins_where_it_was_put() -> None:
    rng = np.random.default_rng(2)
    templates, stream = _templates(rng), _stream(rng)
    stream[20:32] = templates.points[3, :12]
    distances, starts = align(templates, stream)
    assert distances[31, 3] == pytest.approx(0, abs=0.01)
    assert starts[31, 3] == 20
    assert distances[:25, 3].min() > 0.3


@pytest.mark.parametrize("speed", [0.5, 0.7, 1.9])
def test_a_template_done_slower_or_up_to_twice_as_fast_is_nearer_than_anything_else(speed: float) -> None:
    rng = np.random.default_rng(3)
    path = np.cumsum(rng.normal(size=(24, 6)), axis=0).astype(np.float32)
    template = Templates.of([path], [0])
    at = np.linspace(0, 23, round(24 / speed))
    done = np.stack([np.interp(at, np.arange(24), path[:, channel]) for channel in range(6)], axis=1)
    stream = np.concatenate((_stream(rng, 30) * 5, done, _stream(rng, 30) * 5)).astype(np.float32)
    distances, _ = align(template, stream)
    assert abs(int(distances[:, 0].argmin()) - (30 + len(done) - 1)) <= 1
    assert distances[:, 0].min() < 0.4 * np.median(distances[24:, 0])


def test_the_future_changes_no_distance() -> None:
    rng = np.random.default_rng(4)
    templates, stream = _templates(rng), _stream(rng)
    changed = stream.copy()
    changed[25:] += 10
    before, after = align(templates, stream)[0], align(templates, changed)[0]
    np.testing.assert_array_equal(before[:25], after[:25])


def test_rows_do_not_depend_on_each_other_and_may_pause() -> None:
    rng = np.random.default_rng(5)
    templates = _templates(rng)
    streams = [_stream(rng, 30), _stream(rng, 30)]
    aligner, state = Aligner(templates), AlignmentState.empty(templates, 2)
    found: list[list[Floats]] = [[], []]
    taken = [0, 0]
    for turn in range(60):
        rows = [row for row in (0, 1) if taken[row] < 30 and (row == 0 or turn % 2)]
        if not rows:
            continue
        tokens = np.stack([streams[row][taken[row]] for row in rows])
        distances, _ = aligner.step(tokens, np.array(rows), state)
        for at, row in enumerate(rows):
            found[row].append(distances[at])
            taken[row] += 1
    for row in (0, 1):
        alone = align(templates, streams[row][: len(found[row])])[0]
        np.testing.assert_allclose(np.stack(found[row]), alone, rtol=TOLERANCE)


def test_a_reset_row_begins_anew_and_leaves_the_others_as_they_were() -> None:
    rng = np.random.default_rng(6)
    templates, stream = _templates(rng), _stream(rng, 20)
    aligner, state = Aligner(templates), AlignmentState.empty(templates, 2)
    both = np.arange(2)
    for token in stream:
        aligner.step(np.stack((token, token)), both, state)
    state.reset(np.array([True, False]))
    assert state.ticks.tolist() == [0, 20]
    distances, starts = aligner.step(np.stack((stream[0], stream[0])), both, state)
    alone = align(templates, stream[:1])
    np.testing.assert_allclose(distances[0], alone[0][0], rtol=TOLERANCE)
    np.testing.assert_array_equal(starts[0], alone[1][0])
    longer = align(templates, np.concatenate((stream, stream[:1])))[0][-1]
    np.testing.assert_allclose(distances[1], longer, rtol=TOLERANCE)


def test_many_recordings_at_once_are_aligned_as_each_alone() -> None:
    rng = np.random.default_rng(7)
    templates = _templates(rng)
    streams = [_stream(rng, ticks) for ticks in (3, 17, 0, 40)]
    for found, stream in zip(align_all(templates, streams), streams, strict=True):
        np.testing.assert_allclose(found, align(templates, stream)[0], rtol=TOLERANCE)


def test_minima_are_at_least_the_reach_apart() -> None:
    series = np.array([3, 1, 2, 1, 5, 0.5, 4, 4, 4, 0.2], np.float32)
    assert minima(series, 2).tolist() == [1, 5, 9]
    assert minima(series, 20).tolist() == [9]


def test_templates_that_do_not_fit_together_are_refused() -> None:
    rng = np.random.default_rng(8)
    with pytest.raises(ValueError, match="ticks"):
        Templates.of([rng.normal(size=(1, 6)).astype(np.float32)], [0])
    with pytest.raises(ValueError, match="scales"):
        Templates.of([rng.normal(size=(4, 6)).astype(np.float32)], [0], [0.0])


def test_only_whole_blocks_with_a_match_count_for_a_scale() -> None:
    far = 1e9
    series = [np.array([[far], [4], [2], [6], [8], [far]], np.float32), np.array([[far], [far]], np.float32)]
    assert mean_least(series, 2).tolist() == [pytest.approx((4 + 2 + 8) / 3)]
    assert mean_least(series[1:], 2).tolist() == [1.0]
