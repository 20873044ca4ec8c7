"""The main job in processes of its own: real pictures in, events at a real subscriber in another process."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
import skimage.data
from live_runs import (
    WAIT_FOR_LISTENER,
    Run,
    free_address,
    live_command,
    patient_settings,
    run_and_watch,
    run_only,
)
from mjpeg_server import MjpegServer
from patience import PATIENCE_S, wait_until

from hitrs_live.messages import AnyMessage, ScoreEvent, SourceEvent, Status
from hitrs_live.sources.ntu_format import write_skeleton
from hitrs_live.sources.recording import Recording
from hitrs_live.transport.subscriber import Subscription, subscribe

pytestmark = pytest.mark.slow

FPS = 15


def one_line(run: Run) -> str:
    """Return the only line of a refused run's complaint, having made sure that it is one."""
    assert run.code == 2, run.err
    lines = run.err.strip().splitlines()
    assert len(lines) == 1, run.err
    assert "Traceback" not in run.err
    return lines[0]


def picture(shift: int, *, person: bool = True) -> np.ndarray:
    """A person from the chest up, before a grey wall, moved sideways. (480, 640, 3) uint8."""
    image = np.full((480, 640, 3), 128, np.uint8)
    if person:
        astronaut = cv2.resize(cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR), (440, 440))
        image[40:480, 60 + shift : 500 + shift] = astronaut
    return image


def write_video(path: Path, scenes: list[tuple[float, bool]]) -> Path:
    """Write scenes of (seconds, whether the person is there), the person swaying slowly."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (640, 480))
    index = 0
    for seconds, person in scenes:
        for _ in range(round(seconds * FPS)):
            writer.write(picture(round(20 + 15 * np.sin(index / FPS)), person=person))
            index += 1
    writer.release()
    return path


@pytest.fixture(scope="module")
def comes_back(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A person is there for 2 s, gone for 2 s, there again for 2 s."""
    path = write_video(tmp_path_factory.mktemp("video") / "back.mp4", [(2.0, True), (2.0, False), (2.0, True)])
    return run_and_watch("--video", str(path), "--speed", "max", pose=True)


def test_a_person_in_a_video_is_followed_to_the_subscriber(comes_back: Run) -> None:
    assert comes_back.code == 0, comes_back.err
    assert len(comes_back.of("pose")) > 40
    assert len(comes_back.of("scores")) >= 8
    assert len(comes_back.of("motion")) == len(comes_back.of("scores"))
    nearest = np.array([np.array(m["joints_m"])[0, 2] for m in comes_back.of("pose")])
    assert ((nearest > 0.3) & (nearest < 5)).all(), "metres before the camera"


def test_a_person_who_leaves_for_long_comes_back_under_a_new_id(comes_back: Run) -> None:
    assert list(dict.fromkeys(m["track_id"] for m in comes_back.of("pose"))) == [1, 2]


def test_every_message_carries_the_contracts_fields_and_no_number_is_missing(comes_back: Run) -> None:
    expected: dict[str, int] = {}
    for message in comes_back.messages:
        for field in (
            "topic",
            "type",
            "schema",
            "session_id",
            "source_id",
            "seq",
            "capture_time_ns",
            "publish_time_ns",
        ):
            assert field in message
        assert message["seq"] == expected.get(message["topic"], 0)
        expected[message["topic"]] = message["seq"] + 1
    assert {"status.back", "source.back", "pose.back.1", "motion.back.1", "scores.back.2"} <= set(expected)


def test_the_last_word_is_a_status_that_says_ended(comes_back: Run) -> None:
    last = comes_back.messages[-1]
    assert (last["type"], last["state"], last["frames"]) == ("status", "ended", 6 * FPS)


