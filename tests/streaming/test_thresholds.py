"""Thresholds belong to one checkpoint, are kept in a file that a person may edit, and are found where they lie."""

from pathlib import Path

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo, fingerprint, load_checkpoint, save_checkpoint
from hitrs_live.config import ActionConfig
from hitrs_live.errors import CheckpointMismatch, ConfigError
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.streaming.hitrs_stream import describe_stream
from hitrs_live.streaming.thresholds import (
    ClassThresholds,
    Thresholds,
    find_thresholds,
    load_thresholds,
    make_threshold_arrays,
    render_thresholds,
    save_thresholds,
)
from hitrs_live.transforms import NormaliserConfig

TINY = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=8, clip_hidden=8, video_width=8, video_hidden=8, layers=1, heads=2,
    head_width=4, max_clips=8,
)  # fmt: skip
DETECTOR = DetectorConfig(encoder=TINY, classes=3, window_clips=4, horizon=5)
INFO = CheckpointInfo(
    name="tiny", labels=("background", "jump", "squat"), detector=DETECTOR, normaliser=NormaliserConfig(),
    label_lag_frames=3, temperature=2.0, on={"jump": 0.7}, off={"jump": 0.5},
)  # fmt: skip
CHECKPOINT = Checkpoint(info=INFO, model=HitrsDetector(DETECTOR), fingerprint="a" * 64)
OWN = Thresholds(
    checkpoint="tiny", sha256="a" * 64, least_energy=4.25, provenance={"data": "an hour of \"nothing\"\n"},
    classes={
        "background": ClassThresholds(temperature=0.9),
        "squat": ClassThresholds(
            temperature=1.1, on=0.8, off=0.4, min_duration_s=0.5, max_duration_s=9.0, merge_gap_s=0.2,
            least_energy=6.5,
        ),
    },
)  # fmt: skip
OTHERS = msgspec.structs.replace(OWN, checkpoint="base", sha256="b" * 64, classes={"jig": ClassThresholds()})


def write(file: Path, thresholds: Thresholds) -> Path:
    save_thresholds(file, thresholds)
    return file


def test_what_was_written_is_read_back_as_it_was(tmp_path: Path) -> None:
    assert load_thresholds(write(tmp_path / "new" / "tiny.toml", OWN), CHECKPOINT) == OWN
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tiny.toml"]


@pytest.mark.slow
@given(
    st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=3),
    st.none() | st.floats(-100, 100),
    st.dictionaries(
        st.text(min_size=1, max_size=8),
        st.builds(
            ClassThresholds,
            temperature=st.none() | st.floats(1e-6, 100),
            on=st.just(0.75) | st.floats(0.5, 0.999),
            off=st.floats(1e-9, 0.5),
            max_duration_s=st.none() | st.floats(0, 0) | st.floats(1, 86400),
            merge_gap_s=st.none() | st.floats(0, 60),
        ),
        max_size=3,
    ),
)
@settings(max_examples=80)
def test_any_thresholds_survive_their_file(
    tmp_path_factory: pytest.TempPathFactory,
    provenance: dict[str, str],
    least: float | None,
    classes: dict[str, ClassThresholds],
) -> None:
    labels = ("background", *classes)
    checkpoint = Checkpoint(
        info=msgspec.structs.replace(INFO, labels=labels), model=CHECKPOINT.model, fingerprint="a" * 64
    )
    thresholds = Thresholds(
        checkpoint="tiny", sha256="a" * 64, least_energy=least, provenance=provenance, classes=classes
    )
    file = write(tmp_path_factory.mktemp("t") / "x.toml", thresholds)
    assert load_thresholds(file, checkpoint) == thresholds


def test_a_class_is_one_line_that_a_person_can_edit(tmp_path: Path) -> None:
    (line,) = [line for line in render_thresholds(OWN).splitlines() if line.startswith("squat")]
    file = tmp_path / "tiny.toml"
    file.write_text(render_thresholds(OWN).replace(line, "squat = { on = 0.9, off = 0.6 }"))
    assert load_thresholds(file, CHECKPOINT).classes["squat"] == ClassThresholds(on=0.9, off=0.6)


