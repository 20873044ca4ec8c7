"""Every message on one page.

Two families. What passes between the stages inside the process is a frozen dataclass over numpy arrays; what
leaves the process is a frozen msgspec struct (a `Message`), the same on the wire, in a recording and in JSON.

Axes of every joint, here and everywhere: metres in the camera's frame, right-handed, as the Kinect has them.
x points to the camera's left (left in the picture), y up, z away from the camera into the scene. A person who
faces the camera faces -z, and that person's left hand has the smaller x.

Time is monotonic nanoseconds of the machine that captured; wall time orders nothing. File-like sources that
run unpaced count from 0. `None` stands for "does not apply", never for "zero".

`utc_ns` dates a message for people and other machines: `capture_time_ns` in UTC. How far UTC is ahead of the
monotonic clock is measured once a session, so that differences of `utc_ns` are those of `capture_time_ns` whatever
happens to the wall clock meanwhile; any other stamp of the same message is dated by the same difference. Where times
count from 0, time 0 is when the session began. A replayed recording and received joints keep the UTC that their
messages had; None where they had none, and before the first frame.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

SCHEMA_VERSION = 1
"""Raised only when a field's meaning would have to change; a new field is appended with a default instead."""
MAX_TIME_NS: Final = 2**62 - 1
"""No time is farther from 0, about 146 years, so that the difference of any two fits 64 bits."""

SourceState = Literal["connecting", "up", "stalled", "lost", "ended"]
"""connecting: opened, but no frame has come yet.
up: frames arrive.
stalled: no frame for `camera.stall_after_s`.
lost: no frame for `camera.lost_after_s`; the source is tried again until it is back.
ended: nothing more will come.
"""
EndReason = Literal["finished", "track_lost", "source_lost", "shutdown", "too_long", "pose_unclear"]
"""finished: its score fell below the offset threshold and did not come back within the merge gap.
track_lost: the person's track ended.
source_lost: the source stalled, was lost or ended.
shutdown: the run was stopped.
too_long: its maximum duration was over.
pose_unclear: for too long, too little of the body could be seen.
"""
SHUTDOWN: Final = "shutdown"
"""Detail of the "ended" that is added to a source's states where the run was told to stop, so that a replay ends
alike."""


# ---------------------------------------------------------------------------------------------------------
# Inside the process, in the order in which one frame meets them
# ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One picture. `image`: (height, width, 3) uint8, blue-green-red, never written to after this."""

    index: int
    capture_time_ns: int
    received_ns: int
    """Monotonic time at which this process had it; equals capture_time_ns for a live camera."""
    image: NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Pose:
    """One person at one instant, not yet anybody in particular."""

    joints_m: NDArray[np.float32]
    """(25, 3) float32, metres, camera frame, NTU order."""
    confidence: NDArray[np.float32]
    """(25,) float32 in [0, 1]; 0 where the joint was not seen at all."""
    box: NDArray[np.float32] | None = None
    """(4,) float32, left, top, right, bottom as fractions of the picture; None where there was no picture."""
    keypoints: NDArray[np.float32] | None = None
    """(N, 3) float32, x and y as fractions of the picture, confidence in [0, 1]; None where there was no picture.
    Which points these are, `PoseFrame.keypoint_layout` says."""
    body_id: int | None = None
    """The identity that the source itself claims (a Kinect's body id), a hint for the tracker."""


@dataclass(frozen=True, kw_only=True)
class SourceClock:
    """The clock that a source's times are of, where it is not this session's own."""

    utc_offset_ns: int | None
    """UTC minus the source's time; None where it is not known."""


@dataclass(frozen=True, kw_only=True)
class PoseFrame:
    """Everybody found in one frame; `poses` is empty where nobody was."""

    index: int
    capture_time_ns: int
    received_ns: int
    poses: tuple[Pose, ...]
    keypoint_layout: str | None = None
    """Name of the points that `Pose.keypoints` holds, one of `skeleton.KEYPOINT_LAYOUTS`."""
    clock: SourceClock | None = None
    """None for the session's own, or the one of the item before."""


