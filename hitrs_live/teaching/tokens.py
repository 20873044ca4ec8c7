"""What taught actions are found by: every few frames a token, of the encoder's clip embedding and of the joints.

`TokenStream` makes tokens of the live stream, `tokens_of` of a whole recording at once; both give the same.
A token is due with every `TICK_FRAMES`-th frame of a row once the first clip is complete.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.config import CameraConfig, PoseConfig
from hitrs_live.inference.base import StepEncoder
from hitrs_live.messages import JointFrame, Prediction
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.levelling import level_stream
from hitrs_live.streaming.predictor import fill_missing
from hitrs_live.transforms import NormaliserConfig, NormaliserState, normalise_step

Floats = NDArray[np.float32]

TICK_FRAMES: Final = 3
"""Frames from one token to the next: a tenth of a second."""
COMPARED_JOINTS: Final = (
    "head", "spine_shoulder", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
    "right_wrist", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""Joints that every pose estimator sees well."""
_JOINTS: Final = [*map(NTU25.index, COMPARED_JOINTS), NTU25.root]
"""The root's slot is its displacement from its own slow average."""
JOINT_CHANNELS: Final = 3 * len(_JOINTS)
JOINTS_WEIGHT: Final = 0.2
"""Chosen by benchmarks/studies/few_shot.py on other people and sets than those that it reports."""
_MEAN_TOLERANCE: Final = 0.05
"""Of embeddings of about 10: what generating the background on another machine may change."""
_FRAMES_AT_ONCE: Final = 1024
"""Frames or clips that are encoded in one call, so that memory does not grow with a recording."""
_BATCH: Final = 64
"""Recordings that are normalised side by side."""


@dataclass(frozen=True, kw_only=True)
class TokenSpace:
    """How tokens are compared: embeddings by the angle between them as seen from their mean, joints by distance."""

    mean: Floats
    """(C,), the mean clip embedding of people's movements; of length 0 where embeddings are not used."""
    joints: float = JOINTS_WEIGHT
    """How much a distance of a body size between joints counts beside one of unit vectors."""

    @property
    def uses_embeddings(self) -> bool:
        """Whether the model's embeddings are used."""
        return len(self.mean) > 0

    def is_like(self, other: "TokenSpace") -> bool:
        """Whether distances are the same as in another, but for rounding."""
        same = self.mean.shape == other.mean.shape and self.joints == other.joints
        return same and np.allclose(self.mean, other.mean, atol=_MEAN_TOLERANCE)

    def join(self, embeddings: Floats | None, joints: Floats) -> Floats:
        """Put tokens together. embeddings: (M, C); joints: (M, 25, 3), normalised. Returns (M, C')."""
        rows = len(joints)
        chosen = (joints[:, _JOINTS].reshape(rows, JOINT_CHANNELS) * np.float32(self.joints)).astype(np.float32)
        if embeddings is None or not self.uses_embeddings:
            return chosen
        centred = embeddings - self.mean
        lengths = np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)
        return np.concatenate((centred / lengths, chosen), axis=1)


def joints_in(tokens: Floats, space: TokenSpace) -> Floats:
    """Take the compared joints out of tokens, but for the root, normalised. tokens: (M, C). Returns (M, D, 3).

    They are zeros where joints do not count in the space.
    """
    joints: Floats = tokens[:, -JOINT_CHANNELS:].reshape(len(tokens), -1, 3)[:, : len(COMPARED_JOINTS)]
    return joints / np.float32(space.joints or 1.0)


@dataclass(frozen=True, kw_only=True)
class NewTokens:
    """The tokens that one frame completes, on M rows."""

    rows: NDArray[np.int64]
    """(M,)."""
    values: Floats
    """(M, C)."""


class TokenStream:
    """Make tokens of the joint frames and predictions of R rows."""

    def __init__(
        self,
        space: TokenSpace,
        normaliser: NormaliserConfig,
        *,
        rows: int,
        span_frames: int,
        min_joint_confidence: float = PoseConfig().min_joint_confidence,
    ) -> None:
        """Begin with no frame in any row.

        span_frames: of a clip; before the first is complete there is no token. min_joint_confidence: as in `Predictor`.
        """
        self._min_confidence = min_joint_confidence
        self._space, self._normaliser, self._first = space, normaliser, span_frames
        self._state = NormaliserState.empty(rows)
        self._frames = np.zeros(rows, np.int64)
        self._embeddings: Floats | None = None
        self._embedded = np.zeros(rows, bool)

    def step(self, joint_frame: JointFrame, prediction: Prediction | None) -> NewTokens:
        """Take the joints of one frame, as the model sees them, and the model's prediction on it, if there is one.

        Between two predictions on a row the newer embedding stays.
        """
        if joint_frame.reset.any():
            self._state.seen[torch.from_numpy(joint_frame.reset)] = False
            self._frames[joint_frame.reset] = 0
            self._embedded[joint_frame.reset] = False
        joints_m = torch.from_numpy(fill_missing(joint_frame.joints_m, joint_frame.confidence, self._min_confidence))
        joints, _ = normalise_step(joints_m, self._state, torch.from_numpy(joint_frame.active), self._normaliser)
        self._frames[joint_frame.active] += 1
        if prediction is not None:
            self._keep(prediction)
        since_first = self._frames - self._first
        due = joint_frame.active & (since_first >= 0) & (since_first % TICK_FRAMES == 0)
        if self._space.uses_embeddings:
            due &= self._embedded
        rows = np.flatnonzero(due)
        embeddings = None if self._embeddings is None else self._embeddings[rows]
        return NewTokens(rows=rows, values=self._space.join(embeddings, joints.numpy()[rows]))

    def take_over(self, before: "TokenStream") -> None:
        """Go on from where another stream of the same rows is."""
        self._state, self._frames = before._state, before._frames
        self._embeddings, self._embedded = before._embeddings, before._embedded

    def _keep(self, prediction: Prediction) -> None:
        if prediction.embeddings is None:
            return
        if self._embeddings is None:
            self._embeddings = np.zeros_like(prediction.embeddings)
        self._embeddings[prediction.has_output] = prediction.embeddings[prediction.has_output]
        self._embedded |= prediction.has_output


