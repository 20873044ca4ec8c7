"""The ONNX graphs of the shipped model, which come with the package, so that no exporter or build is needed.

They are beside the weights, in `weights/hitrs_tiny.graphs/`, written by `hitrs-live build-engines --package`. They do
not contain the weights again: a graph names its large initialisers, the manifest maps each to a tensor of a submodule,
and they are filled in from the checkpoint when the graph is loaded. Unlike a built engine they have no seal: a graph is
not code, it comes with this module, and it must pass the parity gate like every engine.
"""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray
from torch import nn

from hitrs_live.checkpoint import SHIPPED, Checkpoint
from hitrs_live.errors import EngineStale, EngineUnavailable
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.inference.export import SUBMODULES, export_graphs
from hitrs_live.inference.graph_sources import graph_sources
from hitrs_live.inference.onnx_engine import OPSET
from hitrs_live.inference.submodules import submodules_of

if TYPE_CHECKING:
    import onnx

PACKAGED = SHIPPED.with_suffix(".graphs")
_MANIFEST = "manifest.json"
_LEAST_BYTES = 257
"""Smaller initialisers stay in the graph: ONNX Runtime reads shapes and axes from them before they are filled in."""
_EXPORTERS = ("torch", "onnx", "onnxscript")


class Filling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The tensor that fills an initialiser."""

    tensor: str
    """Name of a parameter or buffer of the submodule."""
    transposed: bool = False


class PackagedGraphs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The manifest: what the graphs were exported from."""

    format: int = 1
    weights: str
    """SHA-256 of the checkpoint's file."""
    graphs: str
    """Hash of the code that the graphs are traced from, as `graph_sources` computes it."""
    opset: int
    made_with: dict[str, str]
    """Version of each exporter, for the record: a newer one does not make a graph wrong."""
    files: dict[str, str]
    """SHA-256 by file name."""
    fillings: dict[str, dict[str, Filling]]
    """By submodule and initialiser."""


@dataclass(frozen=True, kw_only=True)
class FilledGraphs:
    """What `OnnxEngine` loads, by submodule."""

    graphs: dict[str, bytes]
    initialisers: dict[str, dict[str, NDArray[np.generic]]]
    """Those that a graph names but does not contain."""


def read_packaged(checkpoint: Checkpoint, folder: Path = PACKAGED) -> FilledGraphs:
    """Read the packaged graphs, and the checkpoint's weights to fill them with.

    Raises EngineStale, naming what differs, where they are of other weights or code, or cannot be read.
    """
    manifest = read_manifest(folder)
    expected = {"weights": checkpoint.fingerprint, "graphs": graph_sources(checkpoint.model), "opset": OPSET}
    for name, value in expected.items():
        if (got := getattr(manifest, name)) != value:
            raise EngineStale(f"packaged graphs {folder}: made for {name} {got}, expected {value}")
    return FilledGraphs(
        graphs={submodule: _read_checked(folder / f"{submodule}.onnx", manifest.files) for submodule in SUBMODULES},
        initialisers={
            submodule: _fill(module, manifest.fillings.get(submodule, {}))
            for submodule, module in submodules_of(checkpoint.model).items()
        },
    )


def read_manifest(folder: Path = PACKAGED) -> PackagedGraphs:
    """Read the manifest of packaged graphs. Raises EngineStale where it cannot be read."""
    try:
        return msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=PackagedGraphs)
    except (OSError, msgspec.DecodeError) as error:
        raise EngineStale(f"packaged graphs {folder}: the manifest cannot be read ({error})") from None


