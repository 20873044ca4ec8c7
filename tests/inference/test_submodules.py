"""What the pieces leave out of the model changes nothing; batch sizes and commands around them."""

import pytest
import torch

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.cli import main
from hitrs_live.inference.cuda_graph_engine import batch_sizes
from hitrs_live.inference.submodules import ClipSubmodule, FrameSubmodule, HeadSubmodule, in_precision


def test_frames_and_clips_are_the_models(checkpoint: Checkpoint) -> None:
    encoder, grid = checkpoint.model.encoder, checkpoint.model.config.encoder
    joints = torch.randn(4, grid.joints, 3)
    tokens = torch.randn(4, grid.clip_length, grid.joints, grid.frame_width)
    with torch.no_grad():
        torch.testing.assert_close(
            FrameSubmodule(encoder.frame_encoder)(joints), encoder.frame_encoder(joints), atol=1e-6, rtol=0
        )
        torch.testing.assert_close(
            ClipSubmodule(encoder.clip_encoder)(tokens), encoder.clip_encoder(tokens), atol=1e-6, rtol=1e-5
        )


def test_judgements_are_those_of_the_causal_video_level_at_the_newest_clip(checkpoint: Checkpoint) -> None:
    model = checkpoint.model
    grid, window = model.config.encoder, model.config.window_clips
    clips, valid_clips = torch.randn(4, window, grid.clip_width), torch.tensor([1, 2, 4, 3])
    recent = torch.randn(4, grid.clip_span, grid.joints, 3)
    with torch.no_grad():
        logits, future, scales = HeadSubmodule(model)(clips, valid_clips, recent)
        _, outputs = model.encoder.video_encoder(clips, causal=True)
        newest = outputs[torch.arange(4), valid_clips - 1]
        torch.testing.assert_close(logits, model.action_head(newest), atol=1e-5, rtol=1e-5)
        expected = model.motion_head.forecast(newest, recent)
        torch.testing.assert_close((future, scales), expected, atol=1e-5, rtol=1e-5)


def test_half_precision_is_a_copy_and_keeps_norms_positions_and_heads_whole(checkpoint: Checkpoint) -> None:
    model = checkpoint.model
    half = in_precision(model, torch.float16)
    assert in_precision(model, torch.float32) is model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    halved = {name for name, parameter in half.named_parameters() if parameter.dtype == torch.float16}
    assert any("attention.query" in name for name in halved)
    assert not [name for name in halved if "norm" in name or "head." in name or "position" in name or "token" in name]
    assert not [name for name in halved if name.startswith("encoder.frame_encoder.embed")]


@pytest.mark.parametrize(("most", "sizes"), [(1, (1,)), (2, (1, 2)), (16, (1, 2, 4, 8, 16)), (5, (1, 2, 4, 5))])
def test_batch_sizes_are_powers_of_two_and_the_most(most: int, sizes: tuple[int, ...]) -> None:
    assert batch_sizes(most) == sizes


@pytest.mark.slow
def test_build_engines_says_what_it_opened_and_how_far_it_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build-engines", "--engine", "torch"]) == 0
    printed = capsys.readouterr().out
    assert "torch in fp32, ready after" in printed
    assert "logits differ from torch's by 0.0e+00 at most, 100.0% of clips have the same best class" in printed


@pytest.mark.skipif(torch.cuda.is_available(), reason="tests what happens without a GPU")
@pytest.mark.parametrize(
    ("flags", "wrong"),
    [
        (("--engine", "torch", "--precision", "int8"), "engine torch in int8 is unavailable: it runs on torch in fp32"),
        (("--engine", "torch", "--max-persons", "0"), "--max-persons: got 0, expected at least 1"),
        (("--package", "--engine", "torch"), "--package: works only for the shipped model in fp32"),
    ],
)
def test_build_engines_refuses_what_it_cannot_build(
    capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], wrong: str
) -> None:
    assert main(["build-engines", *flags]) == 2
    assert wrong in capsys.readouterr().err
