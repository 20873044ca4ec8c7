"""Settings: defaults, overridden by a file, overridden by flags; every mistake is one clear line."""

import re
from pathlib import Path

import pytest

from hitrs_live.cli import main
from hitrs_live.config import Config, build_config, load_config, override, render_config
from hitrs_live.errors import ConfigError


def test_printed_settings_can_be_read_back_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "live.toml"
    config = override(Config(), {"pose.max_people": 3, "publish.bind": "tcp://127.0.0.1:7000", "camera.fps": 24.5})
    file.write_text(render_config(config))
    assert load_config(file) == config


def test_every_setting_is_printed_with_a_comment() -> None:
    lines = [line for line in render_config(Config()).splitlines() if line and not line.startswith("[")]
    assert all("  # " in line and line.split("  # ")[1] for line in lines)


def test_an_unknown_key_names_the_nearest_right_one() -> None:
    with pytest.raises(
        ConfigError, match=r"unknown setting pose\.max_poeple in live\.toml; the nearest is pose\.max_people"
    ):
        build_config({"pose": {"max_poeple": 2}}, origin="live.toml")


@pytest.mark.parametrize(
    ("tree", "error"),
    [
        (
            {"pose": {"colour": 2}},
            r"unknown setting pose\.colour in live\.toml; pose has backend, model, max_people, .*memory_limit_mb",
        ),
        ({"colours": {}}, r"unknown setting colours in live\.toml; the file has source_id, .*camera, pose, .*publish"),
        ({"poses": {}}, r"unknown setting poses in live\.toml; the nearest is pose;"),
    ],
)
def test_an_unknown_key_without_a_near_one_lists_the_known_ones(tree: dict[str, object], error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        build_config(tree, origin="live.toml")


@pytest.mark.parametrize(
    ("flags", "error"),
    [
        (("--max-people", "40"), "--max-people 40: expected 1 to 16"),
        (("--max-people", "-1"), "--max-people -1: expected 1 to 16"),
        (("--max-people", "two"), "--max-people two: expected a whole number, 1 to 16"),
        (("--max-people", "nan"), "--max-people nan: expected a whole number, 1 to 16"),
        (("--max-people", "2.5"), "--max-people 2.5: expected a whole number, 1 to 16"),
        (("--threads", "0"), "--threads 0: expected 1 to 1024"),
        (("--engine", "cuda"), "--engine cuda: expected auto, tensorrt, cuda-graph, onnx or torch"),
        (("--precision", ""), '--precision "": expected fp32, fp16, bf16 or int8'),
        (("--source-id", "a\nb"), '--source-id "a\\nb": expected letters, digits, _ and -, names separated by commas'),
    ],
)
def test_a_wrong_flag_is_an_error_of_one_line_with_its_name_and_the_allowed_values(
    flags: tuple[str, ...], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", *flags]) == 2
    assert capsys.readouterr().err == f"hitrs-live: {error}\n"


def test_the_error_names_the_flag_or_the_file_whichever_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "live.toml").write_text("pose = { max_people = 40 }")
    assert main(["config", "--config", str(tmp_path / "live.toml"), "--max-people", "3"]) == 2
    assert capsys.readouterr().err.startswith(
        f"hitrs-live: pose.max_people 40 in {tmp_path / 'live.toml'}: expected 1 "
    )


def test_an_error_for_a_value_out_of_range_names_its_key() -> None:
    with pytest.raises(ConfigError, match=r"^pose\.max_people 0: expected 1 to 16;"):
        override(Config(), {"pose.max_people": 0})


def test_by_default_the_model_predicts_every_frame_with_the_mirror_image(capsys: pytest.CaptureFixture[str]) -> None:
    assert Config().model.update == "frame"
    assert Config().model.mirror
    assert main(["config", "--update", "clip", "--no-mirror"]) == 0
    output = capsys.readouterr().out
    assert 'update = "clip"' in output
    assert "mirror = false" in output


def test_a_flag_for_thresholds_overrides_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "live.toml").write_text('action = { thresholds = "hall.toml" }')
    assert main(["config", "--config", str(tmp_path / "live.toml"), "--thresholds", "kitchen.toml"]) == 0
    assert 'thresholds = "kitchen.toml"' in capsys.readouterr().out


def test_now_is_a_flag_and_a_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--now"]) == 0
    assert re.search(r"^now = true +# ", capsys.readouterr().out, re.MULTILINE)
    assert not Config().publish.now