def test_thresholds_take_precedence_over_the_checkpoint_and_that_over_the_settings() -> None:
    config = ActionConfig(on=0.6, off=0.35, min_duration_s=0.3, max_duration_s=0.0, merge_gap_s=0.25)
    rules = make_threshold_arrays(describe_stream(INFO), config, OWN)
    np.testing.assert_allclose(rules.temperature, [0.9, 2.0, 1.1])
    np.testing.assert_allclose(rules.onset_threshold, [np.inf, 0.7, 0.8])
    np.testing.assert_allclose(rules.offset_threshold[1:], [0.5, 0.4])
    np.testing.assert_allclose(rules.min_duration_ns[1:] / 1e9, [0.3, 0.5])
    np.testing.assert_allclose(rules.max_duration_ns[1:] / 1e9, [np.inf, 9.0])
    np.testing.assert_allclose(rules.merge_gap_ns[1:] / 1e9, [0.25, 0.2])
    np.testing.assert_allclose(rules.energy_threshold[1:], [4.25, 6.5])
    untuned = make_threshold_arrays(describe_stream(INFO), config)
    np.testing.assert_allclose(untuned.onset_threshold, [np.inf, 0.7, 0.6])
    np.testing.assert_allclose(untuned.temperature, [2.0, 2.0, 2.0])
    assert np.isneginf(untuned.energy_threshold).all()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (("squat", "sqat"), r"class 'sqat' is not in checkpoint 'tiny'; the nearest is 'squat'"),
        (("on = 0.8", "on = 1.8"), r"classes\.squat\.on 1\.8: expected a number above 0 and below 1;"),
        (("on = 0.8", "on = nan"), r"classes\.squat\.on nan: expected a number above 0 and below 1;"),
        (
            ("temperature = 1.1", "temperature = 0"),
            r"classes\.squat\.temperature 0: expected a number above 0 and at most 100;",
        ),
        (("off = 0.4", "off = 0.9"), r"class 'squat': off 0\.9 is above on 0\.8"),
        (("off = 0.4, ", ""), r"class 'squat' has one of on and off"),
        (("max_duration_s = 9.0", "max_duration_s = 0.1"), r"min_duration_s 0\.5 is above max_duration_s 0\.1"),
        (
            ("merge_gap_s", "merge_gap"),
            r"unknown setting classes\.squat\.merge_gap; the nearest is classes\.squat\.merge_gap_s",
        ),
        (
            ("least_energy = 4.25", "least_energy = inf"),
            r"least_energy inf: expected a number, -1000000 to 1000000",
        ),
        (("least_energy", "least_enrgy"), r"unknown setting least_enrgy; the nearest is least_energy"),
        (("checkpoint = ", "# "), r"checkpoint is missing: expected text"),
        (("a" * 64, "a" * 63), r'sha256 "a+ \.\.\.: expected 64 hexadecimal digits'),
        (("[classes]", "[classes"), r"not TOML"),
        (("[classes]\n", "[classes]\nsquat = 3\n"), r"not TOML"),
        (("background = {", "jump = 3\nbackground = {"), r"classes\.jump 3: expected a table"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_file(tmp_path: Path, change: tuple[str, str], found: str) -> None:
    file = tmp_path / "tiny.toml"
    text = render_thresholds(OWN)
    assert change[0] in text
    file.write_text(text.replace(*change))
    with pytest.raises(ConfigError, match=found) as caught:
        load_thresholds(file, CHECKPOINT)
    assert f"thresholds {file}: " in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode) | st.just(b"a = " + b"[" * 5000))
