"""Define the requests for what is kept of the last minutes, and the replies.

They use the address for missed events. A request has two parts, `KEPT` and a msgpack map, so that it is not taken for
one for missed events; a reply has one. One request asks for one page: the blocks of messages from a number on.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Final

import msgspec
import zstandard
from msgspec import Meta

from hitrs_live.errors import MessageMalformed
from hitrs_live.messages import ActionEvent, JointsEvent, SourceEvent
from hitrs_live.wire.codec import INT64_MAX, decode
from hitrs_live.wire.recovery import MAX_REQUEST_BYTES, decoded

KEPT: Final = b"kept"
"""First part of a request."""
MAX_BLOCK_BYTES: Final = 4 * 2**20
"""Most bytes that a block expands to; the largest message of a crowd has about a tenth of that."""
_MOST_WINDOW: Final = 8 * 2**20
_LEVEL: Final = 1
_OTHER_VERSION: Final = "; is hitrs_live of this version at the address?"
_SOURCE: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")

_Count = Annotated[int, Meta(ge=0, le=INT64_MAX)]
_Time = Annotated[int, Meta(ge=-INT64_MAX, le=INT64_MAX)]
KeptMessage = JointsEvent | ActionEvent | SourceEvent
"""What is kept: what a recording needs to be replayed, and the actions that were reported."""


class KeptRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for the blocks from a number on."""

    number: _Count
    """Number of the request, which the reply repeats."""
    first: _Count = 0
    """Number of the first block asked for; 0 for the oldest one that is kept."""


class KeptReply(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the blocks that are kept."""

    number: _Count
    """Number of the request."""
    session_id: Annotated[str, Meta(max_length=128)]
    minutes: Annotated[float, Meta(ge=0, le=1e6)]
    """How long messages are kept at most; 0 if none are kept."""
    now_ns: _Time
    """Now, by the monotonic clock of the pipeline, which also gave each message its `publish_time_ns`."""
    utc_offset_ns: _Time
    """UTC minus that clock."""
    first: _Count
    """Number of the first block of this reply; higher than the one asked for where that is no longer kept."""
    last: _Count
    """Number of the newest block, which may still grow."""
    blocks: tuple[bytes, ...] = ()
    """In order of their numbers; none if the number asked for is beyond the last."""


def pack_kept(message: KeptRequest | KeptReply) -> bytes:
    """Encode a request, as its second part, or a reply."""
    return msgspec.msgpack.encode(message)


def unpack_kept_request(parts: Sequence[bytes]) -> KeptRequest:
    """Decode the parts of a request. Raises MessageMalformed."""
    if len(parts) != 2 or parts[0] != KEPT or len(parts[1]) > MAX_REQUEST_BYTES:
        raise MessageMalformed(
            f"request of {len(parts)} parts, expected {KEPT!r} and {MAX_REQUEST_BYTES} bytes at most"
        )
    return decoded(_request_decoder(), parts[1], of="request")


def unpack_kept_reply(parts: Sequence[bytes]) -> KeptReply:
    """Decode the parts of a reply; its blocks are not expanded yet. Raises MessageMalformed."""
    if len(parts) != 1:
        raise MessageMalformed(f"reply of {len(parts)} parts, expected 1")
    return decoded(_reply_decoder(), parts[0], of="reply", hint=_OTHER_VERSION)


def pack_block(payloads: Sequence[bytes]) -> bytes:
    """Compress encoded messages into a block. payloads: the second part of each, as `codec.encode` gives it."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(msgspec.msgpack.encode(payloads))


def unpack_block(block: bytes) -> tuple[Sequence[KeptMessage], int]:
    """Expand a block, to `MAX_BLOCK_BYTES` at most; return its messages and its bytes. Raises MessageMalformed."""
    try:
        with zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW).stream_reader(block) as reader:
            data = reader.read(MAX_BLOCK_BYTES + 1)
    except (zstandard.ZstdError, ValueError) as error:
        raise MessageMalformed(f"block: {error}{_OTHER_VERSION}") from None
    if len(data) > MAX_BLOCK_BYTES:
        raise MessageMalformed(f"block of more than {MAX_BLOCK_BYTES} bytes")
    payloads = decoded(_block_decoder(), data, of="block", hint=_OTHER_VERSION)
    return [_kept_message(payload) for payload in payloads], len(data)


def _kept_message(payload: bytes) -> KeptMessage:
    # A block has no topics: each message has its own.
    message = decode((b"", payload), under=b"")
    # A file is named after the source.
    if not _SOURCE.fullmatch(message.source_id):
        raise MessageMalformed(f"source {message.source_id[:80]!a}: expected letters, digits, - and _ alone")
    if not isinstance(message, KeptMessage):
        raise MessageMalformed(f"{message.topic[:80]}: not a message that is kept")
    return message


@cache
def _request_decoder() -> msgspec.msgpack.Decoder[KeptRequest]:
    return msgspec.msgpack.Decoder(KeptRequest)


@cache
def _reply_decoder() -> msgspec.msgpack.Decoder[KeptReply]:
    return msgspec.msgpack.Decoder(KeptReply)


@cache
def _block_decoder() -> msgspec.msgpack.Decoder[list[bytes]]:
    return msgspec.msgpack.Decoder(list[bytes])
