"""The shipped model's graphs come with the package: current, whole, without a second copy of the weights."""

import logging
import sys
from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest
import torch

import hitrs_live
from hitrs_live.checkpoint import SHIPPED, Checkpoint, load_checkpoint
from hitrs_live.errors import EngineStale, EngineUnavailable
from hitrs_live.inference.backend_selection import open_engine
from hitrs_live.inference.build import open_onnx, open_packaged
from hitrs_live.inference.onnx_engine import OnnxEngine
from hitrs_live.inference.packaged_graphs import PACKAGED, read_manifest, read_packaged, write_packaged
from hitrs_live.inference.parity import Probe, run_probe

REBUILD = "run: hitrs-live build-engines --package"


@pytest.fixture
def no_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the extra `export`."""
    for name in ("onnx", "onnx.checker", "onnxscript"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture(scope="module")
def small(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packaged graphs of the small detector."""
    pytest.importorskip("onnxscript", reason="needs the extra `export`")
    folder = tmp_path_factory.mktemp("packaged") / "small.graphs"
    write_packaged(checkpoint, folder)
    return folder


def test_the_packaged_graphs_are_of_the_shipped_weights_and_of_todays_code_and_exporter() -> None:
    try:
        read_packaged(load_checkpoint())
    except EngineStale as stale:
        pytest.fail(f"{stale}; {REBUILD}")
    assert read_manifest().made_with["torch"] == version("torch"), REBUILD


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_the_exporter_makes_today_is_what_is_packaged(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="needs the extra `export`")
    packaged = read_manifest()
    if packaged.made_with != (here := {name: version(name) for name in packaged.made_with}):
        pytest.skip(f"packaged with {packaged.made_with}, here are {here}, which may write the same graph otherwise")
    write_packaged(load_checkpoint(), tmp_path / "today.graphs")
    assert read_manifest(tmp_path / "today.graphs") == packaged, REBUILD


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="tests what happens without a GPU")
def test_the_shipped_model_runs_on_onnx_runtime_with_no_exporter_and_nothing_built(
    no_exporter: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    opened = open_engine(load_checkpoint(), folder=tmp_path / "engines", build=False)
    assert (opened.engine.name, opened.engine.precision, opened.notice) == ("onnx", "fp32", "")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert not (tmp_path / "engines").exists()


def test_a_checkpoint_of_ones_own_is_not_run_on_the_packaged_graphs(
    checkpoint: Checkpoint, no_exporter: None, tmp_path: Path
) -> None:
    with pytest.raises(EngineStale, match="made for weights"):
        open_packaged(checkpoint)
    with pytest.raises(EngineStale, match="not built yet; hitrs-live build-engines does it"):
        open_onnx(checkpoint, "fp32", tmp_path, build=False)
    with pytest.raises(EngineUnavailable, match=r"pip install '.\[export\]'"):
        open_onnx(checkpoint, "fp32", tmp_path)


def test_the_weights_are_shipped_once() -> None:
    graphs = sum(path.stat().st_size for path in PACKAGED.iterdir())
    assert graphs < SHIPPED.stat().st_size / 10


def test_every_file_beside_the_code_is_in_the_wheel() -> None:
    import tomllib

    package = Path(hitrs_live.__file__).parent
    patterns = tomllib.loads((package.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    shipped = {path for pattern in patterns["hitrs_live"] for path in package.glob(pattern)}
    beside = {
        path for path in package.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc", ".part")
    }  # fmt: skip
    assert beside <= shipped, f"not in package-data: {beside - shipped}"


@pytest.mark.slow
def test_a_filled_graph_gives_exactly_the_outputs_of_the_built_one(
    checkpoint: Checkpoint, small: Path, engines: Path
) -> None:
    (built,) = engines.glob("*-onnx-fp32")
    whole = OnnxEngine(checkpoint.model.config, {path.stem: path.read_bytes() for path in built.glob("*.onnx")})
    filled = read_packaged(checkpoint, small)
    packaged = OnnxEngine(checkpoint.model.config, filled.graphs, initialisers=filled.initialisers)
    torch.manual_seed(1)
    probe = Probe(streams=torch.randn(2, checkpoint.model.config.encoder.frames_of(6), 25, 3), rows=5)
    ours, theirs = run_probe(packaged, probe), run_probe(whole, probe)
    for name in ("logits", "future", "scales"):
        assert torch.equal(getattr(ours, name), getattr(theirs, name)), name


@pytest.mark.slow
def test_a_packaged_graph_says_nothing_of_the_machine_that_made_it(small: Path) -> None:
    onnx = pytest.importorskip("onnx")
    for path in small.glob("*.onnx"):
        assert str(Path(hitrs_live.__file__).parent).encode() not in path.read_bytes()
        graph = onnx.load(path, load_external_data=False).graph
        assert graph.node
        assert not any(node.metadata_props or node.doc_string for node in graph.node)


@pytest.mark.slow
def test_a_damaged_packaged_graph_is_never_run(checkpoint: Checkpoint, small: Path, tmp_path: Path) -> None:
    for path in small.iterdir():
        content = path.read_bytes()
        (tmp_path / path.name).write_bytes(content[:-1] if path.name == "clip.onnx" else content)
    with pytest.raises(EngineStale, match=r"clip\.onnx: is not what was made"):
        read_packaged(checkpoint, tmp_path)
    (tmp_path / "clip.onnx").unlink()
    with pytest.raises(EngineStale, match=r"clip\.onnx: cannot be read"):
        read_packaged(checkpoint, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("field", "value"), [("weights", "0" * 64), ("graphs", "1" * 64), ("opset", 22)])
def test_packaged_graphs_of_anything_else_are_stale_and_say_what_differs(
    checkpoint: Checkpoint, small: Path, tmp_path: Path, field: str, value: object
) -> None:
    for path in small.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    other = msgspec.structs.replace(read_manifest(small), **{field: value})
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(other))
    with pytest.raises(EngineStale, match=f"made for {field} {value}, expected "):
        read_packaged(checkpoint, tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\xfe"])
def test_a_package_without_its_graphs_still_runs_what_is_built(
    checkpoint: Checkpoint, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(EngineStale, match="the manifest cannot be read"):
        read_packaged(checkpoint, tmp_path)


def test_graphs_of_a_model_that_came_from_no_file_are_not_packaged(checkpoint: Checkpoint, tmp_path: Path) -> None:
    nameless = msgspec.structs.replace(checkpoint, fingerprint="")
    with pytest.raises(EngineUnavailable, match="came from no file"):
        write_packaged(nameless, tmp_path)
