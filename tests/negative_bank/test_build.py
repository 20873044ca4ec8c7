"""A build is planned, resumed, and the same in every run."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from hitrs_live.cli import main
from hitrs_live.data.array_format import IGNORE
from hitrs_live.data.labelled_motion import LabelledMotion
from hitrs_live.data.shipped_classes import LABELS
from hitrs_live.errors import ConfigError
from hitrs_live.negative_bank.bank import Bank
from hitrs_live.negative_bank.bank_format import BUILT, part_name
from hitrs_live.negative_bank.build import BuildSettings, EncodeSettings, begin_build, build_part, encode_part
from hitrs_live.negative_bank.live_view import augmented_view, kept_spans
from hitrs_live.negative_bank.parts import DrawSettings, make_parts, plan_parts
from hitrs_live.negative_bank.shipping_sets import read_training_people
from hitrs_live.negative_bank.sources import SOURCES, choose_sources, motion_rng
from hitrs_live.negative_bank.stream_files import begin_streams, write_stream_file

SMALL: Mapping[str, float] = {"cmu_signals": 0.6, "labanotation_gestures": 0.4}


@pytest.fixture
def settings(data: Path) -> BuildSettings:
    return BuildSettings(
        hours=0.01, seed=3, shares=SMALL, data=data, checkpoint=None, live_view="augmented", step_frames=7, views=1
    )


def build(folder: Path, settings: BuildSettings, workers: int = 1) -> list[str]:
    """Build what is missing; return the names of the parts that were made."""
    parts = begin_build(folder, settings)
    made = make_parts(partial(build_part, folder, settings), parts, folder=folder, workers=workers)
    return sorted(part_name(BUILT, one.planned.number) for one in made)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.[fn]*") if path.is_file()}


def test_the_parts_of_a_plan_have_all_hours_and_no_motion_twice() -> None:
    parts = plan_parts(10.0, {"a": 0.73, "b": 0.27})
    assert sum(part.hours for part in parts) == pytest.approx(10.0)
    assert max(part.hours for part in parts) <= 0.5
    of_a = [part for part in parts if part.source == "a"]
    assert [part.offset for part in of_a] == list(range(len(of_a)))
    assert {part.stride for part in of_a} == {len(of_a)}
    assert len({part.number for part in parts}) == len(parts)


def test_the_shares_of_all_sources_sum_to_one() -> None:
    assert sum(choose_sources(()).values()) == pytest.approx(1.0)
    assert list(choose_sources(("gestures", "composed"))) == ["gestures", "composed"]


def test_an_unknown_source_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["bank", "build", "--out", str(tmp_path / "bank"), "--sources", "gestures,nothing"]) == 2
    assert "--sources nothing: unknown, expected any of precog16," in capsys.readouterr().err
    assert not (tmp_path / "bank").exists()


@pytest.mark.slow
def test_an_interrupted_build_goes_on_and_ends_like_any_other(settings: BuildSettings, tmp_path: Path) -> None:
    names = build(tmp_path / "whole", settings)
    assert names == ["part-00001", "part-00002"]
    expected = content(tmp_path / "whole")

    assert build(tmp_path / "bank", settings) == names
    tokens = tmp_path / "bank" / names[0] / "tokens.f16"
    tokens.write_bytes(tokens.read_bytes()[:100])
    (tmp_path / "bank" / names[1]).rename(tmp_path / "bank" / f"{names[1]}.unfinished")
    assert build(tmp_path / "bank", settings) == names
    assert build(tmp_path / "bank", settings) == []
    assert content(tmp_path / "bank") == expected


@pytest.mark.slow
def test_workers_make_the_same_bank(settings: BuildSettings, tmp_path: Path) -> None:
    build(tmp_path / "one", settings)
    build(tmp_path / "two", settings, workers=2)
    assert content(tmp_path / "one") == content(tmp_path / "two")


@pytest.mark.slow
def test_another_recipe_is_not_built_into_the_same_bank(settings: BuildSettings, tmp_path: Path) -> None:
    begin_build(tmp_path, settings)
    for other, text in (
        (replace(settings, seed=4), "seed 3, expected 4"),
        (replace(settings, step_frames=1), "step 7 frames, expected 1 frames"),
        (replace(settings, views=2), "views 1, expected 2"),
    ):
        with pytest.raises(ConfigError, match=text):
            begin_build(tmp_path, other)


@pytest.mark.slow
def test_a_folder_with_something_else_is_left_as_it_is(settings: BuildSettings, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not empty and no bank"):
        begin_build(tmp_path, settings)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.slow
def test_the_bank_has_at_least_the_hours_that_were_asked_for(settings: BuildSettings, tmp_path: Path) -> None:
    build(tmp_path, settings)
    bank = Bank.open(tmp_path)
    assert bank.hours >= settings.hours
    assert list(bank.sources()) == list(SMALL)
    assert all(one.by_label.keys() == {"background"} for one in bank.sources().values())
    assert all(one.licence != "not stated" for one in bank.sources().values())


@pytest.mark.parametrize(
    ("name", "absent"),
    [("precog16", "p9"), ("cmu_mocap6", "14"), ("cmu_amc_more", "cmu135"), ("cmu_bvh_more", "cmu60")],
)
def test_people_who_are_tested_on_are_left_out(data: Path, name: str, absent: str) -> None:
    motions, _ = read_training_people(data, name)
    assert motions
    assert absent not in {motion.subject for motion in motions}


def test_a_label_that_may_hide_a_class_is_unknown_and_no_background(data: Path) -> None:
    motions, _ = read_training_people(data, "cmu_amc_more")
    labels = {motion.name: set(motion.labels.tolist()) for motion in motions}
    assert labels["16_15"] == {LABELS.index("walk")}
    assert {IGNORE} in labels.values()
    (unlabelled, *_), _ = read_training_people(data, "cmu_amc_01_03")
    assert set(unlabelled.labels.tolist()) == {IGNORE}


def test_a_person_who_is_lost_for_long_begins_a_new_history() -> None:
    lost = np.zeros(60, bool)
    lost[:2], lost[10:15], lost[30:42], lost[58:] = True, True, True, True
    assert kept_spans(lost, 9) == [slice(2, 30), slice(42, 58)]
    assert kept_spans(lost, 12) == [slice(2, 58)]
    assert kept_spans(np.ones(5, bool), 9) == []


def test_streams_that_were_written_are_encoded_as_if_they_were_drawn(
    settings: BuildSettings, data: Path, tmp_path: Path
) -> None:
    build(tmp_path / "drawn", settings)
    drawing = DrawSettings(hours=0.01, seed=3, shares=SMALL, data=data, live_view="augmented")
    for planned in begin_streams(tmp_path / "streams", drawing):
        write_stream_file(tmp_path / "streams", drawing, planned)
    encoding = EncodeSettings(streams=[tmp_path / "streams"], checkpoint=None, step_frames=7, views=1)
    for planned in begin_build(tmp_path / "encoded", encoding):
        encode_part(tmp_path / "encoded", encoding, planned)
    assert begin_build(tmp_path / "encoded", encoding) == []
    drawn, encoded = Bank.open(tmp_path / "drawn"), Bank.open(tmp_path / "encoded")
    np.testing.assert_array_equal(encoded.labels, drawn.labels)
    assert encoded.sources().keys() == drawn.sources().keys()
    rows = np.arange(len(drawn))
    # Joints of streams are kept in half precision.
    np.testing.assert_allclose(encoded.tokens(rows, 0), drawn.tokens(rows, 0), atol=0.1)


def test_a_folder_without_streams_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["bank", "build", "--streams", str(tmp_path / "empty"), "--out", str(tmp_path / "bank")]) == 2
    assert "no streams; write some with" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_source_draws_motion_that_depends_on_its_number_alone(data: Path, name: str) -> None:
    if name == "falls":
        pytest.importorskip("mujoco", reason="falls are simulated with the extra `physics`, which is not installed")
    opened = SOURCES[name].open(data, 0)
    one, again = (opened.draw(2, motion_rng(0, name, 2)) for _ in range(2))
    assert isinstance(one, LabelledMotion)
    assert len(one) > 30
    assert one.labels.max() < len(opened.classes)
    np.testing.assert_array_equal(one.joints_m, again.joints_m)
    live = augmented_view(one.joints_m, np.random.default_rng(0))
    assert live.joints_m.shape == one.joints_m.shape
    assert np.isfinite(live.joints_m).all()
