"""The one loop resumes to the bit, adds parts up to the whole, and refuses another run's state."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from kept_log import BrokenOff
from torch import Tensor, nn

from hitrs_live.errors import ConfigError
from hitrs_live.training.distributed import Processes
from hitrs_live.training.trainer import Step, Trainer, TrainerConfig, learning_rate

ALONE = Processes(rank=0, count=1, device=torch.device("cpu"))
CONFIG = TrainerConfig(steps=8, learning_rate=0.01, warmup_steps=2, workers=0, save_every=3, average_decay=0.9)


@dataclass(frozen=True)
class Points:
    """A batch of a regression."""

    x: Tensor

    def to(self, device: torch.device) -> "Points":
        return Points(self.x.to(device))


def points(number: int, size: int = 4) -> Points:
    return Points(torch.randn(size, 3, generator=torch.Generator().manual_seed(number)))


def losses(model: nn.Module, batch: Points) -> Mapping[str, Tensor]:
    return {"loss": (model(batch.x) - batch.x.sum(1, keepdim=True)).square().mean()}


def regression() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))


def run(state: Path, config: TrainerConfig = CONFIG, break_at: int | None = None, settings: str = "a = 1") -> Trainer:
    loop = Trainer(regression(), config, ALONE, state, settings)

    def report(step: Step) -> None:
        if step.step == break_at:
            raise BrokenOff

    loop.run(points, losses, lambda: None, report)
    return loop


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("break_at", [4, 7])
def test_a_run_broken_off_and_resumed_ends_in_the_same_weights(tmp_path: Path, break_at: int, workers: int) -> None:
    config = replace(CONFIG, workers=workers)
    whole = run(tmp_path / "whole.pt")
    with pytest.raises(BrokenOff):
        run(tmp_path / "parts.pt", config, break_at)
    torch.manual_seed(1234)
    parts = run(tmp_path / "parts.pt", config)
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, parts.module.state_dict()[name])
        assert torch.equal(whole.average[name], parts.average[name])


def test_a_finished_run_takes_no_further_step(tmp_path: Path) -> None:
    first = run(tmp_path / "state.pt")
    again = run(tmp_path / "state.pt", break_at=8)
    assert again.step == 8
    assert torch.equal(first.module.state_dict()["0.weight"], again.module.state_dict()["0.weight"])


def test_other_settings_are_told_by_name_before_anything_is_lost(tmp_path: Path) -> None:
    run(tmp_path / "state.pt")
    with pytest.raises(ConfigError, match=r"state\.pt: .*a 1, now 2"):
        run(tmp_path / "state.pt", settings="a = 2")
    assert run(tmp_path / "state.pt").step == 8


def test_a_batch_in_parts_gives_the_gradient_of_the_whole(tmp_path: Path) -> None:
    config = replace(CONFIG, steps=1, average_decay=0.0)

    def whole(number: int) -> Points:
        return Points(torch.cat([points(2 * number).x, points(2 * number + 1).x]))

    models = [nn.Linear(3, 1) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    for model, accumulate, source in ((models[0], 1, whole), (models[1], 2, points)):
        loop = Trainer(model, replace(config, accumulate=accumulate), ALONE, tmp_path / f"{accumulate}.pt", "")
        loop.run(source, losses, lambda: None, lambda _: None)
    torch.testing.assert_close(models[0].weight, models[1].weight, atol=1e-6, rtol=0)


def test_the_average_is_near_the_weights_and_not_the_beginning(tmp_path: Path) -> None:
    loop = run(tmp_path / "state.pt", replace(CONFIG, steps=60))
    begun = regression().state_dict()["0.weight"]
    now, average = loop.module.state_dict()["0.weight"], loop.average["0.weight"]
    assert not torch.equal(now, average)
    assert (average - now).norm() < (average - begun).norm()


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_rate_warms_up_peaks_and_ends_at_the_final_rate(schedule: str) -> None:
    config = TrainerConfig(steps=100, learning_rate=1.0, final_learning_rate=0.1, warmup_steps=10, schedule=schedule)
    assert learning_rate(0, config) == pytest.approx(0.1)
    assert learning_rate(9, config) == learning_rate(10, config) == 1.0
    assert learning_rate(55, config) == pytest.approx(0.55)
    assert learning_rate(100, config) == pytest.approx(0.1)


def test_biases_norms_positions_and_tokens_are_free_of_decay() -> None:
    from hitrs_live.model.hitrs import HITRS_TINY, HiTRS
    from hitrs_live.training.trainer import parameter_groups

    model = HiTRS(HITRS_TINY)
    names = {id(p): name for name, p in model.named_parameters()}
    decayed, free = ({names[id(p)] for p in group["params"]} for group in parameter_groups(model, 0.1))
    assert decayed | free == set(names.values())
    assert not any(word in name for name in decayed for word in ("bias", "norm", "positions", "token"))
    assert all(name.endswith("weight") for name in decayed)


def test_an_encoder_may_learn_by_a_share_of_the_rate_and_what_stands_on_it_by_all() -> None:
    from hitrs_live.training.trainer import parameter_groups

    model = nn.ModuleDict({"encoder": nn.Linear(2, 2), "head": nn.Linear(2, 2)})
    groups = parameter_groups(model, 0.1, encoder_rate=0.25)
    shares = {id(p): group["share"] for group in groups for p in group["params"]}
    assert {shares[id(p)] for p in model["encoder"].parameters()} == {0.25}
    assert {shares[id(p)] for p in model["head"].parameters()} == {1.0}
    assert sorted(group["weight_decay"] for group in groups) == [0.0, 0.0, 0.1, 0.1]
