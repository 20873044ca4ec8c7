"""Load the files of taught actions that the settings name, for the model that runs; again once one is replaced."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hitrs_live.errors import CheckpointMismatch, ConfigError, HitrsLiveError
from hitrs_live.teaching.actions_file import TaughtActions, combine, load_actions
from hitrs_live.teaching.model_check import check_model
from hitrs_live.teaching.running_model import RunningModel
from hitrs_live.teaching.step_sequence import check_sequences, unreported_steps

_Stamp = tuple[int, int, int] | None
"""Time of change, size and number of a file; None where there is none."""


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """Actions that take the place of others."""

    actions: TaughtActions
    same: frozenset[str]
    """Names of the actions that are as before, example by example."""


class TaughtFiles:
    """The files of taught actions of a run: their newest content that can be used."""

    def __init__(self, paths: Sequence[str], model: RunningModel) -> None:
        """Read the files, at least one.

        Raises ConfigError where one cannot be used, an action has the name of a class of the model, or a step of a
        sequence is not reported; CheckpointMismatch where one was made with another encoder, or the model cannot find
        its actions.
        """
        self._paths, self._model = tuple(paths), model
        self._used = self._seen = self._tried = self._stamps()
        self._loaded = [_load(path, model) for path in self._paths]
        self.actions: TaughtActions = self._combined(self._loaded)
        """The actions of all files."""
        self.notices: tuple[str, ...] = ()
        """Why files were not used when they were last read, one line each."""

    def refresh(self) -> Replacement | None:
        """Read the files that have changed since the last call but one; return the new actions, if there are.

        A file that changes from call to call may still be written, and is read later. One that cannot be used is left
        out with a notice, and what was read before stays.
        """
        stamps = self._stamps()
        settled, self._seen = stamps == self._seen, stamps
        if not settled or stamps == self._tried:
            return None
        self._tried = stamps
        loaded, used, faults = list(self._loaded), list(self._used), []
        for at, path in enumerate(self._paths):
            if stamps[at] == self._used[at]:
                continue
            try:
                loaded[at], used[at] = _load(path, self._model), stamps[at]
            except HitrsLiveError as error:
                faults.append(str(error))
        replacement = None
        if used != list(self._used):
            try:
                replacement = self._replace(loaded)
                self._used = tuple(used)
            except HitrsLiveError as error:
                faults.append(str(error))
        self.notices = tuple(f"{fault}; until then the actions read before are used" for fault in faults)
        return replacement

    def _replace(self, loaded: list[TaughtActions]) -> Replacement:
        actions = self._combined(loaded)
        # Computed here, in the thread of the caller, and not by the first frame that needs them.
        _ = actions.templates.columns, actions.templates.squares
        same = _same_actions(self.actions, actions)
        self._loaded, self.actions = loaded, actions
        return Replacement(actions=actions, same=same)

    def _combined(self, loaded: list[TaughtActions]) -> TaughtActions:
        actions = combine(list(zip(self._paths, loaded, strict=True)))
        check_sequences(actions.sequences, actions.names, self._model)
        if lines := unreported_steps(actions.sequences, self._model):
            raise ConfigError(lines[0])
        return actions

    def _stamps(self) -> tuple[_Stamp, ...]:
        return tuple(map(_stamp, self._paths))


def _load(path: str, model: RunningModel) -> TaughtActions:
    loaded = load_actions(Path(path))
    if loaded.encoder and loaded.encoder != model.encoder:
        raise CheckpointMismatch(
            f"actions {path}: made with the encoder {loaded.encoder_name} {loaded.encoder[:12]}, expected "
            f"{model.name} {model.encoder[:12]}; run hitrs-live teach fit again"
        )
    if known := set(loaded.names) & model.labels:
        raise ConfigError(
            f"actions {path}: {min(known)} is a class of {model.name} too; rename its folder and run "
            "hitrs-live teach fit again"
        )
    if loaded.actions:
        try:
            check_model(loaded, model)
        except CheckpointMismatch as error:
            raise CheckpointMismatch(f"actions {path}: {error}") from None
    return loaded


def _stamp(path: str) -> _Stamp:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _same_actions(before: TaughtActions, after: TaughtActions) -> frozenset[str]:
    """Name the actions that two have alike."""
    if (before.span_frames, before.encoder) != (after.span_frames, after.encoder):
        return frozenset()
    if not before.space.is_like(after.space):
        return frozenset()
    return frozenset(name for name in set(before.names) & set(after.names) if _is_same(name, before, after))


def _is_same(name: str, before: TaughtActions, after: TaughtActions) -> bool:
    numbers = before.names.index(name), after.names.index(name)
    if before.actions[numbers[0]] != after.actions[numbers[1]]:
        return False
    was, now = (one.templates.of_action(number) for one, number in zip((before, after), numbers, strict=True))
    if not np.array_equal(before.templates.lengths[was], after.templates.lengths[now]):
        return False
    longest = int(after.templates.lengths[now].max())
    return np.array_equal(before.templates.scales[was], after.templates.scales[now]) and np.array_equal(
        before.templates.points[was, :longest], after.templates.points[now, :longest]
    )
