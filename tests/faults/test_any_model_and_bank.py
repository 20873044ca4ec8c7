"""Whatever a user's ONNX model says of itself, and whatever a bank's files have: read, or refused in one short line."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from small_banks import bank_encoder, moving_body, write_bank
from small_detector import cache as cache
from small_detector import checkpoint as checkpoint
from small_detector import secret_of_its_own as secret_of_its_own
from tiny_onnx import METADATA, write_onnx

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.errors import CheckpointMismatch, DataError, HitrsLiveError
from hitrs_live.negative_bank.bank import Bank
from hitrs_live.negative_bank.bank_format import BANK_FILE, PART_FILE, ROW, ROWS_FILE, TOKENS_FILE
from hitrs_live.streaming.windowed_onnx import WindowedOnnx

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
FILES = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DEEP = "[" * 100_000
VALUES = st.sampled_from([
    None, True, 0, -1, 2**31, 2**63, 10**400, 1.5, -0.0, "", "nan", "a\nb", "x" * 100_000, [], [[]], {}, ["a", "a"],
    ["a\nb"] * 2, ["x" * 5000, "y"], [1], {"rate_hz": 0}, {"rate_hz": "30"},
])  # fmt: skip
RAW = st.sampled_from(
    [DEEP, '{"a":' * 100_000, "", "null", "nan", "{}", "[]", "\x00", "é", '{"a\nb": 1}', "{" + '"a":1,' * 9]
)


def refused(error: HitrsLiveError) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) < 1000


@pytest.mark.slow
@FILES
@given(
    key=st.sampled_from([*METADATA, "horizon_frames", "pair_labels", "temperature", "x" * 5000, "a\nb"]), value=VALUES
)
def test_any_value_in_the_description_of_a_users_model_is_refused_or_fits(tmp_path: Path, key: str, value: Any) -> None:
    path = tmp_path / "model.onnx"
    try:
        write_onnx(path, METADATA | {key: value})
        model = WindowedOnnx(path)
    except CheckpointMismatch as error:
        refused(error)
        return
    assert np.isfinite(model.description.rate_hz)
    assert len(model.description.labels) == 3


@pytest.mark.slow
@FILES
@given(text=RAW | st.text(max_size=200))
@example(DEEP)
def test_any_text_as_the_description_of_a_users_model_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.onnx"
    write_onnx(path, text)
    with pytest.raises(CheckpointMismatch) as raised:
        WindowedOnnx(path)
    refused(raised.value)


@pytest.mark.slow
@FILES
@given(place=st.floats(0, 1), noise=st.binary(max_size=40), length=st.integers(0, 200))
def test_a_users_model_damaged_anywhere_is_refused_or_runs(
    tmp_path: Path, place: float, noise: bytes, length: int
) -> None:
    path = tmp_path / "model.onnx"
    write_onnx(path, METADATA)
    raw = path.read_bytes()
    at = int(place * len(raw))
    path.write_bytes(raw[:at] + noise + raw[at + length :])
    try:
        WindowedOnnx(path)
    except CheckpointMismatch as error:
        refused(error)


@pytest.mark.slow
def test_a_users_model_whose_weights_are_not_finite_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    write_onnx(path, METADATA)
    model = onnx.load(path)
    bias = next(each for each in model.graph.initializer if each.name == "head_bias")
    bias.CopyFrom(onnx.numpy_helper.from_array(np.array([0, np.nan, 0], np.float32), "head_bias"))
    onnx.save(model, path)
    with pytest.raises(CheckpointMismatch, match="not finite") as raised:
        WindowedOnnx(path)
    refused(raised.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_or_larger_than_any_model_is_refused_without_being_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "huge.onnx").touch()
    # It takes no room on the disk.
    os.truncate(tmp_path / "huge.onnx", 2**40)
    for name in ("pipe", "huge"):
        with pytest.raises(CheckpointMismatch) as raised:
            WindowedOnnx(tmp_path / f"{name}.onnx")
        refused(raised.value)


@pytest.fixture(scope="module")
def whole_bank(tmp_path_factory: pytest.TempPathFactory, checkpoint: Checkpoint) -> Path:
    motions = [moving_body(80, 1), moving_body(90, 2, name="two")]
    return write_bank(tmp_path_factory.mktemp("bank") / "bank", bank_encoder(checkpoint), [motions])


@pytest.fixture
def bank(whole_bank: Path, tmp_path: Path) -> Path:
    """Copies of the files, by links for the large ones."""
    folder = tmp_path / "bank"
    part = folder / "part-00001"
    part.mkdir(parents=True)
    for file in (BANK_FILE, f"part-00001/{PART_FILE}", f"part-00001/{ROWS_FILE}", f"part-00001/{TOKENS_FILE}"):
        (folder / file).write_bytes((whole_bank / file).read_bytes())
    return folder


@contextmanager
def restored(file: Path) -> Iterator[Path]:
    """Give a file its content back, also where an example failed: the next one begins with a whole file."""
    before = file.read_bytes()
    try:
        yield file
    finally:
        file.write_bytes(before)


def open_and_use(folder: Path) -> int:
    """Open a bank and draw from it, as training does; return the number of its rows, 0 where it is refused."""
    try:
        opened = Bank.open(folder)
    except HitrsLiveError as error:
        refused(error)
        return 0
    for line in opened.ignored:
        assert "\n" not in line
        assert len(line) < 1000
    drawn = opened.windows(np.random.default_rng(0), 8)
    assert drawn.clips.shape[0] == 8
    assert np.isfinite(drawn.clips).all()
    assert np.isfinite(opened.hours)
    assert np.isfinite(opened.seconds)
    opened.sources()
    return len(opened)


def changed(tree: Any, path: list[Any], value: Any) -> Any:
    """Replace the value at a path of keys."""
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = changed(copy[path[0]] if isinstance(copy, list) else copy.get(path[0], {}), path[1:], value)
    return copy


def test_a_whole_bank_is_read(bank: Path) -> None:
    assert open_and_use(bank) > 10


@pytest.mark.slow
@FILES
@given(
    path=st.sampled_from([
        ["format"], ["step_frames"], ["views"], ["recipe"], ["encoder"], ["encoder", "width"], ["encoder", "name"],
        ["encoder", "span_frames"], ["encoder", "stride_frames"], ["encoder", "window_clips"], ["a\nb"], ["x" * 5000],
        ["encoder", "label_lag_frames"], ["encoder", "normaliser"], ["encoder", "normaliser", "rate_hz"],
    ]),
    value=VALUES | st.integers(-(2**65), 2**65) | st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
@example(["encoder", "stride_frames"], 0)
@example(["encoder", "window_clips"], 0)
@example(["encoder", "window_clips"], 2**60)
@example(["encoder", "normaliser", "rate_hz"], 5e-324)
def test_any_value_in_the_description_of_a_bank_is_refused_or_fits(bank: Path, path: list[Any], value: Any) -> None:
    with restored(bank / BANK_FILE) as file:
        file.write_text(json.dumps(changed(json.loads(file.read_bytes()), path, value)))
        open_and_use(bank)


@pytest.mark.slow
@FILES
@given(
    path=st.sampled_from([
        ["rows"], ["classes"], ["licences"], ["streams"], ["seconds"], ["streams", 0], ["streams", 0, "frames"],
        ["streams", 1, "lost"], ["streams", 0, "source"], ["a\nb"], ["x" * 5000], ["classes", 0],
    ]),
    value=VALUES | st.integers(-(2**65), 2**65) | st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
def test_any_value_in_the_description_of_a_part_is_ignored_or_fits(bank: Path, path: list[Any], value: Any) -> None:
    with restored(bank / "part-00001" / PART_FILE) as file:
        file.write_text(json.dumps(changed(json.loads(file.read_bytes()), path, value)))
        open_and_use(bank)


@pytest.mark.slow
@pytest.mark.parametrize("name", [BANK_FILE, f"part-00001/{PART_FILE}", f"part-00001/{ROWS_FILE}"])
@FILES
@given(content=RAW.map(str.encode) | st.binary(max_size=200))
def test_any_bytes_in_a_file_of_a_bank_are_refused(bank: Path, name: str, content: bytes) -> None:
    with restored(bank / name) as file:
        file.write_bytes(content)
        assert open_and_use(bank) == 0


@pytest.mark.slow
@FILES
@given(name=st.sampled_from(sorted(ROW.names or ())), value=st.integers(-(2**15), 2**15 - 1), at=st.integers(0, 5))
def test_any_number_in_the_rows_of_a_bank_is_refused_or_fits(bank: Path, name: str, value: int, at: int) -> None:
    with restored(bank / "part-00001" / ROWS_FILE) as file:
        rows = np.load(file)
        rows[name][at] = value
        np.save(file, rows)
        open_and_use(bank)


@pytest.mark.slow
@pytest.mark.parametrize(
    "array",
    [np.zeros(4, np.float64), np.zeros((2, 2), ROW), np.array(0.5), np.full(30, np.nan), np.zeros(2**20, ROW)],
    ids=["of numbers", "of two axes", "of none", "of nan", "of too many rows"],
)
def test_an_array_of_another_form_in_the_place_of_rows_is_refused(bank: Path, array: np.ndarray) -> None:
    np.save(bank / "part-00001" / ROWS_FILE, array)
    assert open_and_use(bank) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [BANK_FILE, f"part-00001/{PART_FILE}", f"part-00001/{ROWS_FILE}", f"part-00001/{TOKENS_FILE}"]
)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_or_a_terabyte_in_the_place_of_a_file_of_a_bank_is_refused_without_being_read(
    bank: Path, name: str
) -> None:
    # It takes no room on the disk.
    os.truncate(bank / name, 2**40)
    open_and_use(bank)
    (bank / name).unlink()
    os.mkfifo(bank / name)
    assert open_and_use(bank) == 0


@pytest.mark.slow
def test_tokens_that_are_not_finite_are_refused_when_they_are_drawn(bank: Path) -> None:
    file = bank / "part-00001" / TOKENS_FILE
    tokens = np.fromfile(file, np.float16)
    tokens[:] = np.nan
    tokens.tofile(file)
    with pytest.raises(DataError, match="part-00001: tokens that are not finite") as raised:
        Bank.open(bank).windows(np.random.default_rng(0), 8)
    refused(raised.value)
