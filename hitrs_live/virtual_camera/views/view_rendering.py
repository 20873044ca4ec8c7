"""Render one sequence from one camera, and let the live pose stage see it."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import PoseConfig
from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.pose.factory import open_landmarker
from hitrs_live.pose.worker.protocol import LANDMARK_FIELDS
from hitrs_live.skeleton import MEDIAPIPE33
from hitrs_live.virtual_camera.pictures.camera_placement import azimuths_deg
from hitrs_live.virtual_camera.pictures.renderer import Renderer
from hitrs_live.virtual_camera.source_streams import SourceStream
from hitrs_live.virtual_camera.views.rendered_view import RenderedView, find_person
from hitrs_live.virtual_camera.views.view_frames import view_frames
from hitrs_live.virtual_camera.views.view_setup import ViewSetup

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]
ShowFrame = Callable[[Picture, Floats], None]
"""Called with each picture (red-green-blue) and the landmarks (P, 33, 7) of the people seen in it."""


@dataclass(kw_only=True)
class RendererPool:
    """Keep one renderer, since opening another context for every view costs time; of the size used last."""

    _renderer: Renderer | None = None
    _size: tuple[int, int] = (0, 0)

    def of_size(self, size: tuple[int, int]) -> Renderer:
        """Return a renderer for pictures of that width and height. Raises RenderUnavailable where there is none."""
        if self._renderer is None or size != self._size:
            self.close()
            self._renderer, self._size = Renderer(*size), size
        return self._renderer

    def close(self) -> None:
        """Free the renderer."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None


def render_view(
    setup: ViewSetup,
    stream: SourceStream,
    name: str,
    renderers: RendererPool,
    *,
    pose: PoseConfig | None,
    show: ShowFrame | None = None,
) -> RenderedView:
    """Render a setup and keep what the pose network sees of it, beside the truth.

    stream: what the setup was drawn from; its labels are kept. pose: None for the truth alone, without landmarks.
    Raises RenderUnavailable, and PoseModelMissing where the pose network's model is not in the cache.
    """
    camera = setup.placement.camera
    joints = setup.people[0].joints_m.astype(float)
    local = camera.to_camera(joints)
    fractions = camera.project(joints)[0] / (camera.width, camera.height)
    rows: list[Floats] = []
    frame: list[int] = []
    person = np.full(len(setup), -1, np.int64)
    masks: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]] = []
    landmarker = open_landmarker(pose) if pose else _NoLandmarker()
    with closing(landmarker):
        for index, one in enumerate(view_frames(setup, renderers.of_size((camera.width, camera.height)))):
            seen = landmarker.step(np.ascontiguousarray(one.picture))
            if show is not None:
                show(one.picture, seen)
            found = find_person(seen, fractions[index].astype(np.float32), setup.size[0] / setup.size[1])
            person[index] = -1 if found < 0 else len(rows) + found
            rows += list(seen)
            frame += [index] * len(seen)
            masks.append((one.inside, one.visible))
    return RenderedView(
        name=name, source=stream.source, sequence=stream.name, subject=stream.subject,
        landmarks=np.stack(rows) if rows else np.empty((0, len(MEDIAPIPE33), LANDMARK_FIELDS), np.float32),
        frame=np.array(frame, np.int64), rate_hz=setup.placement.rate_hz, width=setup.size[0], height=setup.size[1],
        # From x right, y down, z away to x left, y up, z away.
        truth_m=(local * (-1, -1, 1)).astype(np.float32),
        inside=np.stack([inside for inside, _ in masks]), visible=np.stack([visible for _, visible in masks]),
        person=person, azimuth_deg=azimuths_deg(joints, camera.eye_m).astype(np.float32),
        labels=_labels_at(stream, len(setup), setup.placement.rate_hz)["labels"],
        grid_labels=_labels_at(stream, int(stream.duration_s * RATE_HZ + 1e-6) + 1, RATE_HZ),
        label_names=stream.label_names, view=setup.placement.view,
        focal_px=camera.focal_px * setup.size[0] / camera.width, meta=_description(setup),
    )  # fmt: skip


class _NoLandmarker:
    """See no one: for truth without a pose network."""

    def step(self, picture: Picture) -> Floats:
        return np.empty((0, len(MEDIAPIPE33), LANDMARK_FIELDS), np.float32)

    def close(self) -> None:
        pass


def _labels_at(stream: SourceStream, frames: int, rate_hz: float) -> dict[str, NDArray[Any]]:
    """Return the labels of the source's nearest frame at each of so many frames of a rate. An onset stays one frame."""
    nearest = np.minimum(np.round(np.arange(frames) / rate_hz * stream.rate_hz).astype(int), len(stream.joints_m) - 1)
    labels = {key: values[nearest] for key, values in stream.labels.items()}
    if "onset" in labels:
        onset = np.zeros(frames, bool)
        starts = np.round(np.flatnonzero(stream.labels["onset"]) / stream.rate_hz * rate_hz).astype(int)
        onset[starts[starts < frames]] = True
        labels["onset"] = onset
    return labels


def _description(setup: ViewSetup) -> dict[str, Any]:
    """Describe the camera, the place and the effects, for people and for later selections."""
    placement = setup.placement
    return {
        "camera": {
            "height_m": round(float(placement.camera.eye_m[1]), 3), "pitch_deg": round(placement.pitch_deg, 2),
            "roll_deg": round(placement.roll_deg, 2), "field_of_view_deg": round(placement.field_of_view_deg, 2),
            "azimuth_deg": round(placement.azimuth_deg, 2), "inside_share": round(placement.inside_share, 3),
            "distance_m": round(float(np.linalg.norm(
                (placement.camera.eye_m - np.median(setup.people[0].joints_m[:, 0], axis=0))[[0, 2]])), 3),
        },
        "place": {
            "outdoors": setup.scene.outdoors, "furniture": len(setup.scene.furniture), "people": len(setup.people),
        },
        "effects": msgspec.to_builtins(setup.effects),
    }  # fmt: skip
