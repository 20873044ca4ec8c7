"""Give joints the errors that the live pose stage makes, before they are encoded.

A `LiveView` takes joints as a data set or a synthesiser has them and returns joints as live.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import CameraConfig
from hitrs_live.data.augment import AugmentConfig, Augmenter
from hitrs_live.data.body_proportions import (
    KINECT_1,
    KINECT_2,
    MOTION_CAPTURE,
    SensorGeometries,
    measure_geometry,
    retarget,
)
from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.errors import ConfigError
from hitrs_live.streaming.levelling import level_stream
from hitrs_live.streaming.predictor import fill_missing
from hitrs_live.virtual_camera.joint_errors.model import JointErrorModel
from hitrs_live.virtual_camera.live_joints import LiveJoints

Floats = NDArray[np.float32]
_LANDMARKS_SHARE: Final = 0.5
"""Share of motions retargeted to the geometry of MediaPipe's landmarks; the others to that of any sensor."""
_LANDMARKS: Final = SensorGeometries(())
_ANY_SENSOR: Final = SensorGeometries((KINECT_1, KINECT_2, *MOTION_CAPTURE))


LiveView = Callable[[Floats, np.random.Generator], LiveJoints]


def in_some_geometry(joints_m: Floats, rng: np.random.Generator) -> Floats:
    """Retarget a motion to a random geometry of joints, whatever its own. joints_m: (T, 25, 3), metres.

    Most classes come from one source and each source has a geometry of its own. If it kept it, a detector could learn
    the geometry instead of the movement.
    """
    geometries = _LANDMARKS if rng.random() < _LANDMARKS_SHARE else _ANY_SENSOR
    return retarget(joints_m, measure_geometry([joints_m]), geometries.draw(rng))


def augmented_view(joints_m: Floats, rng: np.random.Generator) -> LiveJoints:
    """Draw a camera, a body and noise as detector training does, which are not learnt from rendered people.

    joints_m: (T, 25, 3), metres, y up.
    """
    seen = in_some_geometry(joints_m, rng)
    varied, _ = Augmenter(AugmentConfig(), np.zeros(0, np.int64)).vary_view(seen, rng)
    certain = np.ones(varied.shape[:2], np.float32)
    return LiveJoints(joints_m=varied, confidence=certain, lost_mask=np.zeros(len(varied), bool))


def kept_spans(lost_mask: NDArray[np.bool_], bridge_frames: int) -> list[slice]:
    """List the stretches of a motion between which the person is lost for more than `bridge_frames` frames.

    lost_mask: (T,). Frames lost for longer, and those at either end, are in no stretch; shorter gaps are.
    """
    seen = np.flatnonzero(~lost_mask)
    if not len(seen):
        return []
    gaps = np.flatnonzero(np.diff(seen) > bridge_frames + 1)
    firsts = seen[np.concatenate(([0], gaps + 1))].tolist()
    lasts = seen[np.concatenate((gaps, [len(seen) - 1]))].tolist()
    return [slice(first, last + 1) for first, last in zip(firsts, lasts, strict=True)]


def modelled_view() -> LiveView:
    """Load the model of joint errors, which was fitted to rendered people. Returns a view with a new camera each."""
    model = JointErrorModel.load()

    def view(joints_m: Floats, rng: np.random.Generator) -> LiveJoints:
        live = model.apply(in_some_geometry(joints_m, rng), rng)
        levelled = level_stream(live.joints_m, live.confidence, CameraConfig(), rate_hz=RATE_HZ)
        return replace(live, joints_m=fill_missing(levelled, live.confidence))

    return view


LIVE_VIEWS: Final[Mapping[str, Callable[[], LiveView]]] = {
    "modelled": modelled_view,
    "augmented": lambda: augmented_view,
}
"""By name: opens the view. A model of joint errors is loaded only where it is used."""


def open_live_view(name: str) -> LiveView:
    """Open a live view by name. Raises ConfigError for an unknown one."""
    if name not in LIVE_VIEWS:
        raise ConfigError(f"live view {name!r}: unknown, expected one of {', '.join(LIVE_VIEWS)}")
    return LIVE_VIEWS[name]()
