"""Files of actions: whole or refused in one line; several are put together; another encoder is refused."""

import re
import stat
from pathlib import Path

import msgspec
import numpy as np
import pytest
from made_up_actions import made_up_actions

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Config, load_config, override, render_config
from hitrs_live.errors import CheckpointMismatch, ConfigError
from hitrs_live.model.encoder_fingerprint import encoder_fingerprint
from hitrs_live.teaching.actions_file import TaughtAction, combine, load_actions, save_actions
from hitrs_live.teaching.loading import load_taught


def test_actions_are_read_as_they_were_saved_and_their_owner_alone_may_read_them(tmp_path: Path) -> None:
    path = tmp_path / "mine.actions"
    save_actions(path, made_up_actions())
    read, saved = load_actions(path), made_up_actions()
    assert (read.actions, read.encoder, read.provenance) == (saved.actions, saved.encoder, saved.provenance)
    for name in ("points", "lengths", "actions", "scales"):
        np.testing.assert_array_equal(getattr(read.templates, name), getattr(saved.templates, name))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_cut_of_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.actions"
    save_actions(path, made_up_actions())
    whole = path.read_bytes()
    for size in (0, 5, 8, 200, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ConfigError, match=re.escape(str(path))) as refusal:
            load_actions(path)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("found", "written"),
    [
        (b'"kind":"gesture"', b'"kind":"dancing"'), (b'"on":0.6', b'"on":1.6'), (b'"format":1', b'"format":2'),
        (b'"slope":4.0', b'"slope":-40'), (b'"tick_frames":3', b'"tick_frames":9'),
    ],
)  # fmt: skip
def test_a_file_with_a_field_out_of_range_is_refused(tmp_path: Path, found: bytes, written: bytes) -> None:
    path = tmp_path / "mine.actions"
    save_actions(path, made_up_actions())
    raw = path.read_bytes().replace(found.replace(b'"', b'\\"'), written.replace(b'"', b'\\"'))
    size = len(raw) - len(path.read_bytes())
    header = int.from_bytes(path.read_bytes()[:8], "little") + size
    path.write_bytes(header.to_bytes(8, "little") + raw[8:])
    with pytest.raises(ConfigError, match="no file of taught actions"):
        load_actions(path)


def test_several_files_are_put_together(tmp_path: Path) -> None:
    together = combine([("a", made_up_actions("raise")), ("b", made_up_actions("wave"))])
    assert together.names == ("raise", "wave")
    assert together.templates.actions.tolist() == [0, 0, 1, 1]
    assert together.templates.lengths.tolist() == [7, 12, 7, 12]


def test_one_name_in_two_files_is_refused() -> None:
    with pytest.raises(ConfigError, match="raise is in a too"):
        combine([("a", made_up_actions()), ("b", made_up_actions())])


def test_actions_of_another_encoder_are_refused(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_actions(tmp_path / "mine.actions", made_up_actions())
    with pytest.raises(CheckpointMismatch, match=r"run hitrs-live teach fit again"):
        load_taught([str(tmp_path / "mine.actions")], checkpoint)


def test_an_action_with_the_name_of_a_class_is_refused(tmp_path: Path, checkpoint: Checkpoint) -> None:
    own = encoder_fingerprint(checkpoint.model.encoder, checkpoint.info.normaliser)
    save_actions(tmp_path / "mine.actions", made_up_actions("squat", own))
    with pytest.raises(ConfigError, match="squat is a class of"):
        load_taught([str(tmp_path / "mine.actions")], checkpoint)


def test_actions_of_one_name_are_saved_anew_over_the_file(tmp_path: Path) -> None:
    save_actions(tmp_path / "mine.actions", made_up_actions("raise"))
    save_actions(tmp_path / "mine.actions", made_up_actions("wave"))
    assert load_actions(tmp_path / "mine.actions").names == ("wave",)
    with pytest.raises(ConfigError, match="exists already"):
        save_actions(tmp_path / "mine.actions", made_up_actions("wave"), overwrite=False)


def test_files_of_actions_are_a_setting(tmp_path: Path) -> None:
    (tmp_path / "live.toml").write_text('[action]\ntaught = ["a.actions", "b.actions"]\n')
    assert load_config(tmp_path / "live.toml").action.taught == ("a.actions", "b.actions")
    given = override(Config(), {"action.taught": ["c.actions"]}, flags={"action.taught": "--actions"})
    assert given.action.taught == ("c.actions",)
    assert 'taught = ["c.actions"]' in render_config(given)
    (tmp_path / "live.toml").write_text('[action]\ntaught = "a.actions"\n')
    with pytest.raises(ConfigError, match="expected a list of files"):
        load_config(tmp_path / "live.toml")


def test_a_description_is_validated_field_by_field() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": "../up"}, TaughtAction)
