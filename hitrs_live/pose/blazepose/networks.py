"""The two BlazePose networks of a `.task` file, run by ONNX Runtime.

The detector finds people in a picture scaled down; the landmark network finds the points of one person in a crop. Of
the landmark network's outputs the segmentation mask is left out, with all that only the mask needs.
"""

import ctypes
import tempfile
import zipfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import PoseModelMissing
from hitrs_live.pose.blazepose.graph.conversion import convert
from hitrs_live.pose.blazepose.graph.tflite import Network, UnknownNetwork, read_network
from hitrs_live.pose.blazepose.providers import Chosen, open_network
from hitrs_live.pose.mediapipe.task_bundle import CONTENT

LANDMARKS: Final = 39
"""Points of the landmark network: 33 of the body, two that give the next region, four without use here."""
DETECTION_SIZE: Final = 224
"""Width and height of the detector's input, pixels."""
CROP_SIZE: Final = 256
"""Width and height of the landmark network's input, pixels."""
_HEAT_MAP = 64
# A pixel of 0 to 255 enters the detector as -1 to 1 and the landmark network as 0 to 1.
_DETECTOR_SCALE, _DETECTOR_OFFSET = 1 / 127.5, -1.0
_LANDMARK_SCALE, _LANDMARK_OFFSET = 1 / 255, 0.0
_ANCHORS = 2254
_DETECTOR_OUTPUTS = ((1, _ANCHORS, 12), (1, _ANCHORS, 1))
_LANDMARK_OUTPUTS = ((1, LANDMARKS * 5), (1, 1), (1, LANDMARKS * 3), (1, _HEAT_MAP, _HEAT_MAP, LANDMARKS))


class BlazePoseNetworks:
    """Hold both networks of a model: lite, full or heavy."""

    def __init__(self, model: Path, *, threads: int = 1) -> None:
        """Load a `.task` file. threads: of each network. Raises PoseModelMissing where it is not one of BlazePose."""
        detector, landmarks = _read(model)
        try:
            self._detector = _network(
                detector, _DETECTOR_OUTPUTS, _DETECTOR_SCALE, _DETECTOR_OFFSET, size=DETECTION_SIZE, threads=threads
            )
            self._landmarks = _network(
                landmarks, _LANDMARK_OUTPUTS, _LANDMARK_SCALE, _LANDMARK_OFFSET, size=CROP_SIZE, threads=threads
            )
        except UnknownNetwork as error:
            raise PoseModelMissing(
                f"pose model {model}: a network {error}; give a MediaPipe pose landmarker's .task file, or set "
                'pose.backend = "mediapipe", which runs others too'
            ) from None
        self.notice = self._landmarks.notice or self._detector.notice
        """Why a GPU that ONNX Runtime has is not used, in one line; empty for none."""
        del detector, landmarks
        _return_freed_memory()

    @property
    def batches(self) -> bool:
        """Whether the landmark network is faster for several people in one call than one by one."""
        return self._landmarks.batches

    def detect(self, pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run the detector.

        pictures: (N, 224, 224, 3) uint8, red-green-blue. Returns boxes (N, 2254, 12), in pixels about the anchors, and
        logits (N, 2254, 1).
        """
        boxes, logits = self._detector.run(pictures)
        return boxes, logits

    def find_landmarks(
        self, crops: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Run the landmark network.

        crops: (N, 256, 256, 3) uint8, red-green-blue. Returns points (N, 39, 5): x, y, z in pixels of the crop and the
        logits of visibility and presence; presence (N,) of a person, from 0 to 1; world points (N, 39, 3), metres;
        heat maps (N, 64, 64, 39), logits.
        """
        points, presence, world, heat = self._landmarks.run(crops)
        count = len(crops)
        return points.reshape(count, LANDMARKS, 5), presence[:, 0], world.reshape(count, LANDMARKS, 3), heat


def _read(model: Path) -> list[bytes]:
    try:
        with zipfile.ZipFile(model) as archive:
            return [archive.read(name) for name in CONTENT]
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise PoseModelMissing(f"pose model {model}: {error}; give a MediaPipe pose landmarker's .task file") from None


def _network(
    data: bytes, outputs: tuple[tuple[int, ...], ...], scale: float, offset: float, *, size: int, threads: int
) -> Chosen:
    """Make what runs a network. outputs: the shapes of those that are wanted; no two outputs have the same."""
    network = read_network(data)
    if network.shapes[network.input] != (1, size, size, 3):
        raise UnknownNetwork(f"takes pictures of {network.shapes[network.input]}, expected (1, {size}, {size}, 3)")
    file = convert(network, outputs=[_output(network, shape) for shape in outputs], scale=scale, offset=offset)
    # From a file: a session that is given bytes keeps them as long as it lives.
    with tempfile.NamedTemporaryFile(suffix=".onnx") as stored:
        stored.write(file)
        stored.flush()
        return open_network(Path(stored.name), size=size, threads=threads)


def _output(network: Network, shape: tuple[int, ...]) -> int:
    for tensor in network.outputs:
        if network.shapes[tensor] == shape:
            return tensor
    found = [network.shapes[tensor] for tensor in network.outputs]
    raise UnknownNetwork(f"has outputs of the shapes {found}, expected {shape} among them")


def _return_freed_memory() -> None:
    """Give what conversion and loading have freed, some 50 MiB, back to the system, where the C library can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
