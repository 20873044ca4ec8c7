"""Define the requests for missed events of the event log, and the replies.

A request and a reply are one ZeroMQ part each, a msgpack map. One request asks for one page: the events of a session
from a number on. A reply states which numbers it is about, so that an event within them that it does not contain is
known to be lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from hitrs_live.errors import MessageMalformed
from hitrs_live.messages import LoggedMessage
from hitrs_live.wire.codec import INT64_MAX, decode

_Decoded = TypeVar("_Decoded")

MAX_REQUEST_BYTES: Final = 512
PAGE_EVENTS: Final = 256
"""Most events of one reply, except for the first one of a subscription, which contains the whole current state."""
PAGE_BYTES: Final = 256 * 1024
"""Size at which a page ends."""
_LONGEST_SESSION: Final = 128

_Count = Annotated[int, Meta(ge=0, le=INT64_MAX)]
_Session = Annotated[str, Meta(max_length=_LONGEST_SESSION)]
Parts = tuple[bytes, bytes]
"""Topic and msgpack map of a message, as it is published."""


class RecoveryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for the events of a session from a number on."""

    number: _Count
    """Number of the request, which the reply repeats."""
    session_id: _Session = ""
    """The session; empty for the current state of whatever session is running, and its next number."""
    first: _Count = 0
    """The first number asked for."""


class RecoveryReply(msgspec.Struct, frozen=True, kw_only=True):
    """The events of a session from the requested number up to `until`, as far as they are known."""

    number: _Count
    """Number of the request."""
    session_id: _Session
    """The session that is running."""
    head: _Count
    """The next number of the session that is running: all lower ones have been given to events."""
    of_session: _Session
    """The session that this reply is about."""
    until: _Count
    """The reply is about the numbers from the requested one to the one before this. If it equals the requested one, the
    reply is about none: there are none yet, or they are still being looked for."""
    events: tuple[Parts, ...] = ()
    """In order of their numbers."""
    ended: bool = False
    """Whether nothing is known of the session from `until` on, and nothing can be added."""
    complete: bool = False
    """For a session that has ended: whether it is certain that there were no events from `until` on."""
    next_session: _Session = ""
    """For a session that has ended: the one that is known to have followed."""


@dataclass(frozen=True, kw_only=True)
class LogPosition:
    """The place of an event in the logs of all sessions."""

    session_id: str
    log_seq: int
    """-1 for the place before the first event."""

    def __str__(self) -> str:
        return f"{self.session_id}:{self.log_seq}"

    @classmethod
    def parse(cls, text: str) -> "LogPosition":
        """Read what `str` writes. Raises ValueError."""
        session_id, _, number = text.rpartition(":")
        fits = number.removeprefix("-").isdecimal() and number.isascii() and len(number) <= len(str(INT64_MAX))
        if not fits or not session_id or len(session_id) > _LONGEST_SESSION or not -1 <= int(number) < INT64_MAX:
            raise ValueError(f"position {text[:80]!r}: expected SESSION:NUMBER, as a subscription's `position` has it")
        return cls(session_id=session_id, log_seq=int(number))


def pack(message: RecoveryRequest | RecoveryReply) -> bytes:
    """Encode a request or a reply."""
    return _encoder().encode(message)


def decoded(decoder: msgspec.msgpack.Decoder[_Decoded], data: bytes, *, of: str, hint: str = "") -> _Decoded:
    """Decode what came from outside. of, hint: begin and end of the error's text. Raises MessageMalformed."""
    try:
        return decoder.decode(data)
    except (ValueError, RecursionError, OverflowError) as error:
        raise MessageMalformed(f"{of}: {error}{hint}") from None


def unpack_request(parts: Sequence[bytes]) -> RecoveryRequest:
    """Decode the parts of a request. Raises MessageMalformed."""
    if len(parts) != 1 or len(parts[0]) > MAX_REQUEST_BYTES:
        raise MessageMalformed(f"request of {len(parts)} parts, expected 1 of at most {MAX_REQUEST_BYTES} bytes")
    return decoded(_request_decoder(), parts[0], of="request")


def unpack_reply(parts: Sequence[bytes]) -> RecoveryReply:
    """Decode the parts of a reply; its events are not decoded yet. Raises MessageMalformed."""
    if len(parts) != 1:
        raise MessageMalformed(f"reply of {len(parts)} parts, expected 1")
    return decoded(_reply_decoder(), parts[0], of="reply", hint="; is hitrs_live at the recovery address?")


def unpack_event(parts: Sequence[bytes]) -> LoggedMessage:
    """Decode an event of a reply. Raises MessageMalformed if it is none, or has no number."""
    message = decode(parts)
    if not isinstance(message, LoggedMessage) or message.log_seq is None:
        raise MessageMalformed(f"{message.topic[:80]}: not a message of the event log")
    return message


@cache
def _encoder() -> msgspec.msgpack.Encoder:
    return msgspec.msgpack.Encoder()


@cache
def _request_decoder() -> msgspec.msgpack.Decoder[RecoveryRequest]:
    return msgspec.msgpack.Decoder(RecoveryRequest)


@cache
def _reply_decoder() -> msgspec.msgpack.Decoder[RecoveryReply]:
    return msgspec.msgpack.Decoder(RecoveryReply)
