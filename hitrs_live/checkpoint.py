"""The checkpoint format: one safetensors file with weights, sizes, skeleton, labels and preprocessing.

The description is JSON in the file's metadata, under the key `hitrs_live`: `CheckpointInfo` and its siblings. Three
kinds share the format and differ by `kind`: a detector, which the live path runs; a recogniser, which classifies
trimmed sequences; and an encoder alone, the result of pre-training. The encoder of any of them can be loaded. A pose
forecaster, for the published motion-prediction benchmarks, has a description of its own (`ForecasterInfo`).
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, TypeVar

import msgspec
import torch
from msgspec import Meta
from safetensors.torch import save_file
from torch import Tensor, nn

from hitrs_live.errors import CheckpointMismatch
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.files.checkpoint_file import (
    KEY,
    checkpoint_path,
    not_a_detector,
    not_understood,
    open_checkpoint_file,
    read_kind,
)
from hitrs_live.files.checkpoint_file import SHIPPED as SHIPPED
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRS, HiTRSConfig
from hitrs_live.model.joint_convolutions import ConvolutionsConfig, JointConvolutions
from hitrs_live.model.pose_forecaster import PoseForecaster, PoseForecasterConfig
from hitrs_live.model.recogniser import Readout, Recogniser, RecogniserConfig
from hitrs_live.skeleton import NTU25
from hitrs_live.transforms import MODALITIES, NormaliserConfig

_DETECTOR_FORMAT = 2
"""Format 1 is of version 0.1, with another motion head."""
_CONVOLUTIONS = "convolutions."
"""Names of their weights begin with it."""
_FORECASTER_KEY = "hitrs_live_forecaster"
_FORECASTER_EXPECTED = "expected a file that `hitrs-live train-pose-forecaster` wrote"


_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_Labels = Annotated[tuple[_Name, ...], Meta(min_length=1, max_length=8192)]
_Score = Annotated[float, Meta(gt=0, lt=1)]


class CheckpointInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The description of a detector."""

    kind: str = "detector"
    format: int = _DETECTOR_FORMAT
    name: _Name
    layout: str = NTU25.name
    labels: _Labels
    """Class names in the order of the logits; the first is the background."""
    pair_labels: tuple[_Name, ...] = ()
    """Those of them that take two people; they are detected on pairs alone."""
    detector: DetectorConfig
    convolutions: ConvolutionsConfig | None = None
    """Of the convolutions whose logits are averaged with those of Hi-TRS; None for a detector without."""
    normaliser: NormaliserConfig
    label_lag_frames: Annotated[int, Meta(ge=0, le=10_000)]
    """The logits of a clip describe the instant this many frames before the clip's last."""
    independent: bool = False
    """Whether each class has a sigmoid of its own, and the background is that there is no class; otherwise one softmax
    takes them all."""
    temperature: Annotated[float, Meta(gt=0, le=100)] = 1.0
    on: dict[str, _Score] = {}
    """Onset threshold by class, where it differs from the setting."""
    off: dict[str, _Score] = {}
    """Offset threshold by class, where it differs from the setting."""
    provenance: dict[str, str] = {}
    """How the weights were trained: command, seed, data, steps."""

    def without_dropout(self) -> "CheckpointInfo":
        """Return the description of the model for inference: a loaded model must be deterministic."""
        detector = replace(self.detector, encoder=replace(self.detector.encoder, dropout=0.0))
        return msgspec.structs.replace(self, detector=detector)

    def step_frames(self, update: Literal["clip", "frame"]) -> int:
        """Return the frames from one output on a row to the next: the clip stride, or 1 for every frame."""
        return 1 if update == "frame" else self.detector.encoder.clip_stride

    def check(self) -> None:
        """Raise ValueError where the fields contradict each other."""
        _check_input(self.detector.encoder)
        if self.detector.window_clips > self.detector.encoder.max_clips:
            raise ValueError(
                f"a window of {self.detector.window_clips} clips, expected at most {self.detector.encoder.max_clips}"
            )
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("two labels are the same, expected each once")
        if len(self.labels) != self.detector.classes:
            raise ValueError(f"{len(self.labels)} labels for {self.detector.classes} classes")
        if self.convolutions and len(self.labels) != self.convolutions.classes:
            raise ValueError(f"{len(self.labels)} labels for convolutions of {self.convolutions.classes} classes")
        if unknown := set(self.pair_labels) - set(self.labels[1:]):
            raise ValueError(f"pair_labels name no class: {', '.join(sorted(unknown))}")


class EncoderInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The description of an encoder alone."""

    kind: str = "encoder"
    format: int = 1
    name: _Name
    layout: str = NTU25.name
    encoder: HiTRSConfig
    normaliser: NormaliserConfig
    modality: str = "joint"
    """The modality of the normalised joints that it was trained on, as in `to_modality`."""
    provenance: dict[str, str] = {}

    def without_dropout(self) -> "EncoderInfo":
        """Return the description of the model for inference."""
        return msgspec.structs.replace(self, encoder=replace(self.encoder, dropout=0.0))

    def check(self) -> None:
        """Raise ValueError where the fields contradict each other."""
        _check_input(self.encoder)
        if self.modality not in MODALITIES:
            raise ValueError(f"modality {self.modality!r}, expected one of {', '.join(MODALITIES)}")


class RecogniserInfo(EncoderInfo, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The description of a recogniser."""

    kind: str = "recogniser"
    labels: _Labels
    """Class names in the order of the logits."""
    readout: Readout = "token"
    mirror: bool = False
    """Whether it was trained on mirror images too; then the logits of a sequence and its mirror image are averaged."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A detector ready to run, with its description."""

    info: CheckpointInfo
    model: HitrsDetector
    convolutions: JointConvolutions | None = None
    """There where `info.convolutions` is."""
    fingerprint: str = ""
    """SHA-256 of its file; empty where it came from no file."""


class EncoderCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An encoder with its description."""

    info: EncoderInfo
    model: HiTRS


class RecogniserCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A recogniser ready to run, with its description."""

    info: RecogniserInfo
    model: Recogniser


class ForecasterInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The description of a pose forecaster."""

    format: int = 1
    benchmark: str
    """The name of the motion set it was trained on."""
    forecaster: PoseForecasterConfig
    provenance: dict[str, str] = {}
    """How the weights were trained: data, settings."""


class ForecasterCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A pose forecaster with its description."""

    info: ForecasterInfo
    model: PoseForecaster


AnyInfo = CheckpointInfo | EncoderInfo | RecogniserInfo
_KINDS: Mapping[str, type[AnyInfo]] = {
    "detector": CheckpointInfo,
    "encoder": EncoderInfo,
    "recogniser": RecogniserInfo,
}
_Model = TypeVar("_Model", bound=nn.Module)


class _Sized(Protocol):
    """The size of a model."""

    @property
    def least_weights(self) -> int: ...


_Config = TypeVar("_Config", bound=_Sized)
_MOST_SHOWN = 60


def save_checkpoint(path: Path, checkpoint: Checkpoint | EncoderCheckpoint | RecogniserCheckpoint) -> None:
    """Write weights in half precision and everything else as JSON metadata, in one file, all or nothing."""
    weights = dict(checkpoint.model.state_dict())
    if isinstance(checkpoint, Checkpoint) and checkpoint.convolutions:
        weights |= {_CONVOLUTIONS + name: value for name, value in checkpoint.convolutions.state_dict().items()}
    tensors = {name: value.half().cpu().contiguous() for name, value in weights.items()}
    write_weights(path, tensors, KEY, checkpoint.info)


def write_weights(path: Path, tensors: dict[str, Tensor], key: str, info: msgspec.Struct) -> None:
    """Write weights, and their description as JSON metadata of that key, in one file, all or nothing."""
    with whole_file(path) as unfinished:
        save_file(tensors, unfinished, metadata={key: msgspec.json.encode(info).decode()})