def test_the_demo_figure_is_named_for_at_least_three_of_the_things_it_does(demo_recording: Path) -> None:
    run = run_and_watch("--replay", str(demo_recording), "--speed", "max")
    assert run.code == 0, run.err
    from hitrs_live.sources.demo.source import DemoSource

    demo = DemoSource("max")
    told = [(m["label"], m["onset_time_ns"] / 1e9) for m in run.of("action") if m["state"] == "start"]
    right = {
        span.label
        for span in demo.script
        for label, onset_s in told
        if label == span.label and span.start_time_s - 0.5 <= onset_s % demo.duration_s <= span.end_time_s
    }
    assert len(right) >= 3, told


def test_two_sources_run_side_by_side_and_are_recorded_and_told_apart(tmp_path: Path, short_recording: Path) -> None:
    demo = ("--replay", str(short_recording), "--source-id", "door", "--speed", "max")
    assert run_only(*demo, "--record", str(tmp_path / "one.mcap"), "--bind", free_address(), "--plain").code == 0
    again = ("--replay", str(tmp_path / "one.mcap"))
    run = run_and_watch(
        *again,
        *again,
        "--source-id",
        "left,right",
        "--speed",
        "max",
        "--record",
        str(tmp_path / "both.mcap"),
        # Joints need no lens: that this folder holds none is nobody's mistake.
        "--calibration",
        str(tmp_path),
    )
    assert run.code == 0, run.err
    told = {
        name: [
            (m["type"], m["capture_time_ns"], m["seq"])
            for m in run.messages
            if m["source_id"] == name and m["type"] != "status"
        ]
        for name in ("left", "right")
    }
    assert told["left"] == told["right"]
    assert {kind for kind, *_ in told["left"]} >= {"source", "scores", "motion"}
    assert sorted(file.name for file in tmp_path.glob("both*")) == ["both-left.mcap", "both-right.mcap"]
    replayed = run_only(
        "--replay", str(tmp_path / "both-left.mcap"), "--speed", "max", "--bind", free_address(), "--plain"
    )
    assert replayed.code == 0, replayed.err


def test_a_camera_that_is_not_there_keeps_no_other_source_from_running_and_says_why_it_is_not() -> None:
    run = run_and_watch(
        "--demo", "--camera", "http://me:S3cret@127.0.0.1:9/video", "--speed", "max", "--source-id", "figure,gate",
        "--duration", "4",
    )  # fmt: skip
    assert run.code == 0, run.err
    states = [(m["state"], m["detail"]) for m in run.of("source") if m["source_id"] == "gate"]
    # Lost after ten seconds, which loading alone may take.
    assert [state for state, _ in states if state != "lost"] == ["connecting", "connecting", "ended"]
    assert "connection refused; trying on" in states[1][1]
    assert {m["source_id"] for m in run.of("scores")} == {"figure"}
    for words in (run.out, run.err, str(run.messages)):
        assert "S3cret" not in words


def until_up(live: "subprocess.Popen[str]") -> None:
    """Read what a run prints until its source is up."""
    assert live.stdout is not None
    while " up " not in live.stdout.readline():
        assert live.poll() is None


def start(*flags: str) -> "subprocess.Popen[str]":
    """Start a run that the test does something to while it goes on."""
    command = live_command(*flags, "--plain")
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Listener:
    """Hear a run as it goes on, so that a test can act on what was heard."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self.heard: list[AnyMessage] = []

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Listen until something is so."""

        def met() -> bool:
            self.heard += self._subscription.read(0.05)
            return condition()

        wait_until(met, what)

    def until_ended(self) -> Status:
        """Listen to the last word; return it."""
        self.until(lambda: self.last_status().state == "ended", "the last status")
        return self.last_status()

    def until_frames(self, count: int) -> None:
        """Listen until so many frames more went through than had when the last status was heard."""
        wanted = self.last_status().frames + count
        self.until(lambda: self.last_status().frames >= wanted, f"{count} frames")

    def states(self) -> list[str]:
        """Return the states that the source went through."""
        return [message.state for message in self.heard if isinstance(message, SourceEvent)]

    def last_status(self) -> Status:
        """Return the newest status; an empty one before the first."""
        statuses = [message for message in self.heard if isinstance(message, Status)]
        return (
            statuses[-1]
            if statuses
            else Status(
                source_id="", capture_time_ns=0, state="connecting", version="", uptime_s=0.0, fps=0.0, frames=0
            )
        )