@settings(max_examples=150)
def test_random_files_are_refused_in_one_line_and_nothing_worse(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.mktemp("t") / "x.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_thresholds(file, CHECKPOINT)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@given(st.data())
@settings(max_examples=150)
def test_a_damaged_file_is_thresholds_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = bytearray(render_thresholds(OWN).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.mktemp("t") / "x.toml"
    file.write_bytes(content)
    message = ""
    try:
        make_threshold_arrays(describe_stream(INFO), ActionConfig(), load_thresholds(file, CHECKPOINT))
    except ConfigError as error:
        message = str(error)
    assert "\n" not in message


def test_a_file_that_is_not_there_is_refused_when_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        find_thresholds(str(tmp_path / "none.toml"), CHECKPOINT, tmp_path / "tiny.safetensors")


def test_thresholds_of_another_checkpoint_are_refused_when_asked_for_with_both_hashes(tmp_path: Path) -> None:
    file = write(tmp_path / "base.toml", OTHERS)
    with pytest.raises(ConfigError, match=f"'base' of SHA-256 {'b' * 64}.*'tiny' of {'a' * 64}; give that checkpoint"):
        find_thresholds(str(file), CHECKPOINT, tmp_path / "tiny.safetensors")


def test_none_are_found_where_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = find_thresholds("", CHECKPOINT, tmp_path / "tiny.safetensors")
    assert (found.thresholds, found.notice) == (None, "")


def test_no_thresholds_are_read_where_the_setting_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "calibration" / "tiny.toml", OWN)
    found = find_thresholds("none", CHECKPOINT, tmp_path / "tiny.safetensors")
    assert (found.thresholds, found.notice) == (None, "")


def test_the_working_directorys_are_found_before_those_beside_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    weights = tmp_path / "weights" / "best.safetensors"
    beside = msgspec.structs.replace(OWN, least_energy=None)
    write(weights.with_name("best.thresholds.toml"), beside)
    assert find_thresholds("", CHECKPOINT, weights).thresholds == beside
    write(tmp_path / "calibration" / "tiny.toml", OWN)
    assert find_thresholds("", CHECKPOINT, weights).thresholds == OWN


def test_thresholds_of_another_checkpoint_are_skipped_with_a_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "calibration" / "tiny.toml", OTHERS)
    found = find_thresholds("", CHECKPOINT, tmp_path / "best.safetensors")
    assert found.thresholds is None
    assert found.notice.endswith("not used")
    assert "a" * 64 in found.notice
    assert "b" * 64 in found.notice
    write(tmp_path / "best.thresholds.toml", OWN)
    found = find_thresholds("", CHECKPOINT, tmp_path / "best.safetensors")
    assert found.thresholds == OWN
    assert "calibration/tiny.toml" in found.notice


def test_a_found_file_that_is_broken_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calibration").mkdir()
    (tmp_path / "calibration" / "tiny.toml").write_text("on = [")
    with pytest.raises(ConfigError, match=r"calibration/tiny\.toml: not TOML"):
        find_thresholds("", CHECKPOINT, tmp_path / "tiny.safetensors")


def test_a_checkpoints_name_cannot_lead_out_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "secret.toml", OWN)
    sly = Checkpoint(info=msgspec.structs.replace(INFO, name="../secret"), model=CHECKPOINT.model, fingerprint="a" * 64)
    assert find_thresholds("", sly, tmp_path / "x.safetensors").thresholds is None


def test_thresholds_that_cannot_be_written_raise_an_error_and_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        save_thresholds(tmp_path / "file" / "x.toml", OWN)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_checkpoint_knows_the_hash_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "tiny.safetensors"
    save_checkpoint(file, CHECKPOINT)
    loaded = load_checkpoint(file)
    assert loaded.fingerprint == fingerprint(file)
    assert len(loaded.fingerprint) == 64
    with pytest.raises(CheckpointMismatch, match="cannot be read"):
        fingerprint(tmp_path / "none.safetensors")


def test_experimental_classes_are_reported_only_where_they_are_asked_for(tmp_path: Path) -> None:
    experimental = msgspec.structs.replace(OWN, experimental=("squat",))
    file = tmp_path / "tiny.toml"
    file.write_text(render_thresholds(experimental))
    found = load_thresholds(file, CHECKPOINT)

    def reported(classes: str) -> list[bool]:
        rules = make_threshold_arrays(describe_stream(INFO), ActionConfig(classes=classes), found)
        assert np.isfinite(rules.onset_threshold[1:]).tolist() == rules.reported[1:].tolist()
        return rules.reported[1:].tolist()

    assert INFO.labels[1:] == ("jump", "squat")
    assert reported("") == [True, False]
    assert reported("all") == [True, True]
    assert reported("squat, ") == [False, True]
    with pytest.raises(ConfigError, match=r"action\.classes 'jmp': the model has no such class; the nearest is 'jump'"):
        reported("jmp")
