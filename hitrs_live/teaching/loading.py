"""Load the taught actions that the settings name, for the model that runs."""

from collections.abc import Sequence
from pathlib import Path

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.errors import CheckpointMismatch, ConfigError
from hitrs_live.model.encoder_fingerprint import encoder_fingerprint
from hitrs_live.teaching.actions_file import TaughtActions, combine, load_actions


def load_taught(paths: Sequence[str], checkpoint: Checkpoint) -> TaughtActions | None:
    """Load files of taught actions and put them together; None for no file.

    Raises ConfigError where a file cannot be used, or an action has the name of a class of the model;
    CheckpointMismatch where one was made with another encoder.
    """
    if not paths:
        return None
    loaded = [(path, load_actions(Path(path))) for path in paths]
    expected = encoder_fingerprint(checkpoint.model.encoder, checkpoint.info.normaliser)
    for path, one in loaded:
        if one.encoder and one.encoder != expected:
            raise CheckpointMismatch(
                f"actions {path}: made with the encoder {one.encoder_name} {one.encoder[:12]}, expected "
                f"{checkpoint.info.name} {expected[:12]}; run hitrs-live teach fit again"
            )
        if known := set(one.names) & set(checkpoint.info.labels):
            raise ConfigError(
                f"actions {path}: {min(known)} is a class of {checkpoint.info.name} too; rename its folder and run "
                "hitrs-live teach fit again"
            )
    return combine(loaded)
