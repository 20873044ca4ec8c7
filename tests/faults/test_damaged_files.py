"""Every file that is read may be damaged or hostile: one line says so, in bounded time and memory."""

import io
import json
import os
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import lz4.frame
import msgspec
import pytest
import torch
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.data_stream import RecordBuilder
from mcap.records import Chunk
from safetensors.torch import save_file
from test_checkpoint import tiny

from hitrs_live.checkpoint import load_checkpoint, load_encoder
from hitrs_live.config import load_config
from hitrs_live.errors import CheckpointMismatch, ConfigError, DataError, HitrsLiveError
from hitrs_live.files.checkpoint_file import KEY
from hitrs_live.inference.engine_cache import EngineKey, read_engine
from hitrs_live.pose.intrinsics import load_intrinsics
from hitrs_live.sources.recording import MAX_RECORD_BYTES, Recording
from hitrs_live.streaming.thresholds import check_thresholds_file
from hitrs_live.transport.recorder import Recorder

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
"""Of each fuzz test; a long run sets more."""
Reader = Callable[[Path], object]
TOML_READERS: list[Reader] = [load_config, load_intrinsics, lambda path: check_thresholds_file(str(path))]
DEEP = ".".join(["a"] * 20_000)
HOSTILE_TOML: Final = {
    "not UTF-8": b'a = "\xff"',
    "a key of 20,000 parts": DEEP.encode() + b" = 1",
    "one in a known table": f"camera.width.{DEEP} = 1\nfx.{DEEP} = 1".encode(),
    "one in an inline table": f"x = {{ {DEEP} = 1 }}".encode(),
    "a deep table": b"camera.width" + b".a" * 40 + b" = 1",
    "brackets in brackets": b"a = " + b"[" * 100_000,
    "thousands of digits": b"fx = " + b"9" * 5000,
    "thousands of hexadecimal digits": b"camera.fps = 0x" + b"f" * 9000,
    "a long key": b"k" * 50_000 + b" = 1",
    "a large file": b"#" + b"x" * 2**20,
    "many quotes": b'"\\' * 30_000,
    "a zero byte": b"a = 0\0",
}


def _read_or_refused(read: Callable[[], object]) -> None:
    """Read; raises what is no refusal in one line."""
    try:
        read()
    except HitrsLiveError as error:
        if "\n" in str(error):
            raise


@pytest.mark.parametrize("read", TOML_READERS)
@pytest.mark.parametrize("content", HOSTILE_TOML.values(), ids=HOSTILE_TOML)
def test_hostile_toml_is_one_short_line(tmp_path: Path, read: Reader, content: bytes) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        read(path)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize("setting", ["camera.width", "camera.stall_after_s", "pose.memory_limit_mb"])
def test_a_number_that_would_overflow_is_refused(tmp_path: Path, setting: str) -> None:
    (tmp_path / "x.toml").write_text(f"{setting} = 1_000_000_000_001")
    with pytest.raises(ConfigError, match="at most 1000000000"):
        load_config(tmp_path / "x.toml")


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=200), st.text("abfx.[]{}=\"'\n0123456789#,- ", max_size=200).map(str.encode)))
def test_any_bytes_are_read_or_refused_as_toml(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    for read in TOML_READERS:
        _read_or_refused(lambda read=read: read(path))  # type: ignore[misc]


INFO: dict[str, Any] = json.loads(msgspec.json.encode(tiny().info))
WEIGHTS = {name: value.half().contiguous() for name, value in tiny().model.state_dict().items()}


def _write(path: Path, description: str, weights: dict[str, torch.Tensor] | None = None) -> Path:
    save_file(WEIGHTS if weights is None else weights, path, metadata={KEY: description})
    return path


def _with(field: str, value: object) -> str:
    info = json.loads(json.dumps(INFO))
    *tables, key = field.split(".")
    table = info
    for name in tables:
        table = table[name]
    table[key] = value
    return json.dumps(info)


DAMAGED_DESCRIPTIONS: Final = {
    "nothing": "",
    "no table": "[]",
    "deep": "[" * 100_000,
    "a long kind": json.dumps({"kind": "k" * 100_000}),
    "a field is missing": '{"kind": "detector"}',
    "no name": _with("name", ""),
    "the same label twice": _with("labels", ["background", "jump", "jump"]),
    "a temperature of 0": _with("temperature", 0),
    "a negative lag": _with("label_lag_frames", -1),
    "a score of 7": _with("on", {"jump": 7}),
    "a negative horizon": _with("detector.horizon", -1),
    "an endless horizon": _with("detector.horizon", 10**12),
    "no basis": _with("detector.motion_basis", 0),
    "a width beyond 64 bits": _with("detector.motion_hidden", 10**19),
    "a million blocks": _with("detector.motion_blocks", 10**6),
    "more weights than the file has": _with("detector.motion_hidden", 8192),
    "a window longer than the positions": _with("detector.window_clips", 9),
    "no stride": _with("detector.encoder.clip_stride", 0),
    "an odd number of joints": _with("detector.encoder.joints", 17),
    "a rate of 0": _with("normaliser.rate_hz", 0),
    "a text for a number": _with("detector.classes", "3"),
}


@pytest.mark.parametrize("description", DAMAGED_DESCRIPTIONS.values(), ids=DAMAGED_DESCRIPTIONS)
def test_a_damaged_description_of_a_checkpoint_is_one_short_line(tmp_path: Path, description: str) -> None:
    path = _write(tmp_path / "x.safetensors", description)
    with pytest.raises(CheckpointMismatch) as raised:
        load_checkpoint(path)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    weights = {name: tensor.clone() for name, tensor in WEIGHTS.items()}
    weights["action_head.1.weight"][0, 0] = value
    path = _write(tmp_path / "x.safetensors", json.dumps(INFO), weights)
    for load in (load_checkpoint, load_encoder):
        with pytest.raises(CheckpointMismatch, match=r"action_head\.1\.weight has weights that are not finite"):
            load(path)


def test_weights_that_are_no_real_numbers_are_refused(tmp_path: Path) -> None:
    for kind in (torch.int64, torch.bool, torch.complex64):
        path = _write(
            tmp_path / "x.safetensors", json.dumps(INFO), {name: value.to(kind) for name, value in WEIGHTS.items()}
        )
        with pytest.raises(CheckpointMismatch, match="expected floating point"):
            load_checkpoint(path)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 4000), st.binary(min_size=1, max_size=8))
