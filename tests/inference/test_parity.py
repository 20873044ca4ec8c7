"""The gate refuses an engine whose outputs are not the reference's."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Precision
from hitrs_live.errors import EngineUnavailable
from hitrs_live.inference.base import HeadOutput
from hitrs_live.inference.parity import Parity, check_parity, measure_parity, windows_of
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.model.detector import HitrsDetector

pytestmark = pytest.mark.slow

Fault = Callable[[HeadOutput, Tensor, Tensor], HeadOutput]


class Faulty(TorchEngine):
    """An engine with a fault, in a call with a window of clips."""

    def __init__(self, model: HitrsDetector, fault: Fault) -> None:
        super().__init__(model)
        self._fault = fault

    def predict(self, clips: Tensor, valid_clips: Tensor, recent: Tensor) -> HeadOutput:
        """Predict, then change the outputs."""
        return self._fault(super().predict(clips, valid_clips, recent), clips, valid_clips)


def off_by(amount: float) -> Fault:
    return lambda output, clips, valid_clips: output._replace(logits=output.logits + amount)


def test_the_reference_passes_its_own_gate_without_any_difference(checkpoint: Checkpoint) -> None:
    reference = TorchEngine(checkpoint.model)
    assert check_parity(reference, reference) == Parity(logit_error=0.0, future_error=0.0, scale_error=0.0, same=1.0)


def test_a_difference_above_the_limit_is_refused_and_named(checkpoint: Checkpoint) -> None:
    reference = TorchEngine(checkpoint.model)
    check_parity(Faulty(checkpoint.model, off_by(5e-5)), reference)
    refusal = r"refused: its outputs are 2\.0e-04 from torch's, expected at most 0\.0001 in f"
    with pytest.raises(EngineUnavailable, match=refusal):
        check_parity(Faulty(checkpoint.model, off_by(2e-4)), reference)


FAULTS: dict[str, Fault] = {
    "a future a centimetre off": lambda output, clips, valid_clips: output._replace(future=output.future + 0.01),
    "ranges a tenth too wide": lambda output, clips, valid_clips: output._replace(scales=output.scales * 1.1),
    "one scale that is not a number": lambda output, clips, valid_clips: output._replace(
        scales=output.scales.masked_fill(output.scales == output.scales.min(), float("nan"))),
    "one logit that is not a number": lambda output, clips, valid_clips: output._replace(
        logits=output.logits.masked_fill(output.logits == output.logits[0, 0], float("nan"))),
    "the last row of a full batch forgotten": lambda output, clips, valid_clips: output._replace(
        logits=torch.cat((output.logits[:-1], output.logits[-1:] * 0)) if len(valid_clips) == 16 else output.logits),
    "one row at a time fails": lambda output, clips, valid_clips: output._replace(
        logits=output.logits + (0.1 if len(valid_clips) == 1 else 0.0)),
    "unfilled windows are predicted wrongly": lambda output, clips, valid_clips: output._replace(
        logits=output.logits + 0.1 * (valid_clips < clips.shape[1])[:, None]),
    "what lies past the valid clips is read": lambda output, clips, valid_clips: output._replace(
        logits=output.logits + clips.mean((1, 2)).clamp(0, 1)[:, None]),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_faults_of_every_kind_are_found(checkpoint: Checkpoint, fault: Fault) -> None:
    with pytest.raises(EngineUnavailable, match="refused"):
        check_parity(Faulty(checkpoint.model, fault), TorchEngine(checkpoint.model))


@pytest.mark.parametrize(
    ("precision", "parity", "refused"),
    [
        ("fp32", Parity(logit_error=9e-5, future_error=0, scale_error=0, same=1.0), False),
        ("fp32", Parity(logit_error=0, future_error=0, scale_error=0, same=0.995), True),
        ("fp16", Parity(logit_error=1.9e-2, future_error=1e-2, scale_error=0, same=1.0), False),
        ("fp16", Parity(logit_error=1e-2, future_error=2.1e-2, scale_error=0, same=1.0), True),
        ("fp16", Parity(logit_error=0, future_error=0, scale_error=2.1e-2, same=1.0), True),
        ("int8", Parity(logit_error=0, future_error=0, scale_error=float("inf"), same=1.0), True),
        ("bf16", Parity(logit_error=1e-2, future_error=0, scale_error=0, same=0.995), True),
        ("int8", Parity(logit_error=3.0, future_error=1.0, scale_error=0, same=0.99), False),
        ("int8", Parity(logit_error=0.1, future_error=0, scale_error=0, same=0.98), True),
        ("int8", Parity(logit_error=float("inf"), future_error=0, scale_error=0, same=1.0), True),
    ],
)
def test_each_precision_has_its_limits(precision: Precision, parity: Parity, refused: bool) -> None:
    assert bool(parity.refusal(precision)) == refused


def test_the_tested_model_gives_its_streams_different_outputs(checkpoint: Checkpoint) -> None:
    other = TorchEngine(checkpoint.model)
    swapped = Faulty(checkpoint.model, lambda output, clips, valid_clips: output._replace(logits=output.logits.flip(1)))
    assert measure_parity(swapped, other).same < 0.9


def test_windows_end_with_each_clip_and_hold_rubbish_where_no_clip_is_yet() -> None:
    clips = torch.arange(5.0).reshape(1, 5, 1)
    windows, valid_clips = windows_of(clips, 3)
    assert valid_clips.tolist() == [1, 2, 3, 3, 3]
    assert windows.squeeze(2).tolist() == [[0, 1e3, 1e3], [0, 1, 1e3], [0, 1, 2], [1, 2, 3], [2, 3, 4]]
