"""Built engines are loaded only as they were built, here, of what is wanted now."""

import hashlib
import os
from pathlib import Path

import msgspec
import pytest

from hitrs_live.errors import EngineStale, EngineUnavailable
from hitrs_live.inference.engine_cache import EngineKey, engines_folder, read_engine, write_engine

KEY = EngineKey(
    weights="a" * 64, backend="tensorrt", precision="fp16", max_rows=16, version="tensorrt 10.13", cuda="13.0",
    gpu="sm_86", graphs="b" * 64,
)  # fmt: skip


def build(place: Path) -> None:
    (place / "frame.plan").write_bytes(b"frame")
    (place / "clip.plan").write_bytes(b"clip")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_engine(tmp_path / "engines", KEY, build)
    return tmp_path / "engines"


def test_what_was_built_is_read_back(folder: Path) -> None:
    assert read_engine(folder, KEY) == {"frame.plan": b"frame", "clip.plan": b"clip"}
    assert [path.name for path in folder.iterdir()] == ["aaaaaaaaaaaa-tensorrt-fp16-sm_86"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weights", "a" * 63 + "b"), ("max_rows", 4), ("version", "tensorrt 10.14"), ("cuda", "12.9"),
        ("graphs", "c" * 64),
    ],
)  # fmt: skip
def test_an_engine_of_anything_else_is_stale_and_says_what_differs(folder: Path, field: str, value: object) -> None:
    other = msgspec.structs.replace(KEY, **{field: value})
    with pytest.raises(EngineStale, match=f"built for {field} {getattr(KEY, field)}, expected {value}"):
        read_engine(folder, other)


@pytest.mark.parametrize(("field", "value"), [("precision", "fp32"), ("gpu", "sm_89"), ("backend", "onnx")])
def test_engines_that_can_serve_side_by_side_lie_side_by_side(folder: Path, field: str, value: str) -> None:
    other = msgspec.structs.replace(KEY, **{field: value})
    with pytest.raises(EngineStale, match="not built yet; hitrs-live build-engines does it"):
        read_engine(folder, other)
    write_engine(folder, other, build)
    assert read_engine(folder, KEY)
    assert read_engine(folder, other)


def test_a_stale_engine_is_replaced_whole(folder: Path) -> None:
    newer = msgspec.structs.replace(KEY, cuda="13.1")
    write_engine(folder, newer, lambda place: (place / "frame.plan").write_bytes(b"new") and None)
    assert read_engine(folder, newer) == {"frame.plan": b"new"}
    with pytest.raises(EngineStale, match=r"built for cuda 13\.1, expected 13\.0"):
        read_engine(folder, KEY)


def test_an_altered_file_is_never_loaded(folder: Path) -> None:
    (folder / KEY.name / "clip.plan").write_bytes(b"evil")
    with pytest.raises(EngineStale, match=r"clip\.plan: is not what was built \(SHA-256 differs\)"):
        read_engine(folder, KEY)


def test_an_altered_file_with_an_altered_manifest_is_never_loaded(folder: Path) -> None:
    place = folder / KEY.name
    (place / "clip.plan").write_bytes(b"evil")
    manifest = (place / "manifest.json").read_text()
    before = msgspec.json.decode(manifest)["files"]["clip.plan"]
    after = hashlib.sha256(b"evil").hexdigest()
    (place / "manifest.json").write_text(manifest.replace(before, after))
    with pytest.raises(EngineStale, match="built on another machine or altered since"):
        read_engine(folder, KEY)


def test_an_engine_of_another_machine_is_never_loaded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(EngineStale, match="built on another machine"):
        read_engine(folder, KEY)


def test_the_secret_is_the_users_alone(folder: Path) -> None:
    secret = Path(os.environ["XDG_CACHE_HOME"]) / "hitrs_live" / "engine_secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert len(secret.read_bytes()) == 32


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"format": 2}'])
def test_a_broken_manifest_is_stale_not_a_crash(folder: Path, content: bytes) -> None:
    (folder / KEY.name / "manifest.json").write_bytes(content)
    with pytest.raises(EngineStale, match="manifest cannot be read"):
        read_engine(folder, KEY)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / KEY.name / "frame.plan").unlink()
    with pytest.raises(EngineStale, match=r"frame\.plan: cannot be read"):
        read_engine(folder, KEY)


def test_a_build_that_fails_leaves_what_was_there_and_nothing_beside_it(folder: Path) -> None:
    def fail(place: Path) -> None:
        build(place)
        raise EngineUnavailable("no")

    with pytest.raises(EngineUnavailable, match="no"):
        write_engine(folder, KEY, fail)
    assert read_engine(folder, KEY)
    assert len(list(folder.iterdir())) == 1


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineUnavailable, match="cannot be written"):
        write_engine(tmp_path / "file", KEY, build)


def test_engines_of_a_checkout_lie_in_it() -> None:
    assert engines_folder() == Path(__file__).parents[2] / "engines"