@dataclass(frozen=True, kw_only=True)
class RecordedTokens:
    """The tokens of one recording. N tokens."""

    embeddings: Floats
    """(N, C)."""
    joints: Floats
    """(N, 25, 3), normalised."""
    frames: NDArray[np.int64]
    """(N,), the frame of the recording that each came with."""

    def join(self, space: TokenSpace) -> Floats:
        """Put the tokens together, (N, C')."""
        return space.join(self.embeddings, self.joints)


class TokenEncoder:
    """Make tokens of whole recordings with a checkpoint's encoder."""

    def __init__(self, steps: StepEncoder, normaliser: NormaliserConfig) -> None:
        """Take the frame and clip levels and what joints are normalised by."""
        self._steps, self._normaliser = steps, normaliser
        self.span_frames = steps.grid.clip_span
        self.width = steps.grid.clip_width
        self.rate_hz = normaliser.rate_hz

    def tokens_of(self, recordings: Sequence[tuple[Floats, Floats]]) -> list[RecordedTokens]:
        """Make the tokens of recordings of one person each, as the live stream would.

        recordings: joints (T, 25, 3), metres, and confidence (T, 25) of each.
        """
        seen = [fill_missing(self._level(*one), one[1]) for one in recordings]
        found: list[RecordedTokens | None] = [None] * len(seen)
        order = sorted(range(len(seen)), key=lambda number: len(seen[number]))
        for at in range(0, len(order), _BATCH):
            chosen = order[at : at + _BATCH]
            for number, joints in zip(chosen, self._normalise([seen[number] for number in chosen]), strict=True):
                found[number] = self._encode(joints)
        return [one for one in found if one is not None]

    def _level(self, joints_m: Floats, confidence: Floats) -> Floats:
        return level_stream(joints_m, confidence, CameraConfig(), rate_hz=self.rate_hz)

    def _normalise(self, recordings: Sequence[Floats]) -> list[Floats]:
        """Normalise recordings side by side. (T, 25, 3) each, metres. Returns the same shapes."""
        rows, longest = len(recordings), max(map(len, recordings))
        padded = np.zeros((longest, rows, len(NTU25), 3), np.float32)
        for row, joints_m in enumerate(recordings):
            padded[: len(joints_m), row] = joints_m
        lengths = torch.tensor([len(joints_m) for joints_m in recordings])
        state, normalised = NormaliserState.empty(rows), np.zeros_like(padded)
        for frame in range(longest):
            joints, _ = normalise_step(torch.from_numpy(padded[frame]), state, frame < lengths, self._normaliser)
            normalised[frame] = joints.numpy()
        return [normalised[: len(joints_m), row] for row, joints_m in enumerate(recordings)]

    @torch.inference_mode()
    def _encode(self, joints: Floats) -> RecordedTokens:
        """Encode one normalised recording, (T, 25, 3)."""
        grid = self._steps.grid
        frames = np.arange(self.span_frames - 1, len(joints), TICK_FRAMES)
        if not len(frames):
            return RecordedTokens(
                embeddings=np.zeros((0, self.width), np.float32), joints=joints[:0], frames=frames.astype(np.int64)
            )
        contiguous = torch.from_numpy(np.ascontiguousarray(joints))
        encoded = torch.cat([self._steps.encode_frames(part) for part in torch.split(contiguous, _FRAMES_AT_ONCE)])
        within = np.arange(grid.clip_length) * grid.frame_interval - (self.span_frames - 1)
        of_clips = torch.split(torch.from_numpy(frames[:, None] + within), _FRAMES_AT_ONCE)
        clips = torch.cat([self._steps.encode_clips(encoded[part]) for part in of_clips])
        return RecordedTokens(embeddings=clips.numpy(), joints=joints[frames], frames=frames)
