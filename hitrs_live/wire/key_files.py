"""Write and read the key files of CURVE, in the format of the ZeroMQ guide (`zmq.auth`).

NAME.key has the public key and may be given to anyone; NAME.key_secret has both keys.
"""

import os
import re
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import zmq
from zmq.utils import z85

from hitrs_live.errors import KeyUnusable
from hitrs_live.files.private_file import PrivateFileUnreadable, read_private_file

PUBLIC: Final = ".key"
SECRET: Final = ".key_secret"
MOST_KEYS: Final = 1024
"""Most public keys that are read from one folder."""
_MOST_BYTES: Final = 16 * 1024
_KEY_BYTES: Final = 32
_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_LINE: Final = re.compile(rb"""[ \t]*(public|secret)-key[ \t]*=[ \t]*["']([!-~]{40})["'][ \t]*""")
_MAKE: Final = "make one with `hitrs-live keys new NAME --out FOLDER`"


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """A public and a secret key, each 40 characters in Z85. The secret one is never shown."""

    public: bytes
    secret: bytes = field(repr=False)


def require_curve() -> None:
    """Raise KeyUnusable where the installed libzmq cannot encrypt."""
    if not zmq.has("curve"):
        raise KeyUnusable(
            f"keys cannot be used: libzmq {zmq.zmq_version()} is built without CURVE; install pyzmq from its wheel "
            "(pip install --force-reinstall --only-binary=:all: pyzmq)"
        )


def write_key_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a new key pair and write it as NAME.key and NAME.key_secret, the latter for its owner alone.

    Returns both paths. Raises KeyUnusable where a file exists already or cannot be written, and for an unsuitable name.
    """
    require_curve()
    if not _NAME.fullmatch(name):
        raise KeyUnusable(f"key name {name!a}: expected up to 64 letters, digits, _, - and dots, not a dot first")
    public, secret = zmq.curve_keypair()
    public_file, secret_file = folder / (name + PUBLIC), folder / (name + SECRET)
    public_line = f'metadata\ncurve\n    public-key = "{public.decode()}"\n'
    try:
        folder.mkdir(parents=True, exist_ok=True)
        secret_line = f'    secret-key = "{secret.decode()}"\n'
        _write_new(secret_file, f"# ZeroMQ CURVE secret key: keep it to yourself\n{public_line}{secret_line}", 0o600)
        try:
            _write_new(public_file, f"# ZeroMQ CURVE public key: give it to the other side\n{public_line}", 0o644)
        except OSError:
            secret_file.unlink()
            raise
    except FileExistsError as error:
        raise KeyUnusable(
            f"key {error.filename}: it exists already; give another name, or remove it where no one uses it any more"
        ) from None
    except OSError as error:
        raise KeyUnusable(f"key {error.filename}: cannot be written ({error.strerror}); give another folder") from None
    return public_file, secret_file


def load_key_pair(path: str | Path) -> KeyPair:
    """Read both keys of a secret file, which its owner alone may be able to read.

    Raises KeyUnusable, which never has a part of the file's content.
    """
    require_curve()
    try:
        found = _keys(read_private_file(str(path), most_bytes=_MOST_BYTES))
    except PrivateFileUnreadable as error:
        raise KeyUnusable(f"secret key {path}: {error}{'' if 'expected' in str(error) else f'; {_MAKE}'}") from None
    if b"secret" not in found:
        raise KeyUnusable(f"secret key {path}: there is no secret key in it; give a file NAME{SECRET}, or {_MAKE}")
    secret = found[b"secret"]
    try:
        public = zmq.curve_public(secret)
    except zmq.ZMQError:
        raise KeyUnusable(f"secret key {path}: its secret key is not 40 characters of Z85; {_MAKE}") from None
    if found.get(b"public", public) != public:
        raise KeyUnusable(f"secret key {path}: its public key does not belong to its secret key; {_MAKE}")
    return KeyPair(public=public, secret=secret)


def load_public_key(path: str | Path) -> bytes:
    """Read the public key of a file of either kind. Raises KeyUnusable."""
    require_curve()
    try:
        # Without O_NONBLOCK, opening a named pipe could wait for ever.
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            found = _keys(file.read(_MOST_BYTES + 1))
    except OSError as error:
        raise KeyUnusable(f"public key {path}: cannot be read ({error.strerror}); give a file NAME{PUBLIC}") from None
    public = found.get(b"public", b"")
    if not _is_z85(public):
        raise KeyUnusable(f"public key {path}: there is no public key in it; give a file NAME{PUBLIC}, or {_MAKE}")
    return public


def load_public_keys(folder: Path) -> dict[bytes, str]:
    """Read the public keys of all files NAME.key of a folder; return the names by key, the first MOST_KEYS of them.

    A file that cannot be read is left out. Raises KeyUnusable where there is no such folder.
    """
    try:
        files = sorted(entry for entry in os.listdir(folder) if entry.endswith(PUBLIC))[:MOST_KEYS]
    except OSError as error:
        raise KeyUnusable(
            f"allowed clients {folder}: cannot be read ({error.strerror}), expected a folder of files NAME{PUBLIC}; "
            "make it, and copy the public keys of clients there"
        ) from None
    names: dict[bytes, str] = {}
    for file in files:
        with suppress(KeyUnusable):
            names[load_public_key(folder / file)] = file.removesuffix(PUBLIC)
    return names


def _keys(content: bytes) -> dict[bytes, bytes]:
    """Return the keys of a file by kind, `public` and `secret`; nothing where it is too long for one."""
    if len(content) > _MOST_BYTES:
        return {}
    lines = (line for line in content.splitlines() if not line.lstrip().startswith(b"#"))
    return {found[1]: found[2] for line in lines if (found := _LINE.fullmatch(line))}


def _is_z85(key: bytes) -> bool:
    try:
        return len(z85.decode(key)) == _KEY_BYTES
    except (KeyError, ValueError, struct.error):  # Another character, another length, or a group beyond 32 bits.
        return False


def _write_new(path: Path, text: str, mode: int) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="ascii") as file:
        file.write(text)
