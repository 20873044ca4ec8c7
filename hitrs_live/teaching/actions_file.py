"""Taught actions as one file: templates, thresholds and what they were made of. No picture, no code.

The tensors are in safetensors, the rest is JSON in its metadata. `load_actions` reads any bytes within bounds.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from hitrs_live.errors import ConfigError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.files.output_files import create_private, why_unwritable
from hitrs_live.teaching.action_settings import Kind
from hitrs_live.teaching.calibration import ScoreCurve
from hitrs_live.teaching.step_sequence import MOST_SEQUENCES, StepSequence
from hitrs_live.teaching.templates import Templates
from hitrs_live.teaching.tokens import JOINT_CHANNELS, TICK_FRAMES, TokenSpace

SUFFIX: Final = ".actions"
MOST_ACTIONS: Final = 1000
_MOST_BYTES: Final = 256 * 2**20
_MOST_HEADER: Final = 8 * 2**20
_KEY: Final = "hitrs_live_actions"
_REMEDY: Final = "make it again with hitrs-live teach fit"
_Score = Annotated[float, Meta(gt=0, lt=1)]
_Text = Annotated[str, Meta(max_length=1000)]


class TaughtAction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One action of a file. A later field is left out where it says nothing, for earlier versions."""

    name: Annotated[str, Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    kind: Kind
    centre: Annotated[float, Meta(ge=-100, le=100)]
    slope: Annotated[float, Meta(gt=0, le=1e6)]
    """These two as in `ScoreCurve`."""
    on: _Score
    off: _Score
    """Scores at which it begins and ends."""
    merge_gap_s: Annotated[float, Meta(ge=0, le=60)]
    examples: Annotated[int, Meta(ge=1, le=10_000)]
    people: Annotated[int, Meta(ge=0, le=10_000)]
    """How many people the examples are of; 0 where it is unknown."""
    needs_legs: bool = True
    """Whether it is recognised only on people whose legs are seen."""

    @property
    def curve(self) -> ScoreCurve:
        """The score as a function of the distance."""
        return ScoreCurve(centre=self.centre, slope=self.slope)


class _About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a file says beside its tensors. A later field is left out where it says nothing, for earlier versions."""

    format: Annotated[int, Meta(ge=1, le=1)]
    actions: Annotated[tuple[TaughtAction, ...], Meta(max_length=MOST_ACTIONS)]
    sequences: Annotated[tuple[StepSequence, ...], Meta(max_length=MOST_SEQUENCES)] = ()
    encoder: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$", extra={"expected": "64 hexadecimal digits"})]
    encoder_name: _Text
    joints_weight: Annotated[float, Meta(ge=0, le=1000)]
    tick_frames: int
    span_frames: Annotated[int, Meta(ge=1, le=1000)]
    provenance: Annotated[dict[str, _Text], Meta(max_length=100)]


class TaughtActions(msgspec.Struct, frozen=True, kw_only=True):
    """Taught actions, ready to be found."""

    actions: tuple[TaughtAction, ...]
    templates: Templates
    """Their numbers of actions are those of `actions`."""
    space: TokenSpace
    encoder: str
    """The SHA-256 of the encoder that the templates are of, as `encoder_fingerprint` computes it; "" where they are of
    joints alone."""
    encoder_name: str
    span_frames: int
    """Frames of a clip: there is no token before the first is complete."""
    provenance: dict[str, str]
    sequences: tuple[StepSequence, ...] = ()
    """What is made of them and of the model's classes."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the actions, without the sequences."""
        return tuple(action.name for action in self.actions)

    @property
    def all_names(self) -> tuple[str, ...]:
        """The names of the actions and the sequences."""
        return (*self.names, *(one.name for one in self.sequences))


def save_actions(path: Path, taught: TaughtActions, *, overwrite: bool = True) -> None:
    """Write taught actions to a file of its owner's alone, all or nothing. Raises ConfigError if that fails."""
    about = _About(
        format=1, actions=taught.actions, sequences=taught.sequences, encoder=taught.encoder,
        encoder_name=taught.encoder_name, joints_weight=taught.space.joints, tick_frames=TICK_FRAMES,
        span_frames=taught.span_frames, provenance=taught.provenance,
    )  # fmt: skip
    templates = taught.templates
    tensors: dict[str, NDArray[np.generic]] = {
        "points": templates.points.astype(np.float32),
        "lengths": templates.lengths,
        "actions": templates.actions,
        "scales": templates.scales,
        "mean": taught.space.mean,
    }
    raw = save(tensors, metadata={_KEY: msgspec.json.encode(about).decode()})
    if reason := why_unwritable(path):
        raise ConfigError(f"{path}: {reason}")
    if path.exists() and not overwrite:
        raise ConfigError(f"{path}: it exists already; give another name or --overwrite")
    try:
        with whole_file(path) as unfinished, create_private(unfinished, overwrite=True) as file:
            file.write(raw)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror or error}); give another path") from None


