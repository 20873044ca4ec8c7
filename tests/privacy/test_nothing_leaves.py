"""No program contacts another machine, or leaves a file in the user's home outside its own cache.

Each program runs with a small library loaded before its own, which records and refuses every connection, datagram and
name lookup beyond this machine (network_watch.c). A call made without the C library would pass it unseen:
docs/PRIVACY.md describes how the same runs were observed from outside.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut
from watched import LIMIT_S, SHIM, Watched

from hitrs_live.pose.mediapipe.models import ensure_pose_model
from hitrs_live.sources.ntu_format import NtuBody, write_skeleton

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * LIMIT_S)]
LIVE = ("-m", "hitrs_live.cli", "live", "--bind", "tcp://127.0.0.1:0")
EVENT_HOST = "mobile.events.data.microsoft.com"


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the watch, and check that programs load it."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the watch is loaded by LD_PRELOAD, which only Linux knows")
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("the watch is written in C, and there is no compiler (gcc or cc)")
    library = tmp_path_factory.mktemp("shim") / "network_watch.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(SHIM), "-ldl"], check=True)
    return library


@pytest.fixture
def user(shim: Path, tmp_path: Path) -> Watched:
    return Watched(tmp_path / "user", shim)


@pytest.fixture(scope="module")
def after_all(shim: Path, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """A user who has run every program once: built engines, then live, pose, bench and replay."""
    pytest.importorskip("onnxscript", reason="graphs are built with the extra `export`, which is not installed")
    user = Watched(tmp_path_factory.mktemp("privacy") / "user", shim)
    _write_video(user.scratch / "person.mp4")
    _write_skeletons(user.scratch / "skeletons")
    model = ("--pose-model", str(ensure_pose_model("full")))
    video = ("--video", "person.mp4", *model)
    user.run("-m", "hitrs_live.cli", "build-engines", "--engine", "onnx")
    lanes: tuple[Callable[[], object], ...] = (
        lambda: user.run("-m", "hitrs_live.cli", "bench", "--quick", "--out", "bench"),
        lambda: _live_runs(user, video),
    )
    with ThreadPoolExecutor(len(lanes)) as pool:
        for lane in [pool.submit(lane) for lane in lanes]:
            lane.result()
    return user


def _live_runs(user: Watched, video: Sequence[str]) -> None:
    # Longer than the delay of a library that sends its reports late.
    user.run_on_terminal(*LIVE, "--demo", "--duration", "12", "--engine", "onnx")
    written = user.run(*LIVE, "--plain", "--engine", "onnx", *video, "--record", "joints.mcap")
    assert "runs on torch" not in written, "ONNX Runtime was to compute the model"
    user.run(*LIVE, "--plain", "--replay", "joints.mcap", "--speed", "max")
    user.run("-m", "hitrs_live.cli", "pose", "--bind", "tcp://127.0.0.1:0", *video)
    user.run("-m", "hitrs_live.cli", "replay", "skeletons", "--bench", "--engine", "onnx")


def _write_video(path: Path, *, frames: int = 30) -> None:
    """Write a second of a person who moves to the right."""
    person = cv2.resize(np.ascontiguousarray(astronaut()[..., ::-1]), (300, 300), interpolation=cv2.INTER_AREA)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, (640, 480))
    for frame in range(frames):
        picture = np.full((480, 640, 3), 127, np.uint8)
        picture[180:, 4 * frame : 4 * frame + 300] = person
        writer.write(picture)
    writer.release()


def _write_skeletons(folder: Path) -> None:
    folder.mkdir()
    joints = np.random.default_rng(0).normal(size=(60, 25, 3)).astype(np.float32) + np.array([0, 0, 3], np.float32)
    ones = np.ones(25, np.float32)
    bodies = [(NtuBody(body_id="1", joints_m=frame, confidence=ones),) for frame in joints]
    write_skeleton(folder / "S001C001P001R001A001.skeleton", bodies)


def test_no_program_resolves_a_name_or_contacts_another_machine(after_all: Watched) -> None:
    assert after_all.attempts() == []


def test_no_program_leaves_a_file_outside_its_own_cache(after_all: Watched) -> None:
    assert after_all.files() == []


@pytest.mark.parametrize(
    "program",
    ["hitrs_live.cli live", "hitrs_live.pose.worker", "hitrs_live.pipeline.dashboard_process",
     "hitrs_live.cli pose",
     "hitrs_live.cli build-engines", "hitrs_live.cli bench", "hitrs_live.cli replay"],
)  # fmt: skip
def test_every_kind_of_program_was_watched(after_all: Watched, program: str) -> None:
    assert [words for words in after_all.programs() if program in words]


def test_the_watch_detects_a_lookup_a_connection_a_datagram_and_an_open_port(user: Watched) -> None:
    code = """
