"""Define every message, in one place.

There are two families. Data that passes between stages inside the process is a frozen dataclass over numpy arrays.
Data that leaves the process is a frozen msgspec struct (a `Message`), the same on the wire, in a recording and in JSON.

Axes of every joint, here and everywhere: metres in the camera's frame, right-handed, as on the Kinect. x points to the
camera's left (left in the picture), y up, z away from the camera into the scene. A person who faces the camera faces
-z, and that person's left hand has the smaller x.

Time is in monotonic nanoseconds of the capturing machine; wall time is never used to order messages. Files that are
read faster than real time count from 0. `None` means "does not apply", never "zero".

`utc_ns` is `capture_time_ns` in UTC, for people and other machines. The offset between UTC and the monotonic clock is
measured once per session, so differences of `utc_ns` equal differences of `capture_time_ns`, whatever happens to the
wall clock meanwhile. Add the same offset to convert any other time of the same message. If times count from 0, time 0
is the start of the session. A replayed recording and received joints keep the UTC of their messages; it is None if they
had none, and before the first frame.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

SCHEMA_VERSION = 1
"""Increased only if a field's meaning has to change; a new field is appended with a default instead."""
MAX_TIME_NS: Final = 2**62 - 1
"""Largest absolute time, about 146 years, so that the difference of any two times fits 64 bits."""

SourceState = Literal["connecting", "up", "stalled", "lost", "ended"]
"""connecting: opened, but no frame has come yet.
up: frames arrive.
stalled: no frame for `camera.stall_after_s`.
lost: no frame for `camera.lost_after_s`; reconnection is attempted until the source is back.
ended: no more frames will come.
"""
EndReason = Literal["finished", "track_lost", "source_lost", "shutdown", "too_long", "pose_unclear"]
"""finished: its score fell below the offset threshold and did not recover within the merge gap.
track_lost: the person's track ended.
source_lost: the source stalled, was lost or ended.
shutdown: the run was stopped, or the file of a taught action was replaced.
too_long: it reached its maximum duration.
pose_unclear: too little of the body was visible for too long.
"""
UnclearReason = Literal["legs_not_seen", "arms_not_seen", "head_not_seen", "too_small", "at_edge", "body_unclear"]
"""legs_not_seen: hips or knees are not seen, as of a person at a table or too near to the camera.
arms_not_seen: shoulders or elbows are not seen.
head_not_seen: the head is not seen.
too_small: the body is unclear and less than about an eighth of the picture tall.
at_edge: the body is unclear and its box touches the left or right edge of the picture.
body_unclear: several of these parts are not seen, as of a person behind something or in the dark.
"""
SHUTDOWN: Final = "shutdown"
"""Detail of the final "ended" state of a source when the run is stopped, so that a replay ends the same way."""


# ---------------------------------------------------------------------------------------------------------
# Inside the process, in the order in which one frame meets them
# ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One picture. `image`: (height, width, 3) uint8, blue-green-red, not modified after construction."""

    index: int
    capture_time_ns: int
    received_ns: int
    """Monotonic time at which this process received it; equals capture_time_ns for a live camera."""
    image: NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Pose:
    """One person at one instant, not yet associated with a track."""

    joints_m: NDArray[np.float32]
    """(25, 3) float32, metres, camera frame, NTU order."""
    confidence: NDArray[np.float32]
    """(25,) float32 in [0, 1]; 0 for a joint that was not seen at all."""
    box: NDArray[np.float32] | None = None
    """(4,) float32, left, top, right, bottom as fractions of the picture; None if there was no picture."""
    keypoints: NDArray[np.float32] | None = None
    """(N, 3) float32, x and y as fractions of the picture, confidence in [0, 1]; None if there was no picture.
    `PoseFrame.keypoint_layout` names the points."""
    body_id: int | None = None
    """The identity given by the source itself (a Kinect's body id), a hint for the tracker."""


@dataclass(frozen=True, kw_only=True)
class SourceClock:
    """The clock of a source's times, if it is not this session's own."""

    utc_offset_ns: int | None
    """UTC minus the source's time, nanoseconds; None if unknown."""