def load_actions(path: Path) -> TaughtActions:
    """Read taught actions. Raises ConfigError, naming the file, where it is not such a file or is damaged."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES} bytes")
        about = msgspec.json.decode(_description(raw), type=_About)
        return _unpack(about, load(raw))
    except OSError as error:
        raise ConfigError(f"actions {path}: cannot be read ({error.strerror}); give a file of teach fit") from None
    except KeyError as error:
        raise ConfigError(f"actions {path}: it has no {error}; {_REMEDY}") from None
    except (ValueError, SafetensorError, msgspec.DecodeError, RecursionError) as error:
        found = " ".join(str(error).split())[:300]
        raise ConfigError(f"actions {path}: no file of taught actions ({found}); {_REMEDY}") from None


def combine(loaded: Sequence[tuple[str, TaughtActions]]) -> TaughtActions:
    """Put the actions of several files together. loaded: the name of each file and its actions, at least one.

    Raises ConfigError where two have an action of one name, or do not fit together.
    """
    # Sequences of built-in classes alone need no encoder.
    first_name, first = next(((name, one) for name, one in loaded if one.actions), loaded[0])
    owners: dict[str, str] = {}
    for name, one in loaded:
        same = (one.encoder, one.span_frames) == (first.encoder, first.span_frames)
        if one.actions and not (same and one.space.is_like(first.space)):
            raise ConfigError(f"actions {name}: made for another encoder than {first_name}; {_REMEDY}")
        for action in one.all_names:
            if action in owners:
                raise ConfigError(f"actions {name}: {action} is in {owners[action]} too; leave one of the files out")
            owners[action] = name
    sequences, numbers, scales, before = [], [], [], 0
    for _, one in loaded:
        templates = one.templates
        sequences += [templates.points[n, :length] for n, length in enumerate(templates.lengths.tolist())]
        numbers += (templates.actions + before).tolist()
        scales += templates.scales.tolist()
        before += len(one.actions)
    return msgspec.structs.replace(
        first, actions=tuple(action for _, one in loaded for action in one.actions),
        templates=Templates.of(sequences, numbers, scales) if sequences else first.templates,
        sequences=tuple(sequence for _, one in loaded for sequence in one.sequences),
    )  # fmt: skip


def _description(raw: bytes) -> str:
    size = int.from_bytes(raw[:8], "little")
    if not 2 <= size <= _MOST_HEADER or len(raw) < 8 + size:
        raise ValueError("its header is damaged")
    header = msgspec.json.decode(raw[8 : 8 + size])
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    about = metadata.get(_KEY) if isinstance(metadata, dict) else None
    if not isinstance(about, str):
        raise ValueError(f"it has no {_KEY} description")
    return about


def _unpack(about: _About, tensors: dict[str, NDArray[np.generic]]) -> TaughtActions:
    for name, kind in (("points", "f"), ("scales", "f"), ("mean", "f"), ("lengths", "i"), ("actions", "i")):
        if tensors[name].dtype.kind != kind:
            raise ValueError(f"{name} is {tensors[name].dtype}")
    templates = Templates(
        points=tensors["points"].astype(np.float32), lengths=tensors["lengths"].astype(np.int64),
        actions=tensors["actions"].astype(np.int64), scales=tensors["scales"].astype(np.float32),
    )  # fmt: skip
    mean = tensors["mean"].astype(np.float32)
    if mean.ndim != 1 or not np.isfinite(mean).all() or templates.points.shape[2] != len(mean) + JOINT_CHANNELS:
        raise ValueError(f"a mean embedding of shape {mean.shape} for tokens of {templates.points.shape[2]} numbers")
    if bool(about.encoder) != bool(len(mean)):
        raise ValueError("embeddings without an encoder, or an encoder without embeddings")
    if about.tick_frames != TICK_FRAMES:
        raise ValueError(f"tick_frames {about.tick_frames}, expected {TICK_FRAMES}")
    if not about.actions and not about.sequences:
        raise ValueError("it has no action")
    names = [action.name for action in about.actions]
    if len(set(names)) != len(names) or set(templates.actions.tolist()) != set(range(len(names))):
        raise ValueError("its templates are not of its actions, each once")
    return TaughtActions(
        actions=about.actions, templates=templates,
        space=TokenSpace(mean=mean, joints=about.joints_weight), encoder=about.encoder,
        encoder_name=about.encoder_name, span_frames=about.span_frames, provenance=about.provenance,
        sequences=about.sequences,
    )  # fmt: skip