def write_packaged(checkpoint: Checkpoint, folder: Path = PACKAGED) -> None:
    """Export a checkpoint's graphs and write them without its weights, replacing the previous ones.

    Raises EngineUnavailable where the exporter is not installed, the checkpoint came from no file, or the folder
    cannot be written.
    """
    if not checkpoint.fingerprint:
        raise EngineUnavailable("packaged graphs: the model came from no file; save it first")
    with tempfile.TemporaryDirectory() as place:
        export_graphs(checkpoint.model, Path(place), opset=OPSET)
        import onnx

        graphs = {submodule: onnx.load(Path(place) / f"{submodule}.onnx") for submodule in SUBMODULES}
    fillings = {
        submodule: _empty(graphs[submodule], module) for submodule, module in submodules_of(checkpoint.model).items()
    }
    content = {f"{submodule}.onnx": graph.SerializeToString(deterministic=True) for submodule, graph in graphs.items()}
    manifest = PackagedGraphs(
        weights=checkpoint.fingerprint,
        graphs=graph_sources(checkpoint.model),
        opset=OPSET,
        made_with={name: version(name) for name in _EXPORTERS},
        files={name: hashlib.sha256(data).hexdigest() for name, data in content.items()},
        fillings=fillings,
    )
    content[_MANIFEST] = msgspec.json.format(msgspec.json.encode(manifest, order="sorted")) + b"\n"
    try:
        shutil.rmtree(folder, ignore_errors=True)
        for name, data in content.items():
            with whole_file(folder / name) as unfinished:
                unfinished.write_bytes(data)
    except OSError as error:
        raise EngineUnavailable(f"packaged graphs {folder}: cannot be written ({error})") from None


def _read_checked(path: Path, sums: dict[str, str]) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EngineStale(f"packaged graph {path}: cannot be read ({error})") from None
    if hashlib.sha256(content).hexdigest() != sums.get(path.name):
        raise EngineStale(f"packaged graph {path}: is not what was made (SHA-256 differs)")
    return content


def _fill(submodule: nn.Module, fillings: dict[str, Filling]) -> dict[str, NDArray[np.generic]]:
    tensors = _tensors(submodule)
    if unknown := {filling.tensor for filling in fillings.values()} - set(tensors):
        raise EngineStale(f"packaged graphs: the model has no tensor {min(unknown)}")
    return {
        name: np.ascontiguousarray(tensors[filling.tensor].T) if filling.transposed else tensors[filling.tensor]
        for name, filling in fillings.items()
    }


def _tensors(submodule: nn.Module) -> dict[str, NDArray[np.generic]]:
    """Return a submodule's parameters and buffers by name, those that are in no checkpoint included."""
    named = {**dict(submodule.named_parameters()), **dict(submodule.named_buffers())}
    return {name: value.detach().contiguous().numpy() for name, value in named.items()}


def _empty(model: "onnx.ModelProto", submodule: nn.Module) -> dict[str, Filling]:
    """Remove from a graph, in place, the initialisers that are a submodule's tensors, and the exporter's metadata.

    That metadata contains paths of the machine that it ran on.
    """
    from onnx import TensorProto, numpy_helper

    tensors = _tensors(submodule)
    fillings = {}
    for initialiser in model.graph.initializer:
        value = numpy_helper.to_array(initialiser)
        filling = _find(initialiser.name, value, tensors) if value.nbytes >= _LEAST_BYTES else None
        if filling is not None:
            fillings[initialiser.name] = filling
            initialiser.ClearField("raw_data")
            initialiser.data_location = TensorProto.EXTERNAL
            initialiser.external_data.add(key="location", value="the checkpoint")
    graph = model.graph
    for noted in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        noted.ClearField("metadata_props")
        noted.ClearField("doc_string")
    return fillings


def _find(name: str, value: NDArray[np.generic], tensors: dict[str, NDArray[np.generic]]) -> Filling | None:
    """Find the tensor that equals an initialiser, or whose transpose does; the one of the same name first."""
    for tensor in sorted(tensors, key=lambda other: other != name):
        if _same(tensors[tensor], value):
            return Filling(tensor=tensor)
        if _same(tensors[tensor].T, value):
            return Filling(tensor=tensor, transposed=True)
    return None


def _same(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and bool(np.array_equal(one, other))