def test_an_unknown_update_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--update", "often"]) == 2
    output = capsys.readouterr().err
    assert output == "hitrs-live: --update often: expected clip or frame\n"


def test_an_offset_threshold_above_the_onset_threshold_is_rejected() -> None:
    with pytest.raises(ConfigError, match=r"action\.off 0\.9 is above action\.on 0\.6"):
        override(Config(), {"action.off": 0.9})


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("not toml [", "not TOML"),
        ("a = " + 5000 * "[", "not TOML"),
        (f"source_id = {'9' * 5000}", "not TOML"),
        ("source_id = 'a'\nsource_id = 'b'", "not TOML"),
        ("pose = 3", r"pose 3 in .*live\.toml: expected a table;"),
        ("[[pose]]\nmax_people = 3", r"pose \[.*\] in .*live\.toml: expected a table;"),
        ("camera = { fps = 'fast' }", r'camera\.fps "fast" in .*live\.toml: expected a number above 0;'),
        ("camera = { fps = nan }", r"camera\.fps nan in .*: expected a number above 0;"),
        ("camera = { fps = inf }", r"camera\.fps inf in .*: expected a number above 0;"),
        ("camera = { fps = true }", r"camera\.fps true in .*: expected a number above 0;"),
        ("camera = { fps = 2020-01-01 }", r"camera\.fps 2020-01-01 in .*: expected a number above 0;"),
        (
            "camera = { field_of_view_deg = 180 }",
            r"field_of_view_deg 180 in .*: expected a number above 1 and below 179;",
        ),
        ("action = { sure = 2 }", r"action\.sure 2 in .*: expected a number above 0 and at most 1;"),
        ("action = { min_duration_s = -1 }", r"action\.min_duration_s -1 in .*: expected a number, 0 or more;"),
        ("pose = { max_people = 40 }", r"pose\.max_people 40 in .*live\.toml: expected 1 to 16;"),
        ("pose = { max_people = 2.5 }", r"pose\.max_people 2\.5 in .*: expected a whole number, 1 to 16;"),
        ("pose = { max_people = true }", r"pose\.max_people true in .*: expected a whole number, 1 to 16;"),
        ("pose = { max_people = [1] }", r"pose\.max_people \[1\] in .*: expected a whole number, 1 to 16;"),
        ("pose = { min_confidence = 2 }", r"pose\.min_confidence 2 in .*: expected 0 to 1;"),
        ("model = { mirror = 'yes' }", r'model\.mirror "yes" in .*: expected true or false;'),
        ("model = { engine = 'cuda' }", r'engine "cuda" in .*: expected auto, tensorrt, cuda-graph, onnx or torch;'),
        ("model = { checkpoint = 3 }", r"model\.checkpoint 3 in .*: expected text"),
        ("source_id = 'a b'", r'source_id "a b" in .*: expected letters, digits, _ and -, names separated by commas;'),
        (
            "publish = { high_water_mark = 99999999999 }",
            r"high_water_mark 99999999999 in .*: expected 1 to 1000000000;",
        ),
        ('pose = { "max\\npeople" = 1 }', r'unknown setting pose\."max\\npeople" in'),
        (f"source_id = '{'a b' * 1000}'", r"source_id \"a ba b.{0,80} \.\.\. in .*: expected letters"),
    ],
)
def test_a_broken_file_is_one_clear_line(tmp_path: Path, content: str, error: str) -> None:
    file = tmp_path / "live.toml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=error) as caught:
        load_config(file)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.toml")


@pytest.mark.parametrize("name", ["lite", "full", "heavy", "not/here/yet.task"])
def test_the_pose_model_is_a_name_or_a_task_file(name: str) -> None:
    assert override(Config(), {"pose.model": name}).pose.model == name


def test_any_existing_file_may_be_the_pose_model(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"")
    assert override(Config(), {"pose.model": str(tmp_path / "model")}).pose.model == str(tmp_path / "model")


@pytest.mark.parametrize("name", ["huge", "Full", "fulll"])
def test_an_unknown_pose_model_is_rejected_with_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"pose\.model \"?{name}\"?: expected lite, full, heavy or the path"):
        override(Config(), {"pose.model": name})
    with pytest.raises(ConfigError, match=rf"--pose-model \"?{name}\"?: expected lite, full, heavy or the path"):
        override(Config(), {"pose.model": name}, flags={"pose.model": "--pose-model"})
