"""What runs inside the pose process, and how the pipeline's process names it."""

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Argument = str | int | float


class Landmarker(Protocol):
    """Find the points of people in one picture. Lives in the pose process; `IsolatedPoseEstimator` uses it."""

    def step(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Find the people in a picture.

        picture: (height, width, 3) uint8, red-green-blue, C order. Returns (P, N, LANDMARK_FIELDS) float32 for N
        points in the order of the estimator's keypoint layout; `protocol.LANDMARK_FIELDS` names the fields.
        """


@runtime_checkable
class LimitsPeople(Protocol):
    """What a landmarker may add: where the machine is too slow for everyone, fewer people are asked for."""

    def limit_people(self, most: int, *, spare: bool) -> None:
        """Look for at most so many people from now on, 1 or more, and no more than it was made for.

        Of those who are followed, the nearest and most certain are kept. spare: whether there is time for work that can
        wait, because no picture was left out lately.
        """


class OpenLandmarker(Landmarker, Protocol):
    """One that is used in the caller's own process."""

    def close(self) -> None:
        """Free the network."""


@dataclass(frozen=True, kw_only=True)
class LandmarkerCall:
    """Say what makes the landmarker. It is imported and called in the pose process and nowhere else."""

    target: str
    """A class or function, as "package.module:name"."""
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    """Its keyword arguments."""

    def command_line(self) -> list[str]:
        """Return the flags that `from_command_line` reads in the pose process."""
        # ASCII with escapes, so that a path which is not valid UTF-8 survives.
        return ["--landmarker", self.target, "--arguments", json.dumps(dict(self.arguments))]

    @classmethod
    def from_command_line(cls, target: str, arguments: str) -> "LandmarkerCall":
        """Read the values of the two flags back."""
        return cls(target=target, arguments=json.loads(arguments))

    def make(self) -> Landmarker:
        """Import the target and call it. Raises what the import or the call raises."""
        module, _, name = self.target.partition(":")
        return cast(Landmarker, getattr(importlib.import_module(module), name)(**self.arguments))