@dataclass(frozen=True, kw_only=True)
class SourceChange:
    """The source came up, stalled, was lost or ended."""

    state: SourceState
    time_ns: int
    detail: str = ""
    fault: bool = False
    """Whether a fault ended it; `detail` then says which."""
    clock: SourceClock | None = None
    """As for PoseFrame."""


@dataclass(frozen=True, kw_only=True)
class People:
    """Everybody in one frame, each in a row of their own for as long as their track lives. R rows."""

    capture_time_ns: int
    track_ids: NDArray[np.int64]
    """(R,); -1 where the row is free. An id is never given twice in a session."""
    present: NDArray[np.bool_]
    """(R,); True where the row's person was seen in this very frame."""
    joints_m: NDArray[np.float32]
    """(R, 25, 3); meaningless where not present."""
    confidence: NDArray[np.float32]
    """(R, 25)."""
    boxes: NDArray[np.float32] | None = None
    """(R, 4), as in Pose; not-a-number where not present or not known. None where nobody has one."""
    keypoints: NDArray[np.float32] | None = None
    """(R, N, 3), likewise."""
    keypoint_layout: str | None = None


@dataclass(frozen=True, kw_only=True)
class JointFrame:
    """One step of the model's own clock: joints resampled to its rate. R rows, each at its own instant."""

    time_ns: NDArray[np.int64]
    """(R,); the instant that the row's joints stand for."""
    track_ids: NDArray[np.int64]
    active: NDArray[np.bool_]
    """(R,); True where the row advances by one frame."""
    reset: NDArray[np.bool_]
    """(R,); True where the row's history ended before this tick: a new person, or a gap too long to bridge."""
    joints_m: NDArray[np.float32]
    """(R, 25, 3), metres, camera frame."""
    confidence: NDArray[np.float32]
    """(R, 25)."""
    other_track_ids: NDArray[np.int64] | None = None
    """(R,); where a row is of two people, the second one; None where every row is of one."""

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
        """Lay out R rows, by default all seen whole, active, and each the track of its own number.

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
    """What the model says of the rows that just completed a clip. R rows."""

    joint_frame: JointFrame
    completed: NDArray[np.bool_]
    """(R,); True where a clip was completed and the fields below mean something."""
    logits: NDArray[np.float32]
    """(R, K)."""
    future_joints_m: NDArray[np.float32]
    """(R, F, 25, 3), metres, camera frame, frames 1 ... F of the model's rate after the tick."""
    scales_m: NDArray[np.float32]
    """(R, F, 25), metres: how far off each of these joints may be, as the motion head's `RANGES` counts them."""


@dataclass(frozen=True, kw_only=True)
class ExtrapolatedPoses:
    """The poses of one frame's people, moved on by what is predicted of them. R rows."""

    known: NDArray[np.bool_]
    """(R,); True where the row's person is there and has a prediction, and the fields below mean something."""
    joints_m: NDArray[np.float32]
    """(R, 25, 3), metres, camera frame."""
    ahead_ms: NDArray[np.float32]
    """(R,); how far past the frame's capture they stand: less than asked for where a prediction does not reach."""
    prediction_age_ms: NDArray[np.float32]
    """(R,); how old the prediction was when the frame was captured."""


