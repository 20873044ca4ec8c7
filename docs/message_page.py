"""Make docs/MESSAGES.md out of hitrs_live/messages.py: docstrings, types, and messages as the encoder writes them."""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any, Final, Literal, get_args, get_origin

import msgspec
from message_examples import EXAMPLES
from msgspec.inspect import (
    BoolType,
    BytesType,
    DictType,
    FloatType,
    IntType,
    LiteralType,
    NoneType,
    StrType,
    StructType,
    TupleType,
    Type,
    UnionType,
    VarTupleType,
    type_info,
)
from report_tables.markdown import grid

from hitrs_live import messages
from hitrs_live.config import Config
from hitrs_live.messages import (
    AnyMessage,
    Array,
    EndReason,
    Message,
    SourceState,
    StageLatency,
    UnclearPerson,
    UnclearReason,
)
from hitrs_live.wire.json_codec import to_json

Name = tuple[str, str, str]
"""A type in plain words, in msgpack and in JSON."""
SETTINGS: Final = (
    "publish.bind", "publish.predictions_every_s", "publish.status_every_s", "publish.motion", "publish.scores",
    "publish.pose", "publish.now", "publish.high_water_mark", "publish.recovery", "action.update_every_s",
    "camera.stall_after_s", "camera.lost_after_s",
)  # fmt: skip
"""Settings on which it depends what is published, and when."""
INTRODUCTION: Final = """
# Messages

This page is generated from `hitrs_live/messages.py` by `python docs/generate.py`; alter it there.

A message on the wire has two ZeroMQ parts: its topic, then one msgpack map. The map has the key `type`, which names
the kind of the message, and one key for each field below. In a recording, and with `hitrs-live watch --json`, a message
is one JSON object with the same keys, and with its `topic`. An array of numbers is a map in msgpack and nested lists in
JSON; JSON has no not-a-number, which is written as null. Readers skip keys that they do not know. A field that is
missing has its default; "required" marks those that are never missing. None is nil in msgpack and null in JSON.

ZeroMQ matches subscriptions by prefix, so `status.hall` also matches `status.hallway`. `hitrs_live.subscribe` and
`hitrs-live watch` match whole words; in other languages compare them on arrival.

A late subscriber can ask for the present state: subscribe as well to `snapshot.` and a word of your own, such as a
UUID. Under that topic come the newest message of every source's state and of every action that goes on, each with its
own `seq`.

Actions and source states have a second number, `log_seq`, over all topics of a session. `hitrs_live.subscribe` with
`reliable=True` asks for those that are missing; [reliability](RELIABILITY.md) has the details.
"""
EXAMPLES_NOTE: Final = """
The examples are written by the encoder; their values are typical, not measured. Lists of more than six items are
shortened to the first, and `...` stands for the others.
"""


def message_page() -> str:
    """Write the whole page."""
    parts = [INTRODUCTION.strip(), "## Axes, units and time", *_head_paragraphs(), "## Fields of every message"]
    parts += [_fields(Message), "## Kinds of messages", _kinds(), EXAMPLES_NOTE.strip()]
    for example in EXAMPLES:
        parts += _section(example)
    parts += ["## Values and types", "### SourceState", _values("SourceState", SourceState)]
    parts += ["### EndReason", _values("EndReason", EndReason)]
    parts += ["### UnclearReason", _values("UnclearReason", UnclearReason)]
    parts += [
        "### Array",
        f"{_docstring(Array)} In JSON nested lists of numbers instead.",
        _fields(Array, in_json=False),
        "### Box",
        _documents()["Box"],
    ]
    parts += ["### Point", _documents()["Point"], "### StageLatency", _docstring(StageLatency), _fields(StageLatency)]
    parts += ["### UnclearPerson", _docstring(UnclearPerson), _fields(UnclearPerson)]
    parts += ["## Settings", "What is published, and when, depends on these settings:", _settings()]
    return "\n\n".join(parts) + "\n"


def undocumented() -> list[str]:
    """Name the fields of published messages that have no docstring."""
    return [
        f"{kind.__name__}.{field.name}"
        for kind in (Message, *AnyMessage.__args__, Array, StageLatency, UnclearPerson)
        for field in _own_fields(kind)
        if f"{kind.__name__}.{field.name}" not in _documents()
    ]


def _head_paragraphs() -> list[str]:
    """Take the module's paragraphs on axes, time and UTC."""
    paragraphs = inspect.cleandoc(messages.__doc__ or "").split("\n\n")
    return [text for text in paragraphs if text.startswith(("Axes", "Time", "`utc_ns`"))]


def _kinds() -> str:
    rows = [[f"`{_topic(example)}`", _link(type(example)), _docstring(type(example))] for example in EXAMPLES]
    return grid(("topic", "message", "what"), rows)


def _section(example: AnyMessage) -> Iterator[str]:
    kind = type(example)
    yield f"### {kind.__name__}"
    lead = f"Topic `{_topic(example)}`, `type` `{kind.__struct_config__.tag}`. {_docstring(kind)}"
    yield textwrap.fill(lead, 120, break_long_words=False, break_on_hyphens=False)
    yield _fields(kind)
    yield f"```text\n{_as_text(example)}\n```"


def _topic(example: AnyMessage) -> str:
    """Write a message's topic with the names of the fields that it is made of."""
    names = {"source_id": "<source>", "track_id": "<track>"}
    placed = {name: word for name, word in names.items() if name in example.__struct_fields__}
    return str(msgspec.structs.replace(example, **placed).topic)


def _link(kind: type) -> str:
    return f"[{kind.__name__}](#{kind.__name__.lower()})"


