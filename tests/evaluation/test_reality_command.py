"""`hitrs-live evaluate reality` runs clips of landmarks through the live stages and reports what was found."""

import json
from pathlib import Path

import numpy as np
import pytest

from hitrs_live.cli import main
from hitrs_live.data.formats.real_clips import read_real_clips
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
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's first 11.5 seconds, a bout of three squats, and a person who stands."""
    folder = tmp_path_factory.mktemp("real")
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
    return folder


def test_actions_of_clips_are_counted_by_class_and_by_view(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert main([*COMMAND, "--data", str(clips), "--json", str(out)]) == 0
    report = json.loads(out.read_text())
    squat = report["per_class"]["squat"]
    assert (squat["true"], squat["found"], squat["right"]) == (1, 1, 3)
    assert squat["detections_per_found"] == 3.0
    assert report["per_view"]["front"] == report["all"]
    assert report["labelled_s"] == pytest.approx(16.5)
    quiet = report["false_alarms"]["clips_of_other_actions"]
    assert (quiet["false"], quiet["per_hour"]) == (0, 0.0)
    # No alarm in five seconds says little: the rate may be thousands an hour.
    assert quiet["per_hour_95"] == pytest.approx([0.0, 3.689 * 720], abs=1)
    assert len(report["clips"]["squats"]["events"]) >= 3


def test_thresholds_and_the_wrong_folder_are_as_in_the_other_protocols(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*COMMAND, "--data", str(tmp_path)]) == 2
    assert "labels.json: cannot be read" in capsys.readouterr().err


def test_the_clips_of_the_data_folder_are_read(data: Path) -> None:
    folder = data / "real"
    if not folder.is_dir():
        pytest.skip(f"needs the clips of real people, looked for at {folder}")
    clips = read_real_clips(folder)
    assert sum(clip.labelled_s for clip in clips) > 300
    assert {clip.view for clip in clips} >= {"front", "oblique", "side"}
