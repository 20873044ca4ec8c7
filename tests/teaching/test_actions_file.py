"""Files of actions: whole or refused in one line; several are put together; another encoder is refused."""

import io
import re
import stat
from pathlib import Path

import msgspec
import numpy as np
import pytest
from made_up_actions import made_up_actions
from rich.console import Console

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Config, load_config, override, render_config
from hitrs_live.errors import CheckpointMismatch, ConfigError
from hitrs_live.model.encoder_fingerprint import encoder_fingerprint
from hitrs_live.teaching.action_settings import save_sequence
from hitrs_live.teaching.actions_file import TaughtAction, combine, load_actions, save_actions
from hitrs_live.teaching.fit import fit_folder
from hitrs_live.teaching.loading import TaughtFiles
from hitrs_live.teaching.report import print_report
from hitrs_live.teaching.report_html import render_html
from hitrs_live.teaching.running_model import RunningModel
from hitrs_live.teaching.step_sequence import make_sequence


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


SEQUENCE = make_sequence("rise", ["sit_to_stand", "raise"], [4.0])


def test_sequences_are_read_as_they_were_saved(tmp_path: Path) -> None:
    path = tmp_path / "mine.actions"
    save_actions(path, msgspec.structs.replace(made_up_actions(), sequences=(SEQUENCE,)))
    assert load_actions(path).sequences == (SEQUENCE,)
    assert load_actions(path).all_names == ("raise", "rise")


def test_a_file_without_sequences_has_no_field_that_an_earlier_version_does_not_know(tmp_path: Path) -> None:
    save_actions(tmp_path / "mine.actions", made_up_actions())
    assert b"sequences" not in (tmp_path / "mine.actions").read_bytes()


def test_sequences_of_built_in_classes_need_no_example(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_sequence(tmp_path, make_sequence("sit_and_rise", ["stand_to_sit", "sit_to_stand"], [4.0]))
    fitted = fit_folder(tmp_path, checkpoint)
    save_actions(tmp_path / "mine.actions", fitted.taught)
    loaded = load_actions(tmp_path / "mine.actions")
    assert (loaded.names, loaded.all_names) == ((), ("sit_and_rise",))
    together = combine([("b", loaded), ("a", made_up_actions())])
    assert (together.names, together.all_names) == (("raise",), ("raise", "sit_and_rise"))
    assert together.encoder == made_up_actions().encoder
    report = io.StringIO()
    print_report(fitted, Console(file=report, width=200))
    assert report.getvalue().startswith("sit_and_rise: stand_to_sit, then sit_to_stand within 4 s; found where each of")
    page = render_html(fitted)
    assert '<p class="soft">1 sequence of actions.</p>' in page
    assert "stand_to_sit, then sit_to_stand within 4 s; found where each of" in page.split('id="sit_and_rise"')[1]


def test_a_sequence_of_what_is_not_reported_is_refused_at_the_start_and_named_by_a_fit(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    save_sequence(tmp_path, make_sequence("rise", ["stand_to_sit", "sit_to_stand"], [4.0]))
    fitted = fit_folder(tmp_path, checkpoint, reported=["squat"])
    assert len(fitted.notes) == 2
    assert "sequence rise: step stand_to_sit is a class of hitrs_tiny that is not reported" in fitted.notes[0]
    section = render_html(fitted).split('<section id="rise">')[1].split("</section>")[0]
    assert section.count("<li>step s") == 2
    assert "is never complete; name the class in action.classes" in section
    save_actions(tmp_path / "mine.actions", fitted.taught)
    paths = [str(tmp_path / "mine.actions")]
    assert TaughtFiles(paths, RunningModel.of(checkpoint)).actions.all_names == ("rise",)
    with pytest.raises(ConfigError, match=r"step stand_to_sit is a class .* name the class in action\.classes"):
        TaughtFiles(paths, RunningModel.of(checkpoint, ["squat", "sit_to_stand"]))


def test_a_sequence_whose_steps_are_in_no_file_is_refused(tmp_path: Path, checkpoint: Checkpoint) -> None:
    model = RunningModel.of(checkpoint)
    hoist, lift = (made_up_actions(name, model.encoder, model.embedding_width) for name in ("hoist", "raise"))
    save_actions(tmp_path / "a.actions", msgspec.structs.replace(hoist, sequences=(SEQUENCE,)))
    save_actions(tmp_path / "b.actions", lift)
    paths = [str(tmp_path / name) for name in ("a.actions", "b.actions")]
    assert TaughtFiles(paths, model).actions.all_names == ("hoist", "raise", "rise")
    with pytest.raises(ConfigError, match="sequence rise: step 'raise' is no taught action"):
        TaughtFiles(paths[:1], model)


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
        TaughtFiles([str(tmp_path / "mine.actions")], RunningModel.of(checkpoint))


def test_an_action_with_the_name_of_a_class_is_refused(tmp_path: Path, checkpoint: Checkpoint) -> None:
    own = encoder_fingerprint(checkpoint.model.encoder, checkpoint.info.normaliser)
    save_actions(tmp_path / "mine.actions", made_up_actions("squat", own))
    with pytest.raises(ConfigError, match="squat is a class of"):
        TaughtFiles([str(tmp_path / "mine.actions")], RunningModel.of(checkpoint))


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
