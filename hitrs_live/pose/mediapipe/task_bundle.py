"""Make a pose model bundle out of the networks inside an older mediapipe wheel.

That wheel (Apache-2.0) contains two TensorFlow Lite files: one finds people, one finds a person's landmarks. They are
checked against known checksums, given the metadata that MediaPipe's newer API asks for, and packed as the `.task` file
that it reads: a zip, stored and aligned so that it can be mapped into memory.
"""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

from hitrs_live.errors import PoseModelMissing

WHEEL = "mediapipe==0.10.21"
DETECTOR = "mediapipe/modules/pose_detection/pose_detection.tflite"
LANDMARKS = "mediapipe/modules/pose_landmark/pose_landmark_full.tflite"
KNOWN_SHA256 = {
    DETECTOR: "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    LANDMARKS: "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
}
CONTENT = ("pose_detector.tflite", "pose_landmarks_detector.tflite")
"""The files in a pose landmarker's `.task` file: the network that finds people, and the one for their landmarks."""
_ALIGNMENT = 64
_LOCAL_HEADER = 30
"""Bytes of a zip's header of one file, before its name."""


def assemble(wheel: Path) -> bytes:
    """Return the bytes of a `.task` bundle, the same for the same wheel.

    Raises PoseModelMissing where the wheel cannot be read or its networks are not the known ones.
    """
    networks = {}
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in KNOWN_SHA256:
                networks[name] = archive.read(name)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise PoseModelMissing(f"{wheel} holds no pose model ({error}); give the {WHEEL} wheel") from None
    for name, known in KNOWN_SHA256.items():
        got = hashlib.sha256(networks[name]).hexdigest()
        if got != known:
            raise PoseModelMissing(
                f"{wheel}: {name} has sha256 {got}, expected {known}; give the unaltered {WHEEL} wheel"
            )
    return _packed(
        {
            CONTENT[0]: networks[DETECTOR],
            CONTENT[1]: _with_input_metadata(networks[LANDMARKS]),
        }
    )


def _packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            # A fixed date keeps the checksum of the bundle the same wherever and whenever it is made.
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            # An extra field of our own (id, length, zeros) shifts the content onto the next boundary.
            start = buffer.tell() + _LOCAL_HEADER + len(name) + 4
            padding = -start % _ALIGNMENT
            entry.extra = b"\xff\xff" + padding.to_bytes(2, "little") + bytes(padding)
            archive.writestr(entry, content)
    return buffer.getvalue()


def _with_input_metadata(network: bytes) -> bytes:
    """Add TFLITE_METADATA to the landmark network: its input is the picture divided by 255.

    The older API had that scale in its graph; the newer one reads it from the network's file.
    """
    # Imported here: only set-up needs these, and they load much of MediaPipe.
    import flatbuffers
    from mediapipe.tasks.metadata import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(network, 0))
    graph = model.subgraphs[0]
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = _metadata(inputs=len(graph.inputs), outputs=len(graph.outputs))
    model.buffers.append(buffer)
    entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers) - 1
    model.metadata.append(entry)
    builder = flatbuffers.Builder(len(network))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _metadata(*, inputs: int, outputs: int) -> bytes:
    import flatbuffers
    from mediapipe.tasks.metadata import metadata_schema_py_generated as schema

    scale = schema.NormalizationOptionsT()
    scale.mean, scale.std = [0.0], [255.0]
    process = schema.ProcessUnitT()
    process.optionsType, process.options = schema.ProcessUnitOptions.NormalizationOptions, scale
    properties = schema.ImagePropertiesT()
    properties.colorSpace = schema.ColorSpaceType.RGB
    content = schema.ContentT()
    content.contentPropertiesType, content.contentProperties = schema.ContentProperties.ImageProperties, properties

    def tensors(count: int) -> list[Any]:
        return [schema.TensorMetadataT() for _ in range(count)]

    graph = schema.SubGraphMetadataT()
    graph.inputTensorMetadata, graph.outputTensorMetadata = tensors(inputs), tensors(outputs)
    picture = graph.inputTensorMetadata[0]
    picture.name, picture.content, picture.processUnits = "image", content, [process]
    model = schema.ModelMetadataT()
    model.name, model.subgraphMetadata = "pose_landmarks", [graph]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"M001")
    return bytes(builder.Output())
