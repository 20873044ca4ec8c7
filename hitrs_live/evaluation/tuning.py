"""Tune thresholds to a given number of false alarms per hour of background."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import ActionConfig
from hitrs_live.data.array_format import BACKGROUND, IGNORE
from hitrs_live.evaluation.decode_streams import decode_streams
from hitrs_live.evaluation.kept_streams import KeptStream, StreamResult
from hitrs_live.evaluation.metrics.false_alarms import FalseAlarms, false_alarm_frames
from hitrs_live.evaluation.metrics.point import NO_MATCHES, Matches, match_starts
from hitrs_live.evaluation.metrics.segment import segments_of
from hitrs_live.evaluation.temperatures import fit_temperatures, predicted_labels
from hitrs_live.skeleton import mirrored_labels
from hitrs_live.streaming.hitrs_stream import describe_stream
from hitrs_live.streaming.scores import energy
from hitrs_live.streaming.thresholds import EVERY_CLASS, ClassThresholds, Thresholds, make_threshold_arrays

TOLERANCE_S = 0.5
"""A detected start is right within this of the true one; it is a false alarm with no action within this."""
_REJECTED_SHARE = 0.15
"""Share of a class's clips whose energy is below the class's threshold, and which may be rejected as unknown."""
_OFFSET_FACTOR = 0.75
"""Factor on `off` where a class has an energy threshold: rejection as unknown lowers every score, also of known
actions."""
_ONSET_FACTOR = 0.825
"""Factor on `on` in that case. It is closer to 1: an action that reaches `on` starts at once if it would be `sure`
without the rejection as unknown, so that only `on` keeps a short unknown movement from being reported."""
_FEWEST_CLIPS = 20
_STEP = 0.2
"""Step in the log odds of a score by which `on` is raised."""
_HIGHEST_ON = 0.999
_TRIED_STEPS = range(-8, 25, 2)
"""Steps of `on` that are tried for all classes at once."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """How many labelled actions a detected one of their class overlaps, as the reality benchmark counts."""

    found: int
    true: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """False alarms and matched starts that thresholds give on the data they were tuned on."""

    thresholds: Thresholds
    alarms: FalseAlarms
    starts: Mapping[int, Matches]
    """By class number, on the labelled data; empty where there is none."""
    found: Mapping[int, Found]
    """By class number, on the labelled data."""

    @property
    def all_starts(self) -> Matches:
        """Sum over the classes."""
        return sum(self.starts.values(), NO_MATCHES)


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """What each class gave with `on` of all classes moved by the same steps. T numbers of steps, K classes."""

    alarms: NDArray[np.float64]
    """(T, K), false alarms."""
    f1: NDArray[np.float64]
    """(T, K), of the labelled starts."""


class Tuner:
    """Tune one checkpoint's thresholds on stored logits; the model does not run again."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        config: ActionConfig,
        *,
        negative: Sequence[KeptStream],
        labelled: Sequence[KeptStream] = (),
        step_frames: int | None = None,
    ) -> None:
        """Take the data.

        negative: streams whose background contains none of the classes; labelled: people whom training never saw;
        step_frames: frames between predictions, as the streams have them. Raises ValueError where there is no
        background.
        """
        self._checkpoint, self._info, self._config, self._step_frames = checkpoint, checkpoint.info, config, step_frames
        self._negative = [stream for stream in negative if len(stream.ends)]
        self._labelled = labelled
        self._rate_hz = checkpoint.info.normaliser.rate_hz
        reach = round(TOLERANCE_S * self._rate_hz)
        self._alone = [false_alarm_frames(stream.sequence.labels, reach) for stream in self._negative]
        # Before a stream's first prediction no action can be detected, so that time does not count.
        frames = sum(
            int(alone[stream.ends[0] :].sum()) for alone, stream in zip(self._alone, self._negative, strict=True)
        )
        if not frames:
            raise ValueError("the negative streams have no frame of background, half a second from any action")
        self.hours = frames / self._rate_hz / 3600

    def measure(self, thresholds: Thresholds) -> Outcome:
        """Decode all streams with the thresholds and count false alarms and matched starts."""
        # Many streams are often both: each is decoded once.
        streams = list({id(stream): stream for stream in (*self._negative, *self._labelled)}.values())
        result_of = dict(zip(map(id, streams), self._decode(streams, thresholds), strict=True))
        labelled = [result_of[id(stream)] for stream in self._labelled]
        return Outcome(
            thresholds=thresholds,
            alarms=self._count_false_alarms([result_of[id(stream)] for stream in self._negative]),
            starts=match_labelled(labelled, self._info.labels, self._rate_hz),
            found=find_labelled(labelled, self._info.labels, self._rate_hz),
        )

    def untuned(self) -> Thresholds:
        """Return the rules that apply without a file of thresholds."""
        return self._complete(temperature=None, least_energies=None)

    def tune(
        self, per_hour: float, *, least_recall: float = 0.0, together: bool = False,
        reported: Collection[str] | None = None,
    ) -> Thresholds:  # fmt: skip
        """Fit temperatures and energy thresholds to the labelled data, then set `on` and `off` by the false alarms.

        together: move the thresholds of all classes by the same log odds instead of each by its own. That suits
        independent classes that were trained on one stream, where the data has too few starts of each class to say
        more. Raises ValueError for classes that share a softmax.

        least_recall: classes of which a smaller share of the labelled actions is then found become experimental, as do
        those without a labelled action; the limit of false alarms is for the others.

        reported: with `together`, the classes that the limit is for, whatever is found of them; all others become
        experimental.

        Without labelled data the temperatures stay the checkpoint's, and no clip is rejected as unknown. Independent
        classes need neither: each was trained to say no. Of these, `on` begins where the F1 of the labelled starts is
        highest.
        """
        allowed = per_hour * self.hours
        if together:
            if not self._info.independent:
                raise ValueError("thresholds can only be moved together where each class has a sigmoid of its own")
            if reported is not None:
                return self._report(reported, allowed)
            if not least_recall:
                return self._together(allowed)
            weak = self._weak(self._together(allowed), least_recall)
            return msgspec.structs.replace(self._together(allowed, weak), experimental=weak)
        if self._info.independent:
            return self._without_weak(self._raise_on(self._balanced(allowed), allowed), allowed, least_recall)
        lag = self._info.label_lag_frames
        fitted = fit_temperatures(self._labelled, label_lag_frames=lag, temperature=self._info.temperature)
        measured = choose_energy_thresholds(self._labelled, lag, fitted)
        # A class with too few clips takes the lowest energy threshold of the others.
        common = min(measured.values(), default=None)
        others = {} if common is None else dict.fromkeys(range(1, len(self._info.labels)), common)
        start = self._complete(temperature=fitted, least_energies=others | measured)
        return self._without_weak(self._raise_on(start, allowed), allowed, least_recall)

    def cross_check(
        self, per_hour: float, *, together: bool = False, reported: Collection[str] | None = None
    ) -> FalseAlarms | None:
        """Tune on half of the negative sources and count false alarms on the other half, then swap the halves.

        Thresholds have few false alarms on the data that they were tuned on; this estimates the rate on other data.
        Returns the alarms of both halves, or None where there are no two sources (people or recordings) with
        background.
        """
        sources = sorted({stream.sequence.subject for stream in self._negative})
        try:
            first, second = (self._half(frozenset(half)) for half in (sources[::2], sources[1::2]))
        except ValueError:
            return None
        counted = [
            other._count_false_alarms(
                other._decode(other._negative, tuned.tune(per_hour, together=together, reported=reported))
            )
            for tuned, other in ((first, second), (second, first))
        ]
        by_class = sum((Counter(alarms.by_class) for alarms in counted), Counter[int]())
        return FalseAlarms(by_class=by_class, hours=sum(alarms.hours for alarms in counted))

    @cached_property
    def _tried(self) -> _Tried:
        """Move all classes together by each of `_TRIED_STEPS`, and decode the streams once for each."""
        shape = len(_TRIED_STEPS), len(self._info.labels)
        alarms, f1 = np.zeros(shape), np.zeros(shape)
        for place, steps in enumerate(_TRIED_STEPS):
            moved = self._with_on(self.untuned(), np.full(shape[1], steps))
            outcome = self.measure(moved)
            for number, count in outcome.alarms.by_class.items():
                alarms[place, number] = count
            for number, matches in outcome.starts.items():
                f1[place, number] = matches.f1
        return _Tried(alarms=alarms, f1=f1)

    def _balanced(self, allowed: float, experimental: Collection[str] = ()) -> Thresholds:
        """Choose `on` for each class where the F1 of its labelled starts is highest, or higher for few false alarms.

        How classes trained on drawn windows score in a stream differs much between frequent and rare ones, so one `on`
        fits few of them. As in `_raise_on`, classes with many alarms are raised until those of all together are few
        enough, but by what all classes gave when they were moved together: that takes no more decoding. allowed: false
        alarms; experimental: classes whose alarms do not count.
        """
        tried = self._tried
        near_zero = np.argsort(np.abs(_TRIED_STEPS), kind="stable")
        places = near_zero[tried.f1[near_zero].argmax(axis=0)]
        counted = ~np.isin(self._info.labels, list(experimental))
        every = np.arange(len(places))
        while (alarms := tried.alarms[places, every] * counted).sum() > allowed:
            open_to = np.where(places < len(_TRIED_STEPS) - 1, alarms, 0)
            if not open_to.any():
                break
            places = places + (2 * open_to > open_to.max())
        return self._with_on(self.untuned(), np.array(_TRIED_STEPS)[places])

    def _together(self, allowed: float, experimental: Collection[str] = ()) -> Thresholds:
        """Raise `on` of all classes by the same log odds until the false alarms are few enough.

        allowed: false alarms; experimental: classes whose alarms do not count.
        """
        counted = ~np.isin(self._info.labels, list(experimental))
        alarms = (self._tried.alarms * counted).sum(axis=1)
        steps = next((n for n, count in zip(_TRIED_STEPS, alarms, strict=True) if n >= 0 and count <= allowed), None)
        return self._with_on(self.untuned(), np.full(len(counted), _TRIED_STEPS[-1] if steps is None else steps))

    def _report(self, reported: Collection[str], allowed: float) -> Thresholds:
        """Make all classes but these experimental, and raise `on` of all until their false alarms are few enough."""
        labels = self._info.labels
        experimental = tuple(name for name in labels[1:] if name not in reported)
        for steps in range(_TRIED_STEPS[-1] + 1):
            moved = self._with_on(self.untuned(), np.full(len(labels), steps))
            thresholds = msgspec.structs.replace(moved, experimental=experimental)
            if self._count_false_alarms(self._decode(self._negative, thresholds)).count <= allowed:
                break
        return thresholds

    def _half(self, sources: frozenset[str]) -> "Tuner":
        """Return a tuner of some negative sources, and of the labelled streams that are theirs or of others."""
        negative = [stream for stream in self._negative if stream.sequence.subject in sources]
        left_out = {id(stream) for stream in self._negative} - {id(stream) for stream in negative}
        labelled = [stream for stream in self._labelled if id(stream) not in left_out]
        return Tuner(
            self._checkpoint, self._config, negative=negative, labelled=labelled, step_frames=self._step_frames
        )

    def _raise_on(self, start: Thresholds, allowed: float) -> Thresholds:
        """Raise `on` in the classes with false alarms, until those of all classes together are few enough.

        In each round `on` of the class with the most false alarms is raised by one step, with those that have more than
        half as many, and the streams are decoded again, since an action that one class no longer reports another class
        may. The allowed alarms are thus shared evenly by the classes that cause them, and the other classes keep their
        thresholds: no alarm in some minutes is no reason to lower one. A single value for all
        classes is much worse: the class that is easiest to trigger would set the threshold of all others. `off` keeps
        its ratio to `on`.

        Returns the last thresholds tried; they exceed the limit only where no step is left.
        """
        steps = np.zeros(len(self._info.labels), np.int64)
        while True:
            thresholds = self._with_on(start, steps)
            alarms = self._count_false_alarms(self._decode(self._negative, thresholds))
            open_to = {
                number: count
                for number, count in alarms.by_class.items()
                if self._on_of(thresholds, number) < _HIGHEST_ON
            }
            if alarms.count <= allowed or not open_to:
                return thresholds
            most = max(open_to.values())
            steps[[number for number, count in open_to.items() if 2 * count > most]] += 1

    def _without_weak(self, tuned: Thresholds, allowed: float, least_recall: float) -> Thresholds:
        """Make classes of too small a recall experimental, and lower the thresholds of the others where that allows."""
        if not least_recall:
            return tuned
        weak = self._weak(tuned, least_recall)
        start = self._balanced(allowed, weak) if self._info.independent else tuned
        return self._raise_on(msgspec.structs.replace(start, experimental=weak), allowed)

    def _weak(self, tuned: Thresholds, least_recall: float) -> tuple[str, ...]:
        """List the classes of which fewer than this share of the labelled actions is found, or that have none."""
        found = self.measure(tuned).found
        mirrored = mirrored_labels(self._info.labels).tolist()
        weak = []
        for number, label in enumerate(self._info.labels[1:], start=1):
            # What is found on one side is found on the other: the model sees mirror images too.
            both = [found[side] for side in {number, mirrored[number]} if side in found]
            true = sum(one.true for one in both)
            if not true or sum(one.found for one in both) < least_recall * true:
                weak.append(label)
        return tuple(weak)

    def _count_false_alarms(self, results: Sequence[StreamResult]) -> FalseAlarms:
        """Count what was detected in background, of the results of the negative streams."""
        false = (
            self._info.labels.index(action.label)
            for result, alone in zip(results, self._alone, strict=True)
            for action in result.detected
            if _at(alone, action.onset_s * self._rate_hz)
        )
        return FalseAlarms(by_class=Counter(false), hours=self.hours)

    def _decode(self, streams: Sequence[KeptStream], thresholds: Thresholds) -> list[StreamResult]:
        """Decode as live for single people, without the actions of two."""
        return decode_streams(
            streams, self._info, self._config, thresholds=thresholds, step_frames=self._step_frames, of_pairs=False
        )

    def _complete(
        self, temperature: NDArray[np.float64] | None, least_energies: Mapping[int, float] | None
    ) -> Thresholds:
        """Return the rules of every class in full, so that each can be edited by hand."""
        # Classes that are not reported have thresholds too: they may be asked for.
        every = msgspec.structs.replace(self._config, classes=EVERY_CLASS)
        rules = make_threshold_arrays(describe_stream(self._info), every)
        temperatures = rules.temperature if temperature is None else temperature
        least = least_energies or {}
        classes = {
            self._info.labels[BACKGROUND]: ClassThresholds(temperature=round(float(temperatures[BACKGROUND]), 4))
        }
        for number, label in enumerate(self._info.labels[1:], start=1):
            longest_ns = float(rules.max_duration_ns[number])
            on_left, off_left = (_ONSET_FACTOR, _OFFSET_FACTOR) if number in least else (1.0, 1.0)
            classes[label] = ClassThresholds(
                temperature=round(float(temperatures[number]), 4),
                on=round(float(rules.onset_threshold[number]) * on_left, 4),
                off=round(float(rules.offset_threshold[number]) * off_left, 4),
                min_duration_s=float(rules.min_duration_ns[number]) / 1e9,
                max_duration_s=longest_ns / 1e9 if math.isfinite(longest_ns) else 0.0,
                least_energy=least.get(number),
                merge_gap_s=float(rules.merge_gap_ns[number]) / 1e9,
            )
        return Thresholds(checkpoint=self._info.name, sha256=self._checkpoint.fingerprint, classes=classes)

    def _with_on(self, thresholds: Thresholds, steps: NDArray[np.int64]) -> Thresholds:
        classes = dict(thresholds.classes)
        for number, label in enumerate(self._info.labels[1:], start=1):
            own = classes[label]
            assert own.on is not None
            assert own.off is not None
            odds = math.log(own.on / (1 - own.on)) + _STEP * int(steps[number])
            moved = min(round(1 / (1 + math.exp(-odds)), 4), _HIGHEST_ON)
            on = moved if steps[number] < 0 else max(own.on, moved)
            classes[label] = msgspec.structs.replace(own, on=on, off=round(on * own.off / own.on, 4))
        return msgspec.structs.replace(thresholds, classes=classes)

    def _on_of(self, thresholds: Thresholds, number: int) -> float:
        return thresholds.classes[self._info.labels[number]].on or 0.0