@contextmanager
def listening(address: str) -> Iterator[Listener]:
    """Subscribe to a run that is about to start with `--wait-subscriber`."""
    with subscribe(address) as subscription:
        yield Listener(subscription)


def test_a_camera_that_stalls_is_said_to_and_comes_back() -> None:
    address = free_address()
    with MjpegServer(rate_hz=15) as server, listening(address) as listener:
        live = start("--camera", server.url, "--bind", address, *WAIT_FOR_LISTENER)
        listener.until_frames(10)
        server.flowing.clear()
        known = len(listener.states())
        listener.until(lambda: "stalled" in listener.states()[known:], "the stall")
        server.flowing.set()
        listener.until(lambda: listener.states()[-1] == "up", "the camera's return")
        listener.until_frames(10)
        live.send_signal(signal.SIGINT)
        listener.until_ended()
        live.communicate(timeout=PATIENCE_S)
    # On a busy machine the server's own thread may pause for longer than the second that makes a stall.
    assert re.fullmatch(r"connecting up( stalled up)+( stalled)? ended", " ".join(listener.states()))


def test_a_killed_pose_process_costs_a_frame_and_not_the_stream(tmp_path: Path) -> None:
    video = write_video(tmp_path / "long.mp4", [(12.0, True)])
    address = free_address()
    with listening(address) as listener:
        live = start("--video", str(video), "--bind", address, *WAIT_FOR_LISTENER)
        # The process is there before the first frame, and twelve seconds of paced frames are still to come.
        listener.until(lambda: "up" in listener.states(), "the first frame")
        workers = [p for p in psutil.Process(live.pid).children() if "hitrs_live.pose.worker" in " ".join(p.cmdline())]
        assert len(workers) == 1
        workers[0].kill()
        last = listener.until_ended()
        live.communicate(timeout=PATIENCE_S)
    assert last.pose_restarts == 1
    assert 1 <= last.drops["pose_gap"] <= 2
    assert last.frames + last.drops["pose_gap"] == 12 * FPS


def test_ctrl_c_ends_it_and_leaves_a_whole_recording(tmp_path: Path) -> None:
    file, address = tmp_path / "demo.mcap", free_address()
    with listening(address) as listener:
        live = start("--demo", "--record", str(file), "--bind", address, *WAIT_FOR_LISTENER)
        listener.until_frames(10)
        live.send_signal(signal.SIGINT)
        listener.until_ended()
        out, err = live.communicate(timeout=PATIENCE_S)
    assert live.returncode == 0
    assert "Traceback" not in err
    assert "shutdown" in out
    recording = Recording(file)
    kinds = {type(message).__name__ for message in recording.messages()}
    assert not recording.cut
    assert {"JointsEvent", "SourceEvent", "Status"} <= kinds


def test_real_skeleton_files_are_replayed_with_their_bodies_coming_and_going(tmp_path: Path) -> None:
    standing = np.zeros((25, 3), np.float32)
    standing[:, 1], standing[:, 2] = np.linspace(-0.9, 0.8, 25), 3.0
    beside = standing + np.array([1.0, 0.0, 0.0])
    # The newcomer stands first in the list, the one who was there second.
    alone, both = {"72057594037944738": standing}, {"72057594037944739": beside, "72057594037944738": standing}
    write_made(tmp_path / "S001C001P001R001A001.skeleton", [alone] * 30 + [both] * 30 + [{}] * 10 + [alone] * 30)
    run = run_and_watch("--replay", str(tmp_path), "--speed", "max", pose=True)
    assert run.code == 0, run.err
    ids = [m["track_id"] for m in run.of("pose")]
    assert set(ids) == {1, 2}, "a gap of a third of a second keeps the id"


