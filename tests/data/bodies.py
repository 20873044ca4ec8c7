"""Build bodies from a table of joint positions."""

from collections.abc import Mapping

import numpy as np

from hitrs_live.skeleton import NTU25


def body_of(at: Mapping[str, tuple[float, float, float]]) -> np.ndarray:
    """Place every joint as in the table, those of the right side mirrored from the left. Returns (25, 3)."""
    body = np.zeros((25, 3))
    for joint, name in enumerate(NTU25.joints):
        side, _, part = name.partition("_")
        body[joint] = at[part if side in ("left", "right") else name]
        body[joint, 0] *= -1 if side == "right" else 1
    return body
