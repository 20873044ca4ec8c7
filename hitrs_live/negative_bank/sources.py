"""What a bank is built from: a table of sources of labelled motion, each with its share of the hours."""

import contextlib
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from hitrs_live.data.array_format import BACKGROUND, LabelledSequence
from hitrs_live.data.class_map import read_ship
from hitrs_live.data.labelled_motion import RATE_HZ, LabelledMotion
from hitrs_live.data.shipped_classes import ARMS_FREE, LABELS, SOURCE_WEIGHTS
from hitrs_live.data.stream_synthesis import ComposeConfig, StreamComposer
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.negative_bank.shipping_sets import SETS, labelled_frames, read_training_people
from hitrs_live.synthesis.falls.physics import load_mujoco
from hitrs_live.synthesis.falls.recorded_starts import recorded_starts
from hitrs_live.synthesis.falls.simulator import DEFAULT_CLASSES, FallSimulator
from hitrs_live.synthesis.recombination import RecombinationConfig, Recombiner, read_sources
from hitrs_live.synthesis.stream import MotionSynthesiser, StreamSettings

_STREAM_S: Final = (30.0, 120.0)
"""Length of a synthetic stream."""
_STUMBLE_SHARE: Final = 0.4
_FALL_STARTS: Final = 70
_LEAST_QUIET: Final = 10
_LEAD_IN_S: Final = (0.0, 6.0)
"""What is put before a fall, up to the history that a window holds: a fall must not be known by a short window."""
_NEAR_MISS_SEED: Final = 1_000_003


class MotionSource(Protocol):
    """Any number of labelled motions."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names by the number of a label, background first."""

    @property
    def licence(self) -> str:
        """Of the motion, or of the data that it was made from."""

    def draw(self, index: int, rng: np.random.Generator) -> LabelledMotion:
        """Return the motion of a number, from 0. rng: of that motion alone, so that any number may be drawn first."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The recordings of a data set, in a new random order each time round."""

    motions: Sequence[LabelledMotion]
    licence: str
    seed: int
    classes: tuple[str, ...] = LABELS

    def draw(self, index: int, rng: np.random.Generator) -> LabelledMotion:
        """Return the recording whose turn it is."""
        number, place = divmod(index, len(self.motions))
        order = np.random.default_rng((self.seed, number)).permutation(len(self.motions))
        motion = self.motions[int(order[place])]
        return replace(motion, name=f"{motion.name}/{number}") if number else motion


@dataclass(frozen=True, kw_only=True)
class Composed:
    """Streams composed of pieces of recordings, with synthetic arm movements between or on them."""

    composer: StreamComposer
    licence: str
    classes: tuple[str, ...] = LABELS

    def draw(self, index: int, rng: np.random.Generator) -> LabelledMotion:
        """Compose a stream."""
        stream = self.composer.draw(int(rng.uniform(*_STREAM_S) * RATE_HZ), rng)
        return labelled_frames(stream.joints_m, stream.labels, name=f"stream-{index}", subject="several")


@dataclass(frozen=True, kw_only=True)
class Recombined:
    """Streams of recordings whose legs and arms come from different people, and of near misses of recorded actions."""

    recombiner: Recombiner
    licence: str
    classes: tuple[str, ...] = LABELS

    def draw(self, index: int, rng: np.random.Generator) -> LabelledMotion:
        """Recombine a stream."""
        motion = self.recombiner.draw(int(rng.uniform(*_STREAM_S) * RATE_HZ), rng)
        return replace(motion, name=f"{motion.name}-{index}")


@dataclass(frozen=True, kw_only=True)
class Falling:
    """Simulated falls, and stumbles that are recovered, from poses of recordings."""

    simulator: FallSimulator
    licence: str = "ours, from poses of the recordings"
    classes: tuple[str, ...] = ("background", *DEFAULT_CLASSES)

    def draw(self, index: int, rng: np.random.Generator) -> LabelledMotion:
        """Simulate one; where no try is plausible, another one."""
        while True:
            recover = rng.random() < _STUMBLE_SHARE
            with contextlib.suppress(DataError):
                motion = self.simulator.fall(rng, recover=recover, name=f"{index:06d}", subject=f"body_{index:06d}")
                return _with_lead_in(motion, int(rng.uniform(*_LEAD_IN_S) * RATE_HZ))


