"""The lifter on the live path: after the tracker, before the resampler, the same for live frames and recordings."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from temporal_lifting_people import LENS, moving_landmarks, pose_frames, seeded_network

from hitrs_live.config import PoseConfig, TrackConfig
from hitrs_live.errors import DataError, MessageMalformed
from hitrs_live.lens import sight_lines
from hitrs_live.messages import Array, People, PoseFrame
from hitrs_live.skeleton import MEDIAPIPE33, NTU25
from hitrs_live.streaming.joint_tracker import JointTracker
from hitrs_live.temporal_lifting.confidence import joint_confidence
from hitrs_live.temporal_lifting.frame_network import FrameNetwork
from hitrs_live.temporal_lifting.joint_lifter import JointLifter
from hitrs_live.temporal_lifting.weights import read_weights, write_weights
from hitrs_live.tracking.tracker import Tracker
from hitrs_live.virtual_camera.lifter_sequences import lifted_inputs
from hitrs_live.wire.codec import decode, encode, joints_event, pose_frame

FRAMES = 20


def tracked(frames: list[PoseFrame], *, refine: bool = True) -> list[People]:
    tracker = JointTracker(PoseConfig(max_people=2, refine=refine), TrackConfig())
    return [tracker.step(frame) for frame in frames]


def test_joints_are_those_of_the_network_on_the_tracked_person() -> None:
    landmarks = moving_landmarks(FRAMES)
    network = seeded_network()
    tracker, lifter = (
        Tracker(1, TrackConfig()),
        JointLifter(1, min_joint_confidence=0.3, network=FrameNetwork(network.tensors)),
    )
    live = [lifter.step(tracker.step(frame), frame.lens) for frame in pose_frames(landmarks)]

    first = next(index for index, people in enumerate(live) if people.present[0])
    inputs = lifted_inputs(landmarks, LENS, np.arange(FRAMES) / 30)
    inputs = type(inputs)(*(part[:, first:] for part in inputs))
    inputs = inputs._replace(step_s=torch.cat((torch.zeros(1, 1), inputs.step_s[:, 1:]), dim=1))
    with torch.inference_mode():
        outputs, _ = network(inputs, network.initial_state(1))
    for index, people in enumerate(live[first:]):
        # The tracker smooths the distance from a person's second frame on.
        np.testing.assert_allclose(people.joints_m[0], outputs.joints_m[0, index], atol=2e-3)


def test_a_replayed_recording_gives_the_same_joints() -> None:
    frames = pose_frames(moving_landmarks(FRAMES, x_m=-0.7), moving_landmarks(FRAMES, x_m=0.8, seed=1))
    replayed = []
    for frame in frames:
        event = decode(encode(joints_event(frame, "camera")))
        replayed.append(pose_frame(event, frame.received_ns))  # type: ignore[arg-type]

    for one, other in zip(tracked(frames), tracked(replayed), strict=True):
        np.testing.assert_array_equal(one.joints_m, other.joints_m)
        np.testing.assert_array_equal(one.confidence, other.confidence)


@pytest.mark.parametrize("change", [{"lens": None}, {"keypoint_layout": "coco17"}])
def test_poses_without_a_known_lens_or_layout_stay_as_they_are(change: dict[str, object]) -> None:
    frames = [replace(frame, **change) for frame in pose_frames(moving_landmarks(FRAMES))]
    for one, other in zip(tracked(frames), tracked(frames, refine=False), strict=True):
        np.testing.assert_array_equal(one.joints_m, other.joints_m)
        np.testing.assert_array_equal(one.confidence, other.confidence)


def test_without_the_setting_joints_are_those_of_the_tracker() -> None:
    frames, tracker = pose_frames(moving_landmarks(FRAMES)), Tracker(2, TrackConfig())
    for people, frame in zip(tracked(frames, refine=False), frames, strict=True):
        np.testing.assert_array_equal(people.joints_m, tracker.step(frame).joints_m)


def test_a_new_person_in_a_row_starts_without_memory() -> None:
    frames = pose_frames(moving_landmarks(FRAMES))
    tracker, network = Tracker(1, TrackConfig()), FrameNetwork(seeded_network().tensors)
    people = [tracker.step(frame) for frame in frames]
    lifter, fresh = (JointLifter(1, min_joint_confidence=0.3, network=network) for _ in range(2))
    for one in people[:10]:
        lifter.step(one, LENS.lens)
    another = replace(people[10], track_ids=people[10].track_ids + 1)
    np.testing.assert_array_equal(lifter.step(another, LENS.lens).joints_m, fresh.step(people[10], LENS.lens).joints_m)


def test_a_frame_without_the_person_leaves_their_memory() -> None:
    frames = pose_frames(moving_landmarks(FRAMES))
    frames[12] = replace(frames[12], poses=())
    people = tracked(frames)
    assert not people[12].present.any()
    assert people[13].present[0]
    assert np.isfinite(people[13].joints_m).all()


def test_a_hidden_joint_has_a_lower_confidence_than_a_seen_one() -> None:
    sure = np.full((1, 25), 0.9, np.float32)
    wrist = NTU25.index("left_wrist")
    visible, error = np.full((1, 25), 4.0, np.float32), np.full((1, 25), 0.05, np.float32)
    hidden, far = visible.copy(), error.copy()
    hidden[0, wrist], far[0, wrist] = -4.0, 0.3
    seen = joint_confidence(sure, visible, error, least=0.3)
    assert joint_confidence(sure, hidden, far, least=0.3)[0, wrist] == 0
    assert seen[0, wrist] > 0.5


def test_sight_lines_of_a_lens_that_travels_are_those_of_the_calibration() -> None:
    calibrated = replace(LENS, distortion=(-0.2, 0.05, 0.001, -0.002, 0.0))
    points = np.random.default_rng(0).uniform(0, 1, (5, 33, 2))
    np.testing.assert_allclose(sight_lines(points, calibrated.lens), calibrated.rays(points), atol=1e-5)


def test_a_lens_of_other_numbers_is_refused() -> None:
    event = joints_event(pose_frames(moving_landmarks(1))[0], "camera")
    assert event.lens is not None
    for numbers in (np.zeros(9, np.float32), np.ones(8, np.float32), np.full(9, np.nan, np.float32)):
        broken = type(event)(
            source_id="camera", capture_time_ns=0, index=0, joints_m=event.joints_m, confidence=event.confidence,
            lens=Array.of(numbers),
        )  # fmt: skip
        with pytest.raises(MessageMalformed, match="lens"):
            pose_frame(broken, 0)


def test_weights_are_read_as_they_were_written(tmp_path) -> None:  # type: ignore[no-untyped-def]
    tensors = seeded_network().tensors
    write_weights(tmp_path / "one.safetensors", tensors, "a test")
    read = read_weights(tmp_path / "one.safetensors")
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(read[name], tensor.astype(np.float16))


def test_a_file_of_something_else_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "torn.safetensors").write_bytes(b"torn")
    with pytest.raises(DataError, match=r"torn\.safetensors.*fit-lifter"):
        read_weights(tmp_path / "torn.safetensors")
    with pytest.raises(DataError, match="no such file"):
        read_weights(tmp_path / "none.safetensors")


def test_weights_of_another_size_are_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    tensors = seeded_network().tensors
    tensors["leave.weight"] = tensors["leave.weight"][:-1]
    write_weights(tmp_path / "other.safetensors", tensors, "a test")
    with pytest.raises(DataError, match=r"other\.safetensors: other weights.*fit-lifter"):
        read_weights(tmp_path / "other.safetensors")


def test_the_layout_that_the_lifter_knows_is_the_pose_stage_s() -> None:
    assert pose_frames(moving_landmarks(1))[0].keypoint_layout == MEDIAPIPE33.name
