"""Messages of every kind, invented by hypothesis or plainly made."""

from typing import get_args

import hypothesis.strategies as st
import numpy as np
from hypothesis.extra import numpy as hnp

from hitrs_live.config import PublishConfig
from hitrs_live.messages import (
    ActionEvent,
    AnyMessage,
    Array,
    EndReason,
    JointsEvent,
    MotionPrediction,
    PoseEvent,
    ScoreEvent,
    SourceEvent,
    StageLatency,
    Status,
)
from hitrs_live.transport.publisher import Publisher


def _arrays(*shape: int) -> st.SearchStrategy[Array]:
    numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
    return hnp.arrays(np.float32, shape, elements=numbers, fill=st.just(0.5)).map(Array.of)


_times = st.integers(0, 2**62 - 1)
_tracks = st.integers(0, 2**31)
_names = st.text("abcXYZ019_-", min_size=1, max_size=8)
_words = st.text(max_size=20)
_floats = st.floats(allow_nan=False, allow_infinity=False)
_head = {
    "schema": st.integers(1, 9),
    "session_id": _words,
    "source_id": _names,
    "seq": st.integers(0, 2**40),
    "capture_time_ns": _times,
    "publish_time_ns": _times,
    "utc_ns": st.none() | _times,
}
_shares = st.floats(0, 1)
_place = {
    "box": st.none() | st.tuples(_shares, _shares, _shares, _shares),
    "keypoints": st.none() | _arrays(33, 3),
    "keypoint_layout": st.none() | st.just("mediapipe33"),
    "root_m": st.none() | st.tuples(_floats, _floats, _floats),
}
_states = st.sampled_from(["connecting", "up", "stalled", "lost", "ended"])


@st.composite
def _joints(draw: st.DrawFn) -> JointsEvent:
    people = draw(st.integers(0, 3))
    body_ids = st.tuples(*[st.none() | _tracks] * people)
    return draw(
        st.builds(
            JointsEvent,
            **_head,
            index=st.integers(0, 2**40),
            joints_m=_arrays(people, 25, 3),
            confidence=_arrays(people, 25),
            boxes=st.none() | _arrays(people, 4),
            body_ids=st.just(()) | body_ids,
            keypoints=st.none() | _arrays(people, 33, 3),
            keypoint_layout=st.none() | st.just("mediapipe33"),
        )
    )


MESSAGES: st.SearchStrategy[AnyMessage] = st.one_of(
    st.builds(
        ActionEvent,
        **_head,
        state=st.sampled_from(["start", "update", "end"]),
        label=_words,
        score=st.floats(0, 1),
        track_id=_tracks,
        onset_time_ns=_times,
        end_time_ns=st.none() | _times,
        detection_delay_s=_floats,
        window_start_ns=_times,
        window_end_ns=_times,
        reason=st.sampled_from([None, *get_args(EndReason)]),
        other_track_id=st.none() | _tracks,
        peak_score=st.none() | _shares,
        mean_score=st.none() | _shares,
        **_place,
    ),
    st.integers(0, 4).flatmap(
        lambda horizons: st.builds(
            MotionPrediction,
            **_head,
            track_id=_tracks,
            horizons_ms=st.tuples(*[_floats] * horizons),
            joints_m=_arrays(horizons, 25, 3),
            error_mm=st.none() | _floats,
            held_error_mm=st.none() | _floats,
            errors_mm=st.tuples(*[st.none() | _floats] * horizons),
            held_errors_mm=st.tuples(*[st.none() | _floats] * horizons),
            reliable=st.none() | st.booleans(),
            half_within_m=st.none() | _arrays(horizons, 25),
        )
    ),
    st.builds(
        ScoreEvent,
        **_head,
        track_id=_tracks,
        labels=st.tuples(_words, _words),
        scores=st.tuples(_floats, _floats),
    ),
    st.builds(
        PoseEvent,
        **_head,
        track_id=_tracks,
        joints_m=_arrays(25, 3),
        confidence=_arrays(25),
        now_joints_m=st.none() | _arrays(25, 3),
        now_ahead_ms=st.none() | _floats,
        prediction_age_ms=st.none() | _floats,
        **_place,
    ),
    _joints(),
    st.builds(SourceEvent, **_head, state=_states, detail=_words),
    st.builds(
        Status,
        **_head,
        state=_states,
        version=_words,
        uptime_s=_floats,
        fps=_floats,
        frames=st.integers(0, 2**40),
        drops=st.dictionaries(_words, st.integers(0, 2**40), max_size=3),
        stages=st.dictionaries(_words, st.builds(StageLatency, p50_ms=_floats, p99_ms=_floats), max_size=2),
        people=st.tuples(_tracks, _tracks),
        notices=st.tuples(_words),
        memory_mb=st.none() | _floats,
        motion_horizons_ms=st.tuples(_floats, _floats),
        motion_errors_mm=st.tuples(st.none() | _floats, st.none() | _floats),
        motion_held_errors_mm=st.tuples(st.none() | _floats, st.none() | _floats),
        track_resets=st.integers(0, 2**40),
    ),
)


def bound_publisher(session_id: str = "session-1", **settings: object) -> Publisher:
    """Bind a publisher to a free port of this machine."""
    config = PublishConfig(**{"bind": "tcp://127.0.0.1:0", **settings})  # type: ignore[arg-type]
    return Publisher(config, session_id)


def an_action(track_id: int = 1, capture_time_ns: int = 2_000_000_000, **fields: object) -> ActionEvent:
    """Make the start of an action."""
    values: dict[str, object] = {"state": "start", "label": "front kick", "score": 0.75}
    return ActionEvent(  # type: ignore[arg-type]
        source_id="cam",
        capture_time_ns=capture_time_ns,
        track_id=track_id,
        onset_time_ns=capture_time_ns - 400_000_000,
        detection_delay_s=0.4,
        window_start_ns=0,
        window_end_ns=capture_time_ns,
        **{**values, **fields},
    )


def a_motion() -> MotionPrediction:
    """Make a prediction of usual size, 30 instants, about 9 kB on the wire."""
    return MotionPrediction(
        source_id="cam",
        capture_time_ns=5,
        track_id=1,
        horizons_ms=tuple(1000 * frame / 30 for frame in range(1, 31)),
        joints_m=Array.of(np.random.default_rng(0).normal(0, 1, (30, 25, 3))),
    )
