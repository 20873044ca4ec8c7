"""Mistakes of the user of `hitrs-live live`: one line on standard error, and exit code 2."""

import re
import subprocess

import pytest
from live_runs import Run, free_address, run_only, start
from patience import PATIENCE_S

pytestmark = pytest.mark.slow


def one_line(run: Run) -> str:
    """Return the error message of a run that was refused; fail where it is more than one line."""
    assert run.code == 2, run.err
    lines = run.err.strip().splitlines()
    assert len(lines) == 1, run.err
    assert "Traceback" not in run.err
    return lines[0]


def until_up(live: "subprocess.Popen[str]") -> None:
    """Read what a run prints until its source is up."""
    assert live.stdout is not None
    while " up " not in live.stdout.readline():
        assert live.poll() is None


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--camera", "63", "--require-sources"), r"63.*--demo"),
        (("--camera", "http://127.0.0.1:9/video", "--require-sources"), r"127\.0\.0\.1:9.*--demo"),
        (("--camera", "rtsp://a:b#c@127.0.0.1:9/video"), r"%23"),
        (("--video", "nowhere.mp4"), r"nowhere\.mp4"),
        (("--video", "README.md"), r"README\.md"),
        (("--replay", "nowhere"), r"nowhere.*--demo"),
        (("--demo", "--config", "nowhere.toml"), r"nowhere\.toml"),
        (("--demo", "--checkpoint", "README.md"), r"README\.md.*cannot be read"),
        (("--demo", "--thresholds", "README.md"), r"thresholds README\.md: not TOML"),
        (("--demo", "--max-people", "99"), r"--max-people 99: expected 1 to 16"),
        (("--demo", "--bind", "tcp://nonsense"), r"nonsense"),
        (("--demo", "--save-video", "x.exe"), r"x\.exe"),
        (("--demo", "--record", "no/such/folder/x.mcap"), r"no/such/folder"),
        ((), r"no source; give --camera 0.*--demo"),
        (("--demo", "--demo"), r"2 sources are named demo.*--source-id"),
        (("--demo", "--source-id", "a,b"), r"2 names, expected 1"),
        (("--demo", "--camera", "63", "--require-sources"), r"63.*--demo"),
    ],
)
def test_a_mistake_of_the_user_is_one_line_and_exit_code_two(flags: tuple[str, ...], message: str) -> None:
    bind = () if "--bind" in flags else ("--bind", free_address())
    assert re.search(message, one_line(run_only(*flags, *bind, "--plain", "--duration", "5")))


def test_a_second_pipeline_on_the_same_port_is_refused_with_the_way_out() -> None:
    address = free_address()
    first = start("--demo", "--bind", address)
    until_up(first)
    try:
        line = one_line(run_only("--demo", "--plain", "--bind", address, "--duration", "5"))
    finally:
        first.terminate()
        first.communicate(timeout=PATIENCE_S)
    assert address in line
    assert "--bind" in line
