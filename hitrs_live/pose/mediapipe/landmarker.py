"""Find people's landmarks in one picture with MediaPipe. Runs in the pose process (`worker`), not in the pipeline's.

MediaPipe is run picture by picture, without its own tracker: with several people its video mode merges neighbours
or reports one person twice. Its detector sees the whole picture scaled down to a square of 224 pixels and so misses
people in large and in oblong pictures. Two remedies: a person who was detected a moment ago and is missing now is
searched for again, in a crop about the last position; and while fewer than max_people are detected, every third
frame a square part of the picture is searched as well, one part after the other.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from mediapipe import Image, ImageFormat
from mediapipe.tasks.python.core.base_options import BaseOptions
from mediapipe.tasks.python.vision.pose_landmarker import PoseLandmarker, PoseLandmarkerOptions
from numpy.typing import NDArray

from hitrs_live.pose.same_person import SAME_PERSON, STILL_THERE, Sides, apart, keep_sides
from hitrs_live.pose.worker.protocol import LANDMARK_FIELDS

_CROP_MARGIN = 1.5
_SMALLEST_CROP_PX = 32
# The landmark network checks the detector's proposals again, so the detector's threshold may be lower.
# On four clips of two people 0.5 finds 69 % of them and 0.3 finds 78 %, before any second search.
_PROPOSAL_SHARE = 0.6
_REMEMBERED_FRAMES = 10
_SEARCH_EVERY = 3
# In a picture nearly square, people are large enough without a search of its parts.
_OBLONG = 1.2
_SEARCH_CERTAINTY = 0.6


@dataclass(frozen=True, kw_only=True)
class _Memory:
    """Keep a person as last seen."""

    landmarks: NDArray[np.float32]
    missed: int = 0
    """Pictures since then without this person."""
    sides: Sides = field(default_factory=Sides)


class MediaPipeLandmarker:
    """Run MediaPipe's pose landmarker and remember, for some frames, where people were. A `Landmarker`."""

    def __init__(self, model: str | Path, *, max_people: int, min_confidence: float) -> None:
        """Load the model, a `.task` file. min_confidence: of a person, from 0 to 1."""
        self._max_people = max_people
        self._memory: list[_Memory] = []
        self._pictures = 0
        self._landmarker = PoseLandmarker.create_from_options(
            PoseLandmarkerOptions(
                base_options=BaseOptions(model_asset_path=str(model)),
                num_poses=max_people,
                min_pose_detection_confidence=min_confidence * _PROPOSAL_SHARE,
                min_pose_presence_confidence=min_confidence,
            )
        )

    def step(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Find the people in a picture.

        picture: (height, width, 3) uint8, red-green-blue, C order. Returns (P, 33, LANDMARK_FIELDS) float32, P at most
        max_people, no person twice.
        """
        height, width = picture.shape[:2]
        aspect = np.array((width / height, 1.0), np.float32)
        detected: list[NDArray[np.float32]] = []
        for person in self._detect(picture):
            if all(apart(person, other, aspect) > SAME_PERSON for other in detected):
                detected.append(person)
        self._pictures += 1
        missing = [old for old in self._memory if all(apart(old.landmarks, p, aspect) >= STILL_THERE for p in detected)]
        if len(detected) < self._max_people:
            # One search at most, so that a frame's cost stays bounded; the person lost last comes first.
            if missing:
                detected += self._search_again(picture, missing[0].landmarks, detected, aspect)
            elif self._pictures % _SEARCH_EVERY == 0:
                detected += self._search_part(picture, detected, aspect)
        lost = [
            replace(old, missed=old.missed + 1)
            for old in missing
            if old.missed < _REMEMBERED_FRAMES
            and all(apart(old.landmarks, person, aspect) >= STILL_THERE for person in detected)
        ]
        seen = [self._keep_sides(person, aspect) for person in detected[: self._max_people]]
        self._memory = seen + sorted(lost, key=lambda old: old.missed)
        people = [person.landmarks for person in seen]
        return np.stack(people) if people else np.empty((0, 33, LANDMARK_FIELDS), np.float32)

    def close(self) -> None:
        """Free the network."""
        self._landmarker.close()

    def _detect(self, picture: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        result: Any = self._landmarker.detect(Image(image_format=ImageFormat.SRGB, data=picture))
        return [
            np.array(
                [(a.x, a.y, w.x, w.y, w.z, a.visibility, a.presence) for a, w in zip(image, world, strict=True)],
                np.float32,
            )
            for image, world in zip(result.pose_landmarks, result.pose_world_landmarks, strict=True)
        ]

    def _keep_sides(self, person: NDArray[np.float32], aspect: NDArray[np.float32]) -> _Memory:
        """Swap left and right back where the network has confused them for fewer pictures than it agreed before."""
        past = [old for old in self._memory if apart(person, old.landmarks, aspect) < STILL_THERE]
        if not past:
            return _Memory(landmarks=person)
        old = min(past, key=lambda old: apart(person, old.landmarks, aspect))
        landmarks, sides = keep_sides(person, old.landmarks, old.sides)
        return _Memory(landmarks=landmarks, sides=sides)

    def _search_again(
        self,
        picture: NDArray[np.uint8],
        lost: NDArray[np.float32],
        detected: list[NDArray[np.float32]],
        aspect: NDArray[np.float32],
    ) -> list[NDArray[np.float32]]:
        """Search for a lost person about the last position; returns no person or one."""
        here = self._detect_in(picture, _crop(lost, picture.shape[1], picture.shape[0]), detected, aspect)
        here.sort(key=lambda person: apart(person, lost, aspect))
        return [person for person in here[:1] if apart(person, lost, aspect) < STILL_THERE]

    def _search_part(
        self, picture: NDArray[np.uint8], detected: list[NDArray[np.float32]], aspect: NDArray[np.float32]
    ) -> list[NDArray[np.float32]]:
        """Search for people in one of the three squares that cover an oblong picture, a different one each time."""
        height, width = picture.shape[:2]
        side = min(height, width)
        if max(height, width) < _OBLONG * side:
            return []
        turn = self._pictures // _SEARCH_EVERY % 3
        left, top = (width - side) * turn // 2, (height - side) * turn // 2
        here = self._detect_in(picture, (left, top, left + side, top + side), detected, aspect)
        return [person for person in here if (person[:, 5] * person[:, 6]).mean() > _SEARCH_CERTAINTY]

    def _detect_in(
        self,
        picture: NDArray[np.uint8],
        part: tuple[int, int, int, int],
        detected: list[NDArray[np.float32]],
        aspect: NDArray[np.float32],
    ) -> list[NDArray[np.float32]]:
        """Return the people in a part of the picture (left, top, right, bottom in pixels) who are not detected yet."""
        left, top, right, bottom = part
        if min(right - left, bottom - top) < _SMALLEST_CROP_PX:
            return []
        corner, size = (left, top), (right - left, bottom - top)
        here: list[NDArray[np.float32]] = []
        for person in self._detect(np.ascontiguousarray(picture[top:bottom, left:right])):
            person[:, :2] = (person[:, :2] * size + corner) / (picture.shape[1], picture.shape[0])
            if all(apart(person, other, aspect) > SAME_PERSON for other in (*detected, *here)):
                here.append(person)
        return here


def _crop(person: NDArray[np.float32], width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom in pixels of a square about a person, cut to the picture."""
    points = np.clip(person[:, :2], 0, 1) * (width, height)
    low, high = points.min(axis=0), points.max(axis=0)
    half = (high - low).max() * _CROP_MARGIN / 2
    left, top = np.maximum((low + high) / 2 - half, 0)
    right, bottom = np.minimum((low + high) / 2 + half, (width, height))
    return int(left), int(top), int(right), int(bottom)