def load_checkpoint(path: str | Path | None = None) -> Checkpoint:
    """Load a detector for inference in float32 on the CPU.

    path: a file, the name of a detector of the package (`hitrs_tiny_3`), or None for the shipped one.
    Raises CheckpointMismatch, naming the file and what does not fit, where it is not a detector of this format.
    """
    path = checkpoint_path(path)
    info, tensors = _read(path)
    if not isinstance(info, CheckpointInfo):
        raise not_a_detector(path, info.kind)
    if info.format != _DETECTOR_FORMAT:
        raise CheckpointMismatch(
            f"checkpoint {path}: is a detector of format {info.format}, expected {_DETECTOR_FORMAT}, which has another "
            "motion head; train-detector --checkpoint reuses its encoder"
        )
    of_convolutions = _take(tensors, _CONVOLUTIONS) if info.convolutions else {}
    model = _make(HitrsDetector, info.detector, tensors, path)
    convolutions = _make(JointConvolutions, info.convolutions, of_convolutions, path) if info.convolutions else None
    return Checkpoint(info=info, model=model, convolutions=convolutions, fingerprint=fingerprint(path))


def load_recogniser(path: str | Path) -> RecogniserCheckpoint:
    """Load a recogniser for inference in float32 on the CPU. Raises CheckpointMismatch as `load_checkpoint` does."""
    info, tensors = _read(Path(path))
    if not isinstance(info, RecogniserInfo):
        raise CheckpointMismatch(
            f"checkpoint {path}: is {_a(info.kind)}, expected a recogniser, as hitrs-live finetune makes; "
            "an encoder can be measured with --protocol linear or knn"
        )
    config = RecogniserConfig(encoder=info.encoder, classes=len(info.labels), readout=info.readout)
    return RecogniserCheckpoint(info=info, model=_make(Recogniser, config, tensors, Path(path)))


def load_encoder(path: str | Path) -> EncoderCheckpoint:
    """Load the encoder of a checkpoint of any kind. Raises CheckpointMismatch as `load_checkpoint` does."""
    path = checkpoint_path(path)
    info, tensors = _read(path)
    if isinstance(info, CheckpointInfo):
        about = EncoderInfo(name=info.name, encoder=info.detector.encoder, normaliser=info.normaliser)
    else:
        about = EncoderInfo(
            name=info.name, encoder=info.encoder, normaliser=info.normaliser, modality=info.modality,
            provenance=info.provenance,
        )  # fmt: skip
    if info.kind != "encoder":
        prefix = "encoder."
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    return EncoderCheckpoint(info=about, model=_make(HiTRS, about.encoder, tensors, path))


def save_forecaster(path: Path, checkpoint: ForecasterCheckpoint) -> None:
    """Write weights and description in one file, all or nothing."""
    tensors = {name: value.cpu().contiguous() for name, value in checkpoint.model.state_dict().items()}
    write_weights(path, tensors, _FORECASTER_KEY, checkpoint.info)


def load_forecaster(path: Path) -> ForecasterCheckpoint:
    """Load a forecaster for inference on the CPU.

    Raises CheckpointMismatch, naming the file and what does not fit, where it is not a forecaster.
    """
    with open_checkpoint_file(path, "pt", _FORECASTER_EXPECTED) as file:
        metadata = file.metadata() or {}
        tensors = _read_tensors(path, file)
    if _FORECASTER_KEY not in metadata:
        raise CheckpointMismatch(f"checkpoint {path}: is no pose forecaster; {_FORECASTER_EXPECTED}")
    try:
        info = msgspec.json.decode(metadata[_FORECASTER_KEY], type=ForecasterInfo)
    except msgspec.DecodeError as error:
        raise CheckpointMismatch(
            f"checkpoint {path}: description not understood ({error}); {_FORECASTER_EXPECTED}"
        ) from None
    return ForecasterCheckpoint(info=info, model=_make(PoseForecaster, info.forecaster, tensors, path))