@dataclass(frozen=True, kw_only=True)
class PoseFrame:
    """All people detected in one frame; `poses` is empty if there were none."""

    index: int
    capture_time_ns: int
    received_ns: int
    poses: tuple[Pose, ...]
    keypoint_layout: str | None = None
    """Name of the points in `Pose.keypoints`, one of `skeleton.KEYPOINT_LAYOUTS`."""
    clock: SourceClock | None = None
    """Clock of this item and the following ones; None for no change, at first the session's own clock."""
    lens: NDArray[np.float32] | None = None
    """(9,), the lens that the poses were lifted with (`hitrs_live.lens`); None if there was no picture."""


@dataclass(frozen=True, kw_only=True)
class SourceChange:
    """The source came up, stalled, was lost or ended."""

    state: SourceState
    time_ns: int
    detail: str = ""
    fault: bool = False
    """Whether a fault ended it; `detail` then describes the fault."""
    clock: SourceClock | None = None
    """As for PoseFrame."""


@dataclass(frozen=True, kw_only=True)
class People:
    """All people in one frame, each in the same row for the life of their track. R rows."""

    capture_time_ns: int
    track_ids: NDArray[np.int64]
    """(R,); -1 where the row is free. An id is never used twice in a session."""
    present: NDArray[np.bool_]
    """(R,); True where the row's person was seen in this very frame."""
    joints_m: NDArray[np.float32]
    """(R, 25, 3); meaningless where not present."""
    confidence: NDArray[np.float32]
    """(R, 25)."""
    boxes: NDArray[np.float32] | None = None
    """(R, 4), as in Pose; NaN where not present or unknown. None if no person has one."""
    keypoints: NDArray[np.float32] | None = None
    """(R, N, 3), likewise."""
    keypoint_layout: str | None = None


@dataclass(frozen=True, kw_only=True)
class JointFrame:
    """One frame at the model's rate: joints resampled to it. R rows, each at its own instant."""

    time_ns: NDArray[np.int64]
    """(R,); the instant of the row's joints."""
    track_ids: NDArray[np.int64]
    active: NDArray[np.bool_]
    """(R,); True where the row advances by one frame."""
    reset: NDArray[np.bool_]
    """(R,); True where the row's history ended before this frame: a new person, or a gap too long to bridge."""
    joints_m: NDArray[np.float32]
    """(R, 25, 3), metres, camera frame."""
    confidence: NDArray[np.float32]
    """(R, 25)."""
    other_track_ids: NDArray[np.int64] | None = None
    """(R,); the second person of a row for two people; None if every row is for one person."""

    @classmethod
    def of(
        cls,
        joints_m: NDArray[np.float32],
        confidence: NDArray[np.float32] | None = None,
        *,
        time_ns: int | NDArray[np.int64] = 0,
        track_ids: NDArray[np.int64] | None = None,
        active: NDArray[np.bool_] | bool = True,
        reset: NDArray[np.bool_] | bool = False,
    ) -> "JointFrame":
        """Build R rows; by default each is fully visible, active, and has its row number as track id.

        joints_m: (R, 25, 3); confidence: (R, 25); the others are (R,), or one value for every row.
        """
        rows = len(joints_m)
        return cls(
            time_ns=np.full(rows, time_ns, np.int64),
            track_ids=np.arange(rows) if track_ids is None else track_ids,
            active=np.full(rows, active),
            reset=np.full(rows, reset),
            joints_m=joints_m,
            confidence=np.ones(joints_m.shape[:2], np.float32) if confidence is None else confidence,
        )


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Outputs of the model at one joint frame, for the rows that have one. R rows."""

    joint_frame: JointFrame
    has_output: NDArray[np.bool_]
    """(R,); True where the row has an output; the fields below are valid only there."""
    logits: NDArray[np.float32]
    """(R, K)."""
    future_joints_m: NDArray[np.float32]
    """(R, F, 25, 3), metres, camera frame: frames 1 ... F after this one, at the model's rate."""
    scales_m: NDArray[np.float32]
    """(R, F, 25), metres: expected error of each of these joints, scaled as the motion head's `RANGES` are."""
    embeddings: NDArray[np.float32] | None = None
    """(R, C), what the model's encoder makes of the newest frames; None for a model without one."""


