"""Ranges for int8 are measured on recordings, belong to one checkpoint, and must pass the parity gate."""

import shutil
from pathlib import Path

import msgspec
import pytest
import torch

from hitrs_live.checkpoint import Checkpoint, save_checkpoint
from hitrs_live.cli import main
from hitrs_live.errors import CheckpointMismatch, DataError, EngineStale
from hitrs_live.evaluation.run_calibrate_quantisation import measure_ranges
from hitrs_live.inference.backend_selection import open_engine
from hitrs_live.inference.build import open_onnx
from hitrs_live.inference.int8_ranges import (
    ProductRange,
    Products,
    Ranges,
    find_ranges,
    load_ranges,
    recording_ranges,
    save_ranges,
)
from hitrs_live.inference.quantise import probe_ranges
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.transport.recorder import Recorder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ranges(checkpoint: Checkpoint, demo_recording: Path) -> Ranges:
    return measure_ranges(checkpoint, [demo_recording])


@pytest.fixture
def float_engine(engines: Path, tmp_path: Path) -> Path:
    """A folder with the engine in fp32 alone, so that int8 is all that is left to build."""
    (built,) = engines.glob("*-onnx-fp32")
    shutil.copytree(built, tmp_path / "engines" / built.name)
    return tmp_path / "engines"


def layers(products: Products) -> set[tuple[str, str]]:
    return {(submodule, name) for submodule, named in products.items() for name in named}


def test_a_range_is_what_went_through_the_layer_bias_not_counted(checkpoint: Checkpoint) -> None:
    engine, embed = TorchEngine(checkpoint.model), checkpoint.model.encoder.clip_encoder.embed
    grid = engine.grid
    one, other = (torch.randn(2, grid.clip_length, grid.joints, grid.frame_width) * k for k in (1, 3))
    with recording_ranges(checkpoint.model) as products:
        engine.encode_clips(one)
        engine.encode_clips(other)
    engine.encode_clips(other * 10)
    both = torch.cat((one, other))
    found, outputs = products["clip"]["encoder.embed"], (both @ embed.weight.T).detach()
    assert found.inputs == (float(both.min()), float(both.max()))
    assert found.outputs == pytest.approx((float(outputs.min()), float(outputs.max())), abs=1e-4)


def test_neither_attentions_output_nor_shallow_maps_nor_single_tokens_are_measured(checkpoint: Checkpoint) -> None:
    found = layers(probe_ranges(checkpoint.model))
    assert ("clip", "encoder.embed") in found
    assert ("head", "video_encoder.embed") in found
    assert ("frame", "encoder.blocks.1.ffn.2") in found
    assert ("frame", "encoder.embed.0") not in found, "three channels"
    assert not [name for _, name in found if name.endswith("attention.output") or "_head" in name]
    last = len(checkpoint.model.encoder.clip_encoder.blocks) - 1
    assert not [name for submodule, name in found if submodule == "clip" and name.startswith(f"encoder.blocks.{last}.")]


def test_a_recording_widens_the_ranges_of_the_built_in_streams(checkpoint: Checkpoint, ranges: Ranges) -> None:
    built_in = probe_ranges(checkpoint.model)
    assert layers(ranges.products) == layers(built_in)
    wider = 0
    for submodule, name in layers(built_in):
        theirs, ours = built_in[submodule][name], ranges.products[submodule][name]
        for made, seen in ((theirs.inputs, ours.inputs), (theirs.outputs, ours.outputs)):
            assert seen[0] <= made[0]
            assert made[1] <= seen[1]
            wider += seen != made
    assert wider > len(layers(built_in)) / 2
    assert ranges.sha256 == checkpoint.fingerprint
    assert int(ranges.provenance["clips"]) == (int(ranges.provenance["frames"]) - 13) // 7 + 1


def test_ranges_are_read_back_as_they_were_written(checkpoint: Checkpoint, ranges: Ranges, tmp_path: Path) -> None:
    save_ranges(tmp_path / "new" / "ranges.json", ranges)
    assert load_ranges(tmp_path / "new" / "ranges.json", checkpoint) == ranges
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["ranges.json"]


@pytest.mark.slow
def test_int8_by_a_recordings_ranges_passes_the_gate_and_is_an_engine_of_its_own(
    checkpoint: Checkpoint, ranges: Ranges, float_engine: Path, tmp_path: Path
) -> None:
    save_ranges(tmp_path / "ranges.json", ranges)
    opened = open_engine(checkpoint, "onnx", "int8", folder=float_engine, quantisation=tmp_path / "ranges.json")
    assert (opened.engine.name, opened.engine.precision, opened.notice) == ("onnx", "int8", "")
    with pytest.raises(EngineStale, match="built for ranges"):
        open_onnx(checkpoint, "int8", float_engine, build=False)
    assert open_onnx(checkpoint, "int8", float_engine, build=False, ranges=ranges).precision == "int8"


@pytest.mark.slow
def test_int8_by_ranges_that_do_not_cover_people_is_refused_by_the_gate(
    checkpoint: Checkpoint, ranges: Ranges, float_engine: Path, tmp_path: Path
) -> None:
    narrow = msgspec.structs.replace(ranges, products=scaled(ranges.products, 0.02))
    save_ranges(tmp_path / "ranges.json", narrow)
    opened = open_engine(checkpoint, "onnx", "int8", folder=float_engine, quantisation=tmp_path / "ranges.json")
    assert (opened.engine.name, opened.engine.precision) == ("onnx", "fp32")
    assert "onnx int8: refused: its best class is torch's for" in opened.notice


