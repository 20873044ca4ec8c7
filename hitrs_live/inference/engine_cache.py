"""Built engines on disk: what each was built of, and what is needed to trust it.

A built engine is a folder `<weights>-<back-end>-<precision>` with its files and a manifest, which holds the key (what
it was built of), the SHA-256 of every file and a seal. Some of these files are code: the seal is made with a secret
that never leaves this machine, so what was copied from another one, or altered, is not loaded but built anew.
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
    """What a built engine is of. An engine of any other key is stale."""

    weights: str
    """SHA-256 of the checkpoint's file."""
    backend: str
    precision: Precision
    max_rows: int
    """Rows in a call, at most, that it was built for; 0 for any number."""
    version: str
    """Of what runs it."""
    cuda: str = ""
    gpu: str = ""
    """Its architecture, such as sm_86; empty for the CPU."""
    graphs: str
    """Hash of the code that the graphs are traced from, as `graph_sources` computes it."""
    ranges: str = ""
    """SHA-256 of the ranges that int8 was made by; empty for those of the built-in streams."""

    @property
    def name(self) -> str:
        """The folder's name: one engine for each of these, whatever else the key says."""
        return "-".join(part for part in (self.weights[:12], self.backend, self.precision, self.gpu) if part)


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What lies beside an engine's files."""

    format: int = 1
    key: EngineKey
    files: dict[str, str]
    """SHA-256 by file name."""
    seal: str
    """HMAC-SHA-256 over key and files."""


def engines_folder() -> Path:
    """Return where engines are kept: `engines/` of a checkout, else the user's cache. It need not exist yet."""
    if (_CHECKOUT / "README.md").is_file() and os.access(_CHECKOUT, os.W_OK):
        return _CHECKOUT
    return cache_folder() / "engines"


def read_engine(folder: Path, key: EngineKey) -> dict[str, bytes]:
    """Read the files of the engine of a key, whole and as they were built here. Returns their content by name.

    Raises EngineStale, naming what differs, where there is none or none that may be loaded.
    """
    place = folder / key.name
    try:
        manifest = msgspec.json.decode((place / _MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise EngineStale(f"engine {place}: not built yet; hitrs-live build-engines does it") from None
    except (OSError, msgspec.DecodeError) as error:
        raise EngineStale(f"engine {place}: its manifest cannot be read ({error}); it has to be built anew") from None
    for field in msgspec.structs.fields(EngineKey):
        got, wanted = getattr(manifest.key, field.name), getattr(key, field.name)
        if got != wanted:
            raise EngineStale(f"engine {place}: built for {field.name} {got}, wanted {wanted}; it has to be built anew")
    if not hmac.compare_digest(manifest.seal, _seal(key, manifest.files)):
        raise EngineStale(f"engine {place}: built on another machine or altered since; it has to be built anew")
    return {name: _read_checked(place / name, wanted) for name, wanted in manifest.files.items()}


def _read_checked(path: Path, wanted: str) -> bytes:
    """Read a file and check what was read, so that nothing can come between check and use."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EngineStale(f"engine file {path}: cannot be read ({error}); it has to be built anew") from None
    if hashlib.sha256(content).hexdigest() != wanted:
        raise EngineStale(f"engine file {path}: is not what was built (SHA-256 differs); it has to be built anew")
    return content


def write_engine(folder: Path, key: EngineKey, build: Callable[[Path], None]) -> None:
    """Let `build` fill a folder and put it in the place of the key's engine, all or nothing.

    Raises EngineUnavailable where nothing can be written there, and what `build` raises.
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
    """Read this machine's and user's secret, made at its first use."""
    path = cache_folder() / "engine_secret"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            # Written aside and linked, so that two processes at once end up with one and the same.
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
