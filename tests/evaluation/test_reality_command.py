"""`hitrs-live evaluate reality` runs clips of landmarks through the live stages and reports what was found."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from hitrs_live.cli import main
from hitrs_live.config import PoseConfig
from hitrs_live.data.formats.real_clips import read_real_clips
from hitrs_live.errors import DataError, PoseModelMissing
from hitrs_live.evaluation.reports.det_plot import draw_det
from hitrs_live.evaluation.shifted_thresholds import SHIFTS
from hitrs_live.evaluation.video_landmarks import read_video_clips
from hitrs_live.pose.mediapipe.models import find_pose_model
from hitrs_live.skeleton import MEDIAPIPE33
from hitrs_live.sources.demo.source import DemoSource

pytestmark = pytest.mark.slow

WIDTH, HEIGHT, FPS = 640, 480, 30.0
COMMAND = ["evaluate", "reality", "--threads", "1", "--update", "clip"]


def landmarks_of(joints_m: np.ndarray) -> np.ndarray:
    """What a perfect pose network would see of joints in the camera's frame. (T, 25, 3) -> (T, 33, 7)."""
    # The layout's map from points to joints, inverted: the points nearest to the root that give these joints.
    to_points = np.linalg.pinv(MEDIAPIPE33.weights)
    seen = joints_m * (-1.0, -1.0, 1.0)
    root = seen[:, :1]
    points = root + np.einsum("lj,tjc->tlc", to_points, seen - root)
    focal = WIDTH / 2 / np.tan(np.radians(30))
    image = points[..., :2] / points[..., 2:] * focal / (WIDTH, HEIGHT) + 0.5
    return np.concatenate((image, points - root, np.ones((*points.shape[:2], 2))), axis=-1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder: the demo's first 11.5 seconds, a bout of three squats, a person who stands, and a data set."""
    whole = tmp_path_factory.mktemp("data")
    folder = whole / "real"
    folder.mkdir()
    joints = DemoSource("max").joints_m[0][:345]
    for name, shown in (("squats", joints), ("standing", np.repeat(joints[:1], 150, axis=0))):
        np.savez(
            folder / f"{name}.npz", landmarks=landmarks_of(shown).astype(np.float32), frame=np.arange(len(shown)),
            frames=len(shown), fps=FPS, width=WIDTH, height=HEIGHT,
        )  # fmt: skip
    true = [[s.start_time_s, s.end_time_s, s.label] for s in DemoSource("max").script if s.end_time_s < 11]
    labels = {
        "squats": {"intervals": true, "near": [], "other": False, "view": "front"},
        "standing": {"intervals": [], "near": [], "other": True, "view": "front"},
    }
    (folder / "labels.json").write_text(json.dumps(labels))
    still = np.repeat(joints[:1], 90, axis=0)
    (whole / "measure").mkdir()
    write_arrays(whole / "measure" / "gtu_action3d.npz", [(joints, 4), (still, 9)], {"4": "walking", "9": "crouching"})
    return whole


def write_arrays(file: Path, clips: list[tuple[np.ndarray, int]], labels: dict[str, str]) -> None:
    """Write one sequence for each clip, of one label each."""
    lengths = [len(joints) for joints, _ in clips]
    np.savez(
        file, x=np.concatenate([joints for joints, _ in clips]).astype(np.float16),
        y=np.repeat([label for _, label in clips], lengths).astype(np.int16), length=np.array(lengths),
        subject=["a"] * len(clips), seq=[f"{number}" for number in range(len(clips))],
        meta=json.dumps({"labels": labels}),
    )  # fmt: skip


def test_events_of_clips_and_data_sets_are_counted_alike(folder: Path, tmp_path: Path) -> None:
    out, work = tmp_path / "out.json", tmp_path / "work"
    rendered = tmp_path / "rendered.npz"
    write_arrays(rendered, [(DemoSource("max").joints_m[0][:345], 1)], {"1": "squat"})
    command = [*COMMAND, "--data", str(folder), "--work", str(work), "--json", str(out)]
    assert main([*command, "--streams", f"rendered={rendered}"]) == 0
    report = json.loads(out.read_text())
    clips = report["sets"]["clips"]
    squat = clips["per_class"]["squat"]
    # The true interval is one bout of three squats; as a repetition it is counted as often as its events say.
    right = squat["right"]
    assert (squat["true"], squat["found"], right >= 3) == (1, 1, True)
    assert squat["detections_per_found"] == right
    counted = sum(one["count"] for one in clips["clips"]["squats"]["events"] if one["label"] == "squat")
    assert counted >= 3
    assert clips["repetitions"] == {"true": 1, "counted": counted, "error": counted - 1.0}
    assert clips["per_view"]["front"] == clips["all"]
    assert clips["recorded_s"] == pytest.approx(16.5)
    quiet = clips["false_alarms"]["during_unknown_actions"]
    assert (quiet["false"], quiet["per_hour"]) == (0, 0.0)
    # No alarm in five seconds says little: the rate may be thousands an hour.
    assert quiet["per_hour_95"] == pytest.approx([0.0, 3.689 * 720], abs=1)
    assert len(clips["clips"]["squats"]["events"]) >= 3
    # The names of that data set do not fit its movements: what it calls walking is squatting.
    assert report["sets"]["gtu_action3d"]["per_class"]["squat"]["found"] == 1
    assert report["sets"]["rendered"]["per_class"]["squat"]["found"] == 1
    assert report["groups"]["camera"]["all"] == clips["all"]
    assert report["groups"]["sensor"]["sets"] == ["gtu_action3d"]
    assert list(work.iterdir()), "logits are kept for the next run"
    # From the kept predictions and logits the same comes out.
    assert main([*command]) == 0
    again = json.loads(out.read_text())["sets"]
    assert again["clips"] == report["sets"]["clips"]
    assert again["gtu_action3d"] == report["sets"]["gtu_action3d"]


def test_higher_thresholds_miss_more_and_alarm_less(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert main([*COMMAND, "--data", str(folder), "--sets", "clips", "--work", str(tmp_path), "--json", str(out)]) == 0
    clips = json.loads(out.read_text())["sets"]["clips"]
    points = clips["det"]
    assert [point["shift"] for point in points] == list(SHIFTS)
    assert [point["false"] for point in points if point["shift"] == 0] == [clips["all"]["false"]]
    assert points[0]["false"] >= points[-1]["false"]
    assert points[0]["miss_rate"] <= points[-1]["miss_rate"]
    assert clips["auroc"]["by_action"] == 1.0, "a squat scores higher than standing"


def test_what_is_not_there_is_an_error_with_the_way_out(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def error_of(*flags: str) -> str:
        assert main([*COMMAND, *flags]) == 2
        return capsys.readouterr().err

    assert "set HITRS_DATA or --data" in error_of("--data", str(tmp_path))
    assert "expected some of clips, video, kindergator" in error_of("--data", str(folder), "--sets", "dogs")
    assert "msr_action3d not there" in error_of("--data", str(folder), "--sets", "msr_action3d")
    assert "no such file" in error_of("--data", str(folder), "--streams", f"x={tmp_path / 'no.npz'}")
    (tmp_path / "report.json").write_text("[]")
    assert "give one to --compare" in error_of("--data", str(folder), "--compare", str(tmp_path / "report.json"))
    with pytest.raises(SystemExit):
        main([*COMMAND, "--streams", "rendered.npz"])
    assert "expected NAME=FILE" in capsys.readouterr().err


def test_the_clips_of_the_data_folder_are_read(data: Path) -> None:
    folder = data / "real"
    if not folder.is_dir():
        pytest.skip(f"needs the clips of real people, looked for at {folder}")
    clips = read_real_clips(folder)
    assert sum(clip.labelled_s for clip in clips) > 300
    assert {clip.view for clip in clips} >= {"front", "oblique", "side"}


def test_landmarks_of_a_video_are_estimated_once(data: Path, tmp_path: Path) -> None:
    video = data / "video" / "asl_eat.mkv"
    if not video.is_file():
        pytest.skip(f"needs a video of a person, looked for at {video}")
    try:
        find_pose_model("full")
    except PoseModelMissing as error:
        pytest.skip(str(error))
    config = PoseConfig(max_people=1)
    (clip,) = read_video_clips([video], config, tmp_path)
    assert (clip.name, clip.other, clip.frames) == ("asl_eat", True, 47)
    assert len(clip.landmarks) > 40
    (kept,) = tmp_path.iterdir()
    written = kept.stat().st_mtime_ns
    (again,) = read_video_clips([video], config, tmp_path)
    assert kept.stat().st_mtime_ns == written
    np.testing.assert_array_equal(again.landmarks, clip.landmarks)


def test_a_video_without_a_picture_is_refused(tmp_path: Path) -> None:
    try:
        find_pose_model("full")
    except PoseModelMissing as error:
        pytest.skip(str(error))
    video = tmp_path / "asl_eat.mkv"
    video.write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"asl_eat\.mkv: holds no picture"):
        read_video_clips([video], PoseConfig(), tmp_path)


REPORT = {
    "groups": {
        "camera": {
            "title": "people before cameras",
            "all": {"true": 10},
            "det": [
                {"shift": shift, "miss_rate": miss, "per_hour": rate}
                for shift, miss, rate in ((-1.0, 0.2, 90.0), (0.0, 0.5, 20.0), (1.0, 0.9, 0.0))
            ],
        }
    }
}


def test_the_curves_of_several_models_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need the extra `plots`, which is not installed")
    file = tmp_path / "det.png"
    assert draw_det({"old": REPORT, "new": REPORT}, file) == ""
    assert file.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(DataError, match="give another file with --plot"):
        draw_det({"old": REPORT}, tmp_path / "nowhere" / "det.png")


def test_without_matplotlib_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    assert "pip install '.[plots]'" in draw_det({"old": REPORT}, tmp_path / "det.png")
