"""Calls of `hitrs_live.run` that are refused, and the errors that they raise."""

import re
from pathlib import Path
from typing import Any

import pytest

import hitrs_live
from hitrs_live.errors import ConfigError, SourceUnavailable, ViewUnavailable


@pytest.mark.slow
def test_a_missing_source_that_is_required_is_refused() -> None:
    for source in ({"camera": "http://127.0.0.1:9/video"}, {"camera": 93}, {"joints": "tcp://127.0.0.1:9"}):
        with pytest.raises(SourceUnavailable):
            hitrs_live.run(**source, demo=True, require_sources=True)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"demo": True, "duration": 3}, "unknown argument 'duration'; the nearest is 'duration_s'"),
        ({"demoo": True}, "unknown argument 'demoo'; the nearest is 'demo'"),
        ({"demo": True, "xyzzy": 1}, "unknown argument 'xyzzy'; settings are named such as pose__max_people"),
        ({"camera": 1.5}, "camera is 1.5, expected a number, a device path or a URL"),
        ({"camera": [0, None]}, "camera is None, expected a number"),
        ({"demo": True, "config": {"pose": {}}}, "config is dict, expected a Config or the path of a TOML file"),
        ({"demo": True, "sink": 5}, "sink is 5, expected a function"),
        ({"demo": True, "capacity": 1.5}, "capacity is 1.5, expected a whole number"),
    ],
)
def test_unknown_arguments_and_values_of_the_wrong_kind_are_type_errors(call: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(message)):
        hitrs_live.run(**call)


@pytest.mark.slow
def test_mistakes_are_raised_by_the_call_of_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no source"):
        hitrs_live.run()
    with pytest.raises(SourceUnavailable, match="nowhere"):
        hitrs_live.run(video="nowhere.mp4")
    with pytest.raises(ConfigError, match="max_people"):
        hitrs_live.run(demo=True, pose__max_peple=1)
    with pytest.raises(ConfigError, match="poze"):
        hitrs_live.run(demo=True, poze__max_people=1)
    with pytest.raises(ConfigError, match=r"source_id .*: expected letters"):
        hitrs_live.run(demo=True, source_id__x=1)
    with pytest.raises(ConfigError, match="2 sources are named demo"):
        hitrs_live.run(demo=True, replay=[make_recording(tmp_path / "a.mcap")])
    with pytest.raises(ViewUnavailable):
        hitrs_live.run(demo=True, save_video=tmp_path / "x.exe")


def make_recording(path: Path) -> Path:
    with hitrs_live.run(demo=True, record=path, model__engine="torch") as run:
        next(run)
    assert path.stat().st_size > 0
    return path
