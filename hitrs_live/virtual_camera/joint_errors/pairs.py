"""True joints of a person beside the joints that the live pose stage computed from pictures of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class JointPair:
    """T frames at 30 Hz of one person, seen by one camera. Axes as in messages.py: x left, y up, z away."""

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
    view: str
    """Front, oblique, side or back."""

    def __post_init__(self) -> None:
        frames = len(self.true_m)
        for key, shape in (("true_m", (frames, 25, 3)), ("live_m", (frames, 25, 3)), ("confidence", (frames, 25))):
            if (found := getattr(self, key).shape) != shape:
                raise ValueError(f"{key} has shape {found}, expected {shape}")

    @property
    def lost_mask(self) -> NDArray[np.bool_]:
        """(T,); True in frames in which the person was not detected."""
        return np.isnan(self.live_m[:, 0, 0])


def view_of(azimuth_deg: float) -> str:
    """Name the view by how far the camera stands from straight in front of the person, in degrees either way."""
    turned = abs((azimuth_deg + 180) % 360 - 180)
    return "front" if turned <= 22.5 else "oblique" if turned <= 67.5 else "side" if turned <= 112.5 else "back"


def mirrored(pair: JointPair) -> JointPair:
    """Return the pair as a mirror shows it, with left and right exchanged."""
    swapped = list(NTU25.mirror)
    return JointPair(
        name=pair.name,
        subject=pair.subject,
        true_m=_mirror(pair.true_m),
        live_m=_mirror(pair.live_m),
        confidence=pair.confidence[:, swapped],
        focal_ratio=pair.focal_ratio,
        view=pair.view,
    )


def _mirror(joints_m: Floats) -> Floats:
    flipped = joints_m[:, list(NTU25.mirror)].copy()
    flipped[..., 0] *= -1
    return flipped
