"""Tokens: those of a whole recording are those of the live stream."""

import numpy as np
from taught_joints import lift, standing

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.messages import JointFrame
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.predictor import Predictor
from hitrs_live.teaching.tokens import TokenEncoder, TokenSpace, TokenStream

TOLERANCE = 2e-3
"""Of tokens of about 1: single precision, in other orders of summation."""


def test_tokens_of_a_stream_equal_those_of_the_whole_recording(checkpoint: Checkpoint, encoder: TokenEncoder) -> None:
    rng = np.random.default_rng(1)
    people = [standing(120, rng), standing(120, rng)]
    lift(people[1], "right", 40, 80)
    space, model = TokenSpace(mean=np.ones(96, np.float32)), HitrsStream(checkpoint, step_frames=1)
    predictor = Predictor(model, rows=2)
    stream = TokenStream(space, checkpoint.info.normaliser, rows=2, span_frames=model.description.span_frames)
    found: list[list[np.ndarray]] = [[], []]
    for frame in range(120):
        joint_frame = JointFrame.of(np.stack([one[frame] for one in people]), reset=frame == 0)
        predictions = predictor.step(joint_frame)
        new = stream.step(joint_frame, predictions[0] if predictions else None)
        for row, value in zip(new.rows.tolist(), new.values, strict=True):
            found[row].append(value)
    recorded = encoder.tokens_of([(one, np.ones((120, 25), np.float32)) for one in people])
    for row in (0, 1):
        assert recorded[row].frames.tolist() == list(range(12, 120, 3))
        np.testing.assert_allclose(np.stack(found[row]), recorded[row].join(space), atol=TOLERANCE)


def test_recordings_of_any_length_are_encoded_as_each_alone(encoder: TokenEncoder) -> None:
    rng = np.random.default_rng(2)
    recordings = [(standing(frames, rng), np.ones((frames, 25), np.float32)) for frames in (90, 5, 40)]
    for one, together in zip(recordings, encoder.tokens_of(recordings), strict=True):
        (alone,) = encoder.tokens_of([one])
        np.testing.assert_allclose(together.embeddings, alone.embeddings, atol=TOLERANCE)
        np.testing.assert_allclose(together.joints, alone.joints, atol=TOLERANCE)
