"""Find the people in a picture, or in a square part of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.pose.blazepose.anchors import anchor_centres
from hitrs_live.pose.blazepose.detections import decode
from hitrs_live.pose.blazepose.networks import DETECTION_SIZE, BlazePoseNetworks
from hitrs_live.pose.blazepose.regions import Region


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Someone whom the detector reports and the landmark network has not looked at yet."""

    region: Region
    face: NDArray[np.float32]
    """(2,): the middle of the face, pixels."""
    score: float


class PersonDetector:
    """Run the detector."""

    def __init__(self, networks: BlazePoseNetworks, *, min_score: float) -> None:
        """Keep the network. min_score: of a person, from 0 to 1."""
        self._networks, self._min_score = networks, min_score
        self._anchors = anchor_centres()

    def find(self, picture: NDArray[np.uint8], part: Region) -> list[Candidate]:
        """Find people in a part of a picture, best first.

        picture: (height, width, 3) uint8, red-green-blue. The part may reach beyond it, where it is black.
        """
        shown = part.crop(picture, DETECTION_SIZE, black_outside=True)
        boxes, logits = self._networks.detect(shown[None])
        found = decode(boxes[0], logits[0], self._anchors, size=DETECTION_SIZE, min_score=self._min_score)
        return [
            Candidate(
                region=Region.about(part.place(each.hips), part.place(each.reach)),
                face=part.place(each.box.reshape(2, 2).mean(axis=0)),
                score=each.score,
            )
            for each in found
        ]


def whole_picture(width: int, height: int) -> Region:
    """Return the square about a picture of that size in pixels."""
    return Region(x=width / 2, y=height / 2, side=max(width, height), angle=0.0)