def scaled(products: Products, share: float) -> Products:
    return {
        submodule: {
            name: ProductRange(
                inputs=(share * one.inputs[0], share * one.inputs[1]),
                outputs=(share * one.outputs[0], share * one.outputs[1]),
            )
            for name, one in named.items()
        }
        for submodule, named in products.items()
    }


def test_without_a_file_the_built_in_streams_are_taken(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = find_ranges(None, checkpoint)
    assert (found.ranges, found.origin, found.notice) == (None, "the ranges of the built-in streams", "")


def test_a_file_in_its_place_is_taken_where_it_fits_and_passed_by_with_a_word_where_not(
    checkpoint: Checkpoint, ranges: Ranges, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_ranges(Path("calibration/quantisation.json"), ranges)
    found = find_ranges(None, checkpoint)
    assert found.ranges == ranges
    assert found.origin == "the ranges of calibration/quantisation.json"
    stranger = msgspec.structs.replace(checkpoint, fingerprint="0" * 64)
    passed_by = find_ranges(None, stranger)
    assert passed_by.ranges is None
    assert passed_by.notice.startswith("ranges calibration/quantisation.json: of checkpoint 'small'")
    assert passed_by.notice.endswith("not used")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b'{"sha256": 3}'])
def test_a_file_that_is_not_valid_is_reported(checkpoint: Checkpoint, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "ranges.json"
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"ranges\.json: not understood .* make one with hitrs-live calibrate"):
        load_ranges(file, checkpoint)


@pytest.mark.parametrize(
    ("change", "error", "expected"),
    [
        ({"format": 7}, DataError, "format 7, expected 1"),
        ({"sha256": "0" * 64}, CheckpointMismatch, "of checkpoint 'small' .SHA-256 000000000000., expected those of"),
        ({"products": {}}, DataError, "no product in it"),
        (
            {"products": {"clip": {"encoder.nothing": ProductRange(inputs=(0, 1), outputs=(0, 1))}}},
            CheckpointMismatch,
            "the model has no product clip: encoder.nothing",
        ),
        (
            {"products": {"clip": {"encoder.embed": ProductRange(inputs=(1, 0), outputs=(0, 1))}}},
            DataError,
            "encoder.embed from 1 to 0, expected it to increase",
        ),
    ],
)
def test_ranges_that_do_not_fit_are_refused(
    checkpoint: Checkpoint,
    ranges: Ranges,
    tmp_path: Path,
    change: dict[str, object],
    error: type[Exception],
    expected: str,
) -> None:
    file = tmp_path / "ranges.json"
    save_ranges(file, msgspec.structs.replace(ranges, **change))
    with pytest.raises(error, match=expected):
        load_ranges(file, checkpoint)


@pytest.fixture
def checkpoint_file(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "small.safetensors", checkpoint)
    return tmp_path / "small.safetensors"


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_calibrate_quantisation_writes_what_build_engines_reads(
    checkpoint_file: Path, demo_recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ranges.json"
    flags = ["--checkpoint", str(checkpoint_file), "--out", str(out)]
    assert main(["calibrate", "quantisation", str(demo_recording), str(demo_recording), *flags]) == 0
    printed = capsys.readouterr().out
    assert "clips of demo.mcap, demo.mcap" in printed
    assert f"--quantisation {out}" in printed
    # Of the shipped model they are not, and are refused before anything is built.
    assert main(["build-engines", "--engine", "onnx", "--precision", "int8", "--quantisation", str(out)]) == 2
    assert "of checkpoint 'small'" in one_line(capsys)


@pytest.mark.parametrize(
    ("recordings", "expected"),
    [(["nowhere.mcap"], "nowhere.mcap"), (["README.md"], "README.md: is no MCAP"), (["EMPTY"], "no person is tracked")],
)
def test_what_is_no_recording_of_people_is_one_line_and_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recordings: list[str], expected: str
) -> None:
    empty = tmp_path / "EMPTY"
    Recorder(empty, session_id="s", source_id="x").close()
    files = [str(empty) if name == "EMPTY" else name for name in recordings]
    assert main(["calibrate", "quantisation", *files, "--out", str(tmp_path / "ranges.json")]) == 2
    assert expected in one_line(capsys)
    assert not (tmp_path / "ranges.json").exists()


def test_ranges_for_another_precision_than_int8_are_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build-engines", "--quantisation", "x.json"]) == 2
    assert "--quantisation x.json: got precision fp32, expected int8" in one_line(capsys)


@pytest.mark.parametrize("spelling", [["calibrate"], ["calibrate", "camera"]])
@pytest.mark.parametrize("flags_first", [False, True])
def test_a_camera_is_calibrated_with_the_word_and_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spelling: list[str], flags_first: bool
) -> None:
    folder, flags = [str(tmp_path)], ["--square-mm", "25", "--out", str(tmp_path / "camera.toml")]
    assert main([*spelling, *(flags + folder if flags_first else folder + flags)]) == 2
    assert "a board of 9 x 6 inner corners was found in 0 of 0 pictures" in one_line(capsys)
