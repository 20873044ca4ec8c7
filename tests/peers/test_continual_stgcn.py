"""The peer that benchmarks/peers times is the published network, and every implementation of its step agrees."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch

pytest.importorskip("continual", reason="the peer is built with the extra `peers`, which is not installed")
FORMS = ("COST_GCN", "COST_GCN_STAR")


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks" / "peers")
    import continual_stgcn

    yield continual_stgcn
    for name in ("continual_stgcn", "matrix_step"):
        sys.modules.pop(name, None)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_steps_give_the_logits_of_the_whole_clip(peer: ModuleType, form: str) -> None:
    # Sums of thousands of products in another order, in float32.
    assert peer.step_error(getattr(peer, form), pool=2, answers=2, rows=1) < 1e-4


@pytest.mark.parametrize("form", FORMS)
def test_a_prediction_costs_what_was_published(peer: ModuleType, form: str) -> None:
    config = getattr(peer, form)
    assert round(2 * peer.count_macs(config, skip=False) / 1e9, 2) == config.published_gflops


@pytest.mark.parametrize("form", FORMS)
@torch.inference_mode()
def test_matrix_products_give_the_logits_of_the_package(peer: ModuleType, form: str) -> None:
    from matrix_step import MatrixStep, depth_of

    config = replace(getattr(peer, form), pool=1)
    network = peer.build_peer(config)
    deepest = sum(stride > 1 for stride in config.strides)
    steps = [MatrixStep(network, config, depth=depth) for depth in range(deepest + 1)]
    states = {each.name: torch.zeros(1, *each.shape) for step in steps for each in step.states}
    compared = 0
    for frame in range(config.reach + 2 * config.frames_a_prediction):
        joints = torch.randn(1, peer.JOINTS, peer.CHANNELS)
        expected = network.forward_step(joints.mT)
        step = steps[depth_of(frame, config)]
        names = [each.name for each in step.states]
        output = step(joints, *(states[name] for name in names))
        states.update(zip(names, output[-len(names) :], strict=True))
        # A pool of one output drops the previous one, which is then in `oldest`.
        if frame < config.reach - 1 or expected is None:
            continue
        assert step.whole
        assert torch.allclose(output[0], expected, atol=1e-5)
        compared += 1
    assert compared >= 2
