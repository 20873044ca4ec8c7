"""A network runs on a GPU where its answers are those of the CPU, else on the CPU with the reason."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from hitrs_live.messages import Frame
from hitrs_live.pose.blazepose.networks import BlazePoseNetworks
from hitrs_live.pose.blazepose.person import find_people
from hitrs_live.pose.blazepose.providers import CPU, Run, Unavailable, choose
from hitrs_live.pose.blazepose.regions import Region
from hitrs_live.pose.mediapipe.models import find_pose_model


def available_providers() -> list[str]:
    """Ask ONNX Runtime, which may be imported only after the package that switches its telemetry off."""
    import onnxruntime

    there: list[str] = onnxruntime.get_available_providers()
    return there


PROBE = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), np.uint8)
needs_gpu = pytest.mark.skipif(
    "CUDAExecutionProvider" not in available_providers(),
    reason="needs a CUDA GPU and the package onnxruntime-gpu",
)


def network(*, off_by: float = 0.0) -> Callable[[], Run]:
    """What opens a network of two outputs, whose second one is off by a share of its largest value."""

    def run(pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        means = pictures.mean(axis=(1, 2), dtype=np.float32)
        return [means, means[:, :1] + off_by * means[:, :1].max()]

    return lambda: run


def missing() -> Run:
    raise Unavailable("no driver")


def test_without_candidates_the_cpu_runs_it_and_there_is_nothing_to_say() -> None:
    chosen = choose(network()(), {}, PROBE)
    assert (chosen.name, chosen.notice, chosen.batches) == (CPU, "", False)


def test_the_first_candidate_that_answers_as_the_cpu_does_runs_it_and_takes_batches() -> None:
    right = network(off_by=5e-4)
    chosen = choose(network()(), {"first": right, "second": missing}, PROBE)
    assert (chosen.name, chosen.notice, chosen.batches) == ("first", "", True)
    assert chosen.run is right()


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [(missing, "no driver"), (network(off_by=0.01), "differ from the CPU's by 1.0e-02, expected 0.001"),
     (network(off_by=float("nan")), "differ from the CPU's by nan")],
)  # fmt: skip
def test_one_that_cannot_be_opened_or_answers_otherwise_is_passed_over_with_its_reason(
    candidate: Callable[[], Run], reason: str
) -> None:
    alone = choose(network()(), {"gpu": candidate}, PROBE)
    assert alone.name == CPU
    assert alone.notice.startswith("the pose networks do not run on gpu: ")
    assert reason in alone.notice
    assert "\n" not in alone.notice
    assert choose(network()(), {"gpu": candidate, "other": network()}, PROBE).name == "other"


@pytest.fixture(scope="module")
def networks() -> BlazePoseNetworks:
    return BlazePoseNetworks(find_pose_model("full"))


@pytest.mark.slow
def test_people_found_in_one_call_are_those_found_one_by_one(
    networks: BlazePoseNetworks, show: Callable[..., Frame]
) -> None:
    picture = np.ascontiguousarray(show(0, 20, 580, width=960, size=360).image[..., ::-1])
    regions = [Region(x=x, y=330, side=420, angle=angle) for x, angle in ((200, 0.05), (760, -0.1), (480, 0.0))]
    alone, together = (find_people(networks, picture, regions, together=each) for each in (False, True))
    for one, other in zip(alone, together, strict=True):
        # The order in which products are added up may differ.
        np.testing.assert_allclose(one.landmarks, other.landmarks, atol=1e-3)
        assert one.presence == pytest.approx(other.presence, abs=1e-3)
    assert find_people(networks, picture, [], together=True) == []


@pytest.mark.gpu
@needs_gpu
def test_on_a_gpu_both_networks_run_there_and_people_come_in_batches(networks: BlazePoseNetworks) -> None:
    assert networks.notice == ""
    assert networks.batches
