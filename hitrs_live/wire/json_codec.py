"""Messages as JSON, one object a line, for pipes and recordings.

The object has `topic` and `type`, then every field under its own name. Arrays are nested lists of the shortest
decimals that give back the same float32, so nothing is lost, written by orjson straight from the numbers; JSON has no
not-a-number and no infinity, both are written as null and read back as not-a-number.
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
"""Name of the record by which a recording says whose it is."""

EMPTY_SHAPES: Final[Mapping[str, tuple[int, ...]]] = {
    "joints_m": (0, JOINT_COUNT, 3),
    "confidence": (0, JOINT_COUNT),
    "boxes": (0, 4),
    "half_within_m": (0, JOINT_COUNT),
    "keypoints": (0, len(MEDIAPIPE33_JOINTS), 3),
}
"""An empty list does not tell the shape that it had: nobody in the frame, in every field that counts people."""


def to_json(message: AnyMessage, *, omit_none: bool = False) -> bytes:
    """Write a message as one line of UTF-8 JSON, without the line's end.

    Args:
        omit_none: leave out the fields that are None, which read back as None all the same.
    """
    tree: dict[str, Any] = {"topic": message.topic, "type": message.__struct_config__.tag}
    for name in message.__struct_fields__:
        value = getattr(message, name)
        if value is None and omit_none:
            continue
        tree[name] = _nested(value) if isinstance(value, Array) else value
    return msgspec.json.encode(tree)


def from_json(line: bytes | str) -> AnyMessage:
    """Read a message back from its line of JSON.

    Raises:
        MessageMalformed: where the line is no message.
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
        raise MessageMalformed(f"line {line[:60]!r}: {error}; wanted the JSON of one message") from None
    check(message)
    return message


@cache
def message_types() -> Mapping[str, type[AnyMessage]]:
    """Map the `type` field to the class that it stands for."""
    return {str(kind.__struct_config__.tag): kind for kind in AnyMessage.__args__}


def json_schema(kind: type[AnyMessage]) -> dict[str, Any]:
    """Describe one message type as a JSON schema that Foxglove takes.

    Its parser wants a plain object of plain types and refuses the whole topic at a reference, a choice of types
    or a list of lists. So a field that may be absent is simply not required, and the nested lists are named in
    the description instead of among the properties.
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
    # A single number is no array to orjson; as a list of one it is, in brackets.
    line = orjson.dumps(values.reshape(values.shape or (1,)), option=orjson.OPT_SERIALIZE_NUMPY)
    return msgspec.Raw(line if values.shape else line[1:-1])


def _packed(nested: Any, empty_shape: tuple[int, ...]) -> dict[str, Any]:
    if nested == []:
        return {"shape": empty_shape, "data": b""}
    wide = np.array(nested, np.float64)
    with np.errstate(over="ignore"):
        values = wide.astype("<f4")
    if np.isinf(values).any():
        raise ValueError("a number that no float32 can hold")
    return {"shape": values.shape, "data": values.tobytes()}
