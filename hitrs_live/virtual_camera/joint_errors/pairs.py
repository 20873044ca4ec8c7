"""True joints of a person beside the joints that the live pose stage computed from pictures of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.virtual_camera.pictures.camera_placement import ViewClass

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class JointPair:
    """T frames of one person, seen by one camera. Axes as in messages.py: x left, y up, z away."""

    name: str
    subject: str
    """Whose motion it is; people are held out by it."""
    true_m: Floats
    """(T, 25, 3), metres, in the camera's axes."""
    live_m: Floats
    """(T, 25, 3), metres; NaN in frames in which the person was not detected."""
    confidence: Floats
    """(T, 25), 0 to 1; zero where a joint counts as not seen."""
    focal_ratio: float
    """The camera's focal length over the one that the live path assumes."""
    rate_hz: float
    view: ViewClass

    def __post_init__(self) -> None:
        frames = len(self.true_m)
        for key, shape in (("true_m", (frames, 25, 3)), ("live_m", (frames, 25, 3)), ("confidence", (frames, 25))):
            if (found := getattr(self, key).shape) != shape:
                raise ValueError(f"{key} has shape {found}, expected {shape}")

    @property
    def lost_mask(self) -> NDArray[np.bool_]:
        """(T,); True in frames in which the person was not detected."""
        return np.isnan(self.live_m[:, 0, 0])


def mirrored(pair: JointPair) -> JointPair:
    """Return the pair as a mirror shows it, with left and right exchanged."""
    swapped = list(NTU25.mirror)
    return JointPair(
        name=pair.name,
        subject=pair.subject,
        true_m=mirror_joints(pair.true_m),
        live_m=mirror_joints(pair.live_m),
        confidence=pair.confidence[:, swapped],
        focal_ratio=pair.focal_ratio,
        rate_hz=pair.rate_hz,
        view=pair.view,
    )


def mirror_joints(joints_m: Floats) -> Floats:
    """Mirror joints (..., 25, 3) at x = 0, with left and right exchanged."""
    flipped = joints_m[..., list(NTU25.mirror), :].copy()
    flipped[..., 0] *= -1
    return flipped
