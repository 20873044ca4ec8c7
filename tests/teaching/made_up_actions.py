"""Taught actions that no one has shown: for tests of files and refusals."""

import numpy as np

from hitrs_live.teaching.actions_file import TaughtAction, TaughtActions
from hitrs_live.teaching.templates import Templates
from hitrs_live.teaching.tokens import JOINT_CHANNELS, TokenSpace


def made_up_actions(name: str = "raise", encoder: str = "a" * 64, width: int = 8) -> TaughtActions:
    """Return one action of two templates. width: numbers of an embedding."""
    rng = np.random.default_rng(1)
    action = TaughtAction(
        name=name, kind="gesture", centre=-0.3, slope=4.0, on=0.6, off=0.6, merge_gap_s=0.3, examples=2, people=1
    )
    points = [rng.normal(size=(ticks, width + JOINT_CHANNELS)).astype(np.float32) for ticks in (7, 12)]
    return TaughtActions(
        actions=(action,), templates=Templates.of(points, [0, 0], [1.0, 2.0]),
        space=TokenSpace(mean=np.ones(width, np.float32)), encoder=encoder, encoder_name="some", span_frames=13,
        provenance={"made": "today"},
    )  # fmt: skip