import contextlib, socket
def attempt(do):
    with contextlib.suppress(OSError):
        do()
attempt(lambda: socket.getaddrinfo("example.invalid", 80))
attempt(lambda: socket.gethostbyname("example.invalid"))
attempt(lambda: socket.create_connection(("192.0.2.1", 80), timeout=1))
attempt(lambda: socket.create_connection(("2001:db8::1", 80), timeout=1))
attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)))
attempt(lambda: socket.socket().bind(("0.0.0.0", 0)))
there = socket.create_server(("127.0.0.1", 0))
socket.create_connection(there.getsockname(), timeout=5)
socket.create_connection(("localhost", there.getsockname()[1]), timeout=5)
"""
    user.run("-c", code)
    assert [line.split(" port")[0] for line in user.attempts()] == [
        "getaddrinfo example.invalid", "getaddrinfo example.invalid", "connect 192.0.2.1", "connect 2001:db8::1",
        "sendto 192.0.2.1", "bind 0.0.0.0",
    ]  # fmt: skip


def test_a_publisher_on_all_interfaces_is_detected(user: Watched) -> None:
    code = """
from hitrs_live.config import PublishConfig
from hitrs_live.errors import AddressUnavailable
from hitrs_live.transport.publisher import Publisher
try:
    Publisher(PublishConfig(bind="tcp://0.0.0.0:*", insecure=True), "session")
except AddressUnavailable:
    pass
"""
    user.run("-c", code)
    assert user.attempts() == ["bind 0.0.0.0 port 0"]


def test_onnx_runtime_alone_is_detected_by_its_files_and_its_lookup(user: Watched) -> None:
    with user.start("-c", "import onnxruntime, time; time.sleep(600)") as program:
        try:
            deadline = time.monotonic() + LIMIT_S
            while not user.attempts() and time.monotonic() < deadline:
                time.sleep(0.2)
        finally:
            program.kill()
    assert f"getaddrinfo {EVENT_HOST}" in user.attempts()
    assert any(name.endswith("onnxruntime.db") for name in user.files())


@pytest.mark.parametrize("setting", [None, "0", ""])
def test_importing_the_package_first_turns_telemetry_off_whatever_the_user_has_set(
    shim: Path, tmp_path: Path, setting: str | None
) -> None:
    user = Watched(tmp_path / "user", shim, telemetry_off=setting)
    assert user.run("-c", "import hitrs_live, onnxruntime") == ""
    assert (user.files(), user.attempts()) == ([], [])


def test_onnx_runtime_imported_first_causes_a_warning(user: Watched) -> None:
    written = user.run("-c", "import onnxruntime, hitrs_live")
    assert "RuntimeWarning: onnxruntime was imported before hitrs_live, with its telemetry on" in written


def test_onnx_runtime_imported_first_with_telemetry_off_causes_no_warning(shim: Path, tmp_path: Path) -> None:
    user = Watched(tmp_path / "user", shim, telemetry_off="1")
    assert user.run("-c", "import onnxruntime, hitrs_live") == ""
    assert user.files() == []