@dataclass(frozen=True, kw_only=True)
class ExtrapolatedPoses:
    """The poses of one frame's people, extrapolated to a later time by their predictions. R rows."""

    known: NDArray[np.bool_]
    """(R,); True where the person is present and has a prediction; the fields below are valid only there."""
    joints_m: NDArray[np.float32]
    """(R, 25, 3), metres, camera frame."""
    ahead_ms: NDArray[np.float32]
    """(R,); time since the frame's capture, less than requested where a prediction does not reach that far."""
    prediction_age_ms: NDArray[np.float32]
    """(R,); age of the prediction when the frame was captured."""


@dataclass(frozen=True, kw_only=True)
class PoseForecast:
    """Predicted poses of one frame's people, as the views draw them. R rows."""

    later: ExtrapolatedPoses
    now: ExtrapolatedPoses | None
    """At the moment of publishing, if requested; known only for people whose predictions are reliable."""
    reliable: NDArray[np.bool_]
    """(R,); False where recent predictions had larger errors than the zero-velocity baseline, or have no error yet."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One frame with its people, actions and forecast, for the views."""

    frame: Frame | None = None
    """None for a source without pictures."""
    people: People
    actions: Mapping[int, tuple[str, float]]
    """Label and score of the running action, by track id."""
    forecast: PoseForecast | None = None
    state: SourceState
    fps: float


# ---------------------------------------------------------------------------------------------------------
# On the wire
# ---------------------------------------------------------------------------------------------------------


class Array(msgspec.Struct, frozen=True):
    """A numeric array on the wire: little-endian float32, C order."""

    shape: tuple[int, ...]
    """Length of each dimension."""
    data: bytes
    """The numbers, four bytes each."""

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> "Array":
        """Pack an array of any float type as float32."""
        return cls(shape=values.shape, data=np.ascontiguousarray(values, "<f4").tobytes())

    def numpy(self) -> NDArray[np.float32]:
        """Return a read-only view. Raises ValueError if shape and bytes disagree."""
        return np.frombuffer(self.data, "<f4").reshape(self.shape)


Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the picture's width and height, in [0, 1]."""
Point = tuple[float, float, float]
"""x, y, z in metres, with the axes above."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """The fields of every message. The publisher sets session_id, seq and publish_time_ns."""

    schema: int = SCHEMA_VERSION
    """Version of the fields' meaning. A new field is appended without a new version."""
    session_id: str = ""
    """Identifies the run: a restarted publisher has a new one, and `seq` begins at 0 again."""
    source_id: str
    """Name of the source, as in the topic."""
    seq: int = 0
    """Sequence number within the topic, from 0: a jump means lost messages."""
    capture_time_ns: int
    """Capture time of the message's frame, nanoseconds of the source's clock."""
    publish_time_ns: int = 0
    """Time of publishing, monotonic nanoseconds of the publishing machine."""
    utc_ns: int | None = None
    """capture_time_ns in UTC, nanoseconds since 1970; None if unknown."""

    @property
    def topic(self) -> str:
        """The ZeroMQ topic of this message."""
        raise TypeError(f"{type(self).__name__} cannot be published; use one of its subclasses")


class ActionEvent(Message, frozen=True, kw_only=True, tag="action"):
    """An action of one person, or of two, starts, continues or ends.

    Published at its start, every `action.update_every_s` while it continues, and at its end.
    """

    state: Literal["start", "update", "end"]
    """Whether the action starts, continues or ends."""
    label: str
    """Name of the class, one of the checkpoint's, or of a user's own action or sequence."""
    score: Annotated[float, msgspec.Meta(ge=0, le=1)]
    """Score of the class at the latest prediction that confirmed the action, from 0 to 1."""
    track_id: int
    """Track id of the person, or of the first person of two; ids are not reused in a session."""
    onset_time_ns: int
    """Time at which the action began, on the clock of capture_time_ns."""
    end_time_ns: int | None = None
    """Time at which it ended, on the same clock; None until `state` is "end"."""
    detection_delay_s: float
    """Seconds from the onset to the capture of the frame at which the start was detected."""
    window_start_ns: int
    """Start of the time span that the model used for this prediction, on the same clock."""
    window_end_ns: int
    """End of this time span."""
    reason: EndReason | None = None
    """Reason for the end; None until `state` is "end"."""
    other_track_id: int | None = None
    """Track id of the second person of an action of two; None for an action of one."""
    peak_score: float | None = None
    """Highest `score` of this action so far, over the prediction that detected it and all that confirmed it.
    Predictions below the offset threshold, or of an unclear body, do not count."""
    mean_score: float | None = None
    """Mean score over the same predictions."""
    box: Box | None = None
    """Box of the person of track_id in the picture, in the newest frame in which they were seen; the next three fields
    are of the same frame. None if there was no picture."""
    keypoints: Array | None = None
    """(N, 3), as in PoseEvent."""
    keypoint_layout: str | None = None
    """Name of the keypoints' layout, as in PoseEvent."""
    root_m: Point | None = None
    """Position of the bottom of the spine, metres, camera frame; None if unknown."""
    count: int | None = None
    """Number of complete repetitions from the onset on, in updates and at the end, where it is 1 at least. None at the
    start, for actions without repetitions (`hitrs_live.streaming.repetitions.UNCOUNTED`) and for actions of two."""
    log_seq: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    """Number in the event log of the session, from 0 over all actions and source states of all sources; see
    docs/RELIABILITY.md. None from an older publisher."""
    repetition_s: float | None = None
    """Seconds that the newest of `count` repetitions took, without the pause before it, in updates and at the end. Of
    actions that a user taught as an exercise; None for others."""
    range_ratio: float | None = None
    """Range of motion of the newest of `count` repetitions, of the joint that moves most in the user's examples, as a
    ratio to the median of those; likewise."""

    @property
    def topic(self) -> str:
        return f"action.{self.source_id}.{self.track_id}"