def write_made(path: Path, frames: list[dict[str, np.ndarray]]) -> None:
    from hitrs_live.sources.ntu_format import NtuBody

    write_skeleton(
        path,
        [
            tuple(
                NtuBody(body_id=name, joints_m=joints.astype(np.float32), confidence=np.ones(25, np.float32))
                for name, joints in frame.items()
            )
            for frame in frames
        ],
    )


def test_pose_may_run_elsewhere_and_send_its_joints(tmp_path: Path) -> None:
    video = write_video(tmp_path / "far.mp4", [(4.0, True)])
    joints, events = free_address(), free_address()
    with listening(events) as listener:
        here = start("--joints", joints, "--bind", events, *WAIT_FOR_LISTENER)
        there = subprocess.Popen(
            [sys.executable, "-m", "hitrs_live.cli", "pose", "--video", str(video), "--bind", joints,
             "--config", str(patient_settings()), *WAIT_FOR_LISTENER],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        assert there.wait(PATIENCE_S) == 0
        listener.until(lambda: listener.last_status().frames >= 4 * FPS, "every frame of the sender")
        listener.until(lambda: listener.states()[-1] == "stalled", "the sender went away")
        here.send_signal(signal.SIGINT)
        last = listener.until_ended()
        here.communicate(timeout=PATIENCE_S)
    assert last.frames == 4 * FPS
    assert not any(last.drops.values()), "it sent nothing before somebody was ready to read"
    assert {message.track_id for message in listener.heard if isinstance(message, ScoreEvent)} == {1}


@pytest.mark.parametrize(
    ("flags", "said"),
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
        (("--demo", "--max-people", "99"), r"--max-people 99: wanted 1 to 16"),
        (("--demo", "--bind", "tcp://nonsense"), r"nonsense"),
        (("--demo", "--save-video", "x.exe"), r"x\.exe"),
        (("--demo", "--record", "no/such/folder/x.mcap"), r"no/such/folder"),
        ((), r"no source; give --camera 0.*--demo"),
        (("--demo", "--demo"), r"2 sources are named demo.*--source-id"),
        (("--demo", "--source-id", "a,b"), r"2 names, wanted 1"),
        (("--demo", "--camera", "63", "--require-sources"), r"63.*--demo"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_two(flags: tuple[str, ...], said: str) -> None:
    bind = () if "--bind" in flags else ("--bind", free_address())
    assert re.search(said, one_line(run_only(*flags, *bind, "--plain", "--duration", "5")))


def test_a_second_pipeline_on_the_same_port_is_told_of_the_first() -> None:
    address = free_address()
    first = start("--demo", "--bind", address)
    until_up(first)
    try:
        complaint = one_line(run_only("--demo", "--plain", "--bind", address, "--duration", "5"))
    finally:
        first.terminate()
        first.communicate(timeout=PATIENCE_S)
    assert address in complaint
    assert "--bind" in complaint


@pytest.mark.parametrize("name", ["sports2d_demo.mp4"])
def test_a_real_video_runs_from_its_first_frame_to_its_last(data: Path, name: str) -> None:
    run = run_and_watch("--video", str(data / "video" / name), "--speed", "max", pose=True)
    assert run.code == 0, run.err
    last = run.messages[-1]
    assert (last["state"], last["frames"], last["drops"]) == ("ended", 230, {})
    assert len(run.of("pose")) > 100


def test_the_real_ntu_files_run_in_one_folder_replay(data: Path) -> None:
    run = run_and_watch("--replay", str(data / "ntu"), "--speed", "max")
    assert run.code == 0, run.err
    assert len({m["track_id"] for m in run.of("scores")}) == 5, "one body a file, ids never given twice"
