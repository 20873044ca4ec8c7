"""Skeleton files, one or a folder of them, replayed as the joints of each frame."""

import time
from pathlib import Path

import numpy as np
import pytest

from hitrs_live.errors import SourceUnavailable
from hitrs_live.messages import PoseFrame, SourceChange
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.ntu import GAP_BETWEEN_FILES_S, NtuReplaySource
from hitrs_live.sources.ntu_format import NtuBody, write_skeleton


def body(body_id: str, x_m: float = 0.0) -> NtuBody:
    joints_m = np.zeros((25, 3), np.float32)
    joints_m[:, 0] = x_m
    return NtuBody(body_id=body_id, joints_m=joints_m, confidence=np.ones(25, np.float32))


def play(path: Path) -> list[SourceItem]:
    source = NtuReplaySource(path, "max")
    source.open()
    items: list[SourceItem] = []
    while got := source.read(1.0):
        items += got
    source.close()
    return items


def frames_of(items: list[SourceItem]) -> list[PoseFrame]:
    return [item for item in items if isinstance(item, PoseFrame)]


def details_of(items: list[SourceItem]) -> list[tuple[str, str]]:
    return [(item.state, item.detail) for item in items if isinstance(item, SourceChange)]


def test_frames_come_thirty_a_second_from_zero(tmp_path: Path) -> None:
    path = tmp_path / "S001.skeleton"
    write_skeleton(path, [[body("9")]] * 31)
    items = play(path)
    frames = frames_of(items)
    assert [frame.index for frame in frames] == list(range(31))
    assert frames[0].capture_time_ns == 0
    assert frames[30].capture_time_ns == 10**9
    assert [state for state, _ in details_of(items)] == ["up", "ended"]
    assert "S001.skeleton (1 of 1): 31 frames" in details_of(items)[0][1]


def test_bodies_keep_their_small_number_when_they_come_go_and_change_places(tmp_path: Path) -> None:
    path = tmp_path / "a.skeleton"
    one, two, three = body("72057594037931101", -1.0), body("72057594037931999", 1.0), body("5", 2.0)
    write_skeleton(path, [[one], [one, two], [two, one], [], [two], [three, one]])
    frames = frames_of(play(path))
    got = [[(pose.body_id, float(pose.joints_m[0, 0])) for pose in frame.poses] for frame in frames]
    assert got == [[(0, -1)], [(0, -1), (1, 1)], [(1, 1), (0, -1)], [], [(1, 1)], [(2, 2), (0, -1)]]


def test_an_id_given_twice_in_a_frame_is_claimed_by_the_first_body_only(tmp_path: Path) -> None:
    path = tmp_path / "a.skeleton"
    write_skeleton(path, [[body("5"), body("5")]])
    (frame,) = frames_of(play(path))
    assert [pose.body_id for pose in frame.poses] == [0, None]


def test_a_folder_is_played_in_order_with_a_pause_between_files(tmp_path: Path) -> None:
    for name, count in (("b", 2), ("a", 3), ("c", 1)):
        write_skeleton(tmp_path / f"{name}.skeleton", [[body("1")]] * count)
    (tmp_path / "notes.txt").write_text("not to be played")
    items = play(tmp_path)
    details = [detail for _, detail in details_of(items)]
    assert [detail.split(":")[0] for detail in details[:3]] == [
        "a.skeleton (1 of 3)",
        "b.skeleton (2 of 3)",
        "c.skeleton (3 of 3)",
    ]
    steps_s = np.diff([frame.capture_time_ns for frame in frames_of(items)]) / 1e9
    assert steps_s == pytest.approx([1 / 30, 1 / 30, GAP_BETWEEN_FILES_S, 1 / 30, GAP_BETWEEN_FILES_S], abs=1e-8)
    assert GAP_BETWEEN_FILES_S >= 2.0


def test_a_broken_or_empty_file_of_a_folder_is_reported_and_passed_over(tmp_path: Path) -> None:
    write_skeleton(tmp_path / "a.skeleton", [[body("1")]])
    (tmp_path / "b.skeleton").write_text("2\n1\nbroken\n")
    write_skeleton(tmp_path / "c.skeleton", [])
    write_skeleton(tmp_path / "d.skeleton", [[body("1")]])
    items = play(tmp_path)
    assert len(frames_of(items)) == 2
    states, details = zip(*details_of(items), strict=True)
    assert states == ("up", "up", "up", "up", "ended")
    assert "passed over b.skeleton (2 of 4)" in details[1]
    assert "b.skeleton, line 3: got 'broken', expected" in details[1]
    assert "c.skeleton (3 of 4): 0 frames" in details[2]
    assert "2 frames of 3 files" in details[4]


def test_a_single_broken_file_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.skeleton"
    write_skeleton(path, [[body("1")]] * 3)
    path.write_text(path.read_text()[:-300])
    with pytest.raises(SourceUnavailable, match=r"a\.skeleton, line \d+: got .*, expected .*--demo"):
        NtuReplaySource(path).open()


def test_nothing_to_play_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"without any \.skeleton file"):
        NtuReplaySource(tmp_path).open()
    with pytest.raises(SourceUnavailable, match="there is no such file"):
        NtuReplaySource(tmp_path / "none").open()
    write_skeleton(tmp_path / "a.skeleton", [])
    with pytest.raises(SourceUnavailable, match="holds no frames"):
        NtuReplaySource(tmp_path / "a.skeleton").open()


def test_a_paced_replay_takes_its_own_time_on_the_monotonic_clock(tmp_path: Path) -> None:
    path = tmp_path / "a.skeleton"
    write_skeleton(path, [[body("1")]] * 7)
    source = NtuReplaySource(path, "real")
    source.open()
    begun_ns = time.monotonic_ns()
    items: list[SourceItem] = []
    while len(items) < 9:
        items += source.read(0.005)
    source.close()
    frames = frames_of(items)
    assert frames[0].capture_time_ns >= begun_ns
    assert frames[6].capture_time_ns - frames[0].capture_time_ns == pytest.approx(0.2e9, abs=2)
    assert all(frame.received_ns >= frame.capture_time_ns for frame in frames)
    assert items[-1] == SourceChange(
        state="ended", time_ns=frames[6].capture_time_ns, detail="a.skeleton: 7 frames of 1 files"
    )