def _docstring(kind: type) -> str:
    return " ".join(inspect.cleandoc(kind.__doc__ or "").split())


def _fields(kind: type[msgspec.Struct], *, in_json: bool = True) -> str:
    """Lay out a struct's own fields, a line for each; in_json: whether JSON has them too."""
    annotations = {field.name: field.type for field in msgspec.structs.fields(kind)}
    rows = []
    for field in _own_fields(kind):
        words, packed, json_type = _name(field.type)
        if get_origin(annotations[field.name]) is Literal:
            # msgspec sorts the values; the annotation has them in order.
            words = _literal(get_args(annotations[field.name]))
        meaning = " ".join(_documents()[f"{kind.__name__}.{field.name}"].split()).replace("|", "\\|")
        row = [f"`{field.name}`", words, packed, json_type, _default(field), meaning]
        rows.append(row if in_json else row[:3] + row[4:])
    heads = ["field", "type", "msgpack", "JSON", "default", "meaning"]
    return grid(heads if in_json else heads[:3] + heads[4:], rows)


def _own_fields(kind: type[msgspec.Struct]) -> list[msgspec.inspect.Field]:
    """List the fields that a struct has beside those of every message."""
    described = type_info(kind)
    assert isinstance(described, StructType)
    common = Message.__struct_fields__ if issubclass(kind, Message) and kind is not Message else ()
    return [field for field in described.fields if field.name not in common]


def _default(field: msgspec.inspect.Field) -> str:
    if field.required:
        return "required"
    default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    return f"`{json.dumps(default)}`"


def _name(described: Type) -> Name:
    """Name a type in plain words, in msgpack and in JSON."""
    match described:
        case UnionType(types=types):
            kinds = [_name(each) for each in types if not isinstance(each, NoneType)]
            words, packed, in_json = (" or ".join(dict.fromkeys(column)) for column in zip(*kinds, strict=True))
            if any(isinstance(each, NoneType) for each in types):
                return f"{words}, or none", f"{packed} or nil", f"{in_json} or null"
            return words, packed, in_json
        case LiteralType(values=values):
            return _literal(values), "str", "string"
        case StructType(cls=cls):
            if cls is Array:
                return "[array](#array)", "map", "nested lists"
            return _link(cls), "map", "object"
        case TupleType(item_types=items):
            words = {4: "[box](#box)", 3: "[point](#point)"}[len(items)]
            return words, f"array of {len(items)}", f"list of {len(items)}"
        case VarTupleType(item_type=item):
            return f"list of {_plural(_name(item)[0])}", "array", "list"
        case DictType(value_type=value):
            return f"{_name(value)[0]} by name", "map", "object"
        case BoolType():
            return "true or false", "bool", "boolean"
        case IntType():
            return "integer", "int", "number"
        case FloatType(ge=0, le=1):
            return "number from 0 to 1", "float64", "number"
        case FloatType():
            return "number", "float64", "number"
        case StrType():
            return "text", "str", "string"
        case BytesType():
            return "bytes", "bin", "-"
    raise TypeError(f"{described}: no words for it; add them to docs/message_page.py")


def _literal(values: tuple[Any, ...]) -> str:
    for name, alias in (("SourceState", SourceState), ("EndReason", EndReason), ("UnclearReason", UnclearReason)):
        if set(values) == set(get_args(alias)):
            return f"[{name}](#{name.lower()})"
    return " or ".join(f"`{value}`" for value in values)


def _plural(words: str) -> str:
    return {"integer": "integers", "number": "numbers", "text": "texts"}.get(words, f"({words})")


def _values(name: str, alias: Any) -> str:
    """Lay out the values of a literal with what its docstring says of each, a line for each value."""
    meanings = dict(line.split(": ", 1) for line in inspect.cleandoc(_documents()[name]).splitlines())
    if list(meanings) != list(get_args(alias)):
        raise ValueError(f"messages.{name}: wanted a docstring with one line `value: meaning` for each of its values")
    return grid(("value", "meaning"), [[f"`{value}`", meaning] for value, meaning in meanings.items()])


def _settings() -> str:
    rows = []
    for key in SETTINGS:
        section, name = key.split(".")
        described = type_info(type(getattr(Config(), section)))
        assert isinstance(described, StructType)
        (field,) = (field for field in described.fields if field.name == name)
        extra = getattr(field.type, "extra_json_schema", None) or {}
        rows.append([f"`{key}`", f"`{json.dumps(field.default)}`", extra.get("description", "")])
    return grid(("setting", "default", "what"), rows)


@cache
def _documents() -> dict[str, str]:
    """Read the docstrings below assignments: by "NAME" for those of the module, by "CLASS.NAME" for fields."""
    tree = ast.parse(inspect.getsource(messages))
    found = dict(_documented(tree.body))
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}": text for name, text in _documented(node.body)}
    return found


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for node, below in pairwise(body):
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [None])
        target = targets[0]
        if not isinstance(target, ast.Name) or not isinstance(below, ast.Expr):
            continue
        if isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            yield target.id, inspect.cleandoc(below.value.value)


def _as_text(example: AnyMessage) -> str:
    """Write a message as its encoder does, a field a line, long lists shortened."""
    tree = json.loads(to_json(example))
    lines = ",\n".join(f"{json.dumps(name)}: {_short(value)}" for name, value in tree.items())
    return f"{{\n{textwrap.indent(lines, '  ')}\n}}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        items = [_short(value[0]), "..."] if len(value) > 6 else [_short(item) for item in value]
        return f"[{', '.join(items)}]"
    return json.dumps(value)
