"""Read the folder of the public keys of allowed clients again and again."""

import time
from collections.abc import Callable
from typing import Final

from hitrs_live.errors import KeyUnusable
from hitrs_live.wire.curve import ServerKeys
from hitrs_live.wire.key_files import load_public_keys

READ_EVERY_S: Final = 1.0
"""Shortest interval at which the folder is read, so that a flood of connections does not read it without end."""


class AllowedClients:
    """The clients that a folder allows, as it was when it was last read; use it from one thread."""

    def __init__(self, keys: ServerKeys, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the keys of the side that binds. clock: monotonic seconds."""
        self.folder = keys.allowed_clients
        self.trouble = ""
        """Why the folder could not be read, in one line; empty if it could. No client is allowed until it can."""
        self.readings = 0
        """Number of times that the folder was read with success."""
        self._own, self._clock = keys.own.public, clock
        self._names: dict[bytes, str] = {}
        self._read_s = float("-inf")

    def name_of(self, public_key: bytes) -> str | None:
        """Return the name of an allowed key, None for another one. public_key: 40 characters in Z85."""
        self.refresh()
        return self.last_name_of(public_key)

    def last_name_of(self, public_key: bytes) -> str | None:
        """Return the same without reading the folder."""
        return "the publisher itself" if public_key == self._own else self._names.get(public_key)

    def refresh(self) -> None:
        """Read the folder, if it was not read within the last READ_EVERY_S."""
        if self._clock() - self._read_s < READ_EVERY_S:
            return
        try:
            self._names, self.trouble = load_public_keys(self.folder), ""
            self.readings += 1
        except KeyUnusable as error:
            self._names, self.trouble = {}, str(error)
        self._read_s = self._clock()