@dataclass(frozen=True, kw_only=True)
class PoseForecast:
    """What the views draw of the predictions for one frame's people. R rows."""

    later: ExtrapolatedPoses
    now: ExtrapolatedPoses | None
    """At the moment of publishing, if asked for; known only of those whose predictions are reliable."""
    reliable: NDArray[np.bool_]
    """(R,); False where predictions lately lost to the pose held still, or nothing of them came true yet."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One frame with all that is known of it: what views draw."""

    frame: Frame | None = None
    """None for a source without pictures."""
    people: People
    actions: Mapping[int, tuple[str, float]]
    """Label and score of what goes on, by track id."""
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
        """Unpack, read-only. Raise ValueError where shape and bytes disagree."""
        return np.frombuffer(self.data, "<f4").reshape(self.shape)


Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the picture's width and height, in [0, 1]."""
Point = tuple[float, float, float]
"""x, y, z in metres, with the axes above."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What every message carries. The publisher fills session_id, seq and publish_time_ns."""

    schema: int = SCHEMA_VERSION
    """Version of the fields' meaning. Fields are only ever appended, without a new version."""
    session_id: str = ""
    """Identifies the run: a publisher that restarts has a new one, and `seq` begins at 0 again."""
    source_id: str
    """Name of the source, as in the topic."""
    seq: int = 0
    """Counts the messages of one topic from 0: a jump is a loss."""
    capture_time_ns: int
    """When the frame was captured that the message is about, nanoseconds of the source's clock."""
    publish_time_ns: int = 0
    """When the message was published, monotonic nanoseconds of the publishing machine."""
    utc_ns: int | None = None
    """capture_time_ns in UTC, nanoseconds since 1970; None where it is not known."""

    @property
    def topic(self) -> str:
        """The ZeroMQ topic that this message goes out under."""
        raise TypeError(f"{type(self).__name__} is no message to publish; its subclasses are")


class ActionEvent(Message, frozen=True, kw_only=True, tag="action"):
    """An action of one person began, goes on or ended.

    Published at its start, every `action.update_every_s` while it goes on, and at its end.
    """

    state: Literal["start", "update", "end"]
    """Whether the action begins, goes on or ended."""
    label: str
    """Name of the class, one of the checkpoint's."""
    score: Annotated[float, msgspec.Meta(ge=0, le=1)]
    """The class's score now."""
    track_id: int
    """The person; an id is never used again in a session. Of an action of two, the first person."""
    onset_time_ns: int
    """When the action began, on the clock of capture_time_ns."""
    end_time_ns: int | None = None
    """When it ended, on the same clock; None until `state` is "end"."""
    detection_delay_s: float
    """From the onset to the capture of the frame with which the start was detected."""
    window_start_ns: int
    """Beginning of the captured time that this prediction rests on."""
    window_end_ns: int
    """Its end."""
    reason: EndReason | None = None
    """Why the action ended; None until `state` is "end"."""
    other_track_id: int | None = None
    """The second person of an action of two; None where the action is of one."""
    peak_score: float | None = None
    """The highest `score` of this action so far: over the prediction that detected it and every later one that
    confirmed it. Predictions below its threshold, which a merge gap bridges, and of bodies not clearly seen do not
    count. At the start, and where it was confirmed by no other, it is `score`."""
    mean_score: float | None = None
    """The mean over the same predictions, each counting once."""
    box: Box | None = None
    """Where the person of track_id is in the picture, and the next three fields likewise: as in the newest frame that
    they were seen in when this was published. None where there was no picture."""
    keypoints: Array | None = None
    """(N, 3), as in PoseEvent."""
    keypoint_layout: str | None = None
    """Which points these are, as in PoseEvent."""
    root_m: Point | None = None
    """The bottom of the spine, metres, camera frame; None where it is not known."""

    @property
    def topic(self) -> str:
        return f"action.{self.source_id}.{self.track_id}"


