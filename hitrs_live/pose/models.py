"""Get the MediaPipe pose model at set-up and keep it in the user's cache, never in the repository.

An older wheel of the mediapipe package holds the networks of the variant `full`; `bundle` makes of them what the
present one reads. The other variants are a download from their publisher, only when asked for.
"""

import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Literal, get_args

import msgspec

from hitrs_live.errors import PoseModelMissing
from hitrs_live.pose.bundle import WHEEL, assemble

Variant = Literal["lite", "full", "heavy"]

# The network is the same in the wheel of every platform; naming one makes set-up the same on all of them.
WHEEL_PLATFORM = "manylinux_2_28_x86_64"
WHEEL_PYTHON = "3.11"
OFFICIAL_URL = (
    "https://storage.googleapis.com/mediapipe-models/pose_landmarker/"
    "pose_landmarker_{variant}/float16/1/pose_landmarker_{variant}.task"
)

_log = logging.getLogger(__name__)


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What lies beside each model in the cache, so that what is run can be named and checked."""

    variant: Variant
    size_bytes: int
    sha256: str
    origin: str


class ModelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `hitrs-live models`."""

    variant: Variant
    path: Path
    record: ModelRecord | None
    """None where the model is not there, or is not the file that was recorded."""
    note: str


def cache_folder() -> Path:
    """Return the folder that pose models are kept in; it need not exist yet."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "hitrs_live" / "pose"


def ensure_pose_model(variant: Variant = "full", *, wheel: Path | None = None) -> Path:
    """Return the path of a whole pose model, assembling it first where it is not in the cache.

    Takes a second or two where the package registry answers, milliseconds once cached; safe when several
    processes do it at once. `wheel` is the mediapipe 0.10.21 wheel where it is already at hand.
    Raises PoseModelMissing where it cannot be had; the message says how to mend that.
    """
    _check_variant(variant)
    path = _model_path(variant)
    if _read_record(variant) is not None:
        return path
    if variant != "full":
        raise PoseModelMissing(
            f"pose model {variant!r} is not in {path.parent}; only 'full' can be assembled from the package "
            f'registry: set pose.model = "full", or download it with `hitrs-live models --download {variant}`'
        )
    with _Folder() as folder:
        source = wheel if wheel is not None else _fetch_wheel(folder)
        bundle = assemble(source)
    _store(variant, bundle, origin=f"assembled from the {WHEEL} wheel (Apache-2.0)")
    return path


def download_official(variant: Variant) -> Path:
    """Download the official `.task` file over https into the cache, in place of what is there, and record its sum.

    Opt-in: nothing else calls this. No sum is published beside the file, so the one found is recorded and shown
    (`describe_models`) for the user to compare. It could not be tried where this was written: that host was out
    of reach. Raises PoseModelMissing where the download fails or is no pose bundle.
    """
    _check_variant(variant)
    url = OFFICIAL_URL.format(variant=variant)
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            bundle = answer.read()
    except (OSError, urllib.error.URLError) as error:
        raise PoseModelMissing(
            f"pose model {variant!r} could not be downloaded from {url} ({error}); "
            'check the network, or set pose.model = "full", which needs only the package registry'
        ) from None
    with _Folder() as folder:
        candidate = folder / "candidate.task"
        candidate.write_bytes(bundle)
        if not zipfile.is_zipfile(candidate):
            raise PoseModelMissing(
                f"{url} gave {len(bundle)} bytes that are no model bundle; is a proxy answering in its place?"
            )
    record = _store(variant, bundle, origin=url)
    _log.info("pose model %s: %d bytes, sha256 %s", variant, record.size_bytes, record.sha256)
    return _model_path(variant)


def describe_models() -> tuple[ModelStatus, ...]:
    """Say for every variant whether it is there, its size, its sum and where it came from."""
    statuses = []
    for variant in get_args(Variant):
        path = _model_path(variant)
        record = _read_record(variant)
        if record is not None:
            note = record.origin
        elif path.exists():
            note = "is not the file that was recorded; it will be made anew"
        elif variant == "full":
            note = "not here yet; set-up assembles it from the package registry"
        else:
            note = f"not here; `hitrs-live models --download {variant}` gets it"
        statuses.append(ModelStatus(variant=variant, path=path, record=record, note=note))
    return tuple(statuses)


def _check_variant(variant: str) -> None:
    if variant not in get_args(Variant):
        raise ValueError(f"got pose model {variant!r}, wanted one of {', '.join(get_args(Variant))}")


def _model_path(variant: Variant) -> Path:
    return cache_folder() / f"pose_landmarker_{variant}.task"


def _record_path(variant: Variant) -> Path:
    return cache_folder() / f"pose_landmarker_{variant}.task.json"


def _read_record(variant: Variant) -> ModelRecord | None:
    """Return the record only where the file beside it is the one recorded."""
    try:
        record = msgspec.json.decode(_record_path(variant).read_bytes(), type=ModelRecord)
        bundle = _model_path(variant).read_bytes()
    except (OSError, msgspec.DecodeError):
        return None
    return record if hashlib.sha256(bundle).hexdigest() == record.sha256 else None


class _Folder:
    """A temporary folder inside the cache, so that a finished file is renamed and never copied."""

    def __enter__(self) -> Path:
        try:
            cache_folder().mkdir(parents=True, exist_ok=True)
            self._folder = tempfile.TemporaryDirectory(prefix=".making-", dir=cache_folder())
        except OSError as error:
            raise PoseModelMissing(
                f"the cache {cache_folder()} cannot be written ({error}); mend it or set XDG_CACHE_HOME"
            ) from None
        return Path(self._folder.name)

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def _store(variant: Variant, bundle: bytes, *, origin: str) -> ModelRecord:
    record = ModelRecord(
        variant=variant, size_bytes=len(bundle), sha256=hashlib.sha256(bundle).hexdigest(), origin=origin
    )
    with _Folder() as folder:
        (folder / "model").write_bytes(bundle)
        (folder / "record").write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2))
        # Model first: a record without its file would be believed by nobody, since the sum would not match.
        os.replace(folder / "model", _model_path(variant))
        os.replace(folder / "record", _record_path(variant))
    return record


def _fetch_wheel(folder: Path) -> Path:
    _log.info("fetching %s for its pose model (36 MB, once)", WHEEL)
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--only-binary=:all:", "--python-version", WHEEL_PYTHON, "--implementation", "cp",
        "--platform", WHEEL_PLATFORM, "--dest", str(folder), WHEEL,
    ]  # fmt: skip
    remedy = f"check the network and that `{sys.executable} -m pip` works, then run `hitrs-live models --fetch`"
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PoseModelMissing(f"the pose model's wheel {WHEEL} could not be fetched ({error}); {remedy}") from None
    wheels = sorted(folder.glob("mediapipe-*.whl"))
    if done.returncode != 0 or not wheels:
        said = next((line for line in reversed(done.stderr.splitlines()) if line.startswith("ERROR")), "no reason")
        raise PoseModelMissing(f"the pose model's wheel {WHEEL} could not be fetched ({said}); {remedy}")
    return wheels[0]