class MotionPrediction(Message, frozen=True, kw_only=True, tag="motion"):
    """A forecast of one person's joints.

    Published with a person's predictions, at most every `publish.predictions_every_s`, unless `publish.motion` is off.
    """

    track_id: int
    """Track id of the person."""
    horizons_ms: tuple[float, ...]
    """Time of each predicted pose after capture_time_ns, milliseconds, F of them."""
    joints_m: Array
    """(F, 25, 3), metres, camera frame: the pose at capture_time_ns + horizons_ms[f]."""
    error_mm: float | None = None
    """Mean joint error of this person's recent predictions over all horizons, millimetres, measured when the predicted
    time has come."""
    held_error_mm: float | None = None
    """The same for the zero-velocity baseline, the last pose repeated, millimetres."""
    errors_mm: tuple[float | None, ...] = ()
    """Mean joint error by horizon, as in horizons_ms, millimetres; None for a horizon that was not measured yet."""
    held_errors_mm: tuple[float | None, ...] = ()
    """The same for the zero-velocity baseline, millimetres."""
    reliable: bool | None = None
    """Whether recent errors over all horizons were smaller than the zero-velocity baseline's, with hysteresis; None
    until all horizons of one prediction of this person have been measured."""
    half_within_m: Array | None = None
    """(F, 25), metres: median distance expected between joints_m and the true joints, as the model learned in training;
    about nine in ten are within twice that. None from an older publisher."""

    @property
    def topic(self) -> str:
        return f"motion.{self.source_id}.{self.track_id}"


class ScoreEvent(Message, frozen=True, kw_only=True, tag="scores"):
    """One person's five highest class scores; the background counts as a class.

    Published with a person's predictions, at most every `publish.predictions_every_s`, unless `publish.scores` is off.
    """

    track_id: int
    """Track id of the person."""
    labels: tuple[str, ...]
    """Names of the classes, highest score first."""
    scores: tuple[float, ...]
    """Score of each class, from 0 to 1."""

    @property
    def topic(self) -> str:
        return f"scores.{self.source_id}.{self.track_id}"


