"""Settings: defaults, a file over them, flags over both, and a clear line for every mistake."""

import re
from pathlib import Path

import pytest

from hitrs_live.cli import main
from hitrs_live.config import Config, build_config, load_config, override, render_config
from hitrs_live.errors import ConfigError


def test_what_is_printed_can_be_read_back_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "live.toml"
    config = override(Config(), {"pose.max_people": 3, "publish.bind": "tcp://127.0.0.1:7000", "camera.fps": 24.5})
    file.write_text(render_config(config))
    assert load_config(file) == config


def test_every_setting_is_printed_with_a_comment() -> None:
    lines = [line for line in render_config(Config()).splitlines() if line and not line.startswith("[")]
    assert all("  # " in line and line.split("  # ")[1] for line in lines)


def test_an_unknown_key_names_the_nearest_right_one() -> None:
    with pytest.raises(ConfigError, match=r"unknown setting pose\.max_poeple; the nearest is pose\.max_people"):
        build_config({"pose": {"max_poeple": 2}}, origin="live.toml")


def test_a_value_out_of_range_names_its_place() -> None:
    with pytest.raises(ConfigError, match=r"flags: .*>= 1.*pose\.max_people"):
        override(Config(), {"pose.max_people": 0})


def test_answers_come_with_every_frame_of_both_sides_unless_asked_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    assert Config().model.update == "frame"
    assert Config().model.mirror
    assert main(["config", "--update", "clip", "--no-mirror"]) == 0
    told = capsys.readouterr().out
    assert 'update = "clip"' in told
    assert "mirror = false" in told


def test_thresholds_are_named_by_a_flag_over_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "live.toml").write_text('action = { thresholds = "hall.toml" }')
    assert main(["config", "--config", str(tmp_path / "live.toml"), "--thresholds", "kitchen.toml"]) == 0
    assert 'thresholds = "kitchen.toml"' in capsys.readouterr().out


def test_the_pose_by_now_is_a_flag_and_a_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--now"]) == 0
    assert "\nnow = true  # " in capsys.readouterr().out
    assert not Config().publish.now


def test_an_update_that_there_is_not_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--update", "often"]) == 2
    told = capsys.readouterr().err
    assert re.fullmatch(r"hitrs-live: flags: .*'often'.*model\.update.*prints every setting\n", told)


def test_an_end_above_the_start_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"action\.off 0\.9 is above action\.on 0\.6"):
        override(Config(), {"action.off": 0.9})


@pytest.mark.parametrize(
    ("content", "found"),
    [("not toml [", "not TOML"), ("pose = 3", "wanted a table"), ("camera = { fps = 'fast' }", "camera.fps")],
)
def test_a_broken_file_is_one_clear_line(tmp_path: Path, content: str, found: str) -> None:
    file = tmp_path / "live.toml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=found) as caught:
        load_config(file)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.toml")


@pytest.mark.parametrize("name", ["lite", "full", "heavy", "not/here/yet.task"])
def test_the_pose_model_is_a_name_or_a_task_file(name: str) -> None:
    assert override(Config(), {"pose.model": name}).pose.model == name


def test_any_file_that_is_there_may_be_the_pose_model(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"")
    assert override(Config(), {"pose.model": str(tmp_path / "model")}).pose.model == str(tmp_path / "model")


@pytest.mark.parametrize("name", ["huge", "Full", "fulll"])
def test_another_pose_model_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"pose\.model is '{name}', wanted lite, full, heavy or the path"):
        override(Config(), {"pose.model": name})
