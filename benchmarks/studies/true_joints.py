"""Measure what the temporal lifter (`pose.refine`) makes of joints: rendered people, real people, stillness, time.

    python benchmarks/studies/true_joints.py --pairs FOLDER --real FOLDER --json reports/true_joints.json

- `rendered`: views of `hitrs-live render` of the people whom `hitrs-live fit-lifter` leaves out of these pairs, before
  and after, without a calibration; with it, what the errors are made of (`causes`).
- `standing`: clips of data/real that are labelled as seen from the front: how far the trunk of a person who stands
  leans towards the camera, degrees, the median of each clip. It should be 0.
- `still`: how much joints about the root change from frame to frame while the person's landmarks hardly move.
- `cost`: milliseconds of one core's time that the lifter takes for a frame, by people.
"""

import argparse
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.config import Config, PoseConfig
from hitrs_live.data.formats.real_clips import RealClip, read_real_clips
from hitrs_live.evaluation.lifter_measures import lean_deg
from hitrs_live.evaluation.reports.lifter import lifter_report
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.evaluation.scored_sets import pose_frames
from hitrs_live.messages import People, PoseFrame
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.joint_tracker import JointTracker
from hitrs_live.temporal_lifting.joint_lifter import JointLifter
from hitrs_live.temporal_lifting.network import LifterNetwork
from hitrs_live.temporal_lifting.weights import read_weights
from hitrs_live.training.people_left_out import split_people
from hitrs_live.virtual_camera.views.rendered_sets import view_files
from hitrs_live.virtual_camera.views.rendered_view import read_view

Floats = NDArray[np.float32]
STRAIGHT = 0.9
"""A leg stands where its ankle is this share of its length below its hip."""
STILL_SHARE = 0.003
"""Of the person's height in the picture: landmarks that move less between frames are still."""
LEAST_FRAMES = 10
LEGS = tuple(tuple(NTU25.index(f"{side}_{part}") for part in ("hip", "knee", "ankle")) for side in ("left", "right"))
COST_PEOPLE = (1, 2, 4, 8, 16)


def standing(joints_m: Floats) -> NDArray[np.bool_]:
    """Return in which frames both legs are straight and upright: (T, 25, 3) -> (T,)."""
    upright = []
    for hip, knee, ankle in LEGS:
        length = np.linalg.norm(joints_m[:, hip] - joints_m[:, knee], axis=-1)
        length += np.linalg.norm(joints_m[:, knee] - joints_m[:, ankle], axis=-1)
        upright.append((joints_m[:, hip, 1] - joints_m[:, ankle, 1]) / length > STRAIGHT)
    return np.logical_and(*upright)


def track(frames: Iterable[PoseFrame], *, refine: bool) -> list[People]:
    """Track people through a clip as the live path does."""
    config = Config()
    tracker = JointTracker(PoseConfig(refine=refine), config.track)
    return [tracker.step(frame) for frame in frames]


def first_person(clip: RealClip) -> tuple[Floats, Floats, Floats]:
    """Return the joints (T, 25, 3) of the person seen for longest, before and after, and their keypoints (T, 33, 3)."""
    frames = list(pose_frames(clip, Config()))
    before, after = track(frames, refine=False), track(frames, refine=True)
    ids = np.concatenate([people.track_ids[people.present] for people in before])
    person = np.bincount(ids).argmax()
    places = [
        (index, int(np.flatnonzero(people.track_ids == person)[0]))
        for index, people in enumerate(before)
        if (people.present & (people.track_ids == person)).any()
    ]
    keypoints = [seen[row] for index, row in places if (seen := before[index].keypoints) is not None]
    return (
        np.stack([before[index].joints_m[row] for index, row in places]),
        np.stack([after[index].joints_m[row] for index, row in places]),
        np.stack(keypoints),
    )


def stillness_mm(joints_m: Floats, still: NDArray[np.bool_]) -> float:
    """Return the mean change of joints about the root from frame to frame, millimetres, over the frames chosen."""
    body = joints_m - joints_m[:, :1]
    return float(np.linalg.norm(np.diff(body, axis=0), axis=-1)[still].mean() * 1e3)


