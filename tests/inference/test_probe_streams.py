"""The streams that engines are asked about."""

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.inference.probe_streams import FRAMES_A_POSE, POSES, probe_streams
from hitrs_live.skeleton import NTU25
from hitrs_live.sources.demo.source import DemoSource


def pieces_of_the_demo() -> NDArray[np.float16]:
    """Cut the first six seconds of each of eight acts; `np.save(POSES, pieces_of_the_demo())` makes the file."""
    demo = DemoSource("max")
    starts = {span.label: round(span.start_time_s * 30) for span in demo.script}
    figure = np.concatenate((demo.joints_m[0], demo.joints_m[0]))
    submodules = [figure[start : start + 60 * FRAMES_A_POSE : FRAMES_A_POSE] for start in list(starts.values())[:8]]
    return np.stack(submodules).astype(np.float16)


def test_the_stored_poses_are_the_demo_figures() -> None:
    np.testing.assert_allclose(np.load(POSES, allow_pickle=False), pieces_of_the_demo(), atol=0.01)


def test_they_are_the_same_every_time_however_many_are_asked_for() -> None:
    many = probe_streams(20, 400)
    assert many.shape == (20, 400, len(NTU25), 3)
    assert torch.equal(many[:3, :100], probe_streams(3, 100))


def test_they_are_people_of_unit_size_who_move_smoothly() -> None:
    streams = probe_streams(8, 180)
    assert torch.isfinite(streams).all()
    reach = (streams[:, :, NTU25.index("head")]).norm(dim=-1)
    assert 0.4 < reach.min() < reach.max() < 1.2
    assert (streams[:, 1:] - streams[:, :-1]).abs().max() < 0.35
    assert streams.var(1).mean((1, 2)).min() > 1e-4, "none stands still"