class MotionPrediction(Message, frozen=True, kw_only=True, tag="motion"):
    """Where one person's joints will be.

    Published with a person's predictions, at most every `publish.predictions_every_s`, unless `publish.motion` is off.
    """

    track_id: int
    """The person."""
    horizons_ms: tuple[float, ...]
    """How far after capture_time_ns each predicted pose is, F of them."""
    joints_m: Array
    """(F, 25, 3), metres, camera frame: the pose at capture_time_ns + horizons_ms[f]."""
    error_mm: float | None = None
    """Mean joint error of this person's recent predictions over all horizons, measured once they came due."""
    held_error_mm: float | None = None
    """The same for the zero-velocity baseline, the last pose unchanged: what a prediction has to beat."""
    errors_mm: tuple[float | None, ...] = ()
    """The same by horizon, as in horizons_ms; None for a horizon of which none came due yet."""
    held_errors_mm: tuple[float | None, ...] = ()
    """The zero-velocity baseline's errors by horizon, likewise."""
    reliable: bool | None = None
    """Whether these errors, over all horizons, have lately been smaller than the zero-velocity baseline's, with some
    hysteresis; None until all horizons of one of this person's predictions have passed."""
    half_within_m: Array | None = None
    """(F, 25); how near to joints_m each true joint should come in half of all cases, by what the model learned of
    people in training; about nine in ten should come within twice that. None from a publisher of an earlier version."""

    @property
    def topic(self) -> str:
        return f"motion.{self.source_id}.{self.track_id}"


class ScoreEvent(Message, frozen=True, kw_only=True, tag="scores"):
    """One person's five highest class scores, background among them.

    Published with a person's predictions, at most every `publish.predictions_every_s`, unless `publish.scores` is off.
    """

    track_id: int
    """The person."""
    labels: tuple[str, ...]
    """Names of the classes, the highest score first."""
    scores: tuple[float, ...]
    """The score of each, from 0 to 1."""

    @property
    def topic(self) -> str:
        return f"scores.{self.source_id}.{self.track_id}"


class PoseEvent(Message, frozen=True, kw_only=True, tag="pose"):
    """One person's joints in one frame, as measured.

    Published for every frame and person in it if `publish.pose` or `publish.now` asks for it.
    """

    track_id: int
    """The person."""
    joints_m: Array
    """(25, 3), metres, camera frame, in the order of `hitrs_live.skeleton.NTU25`."""
    confidence: Array
    """(25,), from 0 to 1; 0 where the joint was not seen at all."""
    now_joints_m: Array | None = None
    """(25, 3); the same pose moved on to the moment of publishing by what is predicted, if `publish.now` asks for it.
    None where joints_m is the best that is known: while this person's predictions are not `reliable` (as in
    MotionPrediction), and where capture times are not of this machine's clock."""
    now_ahead_ms: float | None = None
    """How far past capture_time_ns now_joints_m stands: up to the publishing, or to where the prediction ends."""
    prediction_age_ms: float | None = None
    """How old the prediction that moved it was at capture_time_ns."""
    box: Box | None = None
    """Where the person is in the picture; None where there was no picture, and the next two likewise."""
    keypoints: Array | None = None
    """(N, 3): each point's x, from left, and y, from the top, as fractions of the picture's width and height (below 0
    or above 1 where it is guessed to be outside), and its confidence in [0, 1], the pose network's visibility times
    presence."""
    keypoint_layout: str | None = None
    """Which points these are: "mediapipe33" for the 33 of `hitrs_live.skeleton.MEDIAPIPE33_JOINTS`, in that order."""
    root_m: Point | None = None
    """The bottom of the spine, metres, camera frame, as in joints_m; None where it was not seen."""

    @property
    def topic(self) -> str:
        return f"pose.{self.source_id}.{self.track_id}"


class JointsEvent(Message, frozen=True, kw_only=True, tag="joints"):
    """Everybody in one frame before tracking, P people.

    Published for every frame by `hitrs-live pose`, for `hitrs-live live --joints`; a recording holds it too.
    """

    index: int
    """Number of the frame at its source."""
    joints_m: Array
    """(P, 25, 3), as in PoseEvent."""
    confidence: Array
    """(P, 25), as in PoseEvent."""
    boxes: Array | None = None
    """(P, 4), each person's box, where there was a picture."""
    body_ids: tuple[int | None, ...] = ()
    """The identity that the source itself gives each person (a Kinect's body id); empty where it gives none."""
    keypoints: Array | None = None
    """(P, N, 3), as in PoseEvent, where there was a picture; a person without any has rows of not-a-number."""
    keypoint_layout: str | None = None
    """Which points these are, as in PoseEvent."""

    @property
    def topic(self) -> str:
        return f"joints.{self.source_id}"


