"""Write and read messages as JSON, one object per line, for pipes and recordings.

The object has `topic` and `type`, then every field under its own name. Arrays are nested lists. orjson writes the
shortest decimals that read back as the same float32, so no precision is lost. JSON has neither NaN nor infinity: both
are written as null and read back as NaN.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import msgspec
import numpy as np
import orjson

from hitrs_live.errors import MessageMalformed
from hitrs_live.messages import AnyMessage, Array
from hitrs_live.skeleton import MEDIAPIPE33_JOINTS
from hitrs_live.wire.codec import JOINT_COUNT, array_fields, check

RECORDING_METADATA: Final = "hitrs_live"
"""Name of the metadata record that marks a file as a recording of this package."""
RECORDING_GAP: Final = "hitrs_live.gap"
"""Name of the metadata record that describes what is missing before a file."""

EMPTY_SHAPES: Final[Mapping[str, tuple[int, ...]]] = {
    "joints_m": (0, JOINT_COUNT, 3),
    "confidence": (0, JOINT_COUNT),
    "boxes": (0, 4),
    "half_within_m": (0, JOINT_COUNT),
    "keypoints": (0, len(MEDIAPIPE33_JOINTS), 3),
}
"""Shapes of empty arrays, which an empty list does not carry: a frame without people, for each field with a row per
person."""


def to_json(message: AnyMessage, *, omit_none: bool = False) -> bytes:
    """Write a message as one line of UTF-8 JSON, without the line feed.

    Args:
        omit_none: leave out fields that are None; they read back as None anyway.
    """
    tree: dict[str, Any] = {"topic": message.topic, "type": message.__struct_config__.tag}
    for name in message.__struct_fields__:
        value = getattr(message, name)
        if value is None and omit_none:
            continue
        tree[name] = _nested(value) if isinstance(value, Array) else value
    return msgspec.json.encode(tree)


def from_json(line: bytes | str) -> AnyMessage:
    """Read a message from a line of JSON.

    Raises:
        MessageMalformed: if the line is not a message.
    """
    try:
        tree = msgspec.json.decode(line)
        if isinstance(tree, dict):
            kind = message_types().get(str(tree.get("type")))
            for name in array_fields(kind) if kind else ():
                if tree.get(name) is not None:
                    tree[name] = _packed(tree[name], EMPTY_SHAPES.get(name, (0,)))
        message: AnyMessage = msgspec.convert(tree, AnyMessage)
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise MessageMalformed(f"line {line[:60]!r}: {error}; expected the JSON of one message") from None
    check(message)
    return message


@cache
def message_types() -> Mapping[str, type[AnyMessage]]:
    """Map the values of the `type` field to the message classes."""
    return {str(kind.__struct_config__.tag): kind for kind in AnyMessage.__args__}


def json_schema(kind: type[AnyMessage]) -> dict[str, Any]:
    """Describe one message type as a JSON schema that Foxglove accepts.

    Foxglove's parser expects a plain object of plain types and rejects the whole topic at a reference, a union or a
    list of lists. So a field that may be absent is not required, and nested lists are named in the description
    instead of among the properties.
    """
    whole = msgspec.json.schema(kind)
    definition = whole["$defs"][kind.__name__]
    arrays = array_fields(kind)
    properties = {
        name: _plain(field, whole["$defs"]) for name, field in definition["properties"].items() if name not in arrays
    }
    lists = f" Lists of lists of numbers: {', '.join(arrays)}." if arrays else ""
    return {
        "title": definition["title"],
        "description": definition["description"] + lists,
        "type": "object",
        "properties": {"topic": {"type": "string"}, **properties},
        "required": [name for name in definition["required"] if name not in arrays],
    }


def _plain(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in field:
        field = definitions[field["$ref"].rsplit("/", 1)[-1]]
    for choice in field.get("anyOf", ()):
        if choice.get("type") != "null":
            return _plain(choice, definitions)
    if "enum" in field:
        return {"type": "string", "enum": field["enum"]}
    plain: dict[str, Any] = {"type": field["type"]}
    if field["type"] == "array":
        # A tuple of fixed length names its items one by one.
        plain["items"] = _plain(field["items"] or field["prefixItems"][0], definitions)
    if field["type"] == "object":
        plain["properties"] = {n: _plain(f, definitions) for n, f in field.get("properties", {}).items()}
        if isinstance(extra := field.get("additionalProperties"), dict):
            plain["additionalProperties"] = _plain(extra, definitions)
    return plain


def _nested(array: Array) -> msgspec.Raw:
    values = array.numpy().astype(np.float32, copy=False)
    # orjson accepts no scalar array: write a list of one and drop its brackets.
    line = orjson.dumps(values.reshape(values.shape or (1,)), option=orjson.OPT_SERIALIZE_NUMPY)
    return msgspec.Raw(line if values.shape else line[1:-1])


def _packed(nested: Any, empty_shape: tuple[int, ...]) -> dict[str, Any]:
    if nested == []:
        return {"shape": empty_shape, "data": b""}
    wide = np.array(nested, np.float64)
    with np.errstate(over="ignore"):
        values = wide.astype("<f4")
    if np.isinf(values).any():
        raise ValueError("a number beyond the range of float32")
    return {"shape": values.shape, "data": values.tobytes()}
