"""`hitrs-live live` as a user runs it: pictures in, events at a subscriber in another process."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
import skimage.data
from live_runs import (
    WAIT_FOR_SUBSCRIBER,
    Run,
    free_address,
    patient_settings,
    receiving,
    run_and_watch,
    run_only,
    start,
)
from mjpeg_server import MjpegServer
from patience import PATIENCE_S

from hitrs_live.messages import ScoreEvent
from hitrs_live.sources.ntu_format import write_skeleton
from hitrs_live.sources.recording import Recording

pytestmark = pytest.mark.slow

FPS = 15


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
def returning_person(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run on a video with a person for 2 s, none for 2 s, and a person for 2 s."""
    path = write_video(tmp_path_factory.mktemp("video") / "back.mp4", [(2.0, True), (2.0, False), (2.0, True)])
    return run_and_watch("--video", str(path), "--speed", "max", pose=True)


def test_a_person_in_a_video_is_tracked_and_published(returning_person: Run) -> None:
    assert returning_person.code == 0, returning_person.err
    assert len(returning_person.of("pose")) > 40
    assert len(returning_person.of("scores")) >= 8
    assert len(returning_person.of("motion")) == len(returning_person.of("scores"))
    nearest = np.array([np.array(m["joints_m"])[0, 2] for m in returning_person.of("pose")])
    assert ((nearest > 0.3) & (nearest < 5)).all(), "metres in front of the camera"


def test_a_person_who_is_away_for_long_gets_a_new_track_id(returning_person: Run) -> None:
    assert list(dict.fromkeys(m["track_id"] for m in returning_person.of("pose"))) == [1, 2]


def test_every_message_has_the_fields_of_all_messages_and_no_sequence_number_is_missing(returning_person: Run) -> None:
    expected: dict[str, int] = {}
    for message in returning_person.messages:
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


def test_the_last_message_is_a_status_with_the_state_ended(returning_person: Run) -> None:
    last = returning_person.messages[-1]
    assert (last["type"], last["state"], last["frames"]) == ("status", "ended", 6 * FPS)


def test_at_least_three_actions_of_the_demo_figure_are_detected(demo_recording: Path) -> None:
    run = run_and_watch("--replay", str(demo_recording), "--speed", "max", "--checkpoint", "hitrs_tiny_3")
    assert run.code == 0, run.err
    from hitrs_live.sources.demo.source import DemoSource

    demo = DemoSource("max")
    detected = [(m["label"], m["onset_time_ns"] / 1e9) for m in run.of("action") if m["state"] == "start"]
    right = {
        span.label
        for span in demo.script
        for label, onset_s in detected
        if label == span.label and span.start_time_s - 0.5 <= onset_s % demo.duration_s <= span.end_time_s
    }
    assert len(right) >= 3, detected


def test_two_sources_in_one_run_have_their_own_topics_and_recordings(tmp_path: Path, short_recording: Path) -> None:
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
        # Joints need no calibration, so that an empty folder is no error.
        "--calibration",
        str(tmp_path),
    )
    assert run.code == 0, run.err
    messages_of = {
        name: [
            (m["type"], m["capture_time_ns"], m["seq"])
            for m in run.messages
            if m["source_id"] == name and m["type"] != "status"
        ]
        for name in ("left", "right")
    }
    assert messages_of["left"] == messages_of["right"]
    assert {kind for kind, *_ in messages_of["left"]} >= {"source", "scores", "motion"}
    assert sorted(file.name for file in tmp_path.glob("both*")) == ["both-left.mcap", "both-right.mcap"]
    replayed = run_only(
        "--replay", str(tmp_path / "both-left.mcap"), "--speed", "max", "--bind", free_address(), "--plain"
    )
    assert replayed.code == 0, replayed.err


def test_a_missing_camera_reports_the_reason_and_other_sources_run() -> None:
    run = run_and_watch(
        "--demo", "--camera", "http://me:S3cret@127.0.0.1:9/video", "--speed", "max", "--source-id", "figure,gate",
        "--duration", "4",
    )  # fmt: skip
    assert run.code == 0, run.err
    states = [(m["state"], m["detail"]) for m in run.of("source") if m["source_id"] == "gate"]
    # Lost after ten seconds, in which some machines only load the model.
    assert [state for state, _ in states if state != "lost"] == ["connecting", "connecting", "ended"]
    assert "connection refused; retrying" in states[1][1]
    assert {m["source_id"] for m in run.of("scores")} == {"figure"}
    for text in (run.out, run.err, str(run.messages)):
        assert "S3cret" not in text


def test_a_camera_that_stalls_is_reported_and_recovers() -> None:
    address = free_address()
    with MjpegServer(rate_hz=15) as server, receiving(address) as receiver:
        live = start("--camera", server.url, "--bind", address, *WAIT_FOR_SUBSCRIBER)
        receiver.until_frames(10)
        server.flowing.clear()
        known = len(receiver.states())
        receiver.until(lambda: "stalled" in receiver.states()[known:], "the stall")
        server.flowing.set()
        receiver.until(lambda: receiver.states()[-1] == "up", "the recovery of the camera")
        receiver.until_frames(10)
        live.send_signal(signal.SIGINT)
        receiver.until_ended()
        live.communicate(timeout=PATIENCE_S)
    # On a busy machine the server's own thread may pause for longer than the second that makes a stall.
    assert re.fullmatch(r"connecting up( stalled up)+( stalled)? ended", " ".join(receiver.states()))