class SourceEvent(Message, frozen=True, kw_only=True, tag="source"):
    """The source changed its state.

    Published when it happens; Status repeats the state.
    """

    state: SourceState
    """The new state."""
    detail: str = ""
    """What is behind it, in words: the device, its frame rate, why there are no frames."""
    fault: bool = False
    """True where a fault ended the source; `detail` then says which."""

    @classmethod
    def of(cls, change: SourceChange, source_id: str) -> "SourceEvent":
        """Make the message of a source's change of state."""
        return cls(
            source_id=source_id, capture_time_ns=change.time_ns, state=change.state, detail=change.detail,
            fault=change.fault,
        )  # fmt: skip

    @property
    def topic(self) -> str:
        return f"source.{self.source_id}"


class StageLatency(msgspec.Struct, frozen=True, kw_only=True):
    """Time that one stage took for each of the newest 512 frames at most, in milliseconds."""

    p50_ms: float
    """The median."""
    p99_ms: float
    """The 99th percentile."""


class Status(Message, frozen=True, kw_only=True, tag="status"):
    """How the pipeline of one source is.

    Published every `publish.status_every_s`, and once at the end.
    """

    state: SourceState
    """The source's state, as in SourceEvent."""
    detail: str = ""
    """As in SourceEvent."""
    version: str
    """Of hitrs_live."""
    uptime_s: float
    """Seconds since the pipeline began."""
    fps: float
    """Frames processed a second since the last status."""
    frames: int
    """Frames processed since the start."""
    drops: dict[str, int] = {}
    """Losses since the start by cause, where there were any: camera, stale, corrupt, pose_gap, clock, joints,
    bad_joints, record, publish, view, log, ..."""
    frame_age_ms: float | None = None
    """Capture to publishing of the newest frame; None for a source that is not paced by a clock."""
    stages: dict[str, StageLatency] = {}
    """Latency by stage: pose, track, record, model, view, overhead (tracking, resampling, decoding, recording and
    publishing together), and frame_to_event (from a frame's arrival until its events are published)."""
    people: tuple[int, ...] = ()
    """Track ids alive now."""
    pose_restarts: int = 0
    """How often the pose process was restarted."""
    memory_mb: float | None = None
    """Resident memory of the process, MiB; None where it was not measured."""
    notices: tuple[str, ...] = ()
    """What an operator should read, newest last."""
    motion_error_mm: float | None = None
    """Of all people: mean error of recent predictions over all horizons, as in MotionPrediction."""
    motion_held_error_mm: float | None = None
    """The same for the zero-velocity baseline."""
    motion_horizons_ms: tuple[float, ...] = ()
    """The horizons of the next two."""
    motion_errors_mm: tuple[float | None, ...] = ()
    """The same by horizon, as in motion_horizons_ms; None for a horizon of which none came due yet."""
    motion_held_errors_mm: tuple[float | None, ...] = ()
    """The zero-velocity baseline's errors by horizon, likewise."""
    information: tuple[str, ...] = ()
    """What is good to know and asks for nothing, such as what the settings cost here; what asks for something is in
    notices."""
    track_resets: int = 0
    """Tracks that were ended because their association had become ambiguous; their people got new ids."""

    @property
    def topic(self) -> str:
        return f"status.{self.source_id}"


AnyMessage = ActionEvent | MotionPrediction | ScoreEvent | PoseEvent | JointsEvent | SourceEvent | Status
"""Every message that may be found on the wire, told apart by its `type` field."""
