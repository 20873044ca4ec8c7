"""Every verb has the flags that it uses, and reports a wrong value in one line with the allowed values."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from test_doors import subparsers

from hitrs_live.cli import build_parser, main
from hitrs_live.commands import settings as verb_settings
from hitrs_live.commands.settings import ALL, OF_POSE, OF_REPLAY, settings
from hitrs_live.config import Config, override, setting_type

NO_NUMBERS = ("x", "", "nan", "inf", "-inf", "1e400", "1_0e", "0x10", "9" * 5000)


def parsers(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every verb, and every kind of those that have kinds."""
    children = subparsers(parser)
    if not children:
        yield name, parser
    for word, sub in children.items():
        yield from parsers(sub, f"{name} {word}".strip())


PARSERS = dict(parsers(build_parser()))


@dataclass(frozen=True)
class NumberFlag:
    verb: str
    flag: str
    read: Any


def number_flags() -> list[NumberFlag]:
    """List the flags whose value is a number."""
    flags = []
    for verb, parser in PARSERS.items():
        for action in parser._actions:
            read = action.type
            named = ("names", "_corners", "_listed", "_named_file", "_size", "action_name", "_intervals")
            if read in (None, str, Path) or getattr(read, "__name__", "") in named:
                continue
            flags.append(NumberFlag(verb=verb, flag=(action.option_strings or [action.dest])[0], read=read))
    return flags


@pytest.mark.parametrize("number", number_flags(), ids=lambda number: f"{number.verb} {number.flag}")
def test_a_flag_for_a_number_rejects_other_text_and_says_what_it_expects(number: NumberFlag) -> None:
    for value in NO_NUMBERS:
        with pytest.raises(argparse.ArgumentTypeError, match=r"^got .{1,70}, expected .*number"):
            number.read(value)


def test_number_flags_exist() -> None:
    assert {"live", "pose", "watch", "replay", "pretrain", "evaluate motion"} <= {flag.verb for flag in number_flags()}


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (("live", "--duration", "nan"), "hitrs-live live: argument --duration: got nan, expected seconds"),
        (("live", "--duration", "-1"), "--duration: got -1, expected seconds"),
        (("pose", "--wait-subscriber", "0"), "--wait-subscriber: got 0, expected seconds"),
        (("watch", "--idle", "soon"), "hitrs-live watch: argument --idle: got soon, expected seconds"),
        (("evaluate", "held-out", "--threads", "0"), "--threads: got 0, expected a whole number above 0"),
        (("finetune", "--data", "x", "--out", "y", "--dropout", "2"), "--dropout: got 2, expected a number, 0 to 1"),
        (("calibrate", "x", "--out", "y", "--square-mm", "25", "--corners", "9x-6"), "--corners: got '9x-6'"),
        (("live", "--duraton", "3"), "unrecognized arguments: --duraton 3 (the nearest is --duration)"),
        (("evaluate", "motion", "--cmu", "x", "--sample=3"), "invalid choice: 3 (choose from"),
        (("live", "--colour"), "hitrs-live live: unrecognized arguments: --colour; see hitrs-live live --help"),
        (("live", "--camera"), "--camera: expected one argument"),
        (("lve",), "invalid choice: 'lve'"),
    ],
)  # fmt: skip
def test_an_invalid_command_line_is_an_error_of_one_line(
    line: tuple[str, ...], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(line)
    assert end.value.code == 2
    (output,) = capsys.readouterr().err.splitlines()
    assert error in output


def offered(verb: str) -> set[str]:
    """Return the settings that a verb's help offers to set."""
    return {
        action.dest.removeprefix("setting:") for action in PARSERS[verb]._actions if action.dest.startswith("setting:")
    }


@pytest.mark.parametrize(("verb", "read"), [("live", ALL), ("config", ALL), ("pose", OF_POSE), ("replay", OF_REPLAY)])
def test_a_verb_offers_the_settings_that_it_reads_and_no_others(verb: str, read: tuple[str, ...]) -> None:
    every = {key for _, key, *_ in (*verb_settings._SETTINGS, *verb_settings._LISTS, *verb_settings._SWITCHES)}
    assert offered(verb) == {key for key in every if key.startswith(read)}


@pytest.mark.parametrize("flag", ["--max-people", "--pose-model", "--threads", "--bind"])
def test_the_help_of_a_setting_states_its_default(flag: str) -> None:
    verbs = dict(parsers(build_parser()))
    (action,) = (action for action in verbs["live"]._actions if flag in action.option_strings)
    section, name = action.dest.removeprefix("setting:").split(".")
    assert f"(default: {getattr(getattr(Config(), section), name)})" in str(action.help)


def test_the_prefixes_that_verbs_read_are_settings() -> None:
    for prefix in (*OF_POSE, *OF_REPLAY):
        assert setting_type(prefix.removesuffix(".")) is not None


def test_pose_shows_no_flag_of_the_model_but_still_accepts_the_old_ones(capsys: pytest.CaptureFixture[str]) -> None:
    shown = PARSERS["pose"].format_help()
    for flag in ("--checkpoint", "--engine", "--mirror", "--update", "--thresholds", "--publish-pose", "--now"):
        assert flag not in shown
    options = build_parser().parse_line(
        ["pose", "--camera", "0", "--engine", "torch", "--no-mirror", "--max-people", "3"]
    )
    config = settings(options)
    assert (config.pose.max_people, config.model.engine) == (3, "auto")
    assert capsys.readouterr().err.splitlines() == [
        "hitrs-live: pose --mirror: has no effect here; see --help",
        "hitrs-live: pose --engine: has no effect here; see --help",
    ]


def watched(seen: set[str], section: Any = None, prefix: str = "") -> Any:
    """Copy a config as one that records which of its settings are read."""
    section = Config() if section is None else section
    values = {}
    for name in section.__struct_fields__:
        value = getattr(section, name)
        values[name] = watched(seen, value, f"{name}.") if isinstance(value, msgspec.Struct) else value

    def read(self: Any, name: str) -> Any:
        if name in values and not isinstance(values[name], msgspec.Struct):
            seen.add(f"{prefix}{name}")
        return object.__getattribute__(self, name)

    kind = type(section)
    watching = type(kind)(
        kind.__name__, (kind,), {"__getattribute__": read, "__module__": kind.__module__}, frozen=True
    )
    return watching(**values)


@pytest.mark.slow
def test_replay_reads_every_setting_that_it_offers(tmp_path: Path) -> None:
    from hitrs_live.bench.run_replay import bench_replay
    from hitrs_live.sources.ntu_format import write_skeleton

    file = tmp_path / "S001C001P001R001A001.skeleton"
    write_skeleton(file, [()] * 20)
    seen: set[str] = set()
    bench_replay([file], watched(seen), rows=2)
    assert offered("replay") <= seen


@pytest.mark.slow
def test_pose_reads_every_setting_that_it_offers(tmp_path: Path) -> None:
    from hitrs_live.pipeline.app import run_pose

    video = str(tmp_path / "empty.avi")
    writer = cv2.VideoWriter(video, cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (64, 48))
    for _ in range(3):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    seen: set[str] = set()
    options = build_parser().parse_line(["pose", "--video", video, "--speed", "max"])
    assert run_pose(options, watched(seen, override(Config(), {"publish.bind": "tcp://127.0.0.1:0"}))) == 0
    # Only for cameras, which a test has none of.
    assert offered("pose") - {"require_sources"} <= seen


def test_pose_without_a_source_names_sources_of_pictures_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pose"]) == 2
    error = capsys.readouterr().err
    assert "give --camera 0 or --video FILE" in error
    assert "--demo" not in error