def choose_energy_thresholds(
    labelled: Sequence[KeptStream], label_lag_frames: int, temperature: NDArray[np.float64] | None
) -> dict[int, float]:
    """Choose an energy threshold for every class, by number: the `_REJECTED_SHARE` quantile of its clips' energy.

    Only clips whose labelled class has the highest score count. Classes with fewer than twenty of them are left out.
    """
    by_class: dict[int, list[NDArray[np.float32]]] = {}
    for stream in labelled:
        labels = predicted_labels(stream, label_lag_frames)
        predicted = (stream.logits / (1.0 if temperature is None else temperature)).argmax(axis=1)
        energies = energy(stream.logits)
        for number in np.unique(labels[(labels > BACKGROUND) & (labels == predicted)]).tolist():
            by_class.setdefault(number, []).append(energies[(labels == number) & (predicted == number)])
    clips = {number: np.concatenate(some) for number, some in sorted(by_class.items())}
    return {
        number: round(float(np.quantile(some, _REJECTED_SHARE)), 3)
        for number, some in clips.items()
        if len(some) >= _FEWEST_CLIPS
    }


def match_labelled(results: Sequence[StreamResult], labels: tuple[str, ...], rate_hz: float) -> dict[int, Matches]:
    """Match detected starts to the labels, by class number; those at frames without a known label are left out."""
    matches: dict[int, Matches] = {}
    for result in results:
        truth = result.sequence.labels
        here = [
            (labels.index(action.label), action)
            for action in result.detected
            if _at(truth, action.onset_s * rate_hz) != IGNORE
        ]
        segments = segments_of(truth)
        for number in {label for label, _ in here} | {segment.label for segment in segments}:
            matches[number] = matches.get(number, NO_MATCHES) + match_starts(
                [(action.onset_s, action.detected_s) for label, action in here if label == number],
                [segment.start / rate_hz for segment in segments if segment.label == number],
                tolerance_s=TOLERANCE_S,
            )
    return dict(sorted(matches.items()))


def find_labelled(results: Sequence[StreamResult], labels: tuple[str, ...], rate_hz: float) -> dict[int, Found]:
    """Count the labelled actions that a detected one of their class overlaps, by class number."""
    found: Counter[int] = Counter()
    true: Counter[int] = Counter()
    for result in results:
        for segment in segments_of(result.sequence.labels):
            begin_s, end_s = segment.start / rate_hz, segment.end / rate_hz
            true[segment.label] += 1
            found[segment.label] += any(
                action.label == labels[segment.label] and action.onset_s < end_s and action.end_s > begin_s
                for action in result.detected
            )
    return {number: Found(found=found[number], true=count) for number, count in sorted(true.items())}


def _at(values: NDArray[np.int64] | NDArray[np.bool_], frame: float) -> int:
    return int(values[min(max(round(frame), 0), len(values) - 1)])
