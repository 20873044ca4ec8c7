"""The predictor: from joint frames to predictions, with people and their mirror images as rows."""

import msgspec
import numpy as np
import pytest
import torch
from two_class_detector import checkpoint as checkpoint

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.messages import JointFrame
from hitrs_live.skeleton import mirrored_labels
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.predictor import Predictor
from hitrs_live.transforms import average_sides, mirror


def predictor(checkpoint: Checkpoint, step_frames: int | None, *, mirror: bool = True) -> Predictor:
    return Predictor(HitrsStream(checkpoint, step_frames=step_frames), rows=2, min_joint_confidence=0.3, mirror=mirror)


def outputs(stage: Predictor, frames: int = 30, *, image: bool = False) -> dict[int, np.ndarray]:
    """Show row 0 a body that moves, or its mirror image; give the logits by the frame at which they came."""
    generator = np.random.default_rng(1)
    body = generator.normal(0, 0.3, (25, 3)).astype(np.float32)
    found = {}
    for frame in range(frames):
        body = body + generator.normal(0, 0.01, (25, 3)).astype(np.float32)
        shown = mirror(torch.from_numpy(body)).numpy() if image else body
        joint_frame = JointFrame(
            time_ns=np.full(2, round(frame * 1e9 / 30)),
            track_ids=np.array([1, -1]),
            active=np.array([True, False]),
            reset=np.array([frame == 0, False]),
            joints_m=np.stack((shown, np.zeros_like(shown))),
            confidence=np.ones((2, 25), np.float32),
        )
        for prediction in stage.step(joint_frame):
            if prediction.has_output.any():
                assert prediction.has_output.tolist() == [True, False]
                found[frame] = prediction.logits[0]
    return found


def test_it_predicts_every_clip_and_every_frame_if_asked(checkpoint: Checkpoint) -> None:
    seldom, often = outputs(predictor(checkpoint, None)), outputs(predictor(checkpoint, 1))
    assert list(seldom) == [12, 19, 26]
    assert list(often) == list(range(12, 30))
    for frame, logits in seldom.items():
        np.testing.assert_allclose(often[frame], logits, atol=1e-6)


@pytest.mark.parametrize("step_frames", [None, 1])
def test_warming_up_does_not_change_the_outputs(checkpoint: Checkpoint, step_frames: int | None) -> None:
    warm, cold = predictor(checkpoint, step_frames), predictor(checkpoint, step_frames)
    warm.warm_up()
    got, expected = outputs(warm), outputs(cold)
    assert got.keys() == expected.keys()
    for frame, logits in expected.items():
        np.testing.assert_array_equal(got[frame], logits)


def test_a_body_and_its_mirror_image_are_given_mirrored_classes(checkpoint: Checkpoint) -> None:
    info = msgspec.structs.replace(checkpoint.info, labels=("kick_left", "kick_right"))
    sided = Checkpoint(info=info, model=checkpoint.model)
    seen, mirrored = (outputs(predictor(sided, 1), image=image) for image in (False, True))
    assert seen.keys() == mirrored.keys()
    for frame, logits in seen.items():
        np.testing.assert_allclose(mirrored[frame][::-1], logits, atol=1e-5)


def test_with_mirroring_a_body_gets_the_mean_of_both_outputs(checkpoint: Checkpoint) -> None:
    as_is, image = (outputs(predictor(checkpoint, 1, mirror=False), image=image) for image in (False, True))
    for frame, logits in outputs(predictor(checkpoint, 1)).items():
        np.testing.assert_allclose(logits, (as_is[frame] + image[frame]) / 2, atol=1e-5)
        assert np.abs(as_is[frame] - image[frame]).max() > 1e-4, "this model was never shown left for right"


def test_a_class_without_a_counterpart_keeps_the_logit_of_its_own_side() -> None:
    mirrored = torch.from_numpy(mirrored_labels(("background", "wave_left", "jump")))
    logits, image = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[3.0, 9.0, 5.0]])
    assert average_sides(logits, image, mirrored).tolist() == [[2.0, 2.0, 4.0]]
