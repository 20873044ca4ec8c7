"""The messages between the pipeline's process and the pose process, over two pipes.

Each message is four bytes of length, then msgpack. The pixels go through a shared file instead: red-green-blue,
C order, from its first byte.
"""

import struct

import msgspec

_LENGTH = struct.Struct("<I")
MAX_BYTES = 1 << 20
"""No message is longer; a longer one means that the pipe is out of step."""
LANDMARK_FIELDS = 7
"""Numbers of a landmark: x, y as fractions of the picture, from its top left corner; X, Y, Z in metres about the middle
of the hips, x right, y down, z away; visibility and presence in [0, 1]."""


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The network is loaded. limits_people: whether it can look for fewer people than it was made for. notice: what is
    not as it could be, in one line."""

    limits_people: bool = False
    notice: str = ""


class PoseRequest(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Find people in the picture that the shared file holds now.

    most_people: at most so many; spare: whether there is time for work that can wait; where these are obeyed.
    """

    seq: int
    width: int
    height: int
    most_people: int
    spare: bool


class PoseReply(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The people in the picture of one request. `landmarks`: (people, N, LANDMARK_FIELDS) little-endian float32."""

    seq: int
    people: int
    landmarks: bytes


def pack(message: Ready | PoseRequest | PoseReply) -> bytes:
    """Return a message's bytes, its length in front."""
    body = msgspec.msgpack.encode(message)
    return _LENGTH.pack(len(body)) + body


class Unpacker:
    """Cut a stream of bytes into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Ready | PoseRequest | PoseReply]:
        """Take in bytes, return the messages that are now complete. Raises ValueError for bytes that are none."""
        self._buffer += data
        messages: list[Ready | PoseRequest | PoseReply] = []
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_BYTES:
                raise ValueError(f"got a message of {length} bytes, expected at most {MAX_BYTES}")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                break
            try:
                messages.append(
                    msgspec.msgpack.decode(self._buffer[_LENGTH.size : end], type=Ready | PoseRequest | PoseReply)
                )
            except msgspec.DecodeError as error:
                raise ValueError(f"got bytes that are no message ({error})") from None
            del self._buffer[:end]
        return messages