@dataclass(frozen=True, kw_only=True)
class Synthesised:
    """Streams of the motion synthesiser."""

    synthesiser: MotionSynthesiser
    licence: str = "ours"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names by the number of a label: all that the programs show."""
        return self.synthesiser.classes

    def draw(self, index: int, rng: np.random.Generator) -> LabelledMotion:
        """Synthesise the stream of that number."""
        return self.synthesiser.stream(index)


@dataclass(frozen=True, kw_only=True)
class SourceKind:
    """A line of the table of sources."""

    text: str
    share: float
    """Share of the hours of a bank of all sources, before the shares are scaled to a sum of 1."""
    open: Callable[[Path, int], MotionSource]
    """Takes the data folder and the seed."""
    check: Callable[[], object] | None = None
    """Raises ConfigError where something that it needs is not installed."""


def _shipping(name: str) -> Callable[[Path, int], MotionSource]:
    def read(folder: Path, seed: int) -> MotionSource:
        motions, licence = read_training_people(folder, name)
        return Recorded(motions=motions, licence=licence, seed=seed)

    return read


def _composed(config: ComposeConfig) -> Callable[[Path, int], MotionSource]:
    def read(folder: Path, seed: int) -> MotionSource:
        sources: Mapping[str, Sequence[LabelledSequence]] = read_ship(folder, test=False)
        free = frozenset(LABELS.index(name) for name in ARMS_FREE)
        composer = StreamComposer(sources, SOURCE_WEIGHTS, config, free)
        return Composed(composer=composer, licence=_licence_of(sources))

    return read


def _recombined(config: RecombinationConfig) -> Callable[[Path, int], MotionSource]:
    def read(folder: Path, seed: int) -> MotionSource:
        sources = read_sources(folder)
        return Recombined(recombiner=Recombiner(sources, config=config), licence=_licence_of(sources))

    return read


def _falling(folder: Path, seed: int) -> MotionSource:
    starts = recorded_starts(folder / "ship", _FALL_STARTS, np.random.default_rng(seed))
    return Falling(simulator=FallSimulator(starts))


def _with_lead_in(motion: LabelledMotion, frames: int) -> LabelledMotion:
    """Play what precedes the first event backwards and forwards for so many frames before it."""
    eventful = (motion.labels != BACKGROUND) | (motion.near_miss != BACKGROUND)
    quiet = int(np.argmax(eventful)) if eventful.any() else len(motion)
    if quiet < _LEAST_QUIET:
        return motion
    there = np.arange(quiet)
    order = np.concatenate((np.pad(there, (frames, 0), mode="reflect"), np.arange(quiet, len(motion))))
    return motion.at(order)


def _synthesised(settings: StreamSettings, offset: int) -> Callable[[Path, int], MotionSource]:
    """offset: added to the seed, so that sources of one bank have other streams."""

    def read(folder: Path, seed: int) -> MotionSource:
        return Synthesised(synthesiser=MotionSynthesiser(seed=seed + offset, settings=settings))

    return read


def _licence_of(sources: Mapping[str, Sequence[LabelledSequence]]) -> str:
    return f"as {', '.join(sources)}"


_SET_SHARES: Final = {
    "precog16": 0.02, "ui_prmd_kinect": 0.06, "cmu_bvh_01_14": 0.03, "cmu_mocap6": 0.01, "mars_kinect": 0.05,
    "cmu_amc_01_03": 0.02, "cmu_amc_more": 0.04, "cmu_bvh_more": 0.04, "cmu_signals": 0.01,
    "labanotation_gestures": 0.005,
}  # fmt: skip
"""About two rounds of each set in 30 hours, each round with other errors of live joints."""

SOURCES: Final[Mapping[str, SourceKind]] = {
    **{
        name: SourceKind(text=f"recordings of {name}, training people", share=_SET_SHARES[name], open=_shipping(name))
        for name in SETS
    },
    "composed": SourceKind(
        text="pieces of recordings joined to streams, with standing and transitions",
        share=0.2,
        open=_composed(ComposeConfig()),
    ),
    "gestures": SourceKind(
        text="synthetic arm movements on bodies that stand or walk",
        share=0.15,
        open=_composed(ComposeConfig(uncut_share=0.0, invented_share=1.0)),
    ),
    "recombined": SourceKind(
        text="legs of one recording with the arms of another, on one body",
        share=0.15,
        open=_recombined(RecombinationConfig()),
    ),
    "near_misses": SourceKind(
        text="half, shallow and reversed repetitions of recorded actions, between people who stand and gesture",
        share=0.1,
        open=_recombined(RecombinationConfig(weights={"near_miss": 0.6, "idle": 0.4})),
    ),
    "falls": SourceKind(
        text="simulated falls and recovered stumbles (extra `physics`)", share=0.06, open=_falling, check=load_mujoco
    ),
    "synthetic": SourceKind(
        text="synthetic streams of everyday movement, exercises, near misses and transitions",
        share=0.25,
        open=_synthesised(StreamSettings(), 0),
    ),
    "synthetic_near_misses": SourceKind(
        text="synthetic streams, most of them near misses",
        share=0.1,
        open=_synthesised(StreamSettings(idle=0.2, near_miss=0.6, background=0.1), _NEAR_MISS_SEED),
    ),
}


def choose_sources(names: Sequence[str]) -> dict[str, float]:
    """Return the share of each source of these names, of all where none is named; the shares' sum is 1.

    Raises ConfigError for an unknown name.
    """
    if unknown := [name for name in names if name not in SOURCES]:
        raise ConfigError(f"--sources {unknown[0]}: unknown, expected any of {', '.join(SOURCES)}")
    chosen = {name: SOURCES[name].share for name in (names or SOURCES)}
    return {name: share / sum(chosen.values()) for name, share in chosen.items()}


def check_installed(names: Iterable[str]) -> None:
    """Raise ConfigError where something that one of these sources needs is not installed."""
    for name in names:
        if (check := SOURCES[name].check) is not None:
            check()


def motion_rng(seed: int, source: str, index: int) -> np.random.Generator:
    """Return the random numbers of one motion: a function of the seed, the source's name and the motion's number."""
    return np.random.default_rng((seed, zlib.crc32(source.encode()), index))
