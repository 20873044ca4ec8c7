"""A recording outlives a removed folder and a full disk: it pauses with a notice, goes on, and says what is missing."""

import os
import shutil
import stat
from pathlib import Path

import msgspec
import numpy as np
import pytest
from patience import ManualClock

from hitrs_live.config import RecordConfig
from hitrs_live.errors import TransportError
from hitrs_live.messages import JointsEvent, Pose, PoseFrame
from hitrs_live.sources.recording import Recording
from hitrs_live.transport.recorder import Recorder
from hitrs_live.views.webm import WebmWriter
from hitrs_live.wire.codec import joints_event

FRAME_S = 0.1


def _joints(index: int) -> JointsEvent:
    joints_m = np.random.default_rng(index).normal(0, 1, (25, 3)).astype(np.float32)
    pose = Pose(joints_m=joints_m, confidence=np.ones(25, np.float32))
    frame = PoseFrame(index=index, capture_time_ns=index, received_ns=0, poses=(pose,))
    return msgspec.structs.replace(joints_event(frame, source_id="cam"), session_id="s")


class _Run:
    """Record frames, a tenth of a second apart."""

    def __init__(self, path: Path, config: RecordConfig | None = None) -> None:
        self.clock = ManualClock(1)
        self.recorder = Recorder(path, session_id="s", source_id="cam", clock=self.clock, config=config)
        self.sent = 0

    def frames(self, seconds: float) -> None:
        for _ in range(round(seconds / FRAME_S)):
            self.clock.advance(FRAME_S)
            self.recorder.publish(_joints(self.sent))
            self.sent += 1


def _read(path: Path) -> list[int]:
    return [m.capture_time_ns for m in Recording(path).messages() if isinstance(m, JointsEvent)]


def test_a_removed_folder_pauses_the_recording_and_its_return_continues_it(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    run = _Run(folder / "a.mcap")
    run.frames(3)
    shutil.rmtree(folder)
    run.frames(5)
    (notice,) = run.recorder.notices
    assert notice.startswith(f"recording {folder / 'a.mcap'} paused: ")
    lost = run.recorder.drops()["record"]
    assert 0 < lost <= 60
    folder.mkdir()
    run.frames(6)
    assert run.recorder.notices == ()
    run.recorder.close()
    again = Recording(folder / "a-0002.mcap")
    lost = run.recorder.drops()["record"]
    assert again.gap["lost_messages"] == str(lost)
    assert "removed" in again.gap["reason"] or "No such file" in again.gap["reason"]
    kept = _read(folder / "a-0002.mcap")
    assert kept == list(range(kept[0], run.sent))
    # The first file went with its folder: what it had before the last flush was not lost by the recorder.
    assert lost + len(kept) < run.sent


def test_less_free_space_than_the_reserve_pauses_the_recording_and_leaves_its_file_whole(tmp_path: Path) -> None:
    free_mb = shutil.disk_usage(tmp_path).free / 2**20
    run = _Run(tmp_path / "a.mcap", RecordConfig(reserve_mb=2 * free_mb + 1000))
    run.frames(3)
    run.recorder.close()
    assert "are reserved" in run.recorder.notices[0]
    assert run.recorder.drops() == {"record": 30}
    assert _read(tmp_path / "a.mcap") == []
    assert not Recording(tmp_path / "a.mcap").cut


@pytest.mark.parametrize("config", [RecordConfig(rotate_s=2, reserve_mb=0), RecordConfig(rotate_mb=0.02, reserve_mb=0)])
def test_rotation_by_age_and_by_size_loses_nothing(tmp_path: Path, config: RecordConfig) -> None:
    (tmp_path / "a-0003.mcap").write_text("precious")
    run = _Run(tmp_path / "a.mcap", config)
    run.frames(12)
    run.recorder.close()
    assert (tmp_path / "a-0003.mcap").read_text() == "precious"
    (tmp_path / "a-0003.mcap").unlink()
    files = [tmp_path / "a.mcap", *sorted(tmp_path.glob("a-*.mcap"))]
    assert len(files) >= 3
    assert [stamp for file in files for stamp in _read(file)] == list(range(run.sent))
    assert all(Recording(file).gap == {} for file in files)


@pytest.mark.parametrize("fsync", ["never", "end", "chunk"])
def test_every_policy_of_writing_to_the_disk_keeps_all(tmp_path: Path, fsync: str) -> None:
    run = _Run(tmp_path / "a.mcap", RecordConfig(fsync=fsync, reserve_mb=0))  # type: ignore[arg-type]
    run.frames(3)
    run.recorder.close()
    assert _read(tmp_path / "a.mcap") == list(range(30))


def test_recordings_and_videos_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        (tmp_path / "a.mcap").touch(mode=0o666)
        Recorder(tmp_path / "a.mcap", session_id="s", source_id="cam", overwrite=True).close()
        WebmWriter(tmp_path / "a.webm", width=64, height=48).close()
    finally:
        os.umask(before)
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_a_symbolic_link_is_never_written_through(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    for name, leads_to in (("a.mcap", target), ("b.mcap", tmp_path / "nothing")):
        (tmp_path / name).symlink_to(leads_to)
        with pytest.raises(TransportError, match="symbolic link"):
            Recorder(tmp_path / name, session_id="s", source_id="cam", overwrite=True)
    assert target.read_text() == "precious"
    assert not (tmp_path / "nothing").exists()


def test_a_video_whose_folder_is_removed_reports_it(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    video = WebmWriter(tmp_path / "disk" / "a.webm", width=64, height=48)
    video.write(b"x", 0, is_key=True)
    shutil.rmtree(tmp_path / "disk")
    with pytest.raises(FileNotFoundError, match="removed"):
        video.write(b"x", 2000, is_key=True)
    video.close()