def fingerprint(path: str | Path) -> str:
    """Compute the SHA-256 of a checkpoint's file, 64 hexadecimal digits.

    Raises CheckpointMismatch where it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointMismatch(
            f"checkpoint {path}: cannot be read ({error}); give a .safetensors file of ours"
        ) from None


def checkpoint_kind(path: str | Path) -> str:
    """Return a file's kind: detector, recogniser or encoder. Raises CheckpointMismatch where it is not a checkpoint."""
    path = checkpoint_path(path)
    with open_checkpoint_file(path, "pt") as file:
        return _read_info(path, file.metadata() or {}).kind


def _check_input(encoder: HiTRSConfig) -> None:
    """Raise ValueError where an encoder reads another skeleton than this package's."""
    if (encoder.joints, encoder.channels) != (len(NTU25), 3):
        raise ValueError(f"{encoder.joints} joints of {encoder.channels} coordinates, expected {len(NTU25)} of 3")


def _shown(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]} ..."


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _read(path: Path) -> tuple[AnyInfo, dict[str, Tensor]]:
    with open_checkpoint_file(path, "pt") as file:
        metadata = file.metadata() or {}
        tensors = _read_tensors(path, file)
    return _read_info(path, metadata), tensors


def _read_tensors(path: Path, file: Any) -> dict[str, Tensor]:
    """Read all weights as float32. Raises CheckpointMismatch where one is no real number or not finite."""
    tensors = {}
    for name in file.keys():  # noqa: SIM118
        tensor: Tensor = file.get_tensor(name)
        if not tensor.is_floating_point():
            raise CheckpointMismatch(
                f"checkpoint {path}: {_shown(name)} is {tensor.dtype}, expected floating point; it was damaged or "
                "edited"
            )
        tensors[name] = tensor.float()
        if not bool(torch.isfinite(tensors[name]).all()):
            raise CheckpointMismatch(
                f"checkpoint {path}: {_shown(name)} has weights that are not finite numbers; train it again, or take "
                "an earlier checkpoint"
            )
    return tensors


def _take(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Remove the tensors whose names begin with a prefix, and return them without it."""
    return {name.removeprefix(prefix): tensors.pop(name) for name in list(tensors) if name.startswith(prefix)}


def _read_info(path: Path, metadata: dict[str, str]) -> AnyInfo:
    kind = read_kind(path, metadata)
    try:
        if kind not in _KINDS:
            raise msgspec.ValidationError(f"kind {_shown(kind)!r}")
        info = msgspec.json.decode(metadata[KEY], type=_KINDS[kind])
    except msgspec.DecodeError as error:
        raise not_understood(path, error) from None
    if info.layout != NTU25.name:
        raise CheckpointMismatch(
            f"checkpoint {path}: trained on skeleton {_shown(info.layout)!r}, expected {NTU25.name!r}"
        )
    try:
        info.check()
    except ValueError as error:
        raise CheckpointMismatch(f"checkpoint {path}: {error}") from None
    return info.without_dropout()


def _make(build: Callable[[_Config], _Model], config: _Config, tensors: dict[str, Tensor], path: Path) -> _Model:
    """Build a model, put weights into it and return it, ready for inference."""
    # A description that claims more than the file has must not take the memory first.
    if config.least_weights > (numbers := sum(tensor.numel() for tensor in tensors.values())):
        raise CheckpointMismatch(
            f"checkpoint {path}: weights do not fit its own description ({numbers} numbers, expected more than "
            f"{config.least_weights}); it was damaged or edited"
        )
    try:
        model = build(config)
    except (ValueError, RuntimeError, IndexError, ArithmeticError) as error:
        raise CheckpointMismatch(
            f"checkpoint {path}: no model can be made from its description ({' '.join(str(error).split())}); it was "
            "damaged or edited"
        ) from None
    expected, got = set(model.state_dict()), set(tensors)
    if expected != got:
        raise CheckpointMismatch(
            f"checkpoint {path}: weights do not fit its own description "
            f"({len(expected - got)} missing, {len(got - expected)} unknown); it was damaged or edited"
        )
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise CheckpointMismatch(f"checkpoint {path}: {str(error).splitlines()[-1].strip()}") from None
    return model.eval()
