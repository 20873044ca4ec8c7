"""The example store: what is saved is read, privately and whole; what is damaged is refused in one line."""

import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from taught_joints import quiet, raised_arm

from hitrs_live.errors import DataError
from hitrs_live.teaching.examples import (
    read_corrections,
    read_examples,
    read_quiet,
    save_correction,
    save_example,
    save_quiet,
    taught_names,
)


def _rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_an_example_is_read_as_it_was_saved(tmp_path: Path) -> None:
    example = raised_arm(_rng())
    path = save_example(tmp_path, example)
    assert path.parent == tmp_path / "raise"
    (read,) = read_examples(tmp_path, "raise")
    np.testing.assert_array_equal(read.joints_m, example.joints_m)
    np.testing.assert_array_equal(read.confidence, example.confidence)
    same = {"joints_m": example.joints_m, "confidence": example.confidence}
    assert replace(read, **same) == replace(example, **same)


def test_examples_corrections_and_quiet_recordings_are_kept_apart(tmp_path: Path) -> None:
    save_example(tmp_path, raised_arm(_rng()))
    save_correction(tmp_path, raised_arm(_rng(), side="left"))
    save_quiet(tmp_path, quiet(_rng()))
    assert [len(read_examples(tmp_path, "raise")), len(read_corrections(tmp_path, "raise"))] == [1, 1]
    assert len(read_quiet(tmp_path)) == 1
    assert taught_names(tmp_path) == ["raise"]


def test_nothing_was_taught_in_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    assert taught_names(tmp_path / "none") == []
    assert read_examples(tmp_path / "none", "raise") == []


def test_saving_an_example_twice_keeps_one(tmp_path: Path) -> None:
    example = raised_arm(_rng())
    assert save_example(tmp_path, example) == save_example(tmp_path, example)
    assert len(read_examples(tmp_path, "raise")) == 1


def test_only_its_owner_may_read_an_example(tmp_path: Path) -> None:
    path = save_example(tmp_path, raised_arm(_rng()))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0


@pytest.mark.parametrize("name", ["", "../up", "quiet", "not_this", "a/b", ".hidden", "x" * 65])
def test_a_name_that_no_folder_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="action name"):
        raised_arm(_rng(), action=name)


@pytest.mark.parametrize(
    "change",
    [
        {"start": -1}, {"end": 10_000}, {"start": 80, "end": 84}, {"person": "a\nb"}, {"created_utc": "yesterday"},
        {"created_utc": "2026-11-30T16:35:21+01:00"}, {"origin": "x" * 300},
    ],
)  # fmt: skip
def test_a_field_out_of_range_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        replace(raised_arm(_rng()), **change)  # type: ignore[arg-type]


def test_joints_that_are_not_numbers_are_refused() -> None:
    example = raised_arm(_rng())
    joints_m = example.joints_m.copy()
    joints_m[3, 4, 1] = np.nan
    with pytest.raises(ValueError, match="not a number"):
        replace(example, joints_m=joints_m)


@pytest.mark.parametrize("cut", [0, 4, 100, 5000])
def test_a_damaged_file_is_refused_in_one_line_that_names_it(tmp_path: Path, cut: int) -> None:
    path = save_example(tmp_path, raised_arm(_rng()))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=path.name) as refusal:
        read_examples(tmp_path, "raise")
    assert "\n" not in str(refusal.value)


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "raise").mkdir()
    save_file({"joints_m": np.zeros((9, 25, 3), np.float32)}, tmp_path / "raise" / "a.safetensors")
    with pytest.raises(DataError, match="description"):
        read_examples(tmp_path, "raise")


def test_an_example_in_the_folder_of_another_action_is_refused(tmp_path: Path) -> None:
    path = save_example(tmp_path, raised_arm(_rng()))
    (tmp_path / "other").mkdir()
    path.rename(tmp_path / "other" / path.name)
    with pytest.raises(DataError, match="'raise', expected 'other'"):
        read_examples(tmp_path, "other")