class PoseEvent(Message, frozen=True, kw_only=True, tag="pose"):
    """One person's joints in one frame, as measured.

    Published for every person in every frame if `publish.pose` or `publish.now` is on.
    """

    track_id: int
    """Track id of the person."""
    joints_m: Array
    """(25, 3), metres, camera frame, in the order of `hitrs_live.skeleton.NTU25`: lifted from the picture, and with
    `pose.refine` corrected by what was seen of the person before."""
    confidence: Array
    """(25,), from 0 to 1; 0 for a joint that counts as not seen. Without `pose.refine` the pose network's visibility
    times presence; with it that, lowered by how far off the joint is expected to be, and for arms and legs by the
    chance that the camera does not see them."""
    now_joints_m: Array | None = None
    """(25, 3), metres, camera frame: the same pose extrapolated to the time of publishing, if `publish.now` is on. None
    while this person's predictions are not `reliable` (as in MotionPrediction) and for capture times of another
    machine's clock; then joints_m is the best estimate."""
    now_ahead_ms: float | None = None
    """Time from capture_time_ns to now_joints_m, milliseconds: until publishing, or until the prediction ends."""
    prediction_age_ms: float | None = None
    """Age of the prediction used for now_joints_m at capture_time_ns, milliseconds."""
    box: Box | None = None
    """Box of the person in the picture. None if there was no picture, as for the next two fields."""
    keypoints: Array | None = None
    """(N, 3): x from the left and y from the top as fractions of the picture's width and height (below 0 or above 1 if
    estimated outside), and confidence in [0, 1], the pose network's visibility times presence."""
    keypoint_layout: str | None = None
    """Name of the keypoints' layout: "mediapipe33" for `hitrs_live.skeleton.MEDIAPIPE33_JOINTS`, in that order."""
    root_m: Point | None = None
    """Position of the bottom of the spine, metres, camera frame, as in joints_m; None if it was not seen."""

    @property
    def topic(self) -> str:
        return f"pose.{self.source_id}.{self.track_id}"


class JointsEvent(Message, frozen=True, kw_only=True, tag="joints"):
    """All people in one frame before tracking, P people, as lifted from this one picture (before `pose.refine`).

    Published for every frame by `hitrs-live pose`, for `hitrs-live live --joints`; a recording contains it too.
    """

    index: int
    """Number of the frame at its source."""
    joints_m: Array
    """(P, 25, 3), metres, camera frame, in the order of `hitrs_live.skeleton.NTU25`."""
    confidence: Array
    """(P, 25), from 0 to 1, the pose network's visibility times presence; 0 for a joint that was not seen at all."""
    boxes: Array | None = None
    """(P, 4), each person's box; None if there was no picture."""
    body_ids: tuple[int | None, ...] = ()
    """Identity of each person as given by the source itself (a Kinect's body id); empty if it gives none."""
    keypoints: Array | None = None
    """(P, N, 3), as in PoseEvent, NaN for a person without keypoints; None if there was no picture."""
    keypoint_layout: str | None = None
    """Name of the keypoints' layout, as in PoseEvent."""
    lens: Array | None = None
    """(9,): the camera's lens, as it was calibrated or assumed: focal lengths and the place of the optical axis as
    shares of the picture's width and height (x, y, x, y), and the distortion k1, k2, p1, p2, k3 in OpenCV's order. None
    if there was no picture, and from an older publisher; then `pose.refine` does nothing."""

    @property
    def topic(self) -> str:
        return f"joints.{self.source_id}"


class SourceEvent(Message, frozen=True, kw_only=True, tag="source"):
    """The state of a source changed.

    Published at the change; Status repeats the state.
    """

    state: SourceState
    """The new state."""
    detail: str = ""
    """Details for people: the device, its frame rate, the reason why there are no frames."""
    fault: bool = False
    """True if a fault ended the source; `detail` then describes the fault."""
    log_seq: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    """Number in the event log of the session, as in ActionEvent."""

    @classmethod
    def of(cls, change: SourceChange, source_id: str) -> "SourceEvent":
        """Build the message for a source's change of state."""
        return cls(
            source_id=source_id, capture_time_ns=change.time_ns, state=change.state, detail=change.detail,
            fault=change.fault,
        )  # fmt: skip

    @property
    def topic(self) -> str:
        return f"source.{self.source_id}"


class StageLatency(msgspec.Struct, frozen=True, kw_only=True):
    """Latency of one stage over at most the 512 newest frames that it ran for, milliseconds."""

    p50_ms: float
    """Median, milliseconds."""
    p99_ms: float
    """99th percentile, milliseconds."""


class UnclearPerson(msgspec.Struct, frozen=True, kw_only=True):
    """A tracked person of whom not every action can start, for what is seen of the body.

    Head, shoulders, elbows, hips and knees count, of a pair the better one; each must be seen with a confidence of
    `action.min_pose_confidence`. While hips or knees are missing, actions that need no legs are detected still, such as
    waving; while anything else is missing, none.
    """

    track_id: int
    """Track id of the person."""
    reason: UnclearReason
    """What is missing, for a second at least."""