def test_a_killed_pose_process_loses_a_frame_or_two_and_the_run_continues(tmp_path: Path) -> None:
    video = write_video(tmp_path / "long.mp4", [(12.0, True)])
    address = free_address()
    with receiving(address) as receiver:
        live = start("--video", str(video), "--bind", address, *WAIT_FOR_SUBSCRIBER)
        # The process runs before the first frame, and twelve seconds of paced frames follow.
        receiver.until(lambda: "up" in receiver.states(), "the first frame")
        workers = [p for p in psutil.Process(live.pid).children() if "hitrs_live.pose.worker" in " ".join(p.cmdline())]
        assert len(workers) == 1
        workers[0].kill()
        last = receiver.until_ended()
        live.communicate(timeout=PATIENCE_S)
    assert last.pose_restarts == 1
    assert 1 <= last.drops["pose_gap"] <= 2
    assert last.frames + last.drops["pose_gap"] == 12 * FPS


def test_ctrl_c_ends_a_run_and_the_recording_is_complete(tmp_path: Path) -> None:
    file, address = tmp_path / "demo.mcap", free_address()
    with receiving(address) as receiver:
        live = start("--demo", "--record", str(file), "--bind", address, *WAIT_FOR_SUBSCRIBER)
        receiver.until_frames(10)
        live.send_signal(signal.SIGINT)
        receiver.until_ended()
        out, err = live.communicate(timeout=PATIENCE_S)
    assert live.returncode == 0
    assert "Traceback" not in err
    assert "shutdown" in out
    recording = Recording(file)
    kinds = {type(message).__name__ for message in recording.messages()}
    assert not recording.cut
    assert {"JointsEvent", "SourceEvent", "Status"} <= kinds


def test_skeleton_files_are_replayed_with_bodies_that_appear_and_disappear(tmp_path: Path) -> None:
    standing = np.zeros((25, 3), np.float32)
    standing[:, 1], standing[:, 2] = np.linspace(-0.9, 0.8, 25), 3.0
    beside = standing + np.array([1.0, 0.0, 0.0])
    # The new person is first in the list, the one who was there before second.
    alone, both = {"72057594037944738": standing}, {"72057594037944739": beside, "72057594037944738": standing}
    write_frames(tmp_path / "S001C001P001R001A001.skeleton", [alone] * 30 + [both] * 30 + [{}] * 10 + [alone] * 30)
    run = run_and_watch("--replay", str(tmp_path), "--speed", "max", pose=True)
    assert run.code == 0, run.err
    ids = [m["track_id"] for m in run.of("pose")]
    assert set(ids) == {1, 2}, "a gap of a third of a second keeps the id"


def write_frames(path: Path, frames: list[dict[str, np.ndarray]]) -> None:
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


def test_the_pose_verb_sends_joints_to_another_process(tmp_path: Path) -> None:
    video = write_video(tmp_path / "far.mp4", [(4.0, True)])
    joints, events = free_address(), free_address()
    with receiving(events) as receiver:
        pipeline = start("--joints", joints, "--bind", events, *WAIT_FOR_SUBSCRIBER)
        pose = subprocess.Popen(
            [sys.executable, "-m", "hitrs_live.cli", "pose", "--video", str(video), "--bind", joints,
             "--config", str(patient_settings()), *WAIT_FOR_SUBSCRIBER],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        assert pose.wait(PATIENCE_S) == 0
        receiver.until(lambda: receiver.last_status().frames >= 4 * FPS, "every frame of the sender")
        receiver.until(lambda: receiver.states()[-1] == "stalled", "the end of the sender")
        pipeline.send_signal(signal.SIGINT)
        last = receiver.until_ended()
        pipeline.communicate(timeout=PATIENCE_S)
    assert last.frames == 4 * FPS
    assert not any(last.drops.values()), "it sends nothing before the pipeline reads"
    assert {message.track_id for message in receiver.received if isinstance(message, ScoreEvent)} == {1}


@pytest.mark.parametrize("name", ["sports2d_demo.mp4"])
def test_every_frame_of_a_real_video_is_processed(data: Path, name: str) -> None:
    run = run_and_watch("--video", str(data / "video" / name), "--speed", "max", pose=True)
    assert run.code == 0, run.err
    last = run.messages[-1]
    assert (last["state"], last["frames"], last["drops"]) == ("ended", 230, {})
    assert len(run.of("pose")) > 100


def test_a_folder_of_real_ntu_files_is_replayed(data: Path) -> None:
    run = run_and_watch("--replay", str(data / "ntu"), "--speed", "max")
    assert run.code == 0, run.err
    assert len({m["track_id"] for m in run.of("scores")}) == 5, "one body a file, ids are never reused"
