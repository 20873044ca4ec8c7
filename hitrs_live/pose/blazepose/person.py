"""Find the landmarks of one person in a region."""

from collections.abc import Sequence
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


def find_people(
    networks: BlazePoseNetworks, picture: NDArray[np.uint8], regions: Sequence[Region], *, together: bool
) -> list[Person]:
    """Find one person in each region of a picture (height, width, 3) uint8, red-green-blue, in their order.

    together: in one call of the landmark network, which is faster where `networks.batches`.
    """
    if together and regions:
        return _find(networks, picture, regions)
    return [find_person(networks, picture, region) for region in regions]


def find_person(networks: BlazePoseNetworks, picture: NDArray[np.uint8], region: Region) -> Person:
    """Run the landmark network on a region of a picture (height, width, 3) uint8, red-green-blue."""
    return _find(networks, picture, [region])[0]


def _find(networks: BlazePoseNetworks, picture: NDArray[np.uint8], regions: Sequence[Region]) -> list[Person]:
    """Run the landmark network once, on all regions."""
    crops = np.stack([region.crop(picture, CROP_SIZE, black_outside=False) for region in regions])
    outputs = networks.find_landmarks(crops)
    height, width = picture.shape[:2]
    size = np.array((width, height), np.float32)
    return [
        _place(region, size, points, float(presence), world, heat)
        for region, points, presence, world, heat in zip(regions, *outputs, strict=True)
    ]


def _place(
    region: Region,
    size: NDArray[np.float32],
    points: NDArray[np.float32],
    presence: float,
    world: NDArray[np.float32],
    heat: NDArray[np.float32],
) -> Person:
    """Move what the network found in a region to the picture. Shapes as of `find_landmarks`, of one person."""
    placed = region.place(refine(points[:, :2] / CROP_SIZE, heat))
    certainty = 1 / (1 + np.exp(-np.clip(points[:_BODY, 3:], -50, 50)))
    landmarks = np.concatenate((placed[:_BODY] / size, region.turn(world[:_BODY]), certainty), axis=1)
    return Person(
        landmarks=landmarks.astype(np.float32), presence=presence,
        region=Region.about(placed[_HIPS], placed[_REACH]),
    )  # fmt: skip
