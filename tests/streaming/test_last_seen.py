"""Messages about people say where those are, in the picture and in metres, as far as that is known."""

import msgspec
import numpy as np

from hitrs_live.messages import ActionEvent, People
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.last_seen import LastSeen
from hitrs_live.streaming.pose_events import pose_events


def an_action(track_id: int) -> ActionEvent:
    return ActionEvent(
        source_id="cam", capture_time_ns=2, state="update", label="jump", score=0.5, track_id=track_id,
        onset_time_ns=0, detection_delay_s=0.1, window_start_ns=0, window_end_ns=2,
    )  # fmt: skip


def people(ids: tuple[int, ...], present: tuple[bool, ...], x: float, *, pictured: bool = True) -> People:
    """Rows of people whose every value depends on row and x."""
    rows = len(ids)
    place = x + np.arange(rows, dtype=np.float32) / 10
    return People(
        capture_time_ns=0,
        track_ids=np.array(ids),
        present=np.array(present),
        joints_m=np.broadcast_to(place[:, None, None], (rows, 25, 3)).copy(),
        confidence=np.ones((rows, 25), np.float32),
        boxes=np.repeat(place[:, None], 4, axis=1) if pictured else None,
        keypoints=np.broadcast_to(place[:, None, None], (rows, 33, 3)).copy() if pictured else None,
        keypoint_layout="mediapipe33" if pictured else None,
    )


def test_a_pose_says_its_box_keypoints_and_root() -> None:
    (event,) = pose_events(people((4, 7), (False, True), 0.25), None, source_id="cam")
    assert event.track_id == 7
    assert event.box == (0.35, 0.35, 0.35, 0.35)
    assert event.root_m == (0.35, 0.35, 0.35)
    assert event.keypoints is not None
    np.testing.assert_array_equal(event.keypoints.numpy(), np.full((33, 3), 0.35, np.float32))
    assert event.keypoint_layout == "mediapipe33"


def test_without_a_picture_only_the_root_is_known_and_not_even_that_where_it_was_not_seen() -> None:
    unseen = people((4, 7), (True, True), 0.25, pictured=False)
    unseen.confidence[1, NTU25.root] = 0
    first, second = pose_events(unseen, None, source_id="cam")
    assert (first.box, first.keypoints, first.keypoint_layout, first.root_m) == (None, None, None, (0.25, 0.25, 0.25))
    assert second.root_m is None


def test_an_action_is_where_its_person_was_last_seen() -> None:
    seen = LastSeen(2)
    seen.observe(people((4, 7), (True, True), 0.25))
    seen.observe(people((4, 7), (True, False), 0.5))
    assert seen.locate(an_action(4)).box == (0.5, 0.5, 0.5, 0.5)
    assert seen.locate(an_action(7)).box == (0.35, 0.35, 0.35, 0.35)
    located = seen.locate(an_action(7))
    assert msgspec.structs.replace(located, box=None, keypoints=None, keypoint_layout=None, root_m=None) == an_action(
        7
    ), "nothing else changes"


def test_a_person_who_lost_the_row_to_another_is_still_found_and_a_stranger_is_not() -> None:
    seen = LastSeen(2)
    seen.observe(people((4, -1), (True, False), 0.25))
    seen.observe(people((-1, -1), (False, False), 0.0))
    seen.observe(people((9, -1), (True, False), 0.75))
    assert seen.locate(an_action(4)).root_m == (0.25, 0.25, 0.25)
    assert seen.locate(an_action(9)).root_m == (0.75, 0.75, 0.75)
    assert seen.locate(an_action(5)) == an_action(5)


def test_what_is_no_longer_known_is_not_reported_for_a_later_frame() -> None:
    seen = LastSeen(1)
    seen.observe(people((4,), (True,), 0.25))
    seen.observe(people((4,), (True,), 0.5, pictured=False))
    event = seen.locate(an_action(4))
    assert (event.box, event.keypoints, event.keypoint_layout, event.root_m) == (None, None, None, (0.5, 0.5, 0.5))


def test_what_was_kept_does_not_change_with_the_callers_arrays() -> None:
    seen, given = LastSeen(1), people((4,), (True,), 0.25)
    seen.observe(given)
    given.joints_m[:] = 9
    assert seen.locate(an_action(4)).root_m == (0.25, 0.25, 0.25)
