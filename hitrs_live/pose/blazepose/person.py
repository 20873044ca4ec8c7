"""Find the landmarks of one person in a region."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.pose.blazepose.heat_maps import refine
from hitrs_live.pose.blazepose.networks import CROP_SIZE, BlazePoseNetworks
from hitrs_live.pose.blazepose.regions import Region

_BODY = 33
_HIPS, _REACH = 33, 34
"""The points from which the next region is made: the middle of the hips, and one on the circle about the person."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """What the landmark network found in a region."""

    landmarks: NDArray[np.float32]
    """(33, LANDMARK_FIELDS): fractions of the picture, metres about the hips, visibility, presence."""
    presence: float
    """Of a person in the region, from 0 to 1."""
    region: Region
    """Where to look for this person in the next picture."""

    @property
    def certainty(self) -> float:
        """The mean over the landmarks of visibility times presence."""
        return float((self.landmarks[:, 5] * self.landmarks[:, 6]).mean())


def find_person(networks: BlazePoseNetworks, picture: NDArray[np.uint8], region: Region) -> Person:
    """Run the landmark network on a region of a picture (height, width, 3) uint8, red-green-blue."""
    crop = region.crop(picture, CROP_SIZE, black_outside=False)
    points, presence, world, heat = networks.find_landmarks(crop[None])
    placed = region.place(refine(points[0, :, :2] / CROP_SIZE, heat[0]))
    certainty = 1 / (1 + np.exp(-np.clip(points[0, :_BODY, 3:], -50, 50)))
    height, width = picture.shape[:2]
    landmarks = np.concatenate(
        (placed[:_BODY] / np.array((width, height), np.float32), region.turn(world[0, :_BODY]), certainty), axis=1
    )
    return Person(
        landmarks=landmarks.astype(np.float32), presence=float(presence[0]),
        region=Region.about(placed[_HIPS], placed[_REACH]),
    )  # fmt: skip
