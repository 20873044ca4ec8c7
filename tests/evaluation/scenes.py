"""A recording of which a test says what happens."""

from typing import Any

import numpy as np

from hitrs_live.data.formats.real_clips import RealClip, TrueAction


def scene(
    *actions: tuple[Any, ...], near: tuple[str, ...] = (), labelled_s: float = 20.0, other: bool = False
) -> RealClip:
    """actions: label, start and end in seconds, and as a fourth the classes that are nearly right."""
    return RealClip(
        name="clip", landmarks=np.zeros((0, 33, 7), np.float32), frame=np.zeros(0, np.int64), frames=600, fps=30.0,
        width=640, height=480, near=frozenset(near), other=other, view="front", labelled_s=labelled_s,
        actions=tuple(
            TrueAction(label=label, start_s=start_s, end_s=end_s, near=frozenset(*rest))
            for label, start_s, end_s, *rest in actions
        ),
    )  # fmt: skip