def test_a_checkpoint_damaged_anywhere_is_read_or_refused(tmp_path: Path, at: int, damage: bytes) -> None:
    path = _write(tmp_path / "x.safetensors", json.dumps(INFO))
    content = path.read_bytes()
    path.write_bytes(content[:at] + damage + content[at + len(damage) :])
    _read_or_refused(lambda: load_checkpoint(path))


@pytest.mark.parametrize("manifest", [b'{"seal": "\xff"}', b"[" * 100_000, b'{"format": 1e999}', b"", b'{"key": {}}'])
def test_a_damaged_manifest_of_an_engine_is_one_line(tmp_path: Path, manifest: bytes) -> None:
    key = EngineKey(weights="a" * 64, backend="onnx", precision="fp32", max_rows=0, version="1", graphs="g")
    (tmp_path / key.name).mkdir()
    (tmp_path / key.name / "manifest.json").write_bytes(manifest)
    with pytest.raises(HitrsLiveError, match="manifest cannot be read") as raised:
        read_engine(tmp_path, key)
    assert "\n" not in str(raised.value)


def _recording_with(path: Path, compression: str, data: bytes, size: int) -> Path:
    """Write a recording whose only chunk has this content and states this size."""
    Recorder(path, session_id="s", source_id="cam", overwrite=True).close()
    content = path.read_bytes()
    builder = RecordBuilder()
    Chunk(
        compression=compression, data=data, message_start_time=0, message_end_time=0, uncompressed_crc=0,
        uncompressed_size=size,
    ).write(builder)  # fmt: skip
    # In place of the end of the data.
    path.write_bytes(content[: content.rindex(b"\x0f" + (4).to_bytes(8, "little"))] + builder.end())
    return path


def _endless(size: int) -> bytes:
    """Compress so many zeros in a frame that does not state its size."""
    packed = io.BytesIO()
    with zstandard.ZstdCompressor().stream_writer(packed, closefd=False) as writer:
        for _ in range(size // 2**20):
            writer.write(bytes(2**20))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("compression", "data", "size"),
    [
        ("lz4", lz4.frame.compress(bytes(256 * 2**20)), 1000),
        ("zstd", _endless(256 * 2**20), 1000),
        ("zstd", _endless(2**20), MAX_RECORD_BYTES + 1),
        ("zstd", zstandard.compress(bytes(1000)), 2000),
        ("zstd", b"no frame", 1000),
        ("bzip2", b"x", 1000),
    ],
)
def test_a_chunk_that_expands_without_limit_is_refused_before_it_does(
    tmp_path: Path, compression: str, data: bytes, size: int
) -> None:
    recording = Recording(_recording_with(tmp_path / "a.mcap", compression, data, size))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="is damaged"):
            list(recording.messages())
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 12_000), st.binary(min_size=1, max_size=8))
def test_a_recording_damaged_anywhere_is_read_or_refused(tmp_path: Path, at: int, damage: bytes) -> None:
    whole, path = tmp_path / "whole.mcap", tmp_path / "a.mcap"
    if not whole.exists():
        Recorder(whole, session_id="s", source_id="cam").close()
    content = whole.read_bytes()
    path.write_bytes(content[:at] + damage + content[at + len(damage) :])
    _read_or_refused(lambda: list(Recording(path).messages()))


@pytest.mark.parametrize(
    ("compression", "compress"), [("lz4", lz4.frame.compress), ("zstd", zstandard.compress), ("", bytes)]
)
def test_chunks_of_every_compression_are_read(
    tmp_path: Path, compression: str, compress: Callable[[bytes], bytes]
) -> None:
    # A record of an unknown kind is skipped.
    data = b"\x80" + (5).to_bytes(8, "little") + b"hello"
    path = _recording_with(tmp_path / "a.mcap", compression, compress(data), len(data))
    assert list(Recording(path).messages()) == []


def test_a_checksum_still_covers_what_is_expanded(tmp_path: Path) -> None:
    data = bytes(1000)
    path = _recording_with(tmp_path / "a.mcap", "zstd", zstandard.compress(data), 1000)
    content = path.read_bytes()
    at = content.rindex(b"zstd") - 8
    path.write_bytes(content[:at] + (zlib.crc32(data) ^ 1).to_bytes(4, "little") + content[at + 4 :])
    with pytest.raises(DataError, match=r"CRC|crc"):
        list(Recording(path).messages())
