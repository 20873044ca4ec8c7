"""Fit taught actions: from the examples in a folder to templates, scores and thresholds, and what the report says.

Every repetition is measured by the others: its distance to the nearest template of its own action, without those of
itself, and without those of its own person where there are several.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.teaching.action_settings import ActionSettings
from hitrs_live.teaching.actions_file import TaughtAction, TaughtActions
from hitrs_live.teaching.background import STREAMS, Background, load_background
from hitrs_live.teaching.calibration import Calibration, calibrate, choose_distance, fit_curve, fit_spread
from hitrs_live.teaching.evidence import ActionEvidence, Negatives, OtherExample, find_alike, measure_negatives
from hitrs_live.teaching.examples import utc_now
from hitrs_live.teaching.needed_legs import needs_legs
from hitrs_live.teaching.running_model import RunningModel
from hitrs_live.teaching.shown import ShownExamples, measure_examples, nearest_matches, pair, show_examples
from hitrs_live.teaching.step_sequence import StepSequence, check_sequences, unreported_steps
from hitrs_live.teaching.taught_set import TaughtSet, read_taught
from hitrs_live.teaching.template_alignment import align_all, mean_least
from hitrs_live.teaching.templates import Templates
from hitrs_live.teaching.tokens import JOINT_CHANNELS, TICK_FRAMES, RecordedTokens, TokenEncoder, TokenSpace
from hitrs_live.version import __version__

Floats = NDArray[np.float32]

_BLOCK_TICKS: Final = 100
"""Ten seconds: distances are in units of the background's mean least distance in such a time."""
_MOST_DISTANCE: Final = 1.0
"""No action begins farther away: that near, the background comes every ten seconds."""
_UNDER_CORRECTION: Final = 0.97
"""A threshold is this share of the distance of what is not to be reported again."""


_PAUSE_S: Final = 2.0
"""Pause between two repetitions of an exercise that are one event."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Taught actions and what was measured of them."""

    taught: TaughtActions
    evidence: tuple[ActionEvidence, ...]
    """One for each action."""
    notes: tuple[str, ...] = ()
    """Why sequences are never complete, one line each."""


def fit_folder(
    folder: Path,
    checkpoint: Checkpoint,
    *,
    names: Sequence[str] = (),
    reported: Collection[str] | None = None,
    false_alarms_per_hour: float | None = None,
    on_background: Callable[[int, int], None] | None = None,
) -> Fitted:
    """Fit the actions of a teaching folder with the encoder of a checkpoint; its sequences go with them.

    reported: the classes of the model that are reported; None for all. false_alarms_per_hour: of each action; None for
    those of their settings. on_background: called while the background is generated, the first time, with the number
    of its streams so far, and of all. Raises as `read_taught` does, DataError where an example cannot be used and
    ConfigError for a sequence with a step that is not known.
    """
    taught_set = read_taught(folder, names).allowing(false_alarms_per_hour)
    model = RunningModel.of(checkpoint, reported)
    check_sequences(taught_set.sequences, taught_set.names, model)
    if not taught_set.names:
        return _sequences_alone(taught_set.sequences, model)
    fingerprint = model.encoder
    encoder = TokenEncoder(TorchEngine(checkpoint.model), checkpoint.info.normaliser)
    background = load_background(folder, encoder, fingerprint, streams=STREAMS, on_stream=on_background)
    fitted = fit(taught_set, encoder, background, fingerprint=fingerprint, encoder_name=checkpoint.info.name)
    return replace(fitted, notes=tuple(unreported_steps(taught_set.sequences, model)))


def fit(
    taught_set: TaughtSet,
    encoder: TokenEncoder,
    background: Background,
    *,
    fingerprint: str,
    encoder_name: str,
    space: TokenSpace | None = None,
) -> Fitted:
    """Fit actions. fingerprint, encoder_name: of the encoder. Raises DataError where an example cannot be used.

    space: how tokens are compared; by default from the mean embedding of the background.
    """
    space = space or TokenSpace(mean=background.mean_embedding())
    shown = show_examples(taught_set, encoder, space)
    measured = _measure(taught_set, shown, encoder, background, space)
    evidence = tuple(_evidence(measured, number) for number in range(len(taught_set.names)))
    taught = TaughtActions(
        actions=tuple(_action(measured, number) for number in range(len(taught_set.names))),
        templates=measured.templates, space=space, encoder=fingerprint, encoder_name=encoder_name,
        span_frames=encoder.span_frames, sequences=taught_set.sequences,
        provenance={
            "made": utc_now(), "version": __version__, "background_hours": f"{background.hours:.2f}",
            "examples": str(len(taught_set.examples)),
        },
    )  # fmt: skip
    return Fitted(taught=taught, evidence=evidence)


def _sequences_alone(sequences: tuple[StepSequence, ...], model: RunningModel) -> Fitted:
    """Return sequences of built-in classes, which need no example."""
    taught = TaughtActions(
        actions=(), templates=Templates.none(JOINT_CHANNELS), space=TokenSpace(mean=np.zeros(0, np.float32)),
        encoder="", encoder_name="", span_frames=1, sequences=sequences,
        provenance={"made": utc_now(), "version": __version__},
    )  # fmt: skip
    return Fitted(taught=taught, evidence=(), notes=tuple(unreported_steps(sequences, model)))


@dataclass(frozen=True, kw_only=True)
class _OfAction:
    """What was measured of one action."""

    alike: frozenset[str]
    background: Negatives
    quiet: Negatives
    corrections: tuple[float, ...]
    calibration: Calibration


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """What was measured of all actions."""

    taught_set: TaughtSet
    templates: Templates
    distances: Floats
    """(E, A), of each example to each action, as `measure_examples` returns it."""
    actions: tuple[_OfAction, ...]

    def examples_of(self, number: int) -> NDArray[np.int64]:
        """Return the examples of an action."""
        name = self.taught_set.names[number]
        return np.array([at for at, one in enumerate(self.taught_set.examples) if one.action == name], np.int64)


