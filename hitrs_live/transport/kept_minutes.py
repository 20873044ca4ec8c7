"""Keep the joints and events of the last minutes in memory, for those who ask for them later."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from hitrs_live.config import KeepConfig
from hitrs_live.messages import AnyMessage
from hitrs_live.transport.sink import Clock, Stamper
from hitrs_live.wire.codec import encode
from hitrs_live.wire.kept_minutes import KeptMessage, KeptReply, KeptRequest, pack_block
from hitrs_live.wire.recovery import PAGE_BYTES

_BLOCK_NS: Final = 1_000_000_000
_BLOCK_BYTES: Final = 128 * 1024
_OVERHEAD_BYTES: Final = 256
"""Of a block or a message that is not in a block yet, beside its content."""


@dataclass(frozen=True, kw_only=True)
class _Block:
    data: bytes
    newest_ns: int


@dataclass(kw_only=True)
class _OpenBlock:
    began_ns: int
    newest_ns: int
    payloads: list[bytes] = field(default_factory=list)
    content_bytes: int = 0
    """Of the payloads."""


class KeptMinutes:
    """The newest messages of all sources of a session: so many minutes of them, in so many bytes at most.

    They are kept in compressed blocks of about a second, which are numbered; the oldest blocks are dropped. One thread
    keeps; any thread reads. Neither waits for more than the copying of references to one page.
    """

    def __init__(
        self, config: KeepConfig, session_id: str, *, utc_offset_ns: int = 0, clock: Clock = time.monotonic_ns
    ) -> None:
        """Begin empty. utc_offset_ns: UTC minus the clock."""
        self._minutes, self._max_bytes = config.minutes, int(config.max_mb * 2**20)
        self._session_id, self._utc_offset_ns, self._clock = session_id, utc_offset_ns, clock
        self._lock = threading.Lock()
        # Everything below is read and written only with the lock.
        self._blocks: deque[_Block] = deque()
        self._first = 0
        self._sealed_bytes = 0
        self._open = _OpenBlock(began_ns=0, newest_ns=0)

    @property
    def size_bytes(self) -> int:
        """Bytes that are kept."""
        with self._lock:
            return self._size_bytes()

    def keep(self, payload: bytes) -> None:
        """Keep a message. payload: its msgpack map."""
        now_ns = self._clock()
        with self._lock:
            open_block = self._open
            if open_block.payloads and (
                now_ns - open_block.began_ns >= _BLOCK_NS or open_block.content_bytes + len(payload) > _BLOCK_BYTES
            ):
                self._seal()
                open_block = self._open
            if not open_block.payloads:
                open_block.began_ns = now_ns
            open_block.payloads.append(payload)
            open_block.content_bytes += len(payload)
            open_block.newest_ns = now_ns
            self._drop_old(now_ns)

    def drop_old(self) -> None:
        """Drop what is older than the minutes to keep; call it regularly while nothing is kept."""
        now_ns = self._clock()
        with self._lock:
            self._drop_old(now_ns)

    def reply(self, request: KeptRequest) -> KeptReply:
        """Return the page that was asked for."""
        now_ns = self._clock()
        page: list[bytes] = []
        size = 0
        with self._lock:
            self._drop_old(now_ns)
            last = self._first + len(self._blocks)
            first = max(request.first, self._first)
            for block in islice(self._blocks, first - self._first, None):
                if size > PAGE_BYTES:
                    break
                page.append(block.data)
                size += len(block.data)
            reaches_last = first + len(page) == last
            newest = list(self._open.payloads) if reaches_last and size <= PAGE_BYTES else None
        if newest is not None:
            page.append(pack_block(newest))
        return KeptReply(
            number=request.number, session_id=self._session_id, minutes=self._minutes, now_ns=now_ns,
            utc_offset_ns=self._utc_offset_ns, first=first, last=last, blocks=tuple(page),
        )  # fmt: skip

    def _seal(self) -> None:
        block = _Block(data=pack_block(self._open.payloads), newest_ns=self._open.newest_ns)
        self._blocks.append(block)
        self._sealed_bytes += len(block.data) + _OVERHEAD_BYTES
        self._open = _OpenBlock(began_ns=0, newest_ns=0)

    def _size_bytes(self) -> int:
        return self._sealed_bytes + self._open.content_bytes + len(self._open.payloads) * _OVERHEAD_BYTES

    def _drop_old(self, now_ns: int) -> None:
        oldest_ns = now_ns - round(self._minutes * 60e9)
        if self._open.payloads and self._open.newest_ns < oldest_ns:
            self._seal()
        while self._blocks and (self._blocks[0].newest_ns < oldest_ns or self._size_bytes() > self._max_bytes):
            self._sealed_bytes -= len(self._blocks.popleft().data) + _OVERHEAD_BYTES
            self._first += 1


class KeptMinutesSink:
    """Pass the messages of one source, joints of every frame included, to what is kept of all of them."""

    name = "the last minutes"
    notices: Sequence[str] = ()

    def __init__(self, kept: KeptMinutes, session_id: str, clock: Clock = time.monotonic_ns) -> None:
        """Begin. clock: stamps the joints, which nothing else does."""
        self._kept = kept
        self._stamper = Stamper(session_id, clock)

    def drops(self) -> dict[str, int]:
        """Return an empty dict: what is too old is not lost."""
        return {}

    def publish(self, message: AnyMessage) -> AnyMessage:
        """Keep a message, if it is of a kind that is kept; return it stamped."""
        if not message.session_id:
            message = self._stamper.stamp(message)
        if isinstance(message, KeptMessage):
            self._kept.keep(encode(message)[1])
        else:
            # A status is published every second, also while a source gives nothing.
            self._kept.drop_old()
        return message

    def close(self) -> None:
        """Do nothing: what is kept can be asked for until the publisher is closed."""