def measure_real(clips: Sequence[RealClip]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the lean of people who stand, seen from the front, and the changes of people who are still."""
    leans: dict[str, tuple[int, float, float]] = {}
    stills: dict[str, tuple[int, float, float]] = {}
    for clip in clips:
        before, after, keypoints = first_person(clip)
        upright = standing(before)
        if clip.view == "front" and upright.sum() >= LEAST_FRAMES:
            leans[clip.name] = (
                int(upright.sum()), *(float(np.median(lean_deg(one[upright]))) for one in (before, after))
            )  # fmt: skip
        places = keypoints[..., :2] * (clip.width, clip.height)
        moved = np.linalg.norm(np.diff(places, axis=0), axis=-1).mean(axis=1)
        still = moved < STILL_SHARE * np.median(np.ptp(places[..., 1], axis=1))
        if still.sum() >= LEAST_FRAMES:
            stills[clip.name] = (int(still.sum()), stillness_mm(before, still), stillness_mm(after, still))
    return _summary(leans, "lean_deg"), _summary(stills, "change_mm")


def _summary(rows: dict[str, tuple[int, float, float]], unit: str) -> dict[str, Any]:
    figures = np.array([row[1:] for row in rows.values()]).reshape(-1, 2)
    return {
        "clips": {
            name: {"frames": frames, f"before_{unit}": round(before, 1), f"after_{unit}": round(after, 1)}
            for name, (frames, before, after) in rows.items()
        },
        f"median_before_{unit}": round(float(np.median(figures[:, 0])), 1),
        f"median_after_{unit}": round(float(np.median(figures[:, 1])), 1),
        f"median_size_before_{unit}": round(float(np.median(np.abs(figures[:, 0]))), 1),
        f"median_size_after_{unit}": round(float(np.median(np.abs(figures[:, 1]))), 1),
    }


def measure_cost(clip: RealClip, rounds: int = 300) -> dict[str, float]:
    """Return the median time of one step of the lifter, milliseconds of CPU time, by the number of people."""
    frames = list(pose_frames(clip, Config()))
    one = next(people for people in track(frames, refine=False) if people.present[0])
    lens = frames[0].lens
    assert lens is not None
    assert one.keypoints is not None
    torch.set_num_threads(1)
    cost = {}
    for count in COST_PEOPLE:
        rows = np.zeros(count, int)
        crowd = People(
            capture_time_ns=1, track_ids=np.arange(count), present=np.ones(count, bool),
            joints_m=one.joints_m[rows], confidence=one.confidence[rows], keypoints=one.keypoints[rows],
            keypoint_layout=one.keypoint_layout,
        )  # fmt: skip
        lifter, took = JointLifter(count, min_joint_confidence=0.3), []
        for _ in range(rounds):
            began = time.process_time()
            lifter.step(crowd, lens)
            took.append(time.process_time() - began)
        cost[str(count)] = round(float(np.median(took[20:])) * 1e3, 3)
    return cost


def main() -> None:
    """Measure, print and write a report where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, help="the rendered views that `fit-lifter` was given")
    parser.add_argument("--leave-out", type=float, default=0.25, help="share of the people that it left out")
    parser.add_argument("--seed", type=int, default=0, help="the seed that it was given")
    parser.add_argument("--real", type=Path, required=True, help="folder of real clips with labels.json")
    parser.add_argument("--json", type=Path, help="write the report here")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    clips = read_real_clips(chosen.real)
    _, left_out = split_people(
        [read_view(path) for path in view_files(chosen.pairs)],
        chosen.leave_out,
        chosen.seed,
        person_of=lambda view: view.person_name,
    )
    leans, stills = measure_real(clips)
    report = {
        "rendered": lifter_report(LifterNetwork.of(read_weights()), left_out),
        "standing": leans,
        "still": stills,
        "cost_ms": measure_cost(clips[0]),
    }
    for name in ("before", "after"):
        print(
            name,
            report["rendered"][name]["views"],
            report["rendered"][name]["confidence"],
            report["rendered"][name]["causes"],
        )
    print(leans)
    print({key: value for key, value in stills.items() if key != "clips"}, report["cost_ms"])
    if chosen.json:
        write_report(chosen.json, report)


if __name__ == "__main__":
    main()