def _measure(
    taught_set: TaughtSet, shown: ShownExamples, encoder: TokenEncoder, background: Background, space: TokenSpace
) -> _Measured:
    """Align all templates with everything that there is."""
    raw = align_all(shown.templates, [one.join(space) for one in background.streams])
    templates = shown.templates.with_scales(mean_least(raw, _BLOCK_TICKS))
    of_background = [one / templates.scales for one in raw]

    def distances_of(recordings: Sequence[RecordedTokens]) -> list[Floats]:
        return align_all(templates, [one.join(space) for one in recordings])

    of_quiet = distances_of(encoder.tokens_of([pair(one) for one in taught_set.quiet]))
    seen = encoder.tokens_of([pair(one) for one in taught_set.corrections])
    # A correction has joints around it, in which the action may well be done.
    of_corrections = [
        nearest_matches(distances, tokens, one)
        for distances, tokens, one in zip(distances_of(seen), seen, taught_set.corrections, strict=True)
    ]
    distances = measure_examples(shown, templates, space, len(taught_set.names))
    actions = []
    for number, name in enumerate(taught_set.names):
        own = templates.actions == number
        mine = [at for at, one in enumerate(taught_set.examples) if one.action == name]
        positives = [float(one) for one in distances[mine, number] if np.isfinite(one)]
        alike = find_alike(background, of_background, own, positives)
        negatives = measure_negatives(background, of_background, own, alike)
        quiet = measure_negatives(None, of_quiet, own, frozenset())
        wrong = tuple(
            float(of_corrections[at][own].min()) for at, one in enumerate(taught_set.corrections) if one.action == name
        )
        calibration = _calibrate(positives, (negatives, quiet), wrong, taught_set.settings[name])
        actions.append(
            _OfAction(alike=alike, background=negatives, quiet=quiet, corrections=wrong, calibration=calibration)
        )
    return _Measured(taught_set=taught_set, templates=templates, distances=distances, actions=tuple(actions))


def _calibrate(
    positives: Sequence[float], negatives: Sequence[Negatives], wrong: Sequence[float], settings: ActionSettings
) -> Calibration:
    """Choose the score and the threshold. wrong: distances of corrections, none of which is to be reported again."""
    spread = fit_spread(positives)
    # A laxer threshold than the repetitions need finds nothing more, and takes other actions for this one.
    most = min([_MOST_DISTANCE, spread.reach, *(_UNDER_CORRECTION * distance for distance in wrong)])
    distance = min(choose_distance(one.nearest, one.hours, settings.false_alarms_per_hour, most) for one in negatives)
    return calibrate(fit_curve(spread, negatives[0].nearest), distance, lasts=settings.kind != "gesture")


def _evidence(measured: _Measured, number: int) -> ActionEvidence:
    taught_set, of_action = measured.taught_set, measured.actions[number]
    mine = measured.examples_of(number).tolist()
    examples = taught_set.examples
    own = measured.templates.actions == number
    return ActionEvidence(
        name=taught_set.names[number], settings=taught_set.settings[taught_set.names[number]], examples=len(mine),
        people=tuple(sorted({examples[at].person for at in mine if examples[at].person})),
        found=tuple(
            (examples[at].person, float(measured.distances[at, number]))
            for at in mine
            if np.isfinite(measured.distances[at, number])
        ),
        others=tuple(_other(measured, at, number) for at in range(len(examples)) if at not in mine),
        background=of_action.background, quiet=of_action.quiet, corrections=of_action.corrections,
        alike=tuple(sorted(of_action.alike)), calibration=of_action.calibration,
        needs_legs=needs_legs([examples[at] for at in mine]),
        duration_s=float(measured.templates.lengths[own].mean()) * TICK_FRAMES / 30,
    )  # fmt: skip


def _other(measured: _Measured, at: int, number: int) -> OtherExample:
    """Tell how an example of another action would be taken: by distance, and by score against its own action."""
    name = measured.taught_set.examples[at].action
    own = measured.taught_set.names.index(name)
    here, there = measured.distances[at, number], measured.distances[at, own]
    logits = [
        float(measured.actions[action].calibration.curve.logits(np.array([distance]))[0])
        for action, distance in ((number, here), (own, there))
    ]
    near = bool(here <= measured.actions[number].calibration.distance)
    missed = bool(there > measured.actions[own].calibration.distance)
    return OtherExample(action=name, distance=float(here), taken=near and (missed or logits[0] > logits[1]))


def _action(measured: _Measured, number: int) -> TaughtAction:
    name = measured.taught_set.names[number]
    settings, calibration = measured.taught_set.settings[name], measured.actions[number].calibration
    longest_s = float(measured.templates.lengths[measured.templates.actions == number].max()) * TICK_FRAMES / 30
    gap_s = {"gesture": 0.3, "exercise": 1.2 * longest_s + _PAUSE_S, "pose": 0.5}[settings.kind]
    mine = [measured.taught_set.examples[at] for at in measured.examples_of(number).tolist()]
    return TaughtAction(
        name=name, kind=settings.kind, centre=calibration.curve.centre, slope=calibration.curve.slope,
        on=calibration.on, off=calibration.off, merge_gap_s=min(gap_s, 60.0), examples=len(mine),
        people=len({one.person for one in mine if one.person}), needs_legs=needs_legs(mine),
    )  # fmt: skip