class Status(Message, frozen=True, kw_only=True, tag="status"):
    """Health of the pipeline of one source.

    Published every `publish.status_every_s`, and once at the end.
    """

    state: SourceState
    """State of the source, as in SourceEvent."""
    detail: str = ""
    """Details of the state, as in SourceEvent."""
    version: str
    """Version of hitrs_live."""
    uptime_s: float
    """Seconds since the start of the pipeline."""
    fps: float
    """Frames processed per second since the previous status."""
    frames: int
    """Number of frames processed since the start."""
    drops: dict[str, int] = {}
    """Number of losses since the start, by cause: camera, stale, corrupt, pose_gap, clock, joints, bad_joints, record,
    publish, peers, recovery, view, log, ..."""
    frame_age_ms: float | None = None
    """Time from capture to publishing of the newest frame, milliseconds; for received joints, whose sender may have any
    clock, from the time at which they would have arrived without waiting. None for a source that is not live."""
    stages: dict[str, StageLatency] = {}
    """Latency by stage, for each frame. wait: from its arrival until its pose was estimated, without that: decoding of
    the picture, frames before it, frames of other sources. pose. record. track. person_check: people or
    furniture. lift: the temporal lifter, with `pose.refine`. resample. level: the camera's tilt. model. publish:
    predictions made into events, and these sent. overhead: record, track, person_check, lift, resample, level and
    publish together. frame_to_event: from a frame's arrival until its events were published. view."""
    people: tuple[int, ...] = ()
    """Ids of the current tracks."""
    pose_restarts: int = 0
    """Number of restarts of the pose process."""
    memory_mb: float | None = None
    """Resident memory of the process, MiB; None if it was not measured."""
    notices: tuple[str, ...] = ()
    """Problems that need the operator's attention, newest last."""
    motion_error_mm: float | None = None
    """Mean joint error of recent predictions, over all people and horizons, millimetres, as in MotionPrediction."""
    motion_held_error_mm: float | None = None
    """The same for the zero-velocity baseline, millimetres."""
    motion_horizons_ms: tuple[float, ...] = ()
    """Horizons of the next two fields, milliseconds."""
    motion_errors_mm: tuple[float | None, ...] = ()
    """Mean joint error by horizon over all people, millimetres; None for a horizon that was not measured yet."""
    motion_held_errors_mm: tuple[float | None, ...] = ()
    """The same for the zero-velocity baseline, millimetres."""
    information: tuple[str, ...] = ()
    """Information that needs no action, such as the model's cost on this machine; problems are in notices."""
    track_resets: int = 0
    """Number of tracks that ended because their association had become ambiguous; their people got new ids."""
    camera_pitch_deg: float | None = None
    """How far the camera looks up, degrees, negative for down: from the settings, or estimated from people who stand.
    The model gets joints levelled by it; published joints are in the camera's axes."""
    camera_roll_deg: float | None = None
    """How far the camera is turned clockwise, seen from behind it, degrees, likewise."""
    rejected_bodies: int = 0
    """Number of bodies left out since the start, one for each frame: furniture, and what `camera.mask` hides."""
    pose_people_limit: int | None = None
    """How many people pose estimation looks for at most: `pose.max_people`, or fewer while the machine is too slow for
    them; None for a source that has joints already."""
    unclear_people: tuple[UnclearPerson, ...] = ()
    """The current tracks on which not every action can start, each with the reason."""
    slow_steps: int = 0
    """Number of steps of the pipeline since the start that took longer than `process.slow_step_s`; all sources share
    them."""
    load_steps: tuple[str, ...] = ()
    """What is done less now because the machine is too slow for everything, the newest last: fewer_predictions,
    clip_updates, no_mirror, rate_15_hz, rate_10_hz; all sources share them. Empty with `process.adapt_to_load` off."""
    recovery: str = ""
    """Address at which reliable subscribers ask for missed actions and source states, and corrections are made from the
    joints and events of the last minutes; empty if there is none."""

    @property
    def topic(self) -> str:
        return f"status.{self.source_id}"


LoggedMessage = ActionEvent | SourceEvent
"""The messages of the event log, which a reliable subscriber receives exactly once."""

AnyMessage = ActionEvent | MotionPrediction | ScoreEvent | PoseEvent | JointsEvent | SourceEvent | Status
"""Every message on the wire; its `type` field names the class."""
