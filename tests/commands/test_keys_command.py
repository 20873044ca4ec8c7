"""`hitrs-live keys` makes and shows keys, and `watch` says in one line that a publisher refuses its key."""

import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE_S

from hitrs_live.cli import main
from hitrs_live.config import PublishConfig
from hitrs_live.transport.publisher import Publisher
from hitrs_live.wire.key_files import load_key_pair


def test_a_new_pair_can_be_shown_but_never_its_secret_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "new", "hall", "--out", str(tmp_path)]) == 0
    pair = load_key_pair(tmp_path / "hall.key_secret")
    for path in (tmp_path, tmp_path / "hall.key", tmp_path / "hall.key_secret"):
        assert main(["keys", "show", str(path)]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-3:] == [f"{pair.public.decode()}  hall"] * 3
    assert pair.secret.decode() not in printed.out + printed.err
    assert main(["keys", "new", "hall", "--out", str(tmp_path)]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("live", "--demo", "--bind", "tcp://0.0.0.0:0"), "cannot bind tcp://0.0.0.0:0 without keys"),
        (("live", "--demo", "--secret-key", "none"), "publish.secret_key needs publish.allowed_clients"),
        (("live", "--joints", "tcp://127.0.0.1:9", "--joints-server-key", "none"), "without a secret key"),
        (("watch", "--secret-key", "none", "--server-key", "none"), "secret key none: cannot be read"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    flags: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(list(flags)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


@pytest.mark.slow
def test_a_watch_that_is_refused_says_so_in_one_line_and_goes_on(tmp_path: Path) -> None:
    for name in ("publisher", "client"):
        assert main(["keys", "new", name, "--out", str(tmp_path)]) == 0
    (tmp_path / "allowed").mkdir()
    config = PublishConfig(
        bind="tcp://127.0.0.1:0", secret_key=str(tmp_path / "publisher.key_secret"),
        allowed_clients=str(tmp_path / "allowed"),
    )  # fmt: skip
    command = [
        "watch",
        "--secret-key",
        str(tmp_path / "client.key_secret"),
        "--server-key",
        str(tmp_path / "publisher.key"),
    ]
    with Publisher(config, "s") as publisher:
        watcher = subprocess.Popen(
            [sys.executable, "-m", "hitrs_live.cli", *command, publisher.address], stderr=subprocess.PIPE, text=True
        )
        try:
            assert watcher.stderr is not None
            assert "refused the connection: it does not allow this key" in watcher.stderr.readline()
            assert watcher.poll() is None
        finally:
            watcher.terminate()
            rest = watcher.communicate(timeout=PATIENCE_S)[1]
    assert rest == ""
