"""The cache of built engines on disk: what each was built from, and a seal that shows it was built here.

A built engine is a folder `<weights>-<back-end>-<precision>`, on a GPU `<weights>-<back-end>-<precision>-<gpu>`, with
its files and a manifest. The manifest has the key (what it was built from), the SHA-256 of every file and a seal. Some
of these files are code: the seal is made with a secret that never leaves this machine, so an engine that was copied
from elsewhere or altered is rebuilt, not loaded.
"""

import hashlib
import hmac
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from hitrs_live.config import Precision
from hitrs_live.errors import EngineStale, EngineUnavailable
from hitrs_live.files.cache_folder import cache_folder

_MANIFEST = "manifest.json"
_CHECKOUT = Path(__file__).parents[2] / "engines"
_SECRET_BYTES = 32


class EngineKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an engine is built from. An engine of any other key is stale."""

    weights: str
    """SHA-256 of the checkpoint's file."""
    backend: str
    precision: Precision
    max_rows: int
    """The most rows per call that it was built for; 0 for any number."""
    version: str
    """The version of the back-end."""
    cuda: str = ""
    gpu: str = ""
    """The GPU's architecture, such as sm_86; empty for the CPU."""
    graphs: str
    """Hash of the code that the graphs are traced from, as `graph_sources` computes it."""
    ranges: str = ""
    """SHA-256 of the ranges for int8; empty for those of the built-in streams."""

    @property
    def name(self) -> str:
        """The folder's name; engines that differ only in other fields of the key replace each other."""
        return "-".join(part for part in (self.weights[:12], self.backend, self.precision, self.gpu) if part)


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The manifest beside an engine's files."""

    format: int = 1
    key: EngineKey
    files: dict[str, str]
    """SHA-256 by file name."""
    seal: str
    """HMAC-SHA-256 over key and files."""


def engines_folder() -> Path:
    """Return where engines are stored: `engines/` of a checkout, else the user's cache. It need not exist yet."""
    if (_CHECKOUT / "README.md").is_file() and os.access(_CHECKOUT, os.W_OK):
        return _CHECKOUT
    return cache_folder() / "engines"


def read_engine(folder: Path, key: EngineKey) -> dict[str, bytes]:
    """Read the files of the engine of a key, and check that they were built here. Returns their content by name.

    Raises EngineStale, naming what differs, where there is none or it may not be loaded.
    """
    place = folder / key.name
    try:
        manifest = msgspec.json.decode((place / _MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise EngineStale(f"engine {place}: not built yet; hitrs-live build-engines does it") from None
    except (OSError, msgspec.DecodeError) as error:
        raise EngineStale(f"engine {place}: its manifest cannot be read ({error}); it has to be rebuilt") from None
    for field in msgspec.structs.fields(EngineKey):
        got, expected = getattr(manifest.key, field.name), getattr(key, field.name)
        if got != expected:
            raise EngineStale(
                f"engine {place}: built for {field.name} {got}, expected {expected}; it has to be rebuilt"
            )
    if not hmac.compare_digest(manifest.seal, _seal(key, manifest.files)):
        raise EngineStale(f"engine {place}: built on another machine or altered since; it has to be rebuilt")
    return {name: _read_checked(place / name, sha256) for name, sha256 in manifest.files.items()}


def _read_checked(path: Path, sha256: str) -> bytes:
    """Read a file and check the bytes that were read, so that it cannot change between check and use."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EngineStale(f"engine file {path}: cannot be read ({error}); it has to be rebuilt") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise EngineStale(f"engine file {path}: is not what was built (SHA-256 differs); it has to be rebuilt")
    return content


def write_engine(folder: Path, key: EngineKey, build: Callable[[Path], None]) -> None:
    """Let `build` fill a folder and replace the key's engine by it, all or nothing.

    Raises EngineUnavailable where it cannot be written, and what `build` raises.
    """
    place = folder / key.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{key.name}.", dir=folder) as unfinished:
            fresh = Path(unfinished) / "engine"
            fresh.mkdir()
            build(fresh)
            files = {
                path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(fresh.iterdir())
            }  # fmt: skip
            manifest = Manifest(key=key, files=files, seal=_seal(key, files))
            (fresh / _MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
            shutil.rmtree(place, ignore_errors=True)
            fresh.replace(place)
    except OSError as error:
        raise EngineUnavailable(f"engine {place}: cannot be written ({error}); is the folder yours?") from None


def _seal(key: EngineKey, files: Mapping[str, str]) -> str:
    return hmac.new(_secret(), msgspec.json.encode((key, sorted(files.items()))), hashlib.sha256).hexdigest()


def _secret() -> bytes:
    """Read this machine's and user's secret, which is created at its first use."""
    path = cache_folder() / "engine_secret"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            # Written to another name and linked, so that two processes at once end up with the same secret.
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                file.write(secrets.token_bytes(_SECRET_BYTES))
            try:
                os.link(file.name, path)
            except FileExistsError:
                pass
            finally:
                os.unlink(file.name)
        return path.read_bytes()
    except OSError as error:
        raise EngineUnavailable(f"engines cannot be sealed: {path} cannot be used ({error})") from None
