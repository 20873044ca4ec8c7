"""A recording keeps its messages, whatever ends it."""

import json
import os
import signal
import sys
from pathlib import Path
from subprocess import PIPE, Popen, run

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from mcap.reader import make_reader
from transport_messages import MESSAGES, a_motion, an_action

from hitrs_live.errors import TransportError
from hitrs_live.messages import AnyMessage, JointsEvent, Pose, PoseFrame
from hitrs_live.sources.recording import Recording
from hitrs_live.transport.recorder import FLUSH_EVERY_NS, Recorder
from hitrs_live.transport.sink import ListSink
from hitrs_live.wire.codec import joints_event
from hitrs_live.wire.utc import SessionClock

FRAME_NS = 33_333_333
UTC_NS = 1_772_366_400_000_000_000


def _joints(index: int, people: int = 1) -> JointsEvent:
    rng = np.random.default_rng(index)
    poses = tuple(
        Pose(joints_m=rng.normal(0, 1, (25, 3)).astype(np.float32), confidence=rng.random(25, np.float32))
        for _ in range(people)
    )
    return joints_event(
        PoseFrame(index=index, capture_time_ns=index * FRAME_NS, received_ns=0, poses=poses), source_id="cam"
    )


def test_everything_written_is_read_back_in_order(tmp_path: Path) -> None:
    sink = ListSink("s")
    written = [sink.publish(m) for m in (_joints(0), _joints(1, people=0), an_action(), a_motion(), _joints(2, 2))]
    with Recorder(tmp_path / "a.mcap", session_id="s", source_id="cam") as recorder:
        for message in written:
            recorder.publish(message)
    recording = Recording(tmp_path / "a.mcap")
    assert list(recording.messages()) == written
    assert list(recording.messages(JointsEvent)) == [written[0], written[1], written[4]]
    assert (recording.session_id, recording.source_id) == ("s", "cam")
    assert (recording.cut, recorder.notices, recorder.drops()) == (False, (), {"record": 0})


@given(MESSAGES)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_message_can_be_recorded(tmp_path: Path, message: AnyMessage) -> None:
    with Recorder(tmp_path / "a.mcap", session_id="s", source_id="cam", overwrite=True) as recorder:
        recorder.publish(message)
    (back,) = Recording(tmp_path / "a.mcap").messages()
    for name in message.__struct_fields__:
        if message.session_id or name not in ("session_id", "seq", "publish_time_ns", "log_seq"):
            assert getattr(back, name) == getattr(message, name)


def test_unstamped_messages_are_stamped(tmp_path: Path) -> None:
    with Recorder(tmp_path / "a.mcap", session_id="s", source_id="cam", clock=lambda: 77) as recorder:
        for index in range(3):
            recorder.publish(_joints(index))
    stamps = [(m.session_id, m.seq, m.publish_time_ns) for m in Recording(tmp_path / "a.mcap").messages()]
    assert stamps == [("s", 0, 77), ("s", 1, 77), ("s", 2, 77)]


def test_other_mcap_readers_read_channels_schemas_times_and_metadata(tmp_path: Path) -> None:
    with Recorder(tmp_path / "a.mcap", session_id="s", source_id="cam") as recorder:
        recorder.publish(msgspec.structs.replace(_joints(3), utc_ns=UTC_NS))
        recorder.publish(an_action(track_id=70_000, utc_ns=UTC_NS + 1))
    with (tmp_path / "a.mcap").open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        records = list(reader.iter_messages())
        (metadata,) = reader.iter_metadata()
        summary = reader.get_summary()
    assert [(c.topic, c.message_encoding, m.log_time) for _, c, m in records] == [
        ("joints.cam", "json", UTC_NS),
        ("action.cam", "json", UTC_NS + 1),
    ]
    schema = records[1][0]
    assert schema is not None
    assert schema.encoding == "jsonschema"
    assert json.loads(schema.data)["properties"]["label"] == {"type": "string"}
    assert json.loads(records[1][2].data)["topic"] == "action.cam.70000"
    assert metadata.metadata["layout"] == "ntu25"
    assert "UTC" in metadata.metadata["clock"]
    assert summary is not None
    assert summary.statistics is not None
    assert len(summary.chunk_indexes) == summary.statistics.chunk_count == 1


