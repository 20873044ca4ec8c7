"""Predictions that have learned nothing, for a trained one to beat.

Each takes a whole recording and the frames after which a prediction is due, and looks at nothing later:
joints_m: (T, J, 3); ends: (N,); returns the next `horizon` frames after each, (N, F, J, 3), metres.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Baseline = Callable[[Floats, NDArray[np.int64], int], Floats]

_LAG = 3
"""Velocities are means over so many frames: over one, a sensor's trembling is most of it."""
_DAMPING = 0.85
"""Share of the velocity that is left a frame later."""
_ACCELERATION = 5.0
"""Of a joint, standard deviation, metres a second squared: what the filter holds possible."""
_TREMBLE_M = 0.01
"""Of a measured joint, standard deviation."""
_RATE_HZ = 30.0


def hold(joints_m: Floats, ends: NDArray[np.int64], horizon: int) -> Floats:
    """Predict that nobody moves."""
    return np.repeat(joints_m[ends, None], horizon, axis=1)


def constant_velocity(joints_m: Floats, ends: NDArray[np.int64], horizon: int) -> Floats:
    """Predict that every joint goes on as it went over the last three frames."""
    return _go_on(joints_m[ends], _velocity(joints_m, ends), np.arange(1, horizon + 1))


def damped_velocity(joints_m: Floats, ends: NDArray[np.int64], horizon: int) -> Floats:
    """Predict that every joint goes on as it went over the last three frames, slower and slower."""
    reached = np.cumsum(_DAMPING ** np.arange(horizon))
    return _go_on(joints_m[ends], _velocity(joints_m, ends), reached)


def kalman(joints_m: Floats, ends: NDArray[np.int64], horizon: int) -> Floats:
    """Predict from a Kalman filter of constant velocity, whose gain is that of its steady state."""
    place_gain, velocity_gain = _steady_gains(_ACCELERATION / _RATE_HZ**2 / _TREMBLE_M)
    place, velocity = joints_m[0].copy(), np.zeros_like(joints_m[0])
    places, velocities = np.empty_like(joints_m), np.empty_like(joints_m)
    for frame, measured in enumerate(joints_m):
        place += velocity
        surprise = measured - place
        place += place_gain * surprise
        velocity += velocity_gain * surprise
        places[frame], velocities[frame] = place, velocity
    return _go_on(places[ends], velocities[ends], np.arange(1, horizon + 1))


BASELINES: Final[Mapping[str, Baseline]] = {
    "held": hold,
    "constant_velocity": constant_velocity,
    "damped_velocity": damped_velocity,
    "kalman": kalman,
}


def _velocity(joints_m: Floats, ends: NDArray[np.int64]) -> Floats:
    """Average the velocity over the last frames, a frame. Returns (N, J, 3); a recording begins at rest."""
    velocity: Floats = (joints_m[ends] - joints_m[np.maximum(ends - _LAG, 0)]) / np.float32(_LAG)
    return velocity


def _go_on(places: Floats, velocities: Floats, reached: NDArray[np.floating | np.integer]) -> Floats:
    """Move on by a velocity times `reached` (F,). places, velocities: (N, J, 3) -> (N, F, J, 3)."""
    moved: Floats = places[:, None] + velocities[:, None] * reached.astype(np.float32)[:, None, None]
    return moved


def _steady_gains(tracking_index: float) -> tuple[np.float32, np.float32]:
    """Compute the gains of place and velocity that a filter of constant velocity comes to (Kalata, 1984).

    tracking_index: what acceleration moves a joint by in a frame, in standard deviations of its measurement.
    """
    root = (4 + tracking_index - np.sqrt(8 * tracking_index + tracking_index**2)) / 4
    place = 1 - root**2
    return np.float32(place), np.float32(2 * (2 - place) - 4 * np.sqrt(1 - place))
