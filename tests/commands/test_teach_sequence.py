"""`hitrs-live teach sequence`: what a user sees, and what is saved."""

from pathlib import Path

import numpy as np
import pytest
from taught_joints import raised_arm

from hitrs_live.cli import main
from hitrs_live.teaching.action_settings import FILE
from hitrs_live.teaching.actions_file import load_actions
from hitrs_live.teaching.examples import save_example
from hitrs_live.teaching.taught_set import read_taught

pytestmark = pytest.mark.slow


def run(*arguments: object) -> int:
    return main(["teach", *map(str, arguments)])


def _sequence(folder: Path, name: str, steps: str, within: str = "4", *more: str) -> int:
    return run("sequence", name, "--steps", steps, "--within", within, "--folder", folder, *more)


def test_a_sequence_is_saved_listed_and_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_example(tmp_path, raised_arm(np.random.default_rng(0)))
    assert _sequence(tmp_path, "rise", "sit_to_stand,raise") == 0
    assert "rise: sit_to_stand, then raise within 4 s; saved as " in capsys.readouterr().out
    assert _sequence(tmp_path, "rise", "sit_to_stand, raise, squat", "4,2.5") == 0
    capsys.readouterr()
    assert run("list", "--folder", tmp_path) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[1] == "rise: sequence, sit_to_stand, then raise within 4 s, then squat within 2.5 s"
    assert shown[0].startswith("raise: gesture, 1 examples")


@pytest.mark.parametrize(
    ("name", "steps", "within", "what"),
    [
        (
            "rise",
            "sit_to_stand,rais",
            "4",
            "step 'rais' is no taught action and no class of hitrs_tiny; the",
        ),
        ("rise", "rise,raise", "4", "its steps lead back to it (rise, rise)"),
        ("rise", "punch_right,raise", "4", "step punch_right is a class of hitrs_tiny that is not reported"),
        ("rise", "raise", "4", "got 1 steps, expected 2 or more"),
        ("rise", "raise,raise", "4,4", "2 times in within_s for 2 steps"),
        ("raise", "squat,squat", "4", "another action has this name"),
        ("squat", "raise,raise", "4", "it is a class of hitrs_tiny too"),
        ("tuned", "raise,raise", "4", "settings of an action; give the sequence another name"),
    ],
)
def test_a_sequence_that_cannot_be_is_one_line_and_saves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, steps: str, within: str, what: str
) -> None:
    save_example(tmp_path, raised_arm(np.random.default_rng(0)))
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / FILE).write_text("both_sides = true\n")
    before = sorted(tmp_path.rglob("*"))
    assert _sequence(tmp_path, name, steps, within) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert what in line
    assert sorted(tmp_path.rglob("*")) == before


def test_a_class_that_the_settings_report_may_be_a_step(tmp_path: Path) -> None:
    assert _sequence(tmp_path, "combination", "punch_left,punch_right", "1", "--classes", "all") == 0


def test_a_fit_puts_sequences_into_the_file_and_names_steps_that_are_not_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _sequence(tmp_path, "combination", "punch_left,punch_right", "1", "--classes", "all") == 0
    capsys.readouterr()
    assert run("fit", "--folder", tmp_path, "--out", tmp_path / "mine.actions") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "step punch_left is a class of hitrs_tiny that is not reported" in shown
    assert "mine.actions: combination; next" in shown
    assert load_actions(tmp_path / "mine.actions").all_names == ("combination",)


def test_the_steps_of_a_sequence_are_fitted_with_it(tmp_path: Path) -> None:
    for name in ("raise", "hoist"):
        save_example(tmp_path, raised_arm(np.random.default_rng(0), action=name))
    assert _sequence(tmp_path, "rise", "sit_to_stand,raise") == 0
    assert _sequence(tmp_path, "outer", "rise,squat") == 0
    assert _sequence(tmp_path, "other", "hoist,squat") == 0
    taught_set = read_taught(tmp_path, ["outer"])
    assert taught_set.names == ("raise",)
    assert [one.name for one in taught_set.sequences] == ["outer", "rise"]


def test_examples_beside_a_sequence_are_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _sequence(tmp_path, "rise", "squat,sit_to_stand") == 0
    save_example(tmp_path, raised_arm(np.random.default_rng(0), action="rise"))
    assert run("list", "--folder", tmp_path) == 2
    assert "a sequence, and " in capsys.readouterr().err


def test_a_damaged_sequence_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rise").mkdir()
    (tmp_path / "rise" / FILE).write_text('kind = "sequence"\nsteps = ["squat", 3]\nwithin_s = [4]\n')
    assert run("list", "--folder", tmp_path) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "make it again with hitrs-live teach sequence rise" in line