def test_a_message_without_utc_is_logged_at_its_time_of_publishing(tmp_path: Path) -> None:
    session = SessionClock(monotonic_ns=1_000, utc_ns=UTC_NS)
    with Recorder(tmp_path / "a.mcap", session_id="s", source_id="cam", clock=lambda: 1_500, session=session) as file:
        file.publish(_joints(0))
        file.publish(msgspec.structs.replace(_joints(1), utc_ns=UTC_NS + 7))
    with (tmp_path / "a.mcap").open("rb") as opened:
        reader = make_reader(opened)
        times = [(m.log_time, m.publish_time) for _, _, m in reader.iter_messages(log_time_order=False)]
        (metadata,) = reader.iter_metadata()
    assert times == [(UTC_NS + 500, UTC_NS + 500), (UTC_NS + 7, UTC_NS + 500)]
    assert metadata.metadata["utc_offset_ns"] == str(UTC_NS - 1_000)


def test_an_existing_file_is_kept_unless_overwrite_is_set(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    path.write_text("precious")
    with pytest.raises(TransportError, match="exists already"):
        Recorder(path, session_id="s", source_id="cam")
    assert path.read_text() == "precious"
    Recorder(path, session_id="s", source_id="cam", overwrite=True).close()
    assert Recording(path).session_id == "s"


@pytest.mark.parametrize("path", ["no/such/folder/a.mcap", "/dev/full", "."])
def test_a_path_that_cannot_be_written_is_an_error_of_one_line(path: str) -> None:
    with pytest.raises(TransportError, match="give a path that can be written") as raised:
        Recorder(path, session_id="s", source_id="cam", overwrite=True)
    assert "\n" not in str(raised.value)


def test_writing_after_close_is_a_value_error(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mcap", session_id="s", source_id="cam")
    recorder.close()
    recorder.close()
    with pytest.raises(ValueError, match="is closed"):
        recorder.publish(an_action())


KILLED = """
import sys, time
sys.path[:0] = sys.argv[2:]
from test_recorder import FRAME_NS, Recorder, _joints
now_ns = 0
recorder = Recorder(sys.argv[1], session_id="s", source_id="cam", clock=lambda: now_ns)
for index in range(400):
    now_ns = index * FRAME_NS
    recorder.publish(_joints(index))
print("written", flush=True)
time.sleep(3600)
"""


@pytest.mark.slow
def test_a_killed_process_loses_at_most_the_last_second(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    arguments = [sys.executable, "-c", KILLED, str(path), str(Path(__file__).parent)]
    with Popen(arguments, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    recording = Recording(path)
    kept = [message for message in recording.messages() if isinstance(message, JointsEvent)]
    assert recording.cut
    assert 400 - FLUSH_EVERY_NS / FRAME_NS - 1 <= len(kept) < 400
    assert [m.joints_m for m in kept] == [_joints(index).joints_m for index in range(len(kept))]


FULL_DISK = """
import json, resource, sys
sys.path[:0] = sys.argv[2:]
from test_recorder import FRAME_NS, Recorder, _joints
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
now_ns = 0
recorder = Recorder(sys.argv[1], session_id="s", source_id="cam", clock=lambda: now_ns)
seen = []
for index in range(400):
    now_ns = index * FRAME_NS
    recorder.publish(_joints(index))
    seen += recorder.notices
recorder.close()
print(json.dumps([seen[0], recorder.drops()["record"]]))
"""


@pytest.mark.slow
def test_a_full_disk_pauses_the_recording_and_not_the_program(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    arguments = [sys.executable, "-c", FULL_DISK, str(path), str(Path(__file__).parent)]
    process = run(arguments, capture_output=True, text=True, check=True, timeout=600)
    failure, lost = json.loads(process.stdout)
    assert failure.startswith(f"recording {path} paused: File too large; ")
    assert process.stderr == ""
    recording = Recording(path)
    kept = list(recording.messages())
    assert recording.cut
    # Each file has room until it is as large as the limit of this process allows.
    later = [len(list(Recording(file).messages())) for file in sorted(tmp_path.glob("a-*.mcap"))]
    assert len(kept) + sum(later) + lost == 400
    assert 0 < len(kept) < 400
    assert later
    assert lost > 0
