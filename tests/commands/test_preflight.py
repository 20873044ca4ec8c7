"""Mistakes that are quick to find are reported before anything slow is loaded."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import PATIENCE_S

HEAVY = ("torch", "mediapipe", "onnxruntime", "onnx")
PROGRAM = """
import contextlib, io, json, sys
from hitrs_live.cli import main
results = []
for flags in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as err, contextlib.redirect_stdout(io.StringIO()):
        code = main(["live", "--plain", "--duration", "1", "--bind", "tcp://127.0.0.1:0", *flags])
    results.append([code, err.getvalue()])
print(json.dumps([results, [name for name in json.loads(sys.argv[2]) if name in sys.modules]]))
"""


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.slow
def test_mistakes_are_reported_in_one_line_each_before_a_model_is_loaded_and_leave_no_file(
    taken: str, tmp_path: Path
) -> None:
    text, there, record = tmp_path / "text.toml", tmp_path / "there.mcap", tmp_path / "new.mcap"
    text.write_text("no setting, no weights\n", encoding="utf-8")
    there.touch()
    film = tmp_path / "film.mp4"
    film.write_bytes(bytes(range(256)) * 20)
    link, folder = tmp_path / "link.mp4", tmp_path / "folder"
    link.hardlink_to(film)
    folder.mkdir()
    skeleton = folder / "S001.skeleton"
    skeleton.write_text("1\n", encoding="utf-8")
    before = film.read_bytes()
    mistakes: list[tuple[list[str], str]] = [
        (["--video", "nowhere.mp4"], "no such file"),
        (["--video", str(text)], "holds text"),
        (["--video", str(film)], "no video that FFmpeg can read"),
        (["--video", "rtsp://admin:S3cret@host/live"], "video rtsp://host/live: is an address"),
        (["--replay", "http://host/user=a&pwd=S3cret"], "replay http://host: is an address"),
        (["--replay", "nowhere"], "no such file or folder"),
        (["--replay", str(text)], "text.toml"),
        (["--replay", str(there)], "there.mcap"),
        (["--camera", "ftp://host/x"], "is no camera"),
        (["--camera", "rtsp://admin:S3cret#1@host/live"], "%23"),
        (["--camera", "http://127.0.0.1:9/video", "--require-sources"], "connection refused"),
        (["--joints", "nonsense"], "is malformed"),
        (["--joints", "tcp://admin:S3cret@host:5556"], "tcp://host:5556' is malformed"),
        (["--joints", "tcp://127.0.0.1:9", "--require-sources"], "no publisher at tcp://127.0.0.1:9"),
        (["--demo", "--bind", "tcp://nonsense"], "is malformed"),
        (["--demo", "--bind", taken], "it is taken"),
        (["--demo", "--checkpoint", str(text)], "cannot be read"),
        (["--demo", "--checkpoint", "nowhere.safetensors"], "cannot be read"),
        (["--demo", "--thresholds", str(text)], "not TOML"),
        (["--demo", "--thresholds", "nowhere.toml"], "cannot be read"),
        (["--demo", "--precision", "int8", "--quantisation", "nowhere.json"], "cannot be read"),
        (["--camera", "0", "--calibration", "nowhere.toml"], "calibration nowhere.toml"),
        (["--demo", "--record", str(there)], "exists already"),
        (["--demo", "--record", str(tmp_path / "no" / "x.mcap")], "there is no folder"),
        (["--demo", "--record", str(tmp_path), "--overwrite"], "is a folder"),
        (["--demo", "--save-video", "x.exe"], "x.exe"),
        (["--demo", "--save-video", str(tmp_path / "no" / "x.webm")], "there is no folder"),
        (["--video", str(film), "--save-video", str(film)], "it is a file that is read"),
        (["--video", str(film), "--save-video", str(tmp_path / "folder" / ".." / "film.mp4")], "a file that is read"),
        (["--video", str(film), "--save-video", str(link)], "it is a file that is read"),
        (["--video", str(film), "--record", str(film), "--overwrite"], "it is a file that is read"),
        (["--replay", str(there), "--record", str(there), "--overwrite"], "there.mcap"),
        (["--replay", str(folder), "--record", str(skeleton), "--overwrite"], "it is a file that is read"),
        (
            ["--demo", "--record", str(tmp_path / "one.webm"), "--save-video", str(tmp_path / "one.webm")],
            "recording and video cannot be one file",
        ),
        (
            ["--demo", "--video", str(tmp_path / "film-demo.mp4"), "--save-video", str(film)],
            "it is a file that is read",
        ),
        (["--demo", "--max-people", "99"], "--max-people 99"),
        (["--demo", "--record", str(record), "--checkpoint", str(text)], "cannot be read"),
        (["--video", "nowhere.mp4", "--record", str(record)], "no such file"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([flags for flags, _ in mistakes]), json.dumps(HEAVY)],
        capture_output=True, text=True, timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    results, loaded = json.loads(done.stdout)
    for (flags, expected), (code, err) in zip(mistakes, results, strict=True):
        assert code == 2, flags
        assert err.count("\n") == 1, err
        assert expected in err, err
        assert "S3cret" not in err
        assert "admin" not in err
    assert loaded == []
    assert film.read_bytes() == before
    assert not record.exists(), "a refused run must not stand in the way of the next one"
